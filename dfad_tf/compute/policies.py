"""Dtype policies for training. This module does not import TensorFlow."""

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
AUTO = "auto"
