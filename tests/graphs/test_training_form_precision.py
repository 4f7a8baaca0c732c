"""The form in lower precision: which layers run in it, and what is saved."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.table import Settings
from tests.conftest import same, small_classifier, small_generator, weights
from tests.helpers.training_networks import NETWORKS, SHAPE, nested, normal, shared, twins

layers = keras.layers


@pytest.mark.parametrize("build", [NETWORKS[0], nested, shared])
def test_outputs_in_bfloat16_are_close_to_those_in_float32(build):
    network, plain = twins(build)
    form, images = TrainingForm(network, "mixed_bfloat16"), normal(8, *SHAPE)
    assert form.compute_dtype == "bfloat16"
    assert TrainingForm(network).compute_dtype == "float32"
    for training in (True, False):
        outputs, expected = form(images, training=training), plain(images, training=training)
        assert outputs.dtype == tf.float32
        assert not np.array_equal(outputs, expected)
        np.testing.assert_allclose(outputs, expected, atol=0.05 * float(np.abs(expected).max()))
    for layer in all_layers(network):
        assert layer.dtype_policy.name == "float32"
    assert {v.dtype for v in network.variables} == {"float32"}
    for a, b in zip(weights(network), weights(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.02, atol=0.02)


def test_heads_of_nested_models_and_of_several_outputs_stay_in_float32():
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
    policies = {layer.name: layer.dtype_policy.name for layer in all_layers(form.clone)}
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
def test_only_the_exact_outputs_stay_in_float32(exact, types):
    images = keras.Input(SHAPE)
    maps = layers.Conv2D(2, 3)(images)
    outputs = {"maps": maps, "logits": layers.Dense(3)(layers.Flatten()(maps))}
    network = keras.Model(images, outputs)
    form = TrainingForm(network, "mixed_bfloat16", [outputs[name] for name in exact])
    computed, plain = form(normal(4, *SHAPE)), network(normal(4, *SHAPE))
    assert (computed["logits"].dtype, computed["maps"].dtype) == types
    for name, value in computed.items():
        np.testing.assert_allclose(tf.cast(value, "float32"), plain[name], rtol=0.1, atol=0.1)
    if len(exact) == 2:  # as without the argument
        again = TrainingForm(network, "mixed_bfloat16")(normal(4, *SHAPE))
        assert {value.dtype for value in again.values()} == {tf.float32}


def test_a_layer_keeps_a_dtype_policy_of_its_own():
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
    # As in a process that never imports this package.
    for name in list(keras.saving.get_custom_objects()):
        monkeypatch.delitem(keras.saving.get_custom_objects(), name)
    again, images = keras.models.load_model(tmp_path / "student.keras"), normal(4, *SHAPE)
    np.testing.assert_array_equal(again(images), student(images))
    assert {type(layer).__module__.split(".")[0] for layer in again.layers} == {"keras"}


def test_a_network_with_operations_between_its_layers_runs_in_bfloat16():
    inputs = keras.Input(SHAPE)
    x = keras.ops.relu(layers.Conv2D(1, 3, padding="same")(inputs) + inputs)
    network = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    form, images = TrainingForm(network, "mixed_bfloat16"), normal(4, *SHAPE)
    assert form.compute_dtype == "bfloat16"
    np.testing.assert_allclose(form(images), network(images), rtol=0.1, atol=0.1)


def test_an_unknown_precision_is_an_error():
    with pytest.raises(ValueError, match="mixed_bfloat"):
        TrainingForm(small_classifier(), "mixed_bfloat")


class OnlyFloat32(layers.Layer):
    """A third-party layer whose operation exists in float32 alone."""

    def call(self, inputs):
        if keras.backend.standardize_dtype(inputs.dtype) != "float32":
            raise TypeError("the kernel of this layer takes float32")
        return 2.0 * inputs


@tf.custom_gradient
def _without_gradient_in_bfloat16(inputs):
    def gradient(upstream):
        if upstream.dtype == tf.bfloat16:
            raise NotImplementedError("no gradient in bfloat16")
        return upstream

    return tf.identity(inputs), gradient


class GradientInFloat32(layers.Layer):
    """A third-party layer that runs in any precision, but whose gradient does not."""

    def call(self, inputs):
        return _without_gradient_in_bfloat16(inputs)


class InAnyPrecision(layers.Layer):
    """A third-party layer without a fault."""

    def call(self, inputs):
        return 2 * inputs


class WithoutConfig(layers.Layer):
    """A third-party layer that Keras cannot create from its config."""

    def __init__(self, factor):
        super().__init__(name="without_config")
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs


def with_layers(*inner):
    return keras.Sequential(
        [keras.Input(SHAPE), layers.Conv2D(2, 3), *inner, layers.Flatten(), layers.Dense(3)]
    )


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (lambda: OnlyFloat32(name="only_float32"), "the kernel of this layer takes float32"),
        (lambda: WithoutConfig(2.0), "WithoutConfig"),
    ],
)
def test_a_layer_that_does_not_run_in_bfloat16_is_named_in_one_warning(layer, reason):
    layer = layer()
    network = with_layers(InAnyPrecision(name="fine"), layer, InAnyPrecision(name="also_fine"))
    with pytest.warns(UserWarning, match=f"mixed_bfloat16.*{layer.name} .*{reason}") as caught:
        form = TrainingForm(network, "mixed_bfloat16")
        TrainingForm(network, "mixed_bfloat16")
    assert len(caught) == 1 and caught[0].filename == __file__
    assert "fine" not in str(caught[0].message) and "\n" not in str(caught[0].message)
    assert form.clone is None and form.compute_dtype == "float32"
    images = normal(4, *SHAPE)
    np.testing.assert_array_equal(form(images, training=True), network(images, training=True))


def test_a_layer_whose_gradient_does_not_run_in_bfloat16_is_named():
    network = with_layers(GradientInFloat32(name="gradient_in_float32"))
    message = "mixed_bfloat16 because of the layer gradient_in_float32 .no gradient in bfloat16"
    with pytest.warns(UserWarning, match=message):
        assert TrainingForm(network, "mixed_bfloat16").clone is None


def test_a_third_party_layer_that_runs_in_bfloat16_does_not_warn(recwarn):
    form = TrainingForm(with_layers(InAnyPrecision()), "mixed_bfloat16")
    assert form.compute_dtype == "bfloat16" and not recwarn.list


def test_without_a_precision_to_lose_there_is_no_warning_but_a_log_line(recwarn, caplog):
    caplog.set_level("INFO", "dfad_tf")
    assert TrainingForm(with_layers(WithoutConfig(2.0))).clone is None
    assert TrainingForm(with_layers(WithoutConfig(2.0)), "float32").clone is None
    assert not recwarn.list
    assert [record.levelname for record in caplog.records] == ["INFO"] * 2
    assert "without_config" in caplog.text


def test_a_network_with_a_call_of_its_own_is_named_in_the_warning():
    class Halved(keras.Sequential):
        def call(self, inputs, training=None, mask=None):
            return super().call(inputs, training=training) / 2

    inner = Halved([keras.Input(SHAPE), layers.Conv2D(2, 3)], name="halved")
    with pytest.warns(UserWarning, match="mixed_bfloat16.*halved .*may override the method call"):
        form = TrainingForm(
            keras.Sequential([keras.Input(SHAPE), inner, layers.Flatten(), layers.Dense(3)]),
            "mixed_bfloat16",
        )
    assert form.clone is None
