"""The flags of data, pixels and models from elsewhere that every command shares."""

from __future__ import annotations

from absl import flags

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "dataset",
    None,
    "Real images that measure, and in training make a missing teacher: 'digits' (no download), "
    "'mnist', 'cifar10', 'cifar100', 'fashion_mnist', 'svhn_cropped', or any TFDS name with "
    "image and label.",
)
flags.DEFINE_string("data_dir", None, "Folder of TFDS data. Default: TFDS_DATA_DIR or TFDS's own.")
flags.DEFINE_list(
    "image_shape", None, "HEIGHT,WIDTH,CHANNELS, where the model or the data set leaves it open."
)
flags.DEFINE_enum(
    "input_range",
    "auto",
    ["auto", "pixels", "zero_one", "minus_one_one", "standardized"],
    "Pixels that your model takes: 0 to 255, 0 to 1, -1 to 1, or with --input_mean and "
    "--input_std removed outside it. 'auto' finds out.",
)
flags.DEFINE_list(
    "input_mean", None, "Mean of each channel of its images, in pixels from 0 to 255."
)
flags.DEFINE_list("input_std", None, "Standard deviation of each channel, in pixels.")
flags.DEFINE_boolean(
    "trust_teacher",
    False,
    "Let model files run code of their own: Python in Lambda layers, and operations of a "
    "SavedModel that touch more than tensors. Only for files whose maker you trust.",
)
