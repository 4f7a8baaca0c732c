"""The flag of the commands that read one trained model."""

from __future__ import annotations

from absl import flags

flags.DEFINE_string(
    "model",
    None,
    "The classifier: a .keras or .h5 file. dfad-evaluate also takes a SavedModel folder or an "
    "exported .tflite file.",
)
