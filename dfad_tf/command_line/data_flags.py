"""The flags of data sets, images and their pixels, which every command shares."""

from __future__ import annotations

from absl import flags

FLAGS = flags.FLAGS
DEFAULT_DATASET = "digits"

flags.DEFINE_string(
    "dataset",
    None,
    "Data set of real images on which accuracy is measured and, if no teacher is given, a teacher "
    "is trained: digits (needs no download), mnist, cifar10, cifar100, fashion_mnist, "
    "svhn_cropped, or any name of TensorFlow Datasets whose examples are an image and a label.",
)
flags.DEFINE_string(
    "data_dir",
    None,
    "Folder of prepared TensorFlow Datasets data. Default: the environment variable "
    "TFDS_DATA_DIR, or the folder that TensorFlow Datasets uses.",
)
flags.DEFINE_list(
    "image_shape",
    None,
    "HEIGHT,WIDTH,CHANNELS of the images. Default: the model's input shape, or the data set's "
    "image shape.",
)
flags.DEFINE_enum(
    "input_range",
    "auto",
    ["auto", "auto_best", "pixels", "zero_one", "minus_one_one", "standardized", "centered"],
    "Range of pixel values that the model expects: pixels (0 to 255), zero_one, minus_one_one, "
    "standardized (by --input_mean and --input_std), or centered (only --input_mean is subtracted, "
    "that of ImageNet by default, blue first). auto infers the range from the model and asks where "
    "several are likely; auto_best takes the likeliest.",
)
flags.DEFINE_list(
    "input_mean",
    None,
    "Mean of each channel of the model's training images, in pixel values from 0 to 255.",
)
flags.DEFINE_list(
    "input_std",
    None,
    "Standard deviation of each channel of the model's training images, in pixel values.",
)
flags.DEFINE_boolean(
    "trust_teacher",
    False,
    "Allow a model file to run its own code: Python in Lambda layers, and SavedModel operations "
    "that access more than tensors. Use it only for files whose author you trust.",
)


def dataset_name() -> str | None:
    """Return the data set that a training command uses; None where only a teacher is given."""
    if FLAGS.dataset is None and FLAGS.teacher:
        return None
    return FLAGS.dataset or DEFAULT_DATASET
