"""A generator in Keras's own layers: the same images, from a file that needs no dfad_tf."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.synthesis import generators
from dfad_tf.synthesis.generators.standard_layers import in_standard_layers
from dfad_tf.synthesis.generators.upsampled_convolution import UpsampledConv2D
from tests.conftest import small_generator

LOAD = """
import sys
import keras
import numpy as np
generator = keras.saving.load_model("generator.keras")
assert not [name for name in sys.modules if name.startswith("dfad_tf")]
np.save("found.npy", np.array(generator(np.load("latent.npy"))))
"""


def trained(name, shape, value_range=None):
    """A generator whose weights and moving statistics are not the initial ones."""
    channels = shape[-1]
    mean, std = [33.0] * channels, [70.0] * channels
    generator = generators.build(name, 6, shape, mean, std, value_range)
    random = np.random.default_rng(3)
    generator.set_weights([w + random.uniform(-0.1, 0.1, w.shape) for w in generator.get_weights()])
    return generator


def assert_equal_images(found, expected):
    extent = np.ptp(expected)
    assert extent > 1
    assert np.abs(np.array(found) - expected).max() < 1e-4 * extent


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 2), (12, 20, 3), (13, 31, 1), (64, 48, 3)])
@pytest.mark.parametrize("name", sorted(generators.GENERATORS))
def test_the_images_are_the_same(name, shape):
    if name == "dfad" and (shape[0] % 4 or shape[1] % 4):
        pytest.skip("the generator of DFAD needs sides divisible by 4")
    generator = trained(name, shape)
    standard = in_standard_layers(generator)
    modules = {type(layer).__module__.split(".")[0] for layer in standard._flatten_layers()}
    assert modules == {"keras"}
    assert standard.input_shape == generator.input_shape
    assert standard.output_shape == generator.output_shape == (None, *shape)
    assert standard.name == generator.name
    assert standard.inputs[0].name == generator.inputs[0].name
    trained_variables = zip(
        standard.trainable_variables, generator.trainable_variables, strict=True
    )
    assert all(np.array_equal(ours, theirs) for ours, theirs in trained_variables)
    latent = tf.random.normal((5, generator.input_shape[-1]))
    for arguments in ({}, {"training": False}, {"training": True}):
        expected = np.array(generator(latent, **arguments))
        assert_equal_images(standard(latent, **arguments), expected)


def test_bounded_images_are_the_same():
    generator = trained("compact", (15, 9, 1), ([0.0], [255.0]))
    latent = tf.random.normal((5, 6))
    assert_equal_images(in_standard_layers(generator)(latent), np.array(generator(latent)))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "shape"), [("dfad", (12, 20, 3)), ("compact", (13, 31, 1))])
def test_the_file_loads_with_keras_alone(name, shape, tmp_path):
    generator = trained(name, shape)
    latent = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    np.save(tmp_path / "latent.npy", latent)
    in_standard_layers(generator).save(tmp_path / "generator.keras")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert_equal_images(np.load(tmp_path / "found.npy"), np.array(generator(latent)))


class Custom(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


@pytest.mark.parametrize("custom", [False, True])
def test_a_nested_sequential_generator(custom):
    head = [keras.Input((4,)), keras.layers.Dense(12), keras.layers.Reshape((2, 3, 2))]
    inner = keras.Sequential([keras.Input((2, 3, 2)), UpsampledConv2D(1, activation="tanh")])
    generator = keras.Sequential([*head, inner, *([Custom()] if custom else [])])
    standard = in_standard_layers(generator)
    latent = tf.random.normal((3, 4))
    np.testing.assert_allclose(standard(latent), generator(latent), atol=1e-5)
    # A layer that this package does not know may do anything.
    assert (standard is generator) == custom


class OwnCall(keras.Model):
    def __init__(self):
        super().__init__()
        self.generator = small_generator()

    def call(self, inputs):
        return self.generator(inputs)


@pytest.mark.parametrize("build", [small_generator, OwnCall])
def test_a_generator_without_layers_of_this_package_is_returned_as_it_is(build):
    generator = build()
    assert in_standard_layers(generator) is generator
