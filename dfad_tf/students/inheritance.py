"""Start a student from its teacher's own filters, without data."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.teachers.teacher_signals import is_softmax

_WEIGHTED = (keras.layers.Conv2D, keras.layers.Dense)
_PREPROCESSING = (keras.layers.Rescaling, keras.layers.Normalization)
_WEIGHTLESS = (
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.ZeroPadding2D,
    keras.layers.Flatten,
    keras.layers.ReLU,
    keras.layers.Activation,
    keras.layers.Dropout,
)
_ROWS = 20_000  # of activations for one regression


def inherit_weights(teacher: keras.Model, student: keras.Model, images: np.ndarray) -> bool:
    """Set a narrower student's weights from a teacher with the same kinds of layers.

    Layer by layer, the filters that best span the teacher's activations are kept
    (pivoted QR), what the others would have answered is regressed on them, and
    the regression is folded into the next layer's kernel. The activations come
    from generated images, so no data is seen; but the teacher's filters were
    shaped by its data, and carry what no generator can invent.

    Args:
        teacher: A chain of convolutions, dense layers and layers without weights.
        student: The same chain with as many or fewer filters; changed in place.
        images: `(n, height, width, channels)` in both networks' input range.

    Returns:
        Whether the networks pair; a student that does not is left as it is.

    Example:

    >>> images = generator(keras.random.normal((2048, 100)), training=True)
    >>> inherit_weights(teacher, models.build("lenet5_half", (32, 32, 1), 10), images)
    True

    Reference:
        After channel pruning with reconstruction: He, Zhang and Sun, arXiv 1707.06168.
    """
    chains = _chain(teacher), _chain(student)
    if chains[0] is None or chains[1] is None or not _pair(chains[0][1], chains[1][1]):
        return False
    theirs = ours = keras.ops.convert_to_tensor(images, "float32")
    for layer in chains[0][0]:
        theirs = layer(theirs)
    for layer in chains[1][0]:
        ours = layer(ours)
    waiting: tuple[Any, np.ndarray, np.ndarray] | None = None
    for big, small in zip(chains[0][1], chains[1][1], strict=True):
        if not isinstance(big, _WEIGHTED):
            # Flattening waits, so that filters stay apart until they are chosen.
            if not isinstance(big, (keras.layers.Flatten, keras.layers.Dropout)):
                theirs, ours = big(theirs), big(ours)
            continue
        if waiting is not None:
            ours = _choose(waiting, ours)
        kernel, bias = _fold(big, *_regress(ours, theirs))
        waiting = (small, kernel, bias)
        theirs = _answer(big, theirs, *map(np.asarray, big.get_weights()))
        ours = _answer(big, ours, kernel, bias)
    if waiting is not None:
        waiting[0].set_weights([waiting[1], waiting[2]])
    return True


def _chain(model: keras.Model) -> tuple[list[Any], list[Any]] | None:
    """Preprocessing layers, and the others in their order; None if it is no such chain."""
    if not is_graph(model):
        return None
    layers: list[Any] = []
    tensor = model.outputs[0]
    while not isinstance(tensor._keras_history.operation, keras.layers.InputLayer):
        operation, node_index = tensor._keras_history[:2]
        inputs = operation._inbound_nodes[node_index].input_tensors
        if len(inputs) != 1:
            return None
        layers.insert(0, operation)
        tensor = inputs[0]
    while layers and is_softmax(layers[-1]):
        layers.pop()
    count = 0
    while count < len(layers) and isinstance(layers[count], _PREPROCESSING):
        count += 1
    known = all(isinstance(layer, (*_WEIGHTED, *_WEIGHTLESS)) for layer in layers[count:])
    return (layers[:count], layers[count:]) if known and layers[count:] else None


def _pair(big: list[Any], small: list[Any]) -> bool:
    """Whether two chains differ in nothing but the number of filters, fewer in the second."""
    if len(big) != len(small) or not isinstance(big[-1], keras.layers.Dense):
        return False
    free = ("name", "filters", "units", "dtype", "trainable")
    for first, second in zip(big, small, strict=True):
        settings = [
            {key: value for key, value in layer.get_config().items() if key not in free}
            for layer in (first, second)
        ]
        for config in settings:
            for key in [k for k in config if k.endswith(("_initializer", "_regularizer"))]:
                del config[key]
        if first is big[-1]:  # the teacher's head may apply a softmax
            for config in settings:
                config.pop("activation", None)
        if type(first) is not type(second) or settings[0] != settings[1]:
            return False
        if isinstance(first, keras.layers.Dense) and len(first.input.shape) != 2:
            return False
        if isinstance(first, _WEIGHTED):
            wide, narrow = (layer.get_weights()[0].shape[-1] for layer in (first, second))
            if narrow > wide or not first.use_bias or getattr(first, "groups", 1) != 1:
                return False
    return big[-1].units == small[-1].units


def _choose(waiting: tuple[Any, np.ndarray, np.ndarray], ours: Any) -> Any:
    """Keep the filters of the layer before that span the others best; return their answers."""
    from scipy import linalg  # slow to import, and for this alone

    layer, kernel, bias = waiting
    count = layer.get_weights()[0].shape[-1]
    rows = _rows(ours)
    order = linalg.qr(rows - rows.mean(0), mode="r", pivoting=True)[1]
    chosen = np.sort(order[:count])
    layer.set_weights([kernel[..., chosen], bias[chosen]])
    return keras.ops.take(ours, chosen, axis=-1)


def _regress(ours: Any, theirs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset that best give the teacher's activations from the student's."""
    inputs = _rows(ours)
    inputs = np.concatenate([inputs, np.ones((len(inputs), 1), inputs.dtype)], axis=1)
    solution = np.linalg.lstsq(inputs, _rows(theirs), rcond=None)[0]
    return solution[:-1], solution[-1]


def _fold(layer: Any, matrix: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The teacher's kernel and bias, rewritten for the student's inputs."""
    kernel, bias = map(np.asarray, layer.get_weights())
    if isinstance(layer, keras.layers.Conv2D):
        return (
            np.einsum("hwio,ji->hwjo", kernel, matrix).astype("float32"),
            (bias + np.einsum("hwio,i->o", kernel, offset)).astype("float32"),
        )
    # Behind a flattening, a dense kernel holds every channel once for each pixel.
    by_pixel = kernel.reshape(-1, matrix.shape[1], kernel.shape[-1])
    folded = np.einsum("pio,ji->pjo", by_pixel, matrix)
    folded = folded.reshape(-1, kernel.shape[-1]).astype("float32")
    return folded, (bias + np.einsum("pio,i->o", by_pixel, offset)).astype("float32")


def _answer(layer: Any, inputs: Any, kernel: np.ndarray, bias: np.ndarray) -> Any:
    """Run the layer with other weights than its own."""
    if isinstance(layer, keras.layers.Dense):
        flat = keras.ops.reshape(inputs, (inputs.shape[0], -1))
        return layer.activation(keras.ops.matmul(flat, kernel) + bias)
    outputs = keras.ops.conv(
        inputs,
        kernel,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
    )
    return layer.activation(outputs + bias)


def _rows(activations: Any) -> np.ndarray:
    """Activations as rows of channels, thinned to what a regression needs."""
    rows = keras.ops.convert_to_numpy(activations)
    rows = rows.reshape(-1, rows.shape[-1])
    return rows[:: max(1, len(rows) // _ROWS)].astype(np.float64)
