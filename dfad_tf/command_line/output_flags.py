"""The flags of the commands that convert a model file."""

from __future__ import annotations

from absl import flags

flags.DEFINE_string(
    "output",
    None,
    "Folder to create. Default: a folder next to --model, named after the model and the format.",
)
flags.DEFINE_boolean("overwrite", False, "Replace an earlier export in --output.")
flags.DEFINE_string(
    "labels",
    None,
    "Text file with one label per line. Default: the labels of the run, of --dataset, or of "
    "labels.txt beside --model, otherwise 0, 1, ….",
)
