"""The flags of the teacher: a file, or how a missing teacher is trained."""

from __future__ import annotations

from absl import flags

flags.DEFINE_string(
    "teacher",
    None,
    "Your own trained classifier: a .keras or .h5 file, or a SavedModel folder.",
)
flags.DEFINE_string(
    "teacher_features",
    None,
    "Name of the teacher's layer whose output R_m uses. Default: the last dense layer's input.",
)
flags.DEFINE_bool(
    "settle_batch_norm",
    True,
    "Remove what is left of their initial values from the moving statistics of the teacher's batch "
    "normalizations, as after a training of a few hundred steps, where its first layer shows how "
    "much it is.",
)
flags.DEFINE_string(
    "teacher_model", "lenet5", "Architecture of a teacher that this command trains."
)
flags.DEFINE_integer("teacher_epochs", 10, "Epochs of the teacher's training.", lower_bound=1)
flags.DEFINE_integer(
    "teacher_batch_size", 256, "Batch size of the teacher's training.", lower_bound=1
)
flags.DEFINE_enum(
    "teacher_optimizer", "adam", ["adam", "sgd"], "Optimizer of the teacher's training."
)
flags.DEFINE_float(
    "teacher_learning_rate",
    2e-3,
    "Initial learning rate of the teacher's training; it follows a cosine schedule to 0.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "teacher_weight_decay",
    0.0,
    "Coupled weight decay of the teacher's training; only with --teacher_optimizer=sgd.",
    lower_bound=0.0,
)
flags.DEFINE_enum(
    "teacher_augmentation",
    "none",
    ["none", "crop", "crop_flip", "crop_flip_cutout"],
    "Augmentation of the teacher's training images.",
)
flags.DEFINE_integer(
    "teacher_seed",
    0,
    "Seed of the teacher's weights, data order and augmentation.",
    lower_bound=0,
    upper_bound=2**31 - 1,
)
flags.DEFINE_string(
    "teacher_cache",
    None,
    "Folder that keeps trained teachers for later runs. Default: dfad_tf/teachers in the Keras "
    "home folder.",
)
