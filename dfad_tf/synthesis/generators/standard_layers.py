"""A generator in Keras's own layers, whose file loads without this package."""

from __future__ import annotations

from collections.abc import Callable

import keras

from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.graphs.layer_graph import copy_layer, is_graph
from dfad_tf.synthesis.generators.bilinear_resize import BilinearResize, bilinear_weights
from dfad_tf.synthesis.generators.upsampled_convolution import UpsampledConv2D


def in_standard_layers(generator: keras.Model) -> keras.Model:
    """Return the same generator in Keras's own layers.

    Its outputs are equal within floating-point rounding. Its file loads with
    `keras.saving.load_model` in a program that does not import this package.

    Args:
        generator: A model from latents `(batch, latent)` to images.

    Returns:
        A copy with the same weights and layer names. The generator itself, if all its layers
        are Keras's own, or if it has layers or a model class that are neither Keras's nor of
        this package.

    Example:

    >>> standard = in_standard_layers(generator)
    >>> standard.save("generator.keras")
    """
    if not is_graph(generator) or _is_standard(generator):
        return generator
    if not all(map(_has_standard_form, all_layers(generator))):
        return generator
    copies = []

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        replace = _REPLACEMENTS.get(type(layer), copy_layer)
        copies.append((layer, replace(layer)))
        return copies[-1][1]

    standard = keras.models.clone_model(generator, clone_function=clone, recursive=True)
    if not _is_standard(standard):  # A wrapper contains a layer of this package.
        return generator
    for layer, copy in copies:
        if isinstance(layer, BilinearResize):
            for product in copy.layers:
                product.set_weights([bilinear_weights(*product.kernel.shape).T])
        elif isinstance(layer, keras.layers.Layer):  # An operation has no weights.
            copy.set_weights(layer.get_weights())
    return standard


def _is_standard(network: keras.Model) -> bool:
    """Whether a network and all its layers are Keras's own."""
    return all(type(layer).__module__.startswith("keras.") for layer in all_layers(network))


def _has_standard_form(layer: keras.layers.Layer) -> bool:
    return type(layer).__module__.startswith("keras.") or type(layer) in _REPLACEMENTS


def _up_sampling_and_convolution(layer: UpsampledConv2D) -> keras.Sequential:
    up_sampling = keras.layers.UpSampling2D(
        2, "channels_last", name=f"{layer.name}_up_sampling", dtype=layer.dtype_policy
    )
    config = {**layer.get_config(), "name": f"{layer.name}_convolution"}
    convolution = keras.layers.Conv2D.from_config(config)
    return keras.Sequential([up_sampling, convolution], name=layer.name)


def _matrix_products(layer: BilinearResize) -> keras.Sequential:
    """Return the two matrix products of a resizing.

    `keras.layers.Resizing` is not used: in a model that is called without `training`, its own
    default, True, also holds for the layers after it.
    """
    width, channels = layer.input.shape[2:]
    products = [
        keras.layers.EinsumDense(
            equation,
            output_shape,
            name=f"{layer.name}_{axis}",
            dtype=layer.dtype_policy,
            trainable=False,
        )
        for axis, equation, output_shape in (
            ("rows", "bhwc,hi->biwc", (layer.height, width, channels)),
            ("columns", "biwc,wj->bijc", (layer.height, layer.width, channels)),
        )
    ]
    return keras.Sequential(products, name=layer.name)


_REPLACEMENTS: dict[type, Callable[..., keras.layers.Layer]] = {
    UpsampledConv2D: _up_sampling_and_convolution,
    BilinearResize: _matrix_products,
}
