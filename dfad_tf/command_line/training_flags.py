"""The flags of the student's training: steps, optimizers, precision and devices."""

from __future__ import annotations

from absl import flags

from dfad_tf.compute.policies import AUTO, POLICIES
from dfad_tf.utils import names

FLAGS = flags.FLAGS

flags.DEFINE_integer("batch_size", 256, "Images in a batch, over all devices.", lower_bound=2)
flags.DEFINE_integer(
    "batch_pixels",
    0,
    "Most pixels in a batch, which bound memory and time: of larger images a batch has fewer, in "
    "steps of 8 and at least 16. 0 for no limit; not used with --images.",
    lower_bound=0,
)
flags.DEFINE_integer("epochs", 20, "Epochs of the distillation.", lower_bound=1)
flags.DEFINE_integer("steps_per_epoch", 50, "Generator steps in an epoch.", lower_bound=1)
flags.DEFINE_integer(
    "images",
    None,
    "Number of images to generate in the whole run, rounded to whole steps; sets --epochs and "
    "--steps_per_epoch.",
    lower_bound=1,
)
flags.DEFINE_integer(
    "patience",
    0,
    "Epochs without a higher agreement with the teacher on held-out images after which the "
    "distillation ends; 0 for never.",
    lower_bound=0,
)
flags.DEFINE_enum(
    "optimizer", "adam", ["adam", "sgd"], "Optimizer of the student; sgd has a momentum of 0.9."
)
flags.DEFINE_float("learning_rate", 2e-3, "Initial learning rate of the student.", lower_bound=1e-9)
flags.DEFINE_float(
    "weight_decay",
    0.0,
    "Coupled weight decay of the student; only with --optimizer=sgd.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "generator_learning_rate",
    1e-3,
    "Initial learning rate of the generator, whose optimizer is Adam.",
    lower_bound=1e-9,
)
flags.DEFINE_float(
    "generator_beta_1",
    0.9,
    "Decay rate of the first moment in the generator's Adam.",
    lower_bound=0.0,
    upper_bound=0.999,
)
flags.DEFINE_float(
    "global_clipnorm",
    0.0,
    "Maximum global norm of the gradients of a step, in both networks (gradient clipping); 0 does "
    "not clip.",
    lower_bound=0.0,
)
flags.DEFINE_enum(
    "schedule",
    "cosine",
    ["cosine", "one_cycle", "constant", "step"],
    "Learning-rate schedule of both optimizers: cosine to 0; one_cycle, which first rises from 0 "
    "over 15 % of the steps, in the student's optimizer; constant; or step, which divides the "
    "learning rate by 10 at each of --decay_epochs.",
)
flags.DEFINE_list("decay_epochs", ["100", "200"], "Epochs of --schedule=step.")
flags.DEFINE_integer(
    "seed",
    0,
    "Seed of the student's and the generator's weights and of all noise.",
    lower_bound=0,
    upper_bound=2**31 - 1,
)
flags.DEFINE_string(
    "precision",
    None,
    "Keras dtype policy of the training: auto (the default: mixed_bfloat16 where the device is "
    "faster with it), float32, mixed_bfloat16 or mixed_float16. The saved student is float32.",
)
flags.DEFINE_boolean(
    "jit_compile",
    False,
    "Compile the train step with XLA; in this project's measurements this is slower on CPUs.",
)
flags.DEFINE_integer(
    "steps_per_execution", 1, "Train steps in one call of the compiled function.", lower_bound=1
)
flags.DEFINE_string(
    "strategy",
    "auto",
    "Devices to train on: mirrored (the GPUs of this machine), multi_worker (the machines that the "
    "environment variable TF_CONFIG names; start the same command on each), tpu, or auto, which "
    "uses what is available.",
)
flags.DEFINE_integer(
    "replicas",
    None,
    "Number of GPUs of this machine to use or, on a CPU, of logical devices to divide it into. "
    "Default: all GPUs, or the one CPU.",
    lower_bound=1,
)


def check_policy() -> None:
    """Check `--precision`.

    Raises:
        InputError: If it names no dtype policy.
    """
    names.look_up(dict.fromkeys((AUTO, *POLICIES)), policy_name(), "--precision")


def policy_name() -> str:
    """Return the dtype policy of the training, or `"auto"`."""
    return (FLAGS.precision or AUTO).lower().replace("-", "_")
