"""The dtype policies that a training may use, for those who must not import TensorFlow."""

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
AUTO = "auto"
