"""Fast layers have the results, gradients and statistics of Keras's layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.compute.fast_layers import FusedBatchNormalization, ProductGradientConv2D, convolution
from tests.conftest import same, weights

layers = keras.layers


def normal(*shape, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(1.0, 2.0, shape).astype("float32")


def batch_norms(shape, **arguments):
    """Keras's layer and the fast layer with equal weights, none of which has its initial value."""
    kinds = (layers.BatchNormalization, FusedBatchNormalization)
    pair = [kind(**{"momentum": 0.9, **arguments}) for kind in kinds]
    for layer in pair:
        layer.build((None, *shape))
    values = [np.random.default_rng(1).uniform(0.5, 1.5, w.shape) for w in pair[0].weights]
    for layer in pair:
        layer.set_weights(values)
    return pair


def operations(function, *arguments):
    graph = tf.function(function).get_concrete_function(*map(tf.constant, arguments)).graph
    return {operation.type for operation in graph.get_operations()}


def gradients(layer, inputs, factors, training):
    """Outputs, and gradients with respect to the input and the weights."""
    inputs = tf.convert_to_tensor(inputs)
    parameters = [v.value for v in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch([inputs, *parameters])
        outputs = layer(inputs) if training is None else layer(inputs, training=training)
        loss = tf.reduce_sum(outputs * factors)
    return [outputs, *tape.gradient(loss, [inputs, *parameters])]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [{}, {"center": False}, {"scale": False}, {"center": False, "scale": False}, {"axis": 3}],
)
@pytest.mark.parametrize("shape", [(16, 5, 7, 3), (2, 1, 1, 4), (1, 1, 1, 2), (3, 8, 8, 1)])
def test_fused_batch_normalization_equals_that_of_keras(shape, arguments, training):
    ordinary, fused = batch_norms(shape[1:], epsilon=1e-3, **arguments)
    inputs, factors = normal(*shape), normal(*shape, seed=2)
    expected = gradients(ordinary, inputs, factors, training)
    assert len(expected) == 4 - (not fused.center) - (not fused.scale)
    before = weights(fused)
    for fast, plain in zip(gradients(fused, inputs, factors, training), expected, strict=True):
        # Gradients sum over the batch: they differ in the last bits of its largest terms.
        size = max(1.0, float(np.abs(plain).max()))
        np.testing.assert_allclose(fast, plain, atol=2e-5 * size)
    for fast, plain in zip(weights(fused), weights(ordinary), strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-5, atol=1e-6)
    assert same(before, weights(fused)) != training
    assert "FusedBatchNormV3" in operations(lambda x: fused(x, training=training), inputs)


def test_moving_statistics_over_several_steps_equal_those_of_keras():
    ordinary, fused = batch_norms((4, 4, 2), momentum=0.7)
    for step in range(5):
        inputs = normal(3, 4, 4, 2, seed=step) * (step + 1)
        np.testing.assert_allclose(
            fused(inputs, training=True), ordinary(inputs, training=True), atol=1e-4
        )
    for fast, plain in zip(weights(fused), weights(ordinary), strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-4)


def test_a_frozen_batch_normalization_uses_its_moving_statistics():
    ordinary, fused = batch_norms((4, 4, 2))
    ordinary.trainable = fused.trainable = False
    before, inputs = weights(fused), normal(6, 4, 4, 2)
    outputs = fused(inputs, training=True)
    assert same(before, weights(fused))
    np.testing.assert_allclose(outputs, ordinary(inputs, training=True), atol=1e-5)
    np.testing.assert_array_equal(outputs, fused(inputs, training=False))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_statistics_stay_in_float32_in_mixed_precision(policy):
    ordinary, fused = batch_norms((5, 5, 3), dtype=policy)
    inputs = normal(8, 5, 5, 3).astype(keras.DTypePolicy(policy).compute_dtype)
    fast, plain = fused(inputs, training=True), ordinary(inputs, training=True)
    assert fast.dtype == plain.dtype == inputs.dtype
    np.testing.assert_allclose(tf.cast(fast, tf.float32), tf.cast(plain, tf.float32), atol=0.05)
    for mine, ordinary_weight in zip(fused.weights, ordinary.weights, strict=True):
        assert mine.dtype == "float32"
        np.testing.assert_allclose(mine, ordinary_weight, rtol=1e-3)
    assert "FusedBatchNormV3" in operations(lambda x: fused(x, training=True), inputs)


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((4, 3, 5, 2), {"axis": 1}),
        ((8, 3), {}),
        ((4, 6, 3), {}),
        ((4, 3, 5, 2), {"renorm": True}),
        ((4, 3, 5, 2), {"synchronized": True}),
        ((4, 3, 5, 2), {"dtype": "float64"}),
    ],
)
def test_arguments_that_the_kernel_does_not_support_use_keras(shape, arguments):
    if "renorm" in arguments and not hasattr(keras.layers.BatchNormalization(), "renorm"):
        pytest.skip("This version of Keras has no batch renormalization.")
    ordinary, fused = batch_norms(shape[1:], **arguments)
    inputs = normal(*shape)
    for training in (True, False):
        np.testing.assert_allclose(
            fused(inputs, training=training), ordinary(inputs, training=training), rtol=1e-6
        )
    assert same(weights(fused), weights(ordinary))
    assert "FusedBatchNormV3" not in operations(lambda x: fused(x, training=True), inputs)


