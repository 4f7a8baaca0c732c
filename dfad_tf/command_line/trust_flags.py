"""The flags of the trust report."""

from __future__ import annotations

from absl import flags

flags.DEFINE_enum(
    "trust",
    "normal",
    ["normal", "thorough", "off"],
    "Report how far the student can be trusted without data: its agreement with the teacher on "
    "images that had no part in training; and look at the first synthesized images. thorough also "
    "distills a second student from another seed, for a fifth of the epochs, and compares both. "
    "off saves the time of all.",
)
flags.DEFINE_enum(
    "on_distrust",
    "warn",
    ["warn", "stop"],
    "What to do when the first synthesized images reach few of the teacher's classes, or are far "
    "from its recorded statistics: warn and continue, or stop.",
)
flags.DEFINE_string(
    "probe_images",
    None,
    "Folder with a few real images, scaled to the teacher's input, on which the student is "
    "compared with its teacher at the end. Nothing is trained on them, and they need no labels.",
)
