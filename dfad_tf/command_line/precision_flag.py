"""`--precision`, which a distillation computes in and an exported file is written in."""

from __future__ import annotations

from absl import flags

from dfad_tf.utils import names

FLAGS = flags.FLAGS
_POLICIES = ("auto", "float32", "mixed_bfloat16", "mixed_float16")

# absl holds one flag of a name, whatever the command; so both meanings stand here.
flags.DEFINE_string(
    "precision",
    None,
    "train, benchmark: Keras's dtype policy while distilling: auto (the default: mixed_bfloat16 "
    "where the device is faster with it), float32, mixed_bfloat16 or mixed_float16; the student "
    "is float32 all the same. to_tflite: files to write, comma-separated: float32, float16, "
    "dynamic_int8 (the default; no calibration), int8 (for NPUs and microcontrollers), or all.",
)


def check_policy() -> None:
    """Check the flag of a distillation.

    Raises:
        InputError: If it names no policy.
    """
    names.look_up(dict.fromkeys(_POLICIES), policy_name(), "precision (--precision)")


def policy_name() -> str:
    """The policy that a distillation is to compute in, or `"auto"`."""
    return (FLAGS.precision or "auto").lower().replace("-", "_")
