"""The flags of a run's folder, backups, exports and messages."""

from __future__ import annotations

from absl import flags

flags.DEFINE_string(
    "workdir", None, "New folder of the run. Default: a folder under runs/ named by date."
)
flags.DEFINE_string(
    "backup_every",
    "1min",
    "Interval between two backups, in train steps (500) or time (30s, 5min). An interrupted run "
    "resumes from the last backup when the same command is given again.",
)
flags.DEFINE_enum(
    "resume",
    "auto",
    ["auto", "never", "must"],
    "auto resumes the interrupted run with the same flags, in --workdir or under runs/, if there "
    "is one; must fails if there is none; never starts a new run.",
)
flags.DEFINE_enum(
    "on_collapse",
    "restore",
    ["restore", "warn", "stop"],
    "What to do when losses, classes, images or the student collapse: restore the last healthy "
    "epoch, with other noise and a smaller learning rate; warn and continue; or stop.",
)
flags.DEFINE_integer(
    "max_restores", 5, "Maximum number of restores, after which the run stops.", lower_bound=1
)
flags.DEFINE_list(
    "export",
    ["all"],
    "Formats of the student in the run's export/ folder: saved_model, float32, float16, "
    "dynamic_int8, int8 (calibrated with generated images, or with the training images of a method "
    "with data), all or none.",
)
flags.DEFINE_integer(
    "validation_freq", 1, "Epochs between two measurements on real test images.", lower_bound=1
)
flags.DEFINE_enum(
    "verbose",
    "auto",
    ["auto", "0", "1", "2"],
    "Progress messages, as in Keras: 0 none, 1 a progress bar, 2 one line per epoch, auto 1 on a "
    "terminal and 2 elsewhere.",
)
flags.DEFINE_boolean(
    "plots",
    True,
    "Draw curves.png and samples.png, and write TensorBoard logs. A comparison of many runs does "
    "not need them.",
)
flags.DEFINE_boolean(
    "yes", False, "Start a run that is estimated to take longer than a day on a CPU."
)
