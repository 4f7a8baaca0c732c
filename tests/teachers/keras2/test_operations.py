"""Operations that Keras 2 recorded between layers."""

import json

import keras
import numpy as np
import pytest

from dfad_tf.teachers.keras2.operations import apply_operation
from dfad_tf.utils.errors import InputError

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype("float32")


def applied(kind, config, more=None):
    return np.asarray(
        apply_operation(kind, config, [keras.ops.convert_to_tensor(IMAGES)], more or {})
    )


@pytest.mark.parametrize(
    ("function", "more", "wanted"),
    [
        ("math.truediv", {"y": 127.5, "name": None}, IMAGES / 127.5),
        ("math.subtract", {"y": 1.0}, IMAGES - 1),
        ("__operators__.add", {"y": 3.0}, IMAGES + 3),
        ("math.multiply", {"y": 0.5}, IMAGES * 0.5),
        ("nn.bias_add", {"bias": [1.0, 2.0, 3.0], "data_format": "NHWC"}, IMAGES + [1, 2, 3]),
        ("clip_by_value", {"clip_value_min": 5.0, "clip_value_max": 9.0}, np.clip(IMAGES, 5, 9)),
        ("math.reduce_mean", {"axis": [1, 2], "keepdims": False}, IMAGES.mean((1, 2))),
        ("nn.relu6", {}, np.clip(IMAGES, 0, 6)),
    ],
)
def test_functions_of_tensorflow_have_their_values(function, more, wanted):
    found = applied("TFOpLambda", {"function": function, "name": "f"}, more)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_slices_are_taken():
    parts = [{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}]
    config = {"function": "__operators__.getitem"}
    np.testing.assert_array_equal(
        applied("SlicingOpLambda", config, {"slice_spec": parts}), IMAGES[..., ::-1]
    )


@pytest.mark.parametrize("as_text", [True, False])
def test_operations_of_a_graph_have_their_values(as_text):
    definition = {"op": "RealDiv", "name": "t", "input": ["x", "t/y"]}
    node = json.dumps(definition) if as_text else definition
    config = {"node_def": node, "constants": {"1": 127.5}, "name": "t"}
    np.testing.assert_allclose(applied("TensorFlowOpLayer", config), IMAGES / 127.5, rtol=1e-6)
    config = {"node_def": {"op": "Sub"}, "constants": {"0": 1.0}}  # 1 - x
    np.testing.assert_allclose(applied("TensorFlowOpLayer", config), 1 - IMAGES, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("TFOpLambda", {"function": "io.write_file", "name": "w"}),
        ("SlicingOpLambda", {"function": "other", "name": "w"}),
        ("TensorFlowOpLayer", {"node_def": {"op": "WriteFile"}, "name": "w"}),
    ],
)
def test_other_operations_are_refused_by_name(kind, config):
    with pytest.raises(InputError, match="in the layer 'w'; export the model as a SavedModel"):
        applied(kind, config)
