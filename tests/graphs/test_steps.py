"""Networks as lists of steps that can be executed in parts."""

import keras
import numpy as np
import pytest

from dfad_tf.graphs.steps import list_steps, run_steps
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier
from tests.helpers.residual_networks import answers, deep, images

layers = keras.layers


def whole(network, inputs):
    graph = list_steps(network)
    return run_steps(graph.steps, {graph.input: inputs}, [graph.output])[graph.output]


def test_all_steps_together_are_the_network():
    network = deep(mean=[1.0] * 3, std=[2.0] * 3)
    np.testing.assert_array_equal(whole(network, images()), answers(network, images()))


def test_steps_of_nested_graphs_are_among_them():
    inner = small_classifier(batch_norm=True)
    inputs = keras.Input((8, 8, 1))
    outer = keras.Model(inputs, layers.Softmax()(inner(inputs) * 2.0))
    names = [type(step.operation).__name__ for step in list_steps(outer).steps]
    assert names == [
        "Conv2D", "BatchNormalization", "Flatten", "Dense", "Dense", "Multiply", "Softmax",
    ]  # fmt: skip
    pixels = images(shape=(8, 8, 1))
    np.testing.assert_allclose(whole(outer, pixels), answers(outer, pixels), rtol=1e-6)


def test_a_step_runs_in_inference_mode_although_the_graph_was_built_in_training_mode():
    inputs = keras.Input((4,))
    normalization = layers.BatchNormalization()
    network = keras.Model(inputs, normalization(inputs, training=True))
    whole(network, np.ones((3, 4), "float32"))
    np.testing.assert_array_equal(normalization.moving_mean, np.zeros(4))


def test_steps_that_nothing_needs_are_not_executed():
    graph = list_steps(small_classifier())
    flat, hidden = graph.steps[1].outputs[0], graph.steps[2].outputs[0]
    values = run_steps(graph.steps, {flat: np.ones((2, 144))}, [hidden])
    assert values[hidden].shape == (2, 8)


@pytest.mark.parametrize("network", [keras.Model(), small_classifier().layers[0]])
def test_only_a_graph_has_steps(network):
    with pytest.raises(InputError, match="functional or sequential"):
        list_steps(network)
