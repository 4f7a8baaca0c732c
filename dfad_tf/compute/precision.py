"""The precision to train in, chosen by what the device is faster with."""

from __future__ import annotations

import time

import tensorflow as tf

from dfad_tf.utils.errors import InputError

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
_ROUNDS = 5
_GAIN = 1.25  # below, what is saved in products is lost in casts


def fastest_precision() -> str:
    """Return `"mixed_bfloat16"` where the device multiplies matrices faster in it.

    Processors with AVX512-BF16 or AMX, and recent GPUs, do; others emulate it, many
    times slower than float32. Costs about a tenth of a second on a CPU.

    Returns:
        `"mixed_bfloat16"` or `"float32"`.
    """
    # On a GPU a smaller product would time the call, not the multiplication.
    side = 8192 if tf.config.list_physical_devices("GPU") else 1024
    float32, bfloat16 = (seconds_of_product(dtype, side) for dtype in ("float32", "bfloat16"))
    return "mixed_bfloat16" if bfloat16 * _GAIN < float32 else "float32"


def resolve_precision(precision: str | None) -> str | None:
    """Return a dtype policy by name, the device's fastest one for `"auto"`, None for None.

    Raises:
        InputError: If it is no policy that training computes in.
    """
    if precision == "auto":
        return fastest_precision()
    if precision is None or precision in POLICIES:
        return precision
    raise InputError(
        f"Expected precision (--precision) to be one of auto, {', '.join(POLICIES)}. "
        f"Received: {precision!r}"
    )


def seconds_of_product(dtype: str, side: int, rounds: int = _ROUNDS) -> float:
    """Time the product of two square matrices, in the fastest of some rounds.

    Args:
        dtype: `"float32"`, `"bfloat16"` or `"float16"`.
        side: Rows of the matrices; their product takes side³ multiply-adds.
        rounds: Products timed, after one that compiles.

    Returns:
        Seconds of one product.
    """
    matrix = tf.cast(tf.random.stateless_normal((side, side), (1, 2)), dtype)

    @tf.function(autograph=False)
    def product() -> tf.Tensor:
        return tf.linalg.matmul(matrix, matrix)[0, 0]

    traced = product.get_concrete_function()  # TensorFlow warns of functions made in a loop
    times = []
    for _ in range(rounds + 1):
        start = time.monotonic()
        traced().numpy()
        times.append(time.monotonic() - start)
    return min(times[1:])
