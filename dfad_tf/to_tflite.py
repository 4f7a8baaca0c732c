"""Export a Keras classifier to LiteRT files: `python -m dfad_tf.to_tflite`."""

from __future__ import annotations

import math

from absl import flags

from dfad_tf.command_line import application, data_flags, model_flags, output_flags, precision_flag
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
for module in (data_flags, output_flags, model_flags, precision_flag):
    flags.adopt_module_key_flags(module)  # so that --helpshort shows them

flags.DEFINE_string(
    "calibration",
    "generator",
    "Images that calibrate int8: 'generator' (generator.keras beside --model), a generator's "
    ".keras file, a folder of pictures of the model's size, 'noise', or 'dataset' (training "
    "images of --dataset).",
)
flags.DEFINE_integer("calibration_images", 500, "Their number.", lower_bound=1, upper_bound=100_000)
flags.DEFINE_integer(
    "calibration_seed", 0, "Seed of their draw.", lower_bound=0, upper_bound=2**31 - 1
)
flags.DEFINE_integer("serving_batch_size", 1, "Images that a file takes at a time.", lower_bound=1)
flags.DEFINE_float(
    "tolerance",
    None,
    "Largest share of images whose class a file may change although the Keras model was decided. "
    "Default: 0 for float32, 0.005 for float16, 0.05 for dynamic_int8, 0.1 for int8.",
    lower_bound=0.0,
    upper_bound=1.0,
)


def main(arguments: list[str]) -> None:
    """Flags → student, calibration → LiteRT files and a model card."""
    del arguments
    from dfad_tf import exporting
    from dfad_tf.command_line.conversion import CalibrationChoice, export_from_flags

    known = tuple(exporting.LITE_FILES)
    precisions = exporting.check_exports(precision_flag.file_precisions(), "--precision", known)
    if "int8" not in precisions and FLAGS["calibration"].present:
        raise InputError(
            "Expected int8 in --precision, which alone is calibrated, or no --calibration. "
            f"Received: {FLAGS.calibration!r} for {', '.join(precisions)}"
        )
    if FLAGS.tolerance is not None and not math.isfinite(FLAGS.tolerance):
        raise InputError(f"Expected --tolerance from 0 to 1. Received: {FLAGS.tolerance}")
    calibration = CalibrationChoice(
        FLAGS.calibration, FLAGS.calibration_images, FLAGS.calibration_seed
    )
    export_from_flags(
        "tflite",
        precisions,
        calibration if "int8" in precisions else None,
        FLAGS.serving_batch_size,
        FLAGS.tolerance,
    )


def run() -> None:
    """Entry point of the command `dfad-to-tflite`."""
    application.run(main)


if __name__ == "__main__":
    run()
