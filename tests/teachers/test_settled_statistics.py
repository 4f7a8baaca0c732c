"""What is left of the initial values in moving statistics: found, removed, and left alone."""

import keras
import numpy as np
import pytest

from dfad_tf.data.smooth_images import smooth_images
from dfad_tf.graphs.layer_graph import own_nodes
from dfad_tf.teachers.settled_statistics import initial_share, settle_statistics

SHAPE = (16, 16, 1)
MOMENTUM = 0.99


def network(filters=16, shape=SHAPE, before=(), seed=0, **convolution):
    """A convolution with batch normalization, and a second one behind it."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = keras.Input(shape)
    x = inputs
    for layer in before:
        x = layer(x)
    x = layers.Conv2D(filters, 3, name="first", **{"use_bias": False, **convolution})(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, name="norm")(x)
    x = layers.Conv2D(8, 3)(layers.ReLU()(x))
    x = layers.BatchNormalization(momentum=MOMENTUM)(x)
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def images(shape=SHAPE, count=256):
    return smooth_images(count, shape) / 255


def record(model, data, steps):
    """Set moving statistics as `steps` training steps on all images would leave them."""
    share = MOMENTUM**steps
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    truth = []
    for norm in norms:
        inside = keras.Model(model.inputs, own_nodes(model)[norm.name][0].input_tensors[0])
        values = inside.predict(data, verbose=0)
        mean, variance = values.mean((0, 1, 2)), values.var((0, 1, 2))
        truth.append((mean, variance))
        norm.moving_mean.assign((1 - share) * mean)
        norm.moving_variance.assign((1 - share) * variance + share)
    return norms, truth


@pytest.mark.parametrize("steps", [200, 500])
@pytest.mark.parametrize("shape", [SHAPE, (16, 16, 3)])
def test_the_number_of_steps_is_found(steps, shape):
    model = network(filters=16 if shape[2] == 1 else 96, shape=shape)
    record(model, images(shape), steps)
    found = initial_share(model)
    assert abs(found.steps - steps) < 20
    assert found.share == pytest.approx(MOMENTUM**steps, rel=0.2)


def test_the_initial_values_are_removed_from_every_layer():
    model = network()
    norms, truth = record(model, images(), 300)
    wrong = np.abs(np.asarray(norms[0].moving_variance) / truth[0][1] - 1).max()
    assert settle_statistics(model).steps == pytest.approx(300, abs=10)
    assert wrong > 5  # before: the initial values were most of it
    for norm, (mean, variance) in zip(norms, truth, strict=True):
        np.testing.assert_allclose(norm.moving_mean, mean, rtol=0.02, atol=1e-5)
        np.testing.assert_allclose(norm.moving_variance, variance, rtol=0.3, atol=1e-3)


def test_a_training_of_keras_is_found():
    model = network(before=[keras.layers.Rescaling(1 / 255), keras.layers.ZeroPadding2D(1)])
    data = images() * 255
    labels = (data[..., 0].mean((1, 2)) > np.median(data)).astype(int)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data, labels, batch_size=32, epochs=40, verbose=0)  # 320 steps
    assert initial_share(model).steps == pytest.approx(320, abs=25)


def test_settled_statistics_stay():
    model = network()
    norms, _ = record(model, images(), 3_000)
    before = np.asarray(norms[0].moving_variance).copy()
    assert settle_statistics(model) is None
    np.testing.assert_array_equal(norms[0].moving_variance, before)


def test_noisy_images_are_no_evidence():
    """White noise varies every channel alike, where the kernels have equal norms."""
    model = network()
    kernel = np.asarray(model.get_layer("first").kernel)
    model.get_layer("first").kernel.assign(kernel / np.sqrt((kernel**2).sum((0, 1, 2))))
    noise = np.random.default_rng(0).normal(size=(512, *SHAPE)).astype("float32")
    record(model, noise, 5_000)
    assert initial_share(model) is None


def test_arbitrary_variances_are_no_evidence():
    model = network()
    norm = model.get_layer("norm")
    norm.moving_variance.assign(
        np.random.default_rng(0).uniform(0.5, 2, norm.moving_variance.shape)
    )
    assert initial_share(model) is None


@pytest.mark.parametrize(
    "build",
    [
        lambda: network(activation="relu"),
        lambda: network(filters=3),  # too few equations
        lambda: network(before=[keras.layers.MaxPooling2D()]),
        lambda: keras.Sequential(
            [keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3)]
        ),
    ],
)
def test_other_teachers_stay(build):
    model = build()
    if any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers):
        record(model, images(), 300)
    weights = model.get_weights()
    assert settle_statistics(model) is None
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
