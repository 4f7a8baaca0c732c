"""Distillation with data: what each stage moves, and that a student truly learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.data.datasets import open_dataset
from dfad_tf.data.labelled_batches import labelled_batches
from dfad_tf.distillation.supervised_distiller import SupervisedDistiller
from dfad_tf.methods import data_methods
from dfad_tf.methods.data_methods import DATA_METHODS
from dfad_tf.methods.supervised_objectives import LabelObjective
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier, weights

layers = keras.layers
SHAPE = (8, 8, 1)


def network(filters):
    """Three resolutions; the middle convolution ends the middle one."""
    body = []
    for count in (filters, 2 * filters, 2 * filters):
        body += [layers.Conv2D(count, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Rescaling(1 / 128, -0.5),
            *body[:-1],
            layers.BatchNormalization(momentum=0.9),
            layers.Flatten(),
            layers.Dense(10, name="logits"),
        ]
    )


@pytest.fixture(scope="module")
def digits():
    return open_dataset("digits")


@pytest.fixture(scope="module")
def train(digits):
    return digits.load("train", SHAPE)


@pytest.fixture(scope="module")
def teacher(train):
    keras.utils.set_random_seed(1)
    model = network(12)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss)
    model.fit(*train, batch_size=64, epochs=6, verbose=0)
    return model


@pytest.fixture
def student():
    return network(4)


def distill(stage, teacher, student, data, epochs=1, steps=None, rate=5e-3, **arguments):
    """Fit one stage, and return the distiller and its logs."""
    distiller = SupervisedDistiller(
        teacher, student, stage.objectives, stage.teacher_layers, stage.student_layers, **arguments
    )
    distiller.compile(keras.optimizers.Adam(rate), metrics=["accuracy"])
    batches = labelled_batches(*data, 64)
    batches = batches.take(steps) if steps else batches
    return distiller, distiller.fit(batches, epochs=epochs, verbose=0, shuffle=False).history


def by_layer(network):
    return {layer.name: weights(layer) for layer in network.layers if layer.weights}


def moved(before, after):
    return {name for name in before if not same(before[name], after[name])}


def accuracy(student, data):
    images, labels = data
    return np.mean(student.predict(images.astype("f4"), verbose=0).argmax(-1) == labels)


@pytest.mark.slow
@pytest.mark.parametrize("method", DATA_METHODS)
def test_a_student_learns_and_its_teacher_stays_as_it_is(method, teacher, student, train, digits):
    test, before = digits.load("test", SHAPE), weights(teacher)
    assert accuracy(student, test) < 0.3
    *_, (_, logs) = [
        distill(stage, teacher, student, train, epochs=6)
        for stage in data_methods.stages(method, teacher, student)
    ]
    assert accuracy(student, test) > 0.7
    assert logs["loss"][-1] < logs["loss"][0]
    assert same(before, weights(teacher))
    assert not teacher.trainable


@pytest.mark.slow
def test_the_logged_loss_is_the_weighted_sum_of_its_terms(teacher, student, train):
    (stage,) = data_methods.stages("kd", teacher, student)
    _, logs = distill(stage, teacher, student, train, steps=2)
    assert set(logs) == {"loss", "label_loss", "logits_loss"}
    expected = 0.1 * logs["label_loss"][0] + 0.9 * logs["logits_loss"][0]
    assert logs["loss"][0] == pytest.approx(expected, rel=1e-5)


def test_a_step_descends_what_the_networks_give_by_hand(teacher, train):
    student = small_classifier(SHAPE, 10)
    images, labels = train[0][:64], train[1][:64]
    (stage,) = data_methods.stages("kd", teacher, student)
    p, q = (np.array(net(images.astype("f4")), "f8") for net in (teacher, student))

    def logarithm(logits):
        logits = logits - logits.max(-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    soft = [logarithm(logits / 4) for logits in (p, q)]
    divergence = 16 * np.mean(np.sum(np.exp(soft[0]) * (soft[0] - soft[1]), -1))
    expected = 0.9 * divergence - 0.1 * np.mean(logarithm(q)[np.arange(64), labels])
    _, logs = distill(stage, teacher, student, (images, labels))
    assert logs["loss"][0] == pytest.approx(expected, rel=1e-3)


@pytest.mark.slow
def test_the_hint_trains_only_the_layers_up_to_the_guided_one(teacher, student, train):
    hint, second = data_methods.stages("fitnet", teacher, student)
    reached = keras.Model(student.inputs[0], student.get_layer(hint.student_layers[0]).output)
    inner = {layer.name for layer in reached.layers if layer.weights}
    before, theirs = by_layer(student), weights(teacher)
    (regressor,) = hint.objectives[0].networks
    first = weights(regressor)
    distiller, logs = distill(hint, teacher, student, train, epochs=3)
    trained = [*reached.trainable_variables, *regressor.trainable_variables]
    assert list(map(id, distiller.trainable_variables)) == list(map(id, trained))
    assert set(logs) == {"loss", "hint_loss"} and logs["loss"][-1] < logs["loss"][0]
    assert moved(before, by_layer(student)) == inner
    assert "logits" in before and "logits" not in inner and len(inner) < len(before)
    assert not same(first, weights(regressor)) and same(theirs, weights(teacher))
    # The second stage moves all of the student, and the regressor no more.
    before, last = by_layer(student), weights(regressor)
    distill(second, teacher, student, train, steps=2)
    assert moved(before, by_layer(student)) == set(before)
    assert same(last, weights(regressor))


@pytest.mark.slow
def test_the_paraphraser_is_trained_alone_and_then_does_not_change(teacher, student, train):
    first, second = data_methods.stages("ft", teacher, student)
    paraphraser = first.objectives[0].paraphraser
    before, untouched = weights(paraphraser), weights(student)
    distiller, logs = distill(first, teacher, student, train, epochs=6)
    assert logs["reconstruction_loss"][-1] < 0.6 * logs["reconstruction_loss"][0]
    assert not same(before, weights(paraphraser)) and same(untouched, weights(student))
    assert distiller.form is None
    prepared, translator = weights(paraphraser), second.objectives[1].networks[0]
    start = weights(translator)
    _, logs = distill(second, teacher, student, train, steps=4)
    assert same(prepared, weights(paraphraser))
    assert not same(start, weights(translator)) and not same(untouched, weights(student))
    assert set(logs) == {"loss", "label_loss", "factor_loss"}


@pytest.mark.slow
def test_evaluate_changes_no_variable_and_returns_the_students_accuracy(teacher, student, train):
    (stage,) = data_methods.stages("at", teacher, student)
    distiller, _ = distill(stage, teacher, student, train, steps=3)
    before = [v.numpy() for v in distiller.variables]
    data = tf.data.Dataset.from_tensor_slices(train).batch(100)
    measured = distiller.evaluate(data, verbose=0, return_dict=True)
    assert same(before, [v.numpy() for v in distiller.variables][: len(before)])
    assert measured["accuracy"] == pytest.approx(accuracy(student, train), abs=1e-6)
    first = student.predict(train[0][:5].astype("f4"), verbose=0)
    np.testing.assert_allclose(distiller(train[0][:5].astype("f4")), first, atol=1e-5)


def test_the_teacher_answers_in_inference_mode(student, train):
    teacher = small_classifier(SHAPE, 10, batch_norm=True)
    statistics = weights(teacher.layers[1])
    (stage,) = data_methods.stages("kd", teacher, student)
    distill(stage, teacher, student, train, steps=2)
    assert same(statistics, weights(teacher.layers[1]))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kd", "at", "ft"])
def test_in_bfloat16_a_student_learns_and_stays_float32(method, teacher, student, train):
    *_, stage = data_methods.stages(method, teacher, student)
    distiller, logs = distill(stage, teacher, student, train, epochs=3, precision="mixed_bfloat16")
    assert distiller.form.compute_dtype == "bfloat16"
    assert logs["label_loss"][-1] < logs["label_loss"][0]
    assert {v.dtype for v in student.variables} == {"float32"}
    assert {layer.dtype_policy.name for layer in student.layers} == {"float32"}


def test_the_teacher_is_not_evaluated_unless_a_term_needs_it(teacher, student, train):
    distiller = SupervisedDistiller(teacher, student, [LabelObjective()])
    assert distiller.signals is None


def test_layers_that_are_not_there(teacher, student):
    (stage,) = data_methods.stages("at", teacher, student)
    with pytest.raises(InputError, match="`teacher_layers`"):
        SupervisedDistiller(teacher, student, stage.objectives, ["nothing"], ["nothing"])
    with pytest.raises(InputError, match="`student_layers`"):
        SupervisedDistiller(teacher, student, stage.objectives, ["logits"], ["nothing"])


@pytest.mark.slow
@pytest.mark.parametrize("method", DATA_METHODS)
def test_two_replicas_are_one_device_at_the_same_global_batch(method, train, two_replicas):
    ends = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        keras.utils.set_random_seed(3)
        with strategy.scope():
            theirs, ours = network(6), network(4)
            settings = data_methods.DataSettings(reference_forms=method == "fitnet")
            stages = data_methods.stages(method, theirs, ours, settings)
        for stage in stages:
            with strategy.scope():
                distiller = SupervisedDistiller(
                    theirs, ours, stage.objectives, stage.teacher_layers, stage.student_layers
                )
                distiller.compile(keras.optimizers.SGD(1e-3, 0.9))
            batches = labelled_batches(*train, 32, drop_remainder=True).take(3)
            logs = distiller.fit(batches, verbose=0, shuffle=False).history
        networks = [ours, *distiller.networks]
        ends.append([*logs["loss"], *(w for network in networks for w in weights(network))])
    for one, two in zip(*ends, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=3e-6)
