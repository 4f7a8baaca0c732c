"""Export a Keras classifier to LiteRT files: `python -m dfad_tf.to_tflite`."""

from __future__ import annotations

import math

from absl import flags

from dfad_tf.command_line import application, data_flags, model_flags, output_flags
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
for module in (data_flags, output_flags, model_flags):
    flags.adopt_module_key_flags(module)  # so that --helpshort shows them

flags.DEFINE_list(
    "formats",
    ["dynamic_int8"],
    "LiteRT files to write: float32, float16, dynamic_int8 (needs no calibration), int8 (for NPUs "
    "and microcontrollers), or all.",
)
flags.DEFINE_string(
    "calibration",
    "generator",
    "Images that calibrate int8: generator (generator.keras in the folder of --model), the .keras "
    "file of a generator, a folder of images of the model's size, noise, or dataset (training "
    "images of --dataset).",
)
flags.DEFINE_integer(
    "calibration_images",
    500,
    "Number of images that calibrate int8.",
    lower_bound=1,
    upper_bound=100_000,
)
flags.DEFINE_integer(
    "calibration_seed",
    0,
    "Seed of the selection of the images that calibrate int8.",
    lower_bound=0,
    upper_bound=2**31 - 1,
)
flags.DEFINE_integer("serving_batch_size", 1, "Number of images per call of a file.", lower_bound=1)
flags.DEFINE_float(
    "tolerance",
    None,
    "Maximum share of images whose class a file may change although the Keras model is decided. "
    "Default: 0 for float32, 0.005 for float16, 0.05 for dynamic_int8, 0.1 for int8.",
    lower_bound=0.0,
    upper_bound=1.0,
)


def main(arguments: list[str]) -> None:
    """Export `--model` as LiteRT files, with a model card."""
    del arguments
    from dfad_tf import exporting
    from dfad_tf.command_line.argument_flags import argument_flags
    from dfad_tf.command_line.conversion import CalibrationChoice, Conversion, convert_model

    with argument_flags():
        formats = exporting.check_formats(FLAGS.formats, exporting.LITE_FORMATS)
    if "int8" not in formats and FLAGS["calibration"].present:
        raise InputError(
            "Expected int8 in --formats, because no other format is calibrated, or no "
            f"--calibration. Received: {FLAGS.calibration!r} for {', '.join(formats)}"
        )
    if FLAGS.tolerance is not None and not math.isfinite(FLAGS.tolerance):
        raise InputError(f"Expected --tolerance from 0 to 1. Received: {FLAGS.tolerance}")
    calibration = CalibrationChoice(
        FLAGS.calibration, FLAGS.calibration_images, FLAGS.calibration_seed
    )
    convert_model(
        Conversion(
            formats,
            "tflite",
            calibration if "int8" in formats else None,
            FLAGS.serving_batch_size,
            FLAGS.tolerance,
        )
    )


def run() -> None:
    """Entry point of the command `dfad-to-tflite`."""
    application.run(main)


if __name__ == "__main__":
    run()
