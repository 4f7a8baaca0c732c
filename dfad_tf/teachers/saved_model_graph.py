"""The serving signature of a SavedModel, read as a graph, without the objects beside it.

A SavedModel also contains the objects that it was saved from: optimizers with their slots, layers
that adapt to data, metrics. TensorFlow cannot restore all of them without their Python classes, and
some run operations that are of no use to a teacher. The graph of the signature needs none of them.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import math
import uuid
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from dfad_tf.utils.errors import InputError

_TAG = "serve"
_DEFAULT = "serving_default"
_NO_OPERATION = "__saved_model_init_op"


@dataclass(frozen=True)
class SignatureGraph:
    """A frozen graph with one image input and one output.

    Attributes:
        function: The graph as a function of the images; its variables are constants.
        parameter_count: Number of parameters, which may include some that were not trained.
    """

    function: Any
    parameter_count: int


def load_signature(path: str) -> SignatureGraph:
    """Load the serving signature of a SavedModel of any version of TensorFlow as a graph.

    Args:
        path: The folder of the SavedModel.

    Raises:
        InputError: If there is no signature with one input and one output.
    """
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_from_session_graph,
        convert_variables_to_constants_v2,
    )

    graph = tf.Graph()
    with _quiet(), graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        meta = tf.compat.v1.saved_model.load(session, [_TAG], path)
        source, output = _ends(meta.signature_def, path)
        definition = convert_variables_to_constants_from_session_graph(
            session, graph.as_graph_def(add_shapes=True), [output.name.split(":")[0]]
        )
    _rename_functions(definition)
    shape = tf.TensorShape(source.tensor_shape)

    def run(images: tf.Tensor) -> Any:
        return tf.import_graph_def(definition, {source.name: images}, [output.name], name="")[0]

    with _quiet():
        wrapped = tf.compat.v1.wrap_function(
            run, [tf.TensorSpec(shape, tf.dtypes.as_dtype(source.dtype))]
        )
        function = convert_variables_to_constants_v2(wrapped)
    return SignatureGraph(function, _weight_count(function.graph))


def _weight_count(graph: tf.Graph) -> int:
    """Return the number of values in a frozen graph that were weights: floats, no scalars."""
    constants = (o.outputs[0] for o in graph.get_operations() if o.type == "Const")
    shapes = [c.shape for c in constants if c.dtype.is_floating and c.shape.rank]
    return sum(math.prod(shape) for shape in shapes)


def drop_custom_gradients(definition: Any) -> None:
    """Remove references to gradients that only the process which saved a graph had.

    Such as that of `tf.nn.silu`, which saves memory. The operations have gradients of their own.

    Args:
        definition: A `GraphDef`, which changes.
    """
    functions = (function.node_def for function in definition.library.function)
    for node in itertools.chain(definition.node, *functions):
        node.attr.pop("_gradient_op_type", None)


def _rename_functions(definition: Any) -> None:
    """Give the functions of a graph new names: TensorFlow knows each name once in a process."""
    suffix = uuid.uuid4().hex[:8]
    names = {f.signature.name: f"{f.signature.name}_{suffix}" for f in definition.library.function}
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    for function in definition.library.function:
        function.signature.name = names[function.signature.name]
    for gradient in definition.library.gradient:
        gradient.function_name = names[gradient.function_name]
        gradient.gradient_func = names[gradient.gradient_func]
    for node in nodes:
        node.op = names.get(node.op, node.op)
        for value in node.attr.values():
            for called in (value.func, *value.list.func):
                if called.name in names:
                    called.name = names[called.name]


def _ends(signatures: Any, path: str) -> tuple[Any, Any]:
    """Return the description of the input and of the output of the signature for inference."""
    names = sorted(name for name in signatures if name != _NO_OPERATION)
    if not names:
        raise InputError(f"Expected a SavedModel with a serving signature. Received none: {path}")
    name = _DEFAULT if _DEFAULT in names else names[0]
    inputs, outputs = signatures[name].inputs, signatures[name].outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(
            f"Expected the signature {name!r} of {path} to have one input and one output. "
            f"Received: inputs {sorted(inputs)}, outputs {sorted(outputs)}"
        )
    return next(iter(inputs.values())), next(iter(outputs.values()))


@contextlib.contextmanager
def _quiet() -> Any:
    """Hide that the functions for graphs of TensorFlow 1 are out of date."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
