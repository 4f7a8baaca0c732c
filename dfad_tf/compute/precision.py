"""The precision of a training: by name, or the faster one on the device."""

from __future__ import annotations

import tensorflow as tf

from dfad_tf.compute.policies import POLICIES
from dfad_tf.compute.timing import seconds_of_calls
from dfad_tf.utils.errors import InputError

_ROUNDS = 5
_REPEATS = 3
_GAIN = 1.25  # with a smaller gain in products, casts cost more than is saved


def fastest_precision() -> str:
    """Return `"mixed_bfloat16"` if the device multiplies matrices faster in bfloat16.

    Processors with AVX512-BF16 or AMX and recent GPUs do. Other devices emulate bfloat16, many
    times slower than float32. The measurement takes about half a second on a CPU.

    Returns:
        `"mixed_bfloat16"` or `"float32"`.

    Example:

    >>> fastest_precision() in ("mixed_bfloat16", "float32")
    True
    """
    # On a GPU the time of a smaller product is mostly that of the call.
    side = 8192 if tf.config.list_physical_devices("GPU") else 1024
    # Alternating and repeated: the load of other processes must not decide, because another
    # precision gives another student for the same seed.
    seconds: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for _ in range(_REPEATS):
        for dtype, measured in seconds.items():
            measured.append(seconds_of_product(dtype, side))
    float32, bfloat16 = map(min, seconds.values())
    return "mixed_bfloat16" if bfloat16 * _GAIN < float32 else "float32"


def resolve_precision(precision: str | None) -> str | None:
    """Return the name of a dtype policy.

    Args:
        precision: `"auto"` for the fastest policy of the device, a name of `POLICIES`, or None.

    Returns:
        A name of `POLICIES`, or None for None.

    Raises:
        InputError: If training does not support the policy.

    Example:

    >>> resolve_precision("mixed_bfloat16")
    'mixed_bfloat16'
    """
    if precision == "auto":
        return fastest_precision()
    if precision is None or precision in POLICIES:
        return precision
    raise InputError(
        f"Expected `precision` to be one of auto, {', '.join(POLICIES)}. "
        f"Received: precision={precision!r}"
    )


def seconds_of_product(dtype: str, side: int, rounds: int = _ROUNDS) -> float:
    """Return the time of a product of two square matrices: that of the fastest round.

    Args:
        dtype: `"float32"`, `"bfloat16"` or `"float16"`.
        side: Number of rows of the matrices. Their product takes side³ multiply-adds.
        rounds: Number of products that are timed, after one that compiles.

    Returns:
        Seconds of one product.

    Example:

    >>> seconds_of_product("float32", side=64) > 0
    True
    """
    matrix = tf.cast(tf.random.stateless_normal((side, side), (1, 2)), dtype)

    @tf.function(autograph=False)
    def product() -> tf.Tensor:
        return tf.linalg.matmul(matrix, matrix)[0, 0]

    traced = product.get_concrete_function()  # TensorFlow warns of functions created in a loop
    return min(seconds_of_calls(lambda: traced().numpy(), rounds))
