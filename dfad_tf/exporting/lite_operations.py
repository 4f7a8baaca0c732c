"""The operations of a LiteRT file as they are written, before a delegate changes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from dfad_tf.utils.native_messages import no_native_messages


def operation_names(content: bytes) -> list[str]:
    """Name the operations of a file, each once.

    Args:
        content: The content of a LiteRT file.

    Returns:
        The names, sorted.

    Example:

    >>> import pathlib
    >>> card = export_student(student, "export", contract, "abc", ["float32"])
    >>> content = pathlib.Path("export/student_float32.tflite").read_bytes()
    >>> "CONV_2D" in operation_names(content)
    True
    """
    return sorted({operation["op_name"] for operation in _opened(content)._get_ops_details()})


def float_operations(content: bytes) -> list[str]:
    """Name the operations of a full-integer file that compute in floating point.

    The conversion of the integer results to float32 outputs is not included.

    Args:
        content: The content of a LiteRT file.
    """
    interpreter = _opened(content)
    types = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    return sorted(
        {
            operation["op_name"]
            for operation in interpreter._get_ops_details()
            if operation["op_name"] != "DEQUANTIZE"
            and any(types.get(index) is np.float32 for index in operation["outputs"])
        }
    )


def _opened(content: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    with no_native_messages():
        return Interpreter(
            model_content=content,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
