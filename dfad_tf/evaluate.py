"""Measure the accuracy of a Keras classifier or an exported file: `python -m dfad_tf.evaluate`."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

from absl import flags

from dfad_tf.command_line import application, data_flags, json_flag, model_flags
from dfad_tf.command_line.argument_flags import argument_flags
from dfad_tf.utils.errors import InputError

if TYPE_CHECKING:
    from dfad_tf.data.datasets import ImageDataset

FLAGS = flags.FLAGS
for module in (data_flags, json_flag, model_flags):
    flags.adopt_module_key_flags(module)  # --help shows the flags of a command's own modules


def main(arguments: list[str]) -> None:
    """Flags → model, test images → accuracy."""
    del arguments
    json_flag.check()
    for name in ("model", "dataset"):
        if not FLAGS[name].value:
            raise InputError(f"Expected --{name}. Received: none")
    from dfad_tf.data import datasets
    from dfad_tf.utils import formatting

    with argument_flags(name="dataset"):
        dataset = datasets.open_dataset(FLAGS.dataset, FLAGS.data_dir)
    measure = _measure_lite if FLAGS.model.endswith(".tflite") else _measure_keras
    result = {"model": FLAGS.model, "dataset": dataset.name, **measure(dataset)}
    if json_flag.write_result(result):
        return
    print(f"{FLAGS.model} on {result['test_images']:,} real test images of {dataset.name}")
    made_for = result["made_for"]
    if made_for and made_for != dataset.name:
        print(
            f"  note           this model comes from a run on {made_for}; the accuracy is on "
            "another data set"
        )
    print(f"  accuracy       {100 * result['accuracy']:.2f} %")
    print(f"  input          {result['input_range']} ({result['input_source']})")
    if "model_macs" in result:
        print(f"  parameters     {result['model_parameters']:,}")
        print(f"  multiply-adds  {formatting.format_macs(result['model_macs'])} per image")


def _measure_keras(dataset: ImageDataset) -> dict[str, Any]:
    from dfad_tf.command_line import pixel_flags, teacher_builder
    from dfad_tf.compute import prediction
    from dfad_tf.data.test_images import TestImages
    from dfad_tf.runs import run_record
    from dfad_tf.runs.measurements import costs
    from dfad_tf.teachers import description, loading

    pixel_flags.check_pixel_flags()
    with argument_flags("model", path="model", contract="input_range"):
        model = loading.load_teacher(
            FLAGS.model, pixel_flags.image_shape(), trust=FLAGS.trust_teacher
        )
        contract = pixel_flags.contract_of_model(model, FLAGS.model)
        found = description.describe_teacher(model, contract)
    teacher_builder.check_classes(dataset, found.num_classes)
    with argument_flags(shape="image_shape"):
        pixels, labels = dataset.load("test", found.image_shape)
    test = TestImages(pixels, labels, found.contract)
    classes = prediction.predict_classes(model, test.inputs)
    return {
        "made_for": run_record.run_of(pathlib.Path(FLAGS.model)).get("dataset"),
        "test_images": len(labels),
        "accuracy": float((classes == labels).mean()),
        "input_range": found.contract.range,
        "input_source": found.contract.source,
        **costs("model", model),
    }


def _measure_lite(dataset: ImageDataset) -> dict[str, Any]:
    from dfad_tf.command_line import teacher_builder
    from dfad_tf.exporting import lite_metadata, model_card
    from dfad_tf.exporting.lite_model import LiteModel

    for name in ("image_shape", "input_range", "input_mean", "input_std"):
        if FLAGS[name].present:
            raise InputError(
                f"Expected no --{name} with an exported file, whose input is raw pixels of a fixed "
                f"size. Received: {FLAGS[name].value}"
            )
    try:
        content = pathlib.Path(FLAGS.model).read_bytes()
    except OSError as error:
        raise InputError(
            f"Expected --model to be a .tflite file. Received: {FLAGS.model} ({error.strerror})"
        ) from error
    with argument_flags("model"):
        model = LiteModel(content, FLAGS.model)
    teacher_builder.check_classes(dataset, model.num_classes)
    height, width, channels = model.image_shape
    pixels, labels = dataset.load("test", (height, width, channels))
    classes = model.predict(pixels).argmax(-1)
    provenance = lite_metadata.read_metadata(content).get("provenance")
    return {
        # A file of other software may have metadata of the same name in another form.
        "made_for": provenance.get(model_card.DATA_SET) if isinstance(provenance, dict) else None,
        "test_images": len(labels),
        "accuracy": float((classes == labels).mean()),
        "input_range": "pixels",
        "input_source": "as in every exported file",
    }


def run() -> None:
    """Entry point of the command `dfad-evaluate`."""
    application.run(main)


if __name__ == "__main__":
    run()
