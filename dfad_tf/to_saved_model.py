"""Export a Keras classifier as a SavedModel: `python -m dfad_tf.to_saved_model`."""

from __future__ import annotations

from absl import flags

from dfad_tf.command_line import application, data_flags, model_flags, output_flags

for module in (data_flags, output_flags, model_flags):
    flags.adopt_module_key_flags(module)  # so that --helpshort shows them


def main(arguments: list[str]) -> None:
    """Export `--model` as a SavedModel of any batch size, with a model card."""
    del arguments
    from dfad_tf.command_line.conversion import Conversion, convert_model

    convert_model(Conversion(formats=["saved_model"], suffix="saved_model"))


def run() -> None:
    """Entry point of the command `dfad-to-saved-model`."""
    application.run(main)


if __name__ == "__main__":
    run()
