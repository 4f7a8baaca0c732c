"""Separable convolutions as the two convolutions that they are.

A separable convolution has the kernels of two layers. As two, each has a narrower form, so that a
student can have the same architecture and inherit filters.
"""

from __future__ import annotations

import keras

from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.graphs.steps import list_steps
from dfad_tf.teachers.adapted_ends import TOOK_BYTES

_SHARED = ("strides", "padding", "dilation_rate", "data_format")


def with_separated_convolutions(teacher: keras.Model) -> keras.Model:
    """Return a teacher whose separable convolutions are a depthwise and a 1×1 convolution each.

    Args:
        teacher: A classifier of images.

    Returns:
        A network with the same answers; the teacher itself, if it has no separable convolution or
        is not a graph of layers of different names.

    Example:

    >>> separable = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.SeparableConv2D(4, 3)])
    >>> [type(layer).__name__ for layer in with_separated_convolutions(separable).layers[1:]]
    ['DepthwiseConv2D', 'Conv2D']
    """
    if not is_graph(teacher):
        return teacher
    listed = list_steps(teacher)
    operations = {id(step.operation): step.operation for step in listed.steps}
    pairs = {
        key: _two_layers(operation)
        for key, operation in operations.items()
        if type(operation) is keras.layers.SeparableConv2D  # not a layer that changes it
    }
    names = [operation.name for operation in operations.values()]
    names += [depthwise.name for depthwise, _ in pairs.values()]
    if not pairs or len(set(names)) < len(names):
        return teacher
    inputs = keras.Input(teacher.input_shape[1:], name=teacher.inputs[0].name)
    values = {listed.input: inputs}
    for step in listed.steps:
        tensors = [values[number] for number in step.inputs]
        if id(step.operation) in pairs:
            depthwise, pointwise = pairs[id(step.operation)]
            made = [pointwise(depthwise(tensors[0]))]
        else:
            made = step.run(tensors)
        values.update(zip(step.outputs, made, strict=True))
    for key, (depthwise, pointwise) in pairs.items():
        first, *others = operations[key].get_weights()
        depthwise.set_weights([first])
        pointwise.set_weights(others)
    network = keras.Model(inputs, values[listed.output], name=teacher.name)
    setattr(network, TOOK_BYTES, getattr(teacher, TOOK_BYTES, False))
    return network


def _two_layers(
    layer: keras.layers.SeparableConv2D,
) -> tuple[keras.layers.DepthwiseConv2D, keras.layers.Conv2D]:
    depthwise = keras.layers.DepthwiseConv2D(
        layer.kernel_size,
        depth_multiplier=layer.depth_multiplier,
        use_bias=False,
        dtype=layer.dtype_policy,
        name=f"{layer.name}_depthwise",
        **{name: getattr(layer, name) for name in _SHARED},
    )
    pointwise = keras.layers.Conv2D(
        layer.filters,
        1,
        use_bias=layer.use_bias,
        activation=layer.activation,
        data_format=layer.data_format,
        dtype=layer.dtype_policy,
        name=layer.name,
    )
    return depthwise, pointwise
