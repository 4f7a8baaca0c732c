"""Check whether a LiteRT file runs on microcontrollers, and how much memory it needs there."""

from __future__ import annotations

from typing import TypedDict

from dfad_tf.exporting.lite_operations import operation_names
from dfad_tf.exporting.micro_arena import arena_bytes

# The built-in operators that LiteRT for Microcontrollers has kernels for, as registered by
# `PythonOpsResolver` of tflite-micro, commit 03e16b2. Its own custom operators are left out.
_NAMES = """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_TO_SPACE_ND BROADCAST_ARGS
    BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTH_TO_SPACE
    DEPTHWISE_CONV_2D DEQUANTIZE DIV ELU EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD
    FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION
    L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC
    LOG_SOFTMAX MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 PRELU
    QUANTIZE READ_VARIABLE REDUCE_MAX RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR
    ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V
    SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE
    TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
    """
OPERATORS = frozenset(_NAMES.split())


class MicroEntry(TypedDict):
    """What the model card records of a file on microcontrollers.

    Attributes:
        operators: Operators of the file, sorted.
        unsupported: Those that LiteRT for Microcontrollers has no kernel for.
        arena_bytes: Memory that it needs for tensors; None if it cannot run, or the package
            `tflite_micro` is not installed.
    """

    operators: list[str]
    unsupported: list[str]
    arena_bytes: int | None


def micro_entry(content: bytes) -> MicroEntry:
    """Describe a LiteRT file as LiteRT for Microcontrollers sees it.

    Args:
        content: The content of the file.

    Returns:
        Its operators, and the memory for its tensors.

    Example:

    >>> import pathlib
    >>> card = export_student(student, "export", contract, "abc", ["float32"])
    >>> content = pathlib.Path("export/student_float32.tflite").read_bytes()
    >>> micro_entry(content)["unsupported"]
    []
    """
    operators = operation_names(content)
    unsupported = [name for name in operators if name not in OPERATORS]
    arena = None if unsupported else arena_bytes(content)
    return {"operators": operators, "unsupported": unsupported, "arena_bytes": arena}
