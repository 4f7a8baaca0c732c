"""Graphs of Keras 2 with layers that are called several times."""

import numpy as np
import pytest

from dfad_tf.teachers.keras2.models import create_model
from dfad_tf.utils.errors import InputError


def graph(*layers, output):
    shape = {"batch_input_shape": [None, 4], "name": "image"}
    inputs = {"class_name": "InputLayer", "name": "image", "config": shape, "inbound_nodes": []}
    config = {
        "name": "graph",
        "layers": [inputs, *layers],
        "input_layers": [["image", 0, 0]],
        "output_layers": [output],
    }
    return {"class_name": "Functional", "config": config}


def layer(kind, name, nodes, **config):
    config = {"name": name, **config}
    return {"class_name": kind, "name": name, "config": config, "inbound_nodes": nodes}


def test_a_layer_that_is_called_several_times_is_one_layer():
    """Twice on the image, with equal entries, and once on its own output."""
    calls = [[["image", 0, 0, {}]], [["image", 0, 0, {}]], [["dense", 0, 0, {}]]]
    total = [[["dense", 0, 0, {}], ["dense", 1, 0, {}], ["dense", 2, 0, {}]]]
    # The sum comes first in the file: its inputs do not exist yet.
    layers = [layer("Add", "sum", total), layer("Dense", "dense", calls, units=4)]
    model = create_model(graph(*layers, output=["sum", 0, 0]))
    kernel = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    model.set_weights([kernel, np.zeros(4)])
    image = np.ones((2, 4), "float32")
    once = image @ kernel
    np.testing.assert_allclose(model(image), 2 * once + once @ kernel, rtol=1e-4, atol=1e-5)


def test_a_graph_with_a_missing_input_is_refused():
    missing = layer("Dense", "dense", [[["other", 0, 0, {}]]], units=4)
    with pytest.raises(InputError, match="'dense' without them"):
        create_model(graph(missing, output=["dense", 0, 0]))
