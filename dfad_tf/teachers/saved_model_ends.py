"""Where the images enter the graph of a SavedModel, and where its logits and features are."""

from __future__ import annotations

import tensorflow as tf

from dfad_tf.utils.errors import InputError

# Operations between the last kernel and the output: they have no kernel of their own.
_WITHOUT_KERNEL = (
    "Identity", "IdentityN", "Reshape", "Squeeze", "Softmax", "Cast", "BiasAdd", "AddV2", "Add",
    "Mean", "StopGradient",
)  # fmt: skip


def float_images(source: tf.Tensor, path: str) -> tf.Tensor:
    """Return the first tensor of a graph that holds its images as floats.

    Camera pixels are often integers, which the graph casts at once. Gradients reach the result of
    the cast, and so do images between two integers.

    Args:
        source: The input of the graph.
        path: The SavedModel, for the error.

    Returns:
        The input itself, or its cast to float32.

    Raises:
        InputError: If the graph uses the integers themselves, or floats of another precision.
    """
    tensor = source
    while tensor.dtype != tf.float32:
        consumers = tensor.consumers()
        if len(consumers) != 1 or consumers[0].type not in ("Identity", "Cast"):
            raise InputError(
                "Expected a teacher with an input of float32 images, through which gradients can "
                "be computed, or one that casts its input to float32 first. Received: "
                f"{source.dtype.name} in {path}"
            )
        tensor = consumers[0].outputs[0]
    if tensor.shape.rank is None:
        tensor.set_shape(source.shape)  # a cast keeps the shape
    return tensor


def image_shape_of(
    images: tf.Tensor, image_shape: tuple[int, int, int] | None, path: str
) -> tuple[int, int, int]:
    """Return the shape of the images that a graph takes.

    Args:
        images: The images in the graph, `(batch, height, width, channels)` or `(batch, height,
            width)`.
        image_shape: `(height, width, channels)` where it is known; None asks the graph.
        path: The SavedModel, for the error.

    Returns:
        `(height, width, channels)`, with one channel where the graph has none.

    Raises:
        InputError: If neither states the shape.
    """
    shape = image_shape
    if shape is not None and images.shape.rank == 3 and shape[2] != 1:
        raise InputError(
            f"Expected `image_shape` to have one channel, because the model in {path} takes images "
            f"{images.shape}. Received: {image_shape}"
        )
    if shape is None and images.shape.rank:
        shape = tuple(images.shape[1:])
        shape = (*shape, 1) if len(shape) == 2 else shape
    if shape is None or None in shape:
        raise InputError(
            f"Expected `image_shape` (height, width, channels), because the model in {path} does "
            f"not state the size of its images. Received: {image_shape}, with the input "
            f"{images.shape}"
        )
    return shape


def find_head(output: tf.Tensor, activation: str) -> tuple[tf.Tensor, tf.Tensor | None, bool]:
    """Search backwards from the output of a graph for the last kernel.

    Args:
        output: The output.
        activation: Operation that makes probabilities of logits.

    Returns:
        The logits, before the activation if there is one; the input of the last kernel, or None
        if it is not found; and whether there is the activation.
    """
    logits, softmax, tensor = output, False, output
    while True:
        operation = tensor.op
        if operation.type in ("MatMul", "Conv2D"):
            return logits, operation.inputs[0], softmax
        if operation.type not in (*_WITHOUT_KERNEL, activation):
            return logits, None, softmax
        tensor = operation.inputs[0]
        if operation.type == activation:
            logits, softmax = tensor, True
