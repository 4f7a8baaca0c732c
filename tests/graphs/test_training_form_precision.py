"""The form in lower precision: which layers follow it, and what is saved."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.table import Settings
from tests.conftest import same, small_classifier, small_generator, weights
from tests.helpers.training_networks import NETWORKS, SHAPE, nested, normal, shared, twins

layers = keras.layers


@pytest.mark.parametrize("build", [NETWORKS[0], nested, shared])
def test_in_bfloat16_the_form_computes_about_the_same(build):
    network, plain = twins(build)
    form, images = TrainingForm(network, "mixed_bfloat16"), normal(8, *SHAPE)
    assert form.compute_dtype == "bfloat16"
    assert TrainingForm(network).compute_dtype == "float32"
    for training in (True, False):
        ours, theirs = form(images, training=training), plain(images, training=training)
        assert ours.dtype == tf.float32
        assert not np.array_equal(ours, theirs)
        np.testing.assert_allclose(ours, theirs, atol=0.05 * float(np.abs(theirs).max()))
    for layer in network._flatten_layers():
        assert layer.dtype_policy.name == "float32"
    assert {v.dtype for v in network.variables} == {"float32"}
    for a, b in zip(weights(network), weights(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.02, atol=0.02)


def test_in_bfloat16_the_heads_of_inner_models_and_of_several_outputs_stay_float32():
    inner = small_classifier()
    images = keras.Input(SHAPE)
    hidden = layers.Dense(4, name="features")(layers.Flatten()(images))
    network = keras.Model(images, {"logits": inner(images), "features": hidden})
    form = TrainingForm(network, "mixed_bfloat16")
    outputs = form(normal(4, *SHAPE))
    assert {name: value.dtype for name, value in outputs.items()} == {
        "logits": tf.float32,
        "features": tf.float32,
    }
    policies = {layer.name: layer.dtype_policy.name for layer in form.clone._flatten_layers()}
    assert policies["head"] == policies["features"] == "float32"
    assert policies["hidden"] == "mixed_bfloat16"


@pytest.mark.parametrize(
    ("exact", "types"),
    [
        (("logits", "maps"), (tf.float32, tf.float32)),
        (("logits",), (tf.float32, tf.bfloat16)),
        (("maps",), (tf.bfloat16, tf.float32)),
        ((), (tf.bfloat16, tf.bfloat16)),
    ],
)
def test_only_the_exact_outputs_stay_float32(exact, types):
    images = keras.Input(SHAPE)
    maps = layers.Conv2D(2, 3)(images)
    outputs = {"maps": maps, "logits": layers.Dense(3)(layers.Flatten()(maps))}
    network = keras.Model(images, outputs)
    form = TrainingForm(network, "mixed_bfloat16", [outputs[name] for name in exact])
    computed, plain = form(normal(4, *SHAPE)), network(normal(4, *SHAPE))
    assert (computed["logits"].dtype, computed["maps"].dtype) == types
    for name, value in computed.items():
        np.testing.assert_allclose(tf.cast(value, "float32"), plain[name], rtol=0.1, atol=0.1)
    if len(exact) == 2:  # as without a word of them
        again = TrainingForm(network, "mixed_bfloat16")(normal(4, *SHAPE))
        assert {value.dtype for value in again.values()} == {tf.float32}


def test_a_layer_keeps_the_precision_that_its_author_gave_it():
    network = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Flatten(),
            layers.Dense(8, dtype="mixed_float16"),
            layers.Dense(8),
            layers.Dense(3),
        ]
    )
    clone = TrainingForm(network, "mixed_bfloat16").clone
    names = [layer.dtype_policy.name for layer in clone.layers]
    assert names[1:] == ["mixed_float16", "mixed_bfloat16", "float32"]


def test_a_student_trained_in_bfloat16_is_saved_as_a_plain_float32_model(tmp_path, monkeypatch):
    student = small_classifier(batch_norm=True)
    distiller = DataFreeDistiller(small_classifier(batch_norm=True), student, small_generator())
    method = methods.get("dfad", Settings(student_steps=1))
    distiller.compile("adam", "adam", method, precision="mixed_bfloat16")
    assert distiller.student_form.compute_dtype == "bfloat16"
    before = weights(student)
    distiller.fit(batch_size=8, steps_per_epoch=2, verbose=0)
    assert not same(before, weights(student))
    student.save(tmp_path / "student.keras")
    with zipfile.ZipFile(tmp_path / "student.keras") as file:
        config = file.read("config.json").decode()
    assert not any(word in config for word in ("dfad_tf", "Fused", "float16"))
    # As where this package was never imported.
    for name in list(keras.saving.get_custom_objects()):
        monkeypatch.delitem(keras.saving.get_custom_objects(), name)
    again, images = keras.models.load_model(tmp_path / "student.keras"), normal(4, *SHAPE)
    np.testing.assert_array_equal(again(images), student(images))
    assert {type(layer).__module__.split(".")[0] for layer in again.layers} == {"keras"}


def test_a_network_with_operators_between_its_layers_computes_in_bfloat16():
    inputs = keras.Input(SHAPE)
    x = keras.ops.relu(layers.Conv2D(1, 3, padding="same")(inputs) + inputs)
    network = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    form, images = TrainingForm(network, "mixed_bfloat16"), normal(4, *SHAPE)
    assert form.compute_dtype == "bfloat16"
    np.testing.assert_allclose(form(images), network(images), rtol=0.1, atol=0.1)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="mixed_bfloat"):
        TrainingForm(small_classifier(), "mixed_bfloat")
