"""The form that computes: the network's own function and weights, in faster operations."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.distiller import DataFreeDistiller
from dfad_tf.fast_layers import FusedBatchNormalization
from dfad_tf.methods import Settings
from dfad_tf.training_form import TrainingForm
from tests.conftest import same, small_classifier, small_generator, weights

layers = keras.layers
SHAPE = (8, 8, 1)


def normal(*shape, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(1.0, 2.0, shape).astype("float32")


def nested():
    """A model in a model in a model, with batch norm in each."""
    images = keras.Input((6, 6, 2))
    inner = keras.Model(images, layers.BatchNormalization()(layers.Conv2D(2, 3)(images)))
    middle = keras.Sequential(
        [keras.Input((8, 8, 2)), layers.Conv2D(2, 3), layers.BatchNormalization(), inner]
    )
    outer = keras.Input(SHAPE)
    x = middle(layers.BatchNormalization()(layers.Conv2D(2, 3, padding="same")(outer)))
    return keras.Model(outer, layers.Dense(3)(layers.Flatten()(x)))


def shared():
    """Layers that are called twice, one of them also inside an inner model."""
    convolution = layers.Conv2D(2, 3, padding="same")
    norm = layers.BatchNormalization(momentum=0.5)
    inputs = keras.Input((8, 8, 2))
    inner = keras.Model(inputs, layers.ReLU()(convolution(inputs)))
    outer = keras.Input(SHAPE)
    x = norm(convolution(layers.Concatenate()([outer, outer])))
    x = layers.Add()([norm(inner(x)), inner(x)])
    return keras.Model(outer, layers.Dense(3)(layers.Flatten()(x)))


def branches():
    """Two branches whose weights have the same shapes, joined in the other order."""
    inputs = keras.Input(SHAPE)
    first, second = (layers.BatchNormalization()(layers.Conv2D(2, 3)(inputs)) for _ in range(2))
    second = layers.Conv2D(2, 1)(second)
    x = layers.Concatenate()([second, first])
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def wide():
    """Convolutions of as many filters as make the form compute their gradients by itself."""
    hidden = [layers.Conv2D(32, 3, strides=strides, activation="relu") for strides in (1, 2)]
    return keras.Sequential([keras.Input(SHAPE), *hidden, layers.Flatten(), layers.Dense(3)])


def random_layers():
    """Dropout: its draws are state of the network as well."""
    return keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), layers.Dropout(0.5, seed=3), layers.Dense(3)]
    )


def partly_frozen():
    network = small_classifier(batch_norm=True)
    network.layers[0].trainable = network.layers[1].trainable = False
    return network


def compiled():
    network = small_classifier(batch_norm=True)
    network.compile("adam", "mse", metrics=["accuracy"])
    return network


NETWORKS = [
    lambda: small_classifier(batch_norm=True),
    nested,
    shared,
    branches,
    wide,
    random_layers,
    partly_frozen,
    compiled,
]


def twins(build):
    """A network twice, with the same weights, none of which is at its initial value."""
    first, second = build(), build()
    random = np.random.default_rng(5)
    values = [
        w if w.dtype.kind in "iu" else w + random.uniform(0.1, 0.5, w.shape) for w in weights(first)
    ]
    for network in (first, second):
        network.set_weights(values)
    return first, second


def state(network):
    return [keras.ops.convert_to_numpy(v) for v in network.variables]


def step(call, network, images, training):
    with tf.GradientTape() as tape:
        outputs = call(images, training=training)
        loss = tf.reduce_mean(outputs**2)
    return outputs, tape.gradient(loss, network.trainable_variables)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("build", NETWORKS)
def test_the_form_computes_the_networks_own_function(build, training):
    network, plain = twins(build)
    form, images = TrainingForm(network), normal(8, *SHAPE)
    assert form.clone is not None
    ours, our_gradients = step(form, network, images, training)
    theirs, their_gradients = step(plain, plain, images, training)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert len(our_gradients) == len(their_gradients) > 0
    # A bias in front of batch norm has no gradient but rounding, hence the largest one's scale.
    largest = max(float(np.abs(gradient).max()) for gradient in their_gradients)
    for a, b in zip(our_gradients, their_gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * largest)
    for a, b in zip(state(network), state(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("build", [NETWORKS[0], nested, random_layers])
def test_only_training_moves_the_networks_state(build):
    network, _ = twins(build)
    form, images, before = TrainingForm(network), normal(8, *SHAPE), state(network)
    form(images)
    form(images, training=False)
    assert same(before, state(network))
    form(images, training=True)
    assert not same(before, state(network))
    moved = {v.path for v, b in zip(network.variables, before, strict=True) if np.any(v != b)}
    assert moved <= {v.path for v in network.non_trainable_variables}


def test_the_form_follows_weights_that_change():
    network, images = small_classifier(), normal(4, *SHAPE)
    form = TrainingForm(network)
    network.set_weights([w + 0.5 for w in weights(network)])
    np.testing.assert_allclose(form(images), network(images), rtol=1e-5)


def test_a_batch_norm_of_the_form_is_fused_and_another_kind_of_it_is_not():
    class Doubled(layers.BatchNormalization):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training=training, mask=mask)

    network = keras.Sequential(
        [keras.Input(SHAPE), layers.BatchNormalization(), Doubled(), layers.Flatten()]
    )
    form = TrainingForm(network)
    assert [type(layer) for layer in form.clone.layers[:2]] == [FusedBatchNormalization, Doubled]
    assert type(network.layers[0]) is layers.BatchNormalization
    images = normal(4, *SHAPE)
    np.testing.assert_allclose(form(images), network(images), rtol=1e-5)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.norm = layers.BatchNormalization(momentum=0.9)
        self.head = layers.Dense(3)

    def call(self, inputs, training=False):
        return self.head(layers.Flatten()(self.norm(inputs, training=training)))


def subclassed():
    network = Subclassed()
    network(np.zeros((1, *SHAPE)))
    return network


def unclonable():
    """A lambda is only made again where it is trusted."""
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.BatchNormalization(momentum=0.9),
            layers.Lambda(lambda images: 2 * images),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


@pytest.mark.parametrize("precision", [None, "mixed_bfloat16"])
@pytest.mark.parametrize("build", [subclassed, unclonable])
def test_a_network_that_cannot_be_cloned_runs_as_it_is(build, precision):
    network, plain = twins(build)
    form, images = TrainingForm(network, precision), normal(8, *SHAPE)
    assert form.clone is None and form.compute_dtype == "float32"
    for training in (True, False):
        ours, our_gradients = step(form, network, images, training)
        theirs, their_gradients = step(plain, plain, images, training)
        np.testing.assert_array_equal(ours, theirs)
        assert same(list(map(np.array, our_gradients)), list(map(np.array, their_gradients)))
    assert same(weights(network), weights(plain))


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


def test_an_adapted_normalization_stays_adapted():
    layer, images = layers.Normalization(axis=-1), 20 * normal(64, *SHAPE)
    layer.adapt(images)
    network = keras.Sequential([keras.Input(SHAPE), layer, *small_classifier().layers])
    np.testing.assert_allclose(TrainingForm(network)(images), network(images), atol=1e-4)


def test_a_network_with_operators_between_its_layers_computes_in_bfloat16():
    inputs = keras.Input(SHAPE)
    x = keras.ops.relu(layers.Conv2D(1, 3, padding="same")(inputs) + inputs)
    network = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    form, images = TrainingForm(network, "mixed_bfloat16"), normal(4, *SHAPE)
    assert form.compute_dtype == "bfloat16"
    np.testing.assert_allclose(form(images), network(images), rtol=0.1, atol=0.1)


def test_a_graph_with_a_call_of_its_own_runs_as_it_is():
    class Halved(keras.Sequential):
        def call(self, inputs, training=None, mask=None):
            return super().call(inputs, training=training) / 2

    network = Halved([keras.Input(SHAPE), layers.Flatten(), layers.Dense(3)])
    images = normal(4, *SHAPE)
    np.testing.assert_allclose(TrainingForm(network)(images), network(images), rtol=1e-5)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="mixed_bfloat"):
        TrainingForm(small_classifier(), "mixed_bfloat")
