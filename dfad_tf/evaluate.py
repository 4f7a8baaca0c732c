"""Measure any Keras classifier or exported file: `python -m dfad_tf.evaluate`."""

from __future__ import annotations

import pathlib
from typing import Any

from absl import flags

from dfad_tf.command_line import application, data_flags, json_flag, model_flags
from dfad_tf.command_line.argument_flags import argument_flags
from dfad_tf.utils.errors import InputError

FLAGS = data_flags.FLAGS  # which also defines the flags of data
for module in (data_flags, json_flag, model_flags):
    flags.adopt_module_key_flags(module)  # so that --helpshort shows them


def main(arguments: list[str]) -> None:
    """Flags → model, images → accuracy."""
    del arguments
    json_flag.check()
    for name in ("model", "dataset"):
        if not FLAGS[name].value:
            raise InputError(f"Expected --{name}. Received none.")
    from dfad_tf.data import datasets

    with argument_flags(name="dataset"):
        dataset = datasets.open_dataset(FLAGS.dataset, FLAGS.data_dir)
    measure = _measure_lite if FLAGS.model.endswith(".tflite") else _measure_keras
    result = {"model": FLAGS.model, "dataset": dataset.name, **measure(dataset)}
    if json_flag.written(result):
        return
    from dfad_tf.utils import formatting

    print(f"{FLAGS.model} on {result['test_images']:,} real test images of {dataset.name}")
    print(f"  accuracy       {100 * result['accuracy']:.2f} %")
    print(f"  its input      {result['input_range']} ({result['input_source']})")
    if "model_macs" in result:
        print(f"  parameters     {result['model_parameters']:,}")
        print(f"  multiply-adds  {formatting.format_macs(result['model_macs'])} an image")


def _measure_keras(dataset: Any) -> dict[str, Any]:
    from dfad_tf.command_line import builders, pixel_flags
    from dfad_tf.compute import prediction
    from dfad_tf.data import test_images
    from dfad_tf.runs import summary
    from dfad_tf.teachers import description, loading

    pixel_flags.check_pixel_flags()
    with argument_flags(path="model", contract="input_range"):
        model = loading.load_teacher(FLAGS.model, pixel_flags.image_shape(), FLAGS.trust_teacher)
        contract = pixel_flags.contract_of_model(FLAGS.model, model.input_shape[-1])
        found = description.describe_teacher(model, contract)
    builders.check_classes(dataset, found.num_classes)
    with argument_flags(shape="image_shape"):
        pixels, labels = dataset.load("test", found.image_shape)
    test = test_images.TestImages(pixels, labels, found.contract)
    classes = prediction.predict_classes(model, test.inputs)
    return {
        "test_images": len(labels),
        "accuracy": float((classes == labels).mean()),
        "input_range": found.contract.range,
        "input_source": found.contract.source,
        **summary.costs("model", model),
    }


def _measure_lite(dataset: Any) -> dict[str, Any]:
    from dfad_tf.command_line import builders
    from dfad_tf.exporting.lite_model import LiteModel

    for name in ("image_shape", "input_range", "input_mean", "input_std"):
        if FLAGS[name].present:
            raise InputError(
                f"Expected no --{name} with an exported file, which takes raw pixels of its own "
                f"size. Received: {FLAGS[name].value}"
            )
    try:
        content = pathlib.Path(FLAGS.model).read_bytes()
    except OSError as error:
        raise InputError(
            f"Expected --model to be a .tflite file. Received: {FLAGS.model} ({error.strerror})"
        ) from error
    model = LiteModel(content, FLAGS.model)
    builders.check_classes(dataset, model.num_classes)
    pixels, labels = dataset.load("test", model.image_shape)
    classes = model.predict(pixels).argmax(-1)
    return {
        "test_images": len(labels),
        "accuracy": float((classes == labels).mean()),
        "input_range": "pixels",
        "input_source": "the contract of an exported file",
    }


def run() -> None:
    """Entry point of the command `dfad-evaluate`."""
    application.run(main)


if __name__ == "__main__":
    run()
