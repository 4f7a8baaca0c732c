"""Export a Keras classifier as a SavedModel: `python -m dfad_tf.to_saved_model`."""

from __future__ import annotations

from absl import flags

from dfad_tf.command_line import application, data_flags, model_flags, output_flags

for module in (data_flags, output_flags, model_flags):
    flags.adopt_module_key_flags(module)  # so that --helpshort shows them


def main(arguments: list[str]) -> None:
    """Flags → student → a SavedModel of any batch size and a model card."""
    del arguments
    from dfad_tf.command_line.conversion import export_from_flags
    from dfad_tf.exporting import SAVED_MODEL

    export_from_flags(SAVED_MODEL, [SAVED_MODEL])


def run() -> None:
    """Entry point of the command `dfad-to-saved-model`."""
    application.run(main)


if __name__ == "__main__":
    run()