def test_a_mask_uses_keras():
    ordinary, fused = batch_norms((3, 5, 2))
    inputs, mask = normal(4, 3, 5, 2), np.random.default_rng(3).random((4, 3, 5)) > 0.5
    np.testing.assert_array_equal(
        fused(inputs, training=True, mask=mask), ordinary(inputs, training=True, mask=mask)
    )
    assert same(weights(fused), weights(ordinary))


def test_the_config_of_a_fused_batch_normalization():
    layer = FusedBatchNormalization(momentum=0.8, epsilon=0.1, scale=False)
    again = FusedBatchNormalization.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.momentum, again.epsilon, again.scale, again.center) == (0.8, 0.1, False, True)


@pytest.fixture
def products(monkeypatch):
    """The arguments of the calls of `kernel_gradient`."""
    calls, gradient = [], convolution.kernel_gradient

    def recorded(*arguments):
        calls.append(arguments)
        return gradient(*arguments)

    monkeypatch.setattr(convolution, "kernel_gradient", recorded)
    return calls


def check_convolution(shape, dtype="float32", compiled=False, **arguments):
    """Compare results and gradients of Keras's layer and the fast layer with equal weights."""
    arguments = {"filters": 32, "kernel_size": 3, "dtype": dtype, **arguments}
    pair = [kind(**arguments) for kind in (layers.Conv2D, ProductGradientConv2D)]
    for layer in pair:
        layer.build((None, *shape[1:]))
    for layer in pair:
        layer.set_weights([normal(*w.shape, seed=4) / 20 for w in pair[0].weights])
    dtype = keras.DTypePolicy(dtype).compute_dtype
    inputs = tf.cast(normal(*shape), dtype)
    factors = tf.cast(normal(*pair[0].compute_output_shape(shape), seed=2), dtype)
    expected, found = (
        (tf.function(gradients) if compiled else gradients)(layer, inputs, factors, None)
        for layer in pair
    )
    for fast, plain in zip(found, expected, strict=True):
        assert fast.dtype == plain.dtype
        fast, plain = (tf.cast(tensor, tf.float32).numpy() for tensor in (fast, plain))
        tolerance = 1e-5 if dtype == "float32" else 0.02
        np.testing.assert_allclose(fast, plain, atol=tolerance * np.abs(plain).max())


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size", [(3, 3), (4, 4), (5, 8), (7, 6), (8, 8)])
def test_the_gradient_by_products_is_that_of_the_convolution(size, padding, strides, products):
    check_convolution((2, *size, 32), padding=padding, strides=strides)
    assert len(products) == 1


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((2, 6, 6, 32), {"kernel_size": 1}),
        ((2, 6, 6, 32), {"kernel_size": (3, 1)}),
        ((2, 6, 6, 8), {}),
        ((2, 6, 6, 32), {"filters": 8}),
        ((2, 6, 6, 64), {"groups": 2}),
        ((2, 6, 6, 32), {"dilation_rate": 2}),
        ((2, 7, 7, 32), {"strides": 3}),
        ((1, 20, 20, 32), {}),
    ],
)
def test_other_convolutions_use_the_gradient_of_tensorflow(shape, arguments, products):
    check_convolution(shape, **arguments)
    assert products == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"activation": "relu"},
        {"use_bias": False},
        {"dtype": "mixed_bfloat16"},
        {"compiled": True},
        {"compiled": True, "dtype": "mixed_bfloat16"},
    ],
)
def test_bias_activation_precision_and_compilation_have_no_effect(arguments, products):
    check_convolution((2, 4, 4, 32), **arguments)
    assert len(products) == 1
