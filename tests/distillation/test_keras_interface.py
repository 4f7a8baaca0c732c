"""What a Keras user expects of a distiller: `fit`, `evaluate`, `predict`, `summary`."""

import re

import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.distillation.supervised_distiller import SupervisedDistiller
from dfad_tf.methods.supervised_objectives import HintObjective, LabelObjective
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier, small_generator, weights
from tests.helpers.small_distiller import fit, labelled, make


def not_compiled():
    return DataFreeDistiller(small_classifier(), small_classifier(), small_generator())


def supervised(compiled=True):
    distiller = SupervisedDistiller(small_classifier(), small_classifier(), [LabelObjective()])
    if compiled:
        distiller.compile("adam", metrics=["accuracy"])
    return distiller


def accuracy(distiller):
    images, labels = labelled()
    return np.mean(distiller.student.predict(images, verbose=0).argmax(-1) == labels)


@pytest.mark.slow
def test_fit_needs_no_arguments(capsys):
    distiller = make()
    before = weights(distiller.student)
    history = distiller.fit()
    assert history.epoch == [0]
    assert int(distiller.generator_optimizer.iterations) == 50
    assert not same(before, weights(distiller.student))
    assert "50/50" in capsys.readouterr().out


IMAGES, LABELS = labelled()
TRAINING_DATA = "Expected no training data, .* `validation_data`. Received: "
MEASURED = r"call evaluate\(x, y\) or evaluate\(dataset\). Received: "
TRAINED = r"call fit\(x, y\) or fit\(dataset\). Received: "
NOT_COMPILED = r"Expected a compiled distiller: call compile\(\) before "
CALLS = {
    "fit(x)": (make, lambda d: d.fit(IMAGES), TRAINING_DATA + "ndarray"),
    "fit(x=x)": (make, lambda d: d.fit(x=IMAGES, epochs=2), TRAINING_DATA + "ndarray"),
    "fit(x, y)": (make, lambda d: d.fit(IMAGES, LABELS), TRAINING_DATA + "ndarray"),
    "fit(y=y)": (make, lambda d: d.fit(y=LABELS), TRAINING_DATA + "ndarray"),
    "fit(epochs=None)": (make, lambda d: d.fit(epochs=None), "`epochs` to be a whole number"),
    "fit(batch_size=0)": (make, lambda d: d.fit(batch_size=0), "Received: batch_size=0"),
    "fit(steps_per_epoch=None)": (
        make,
        lambda d: d.fit(steps_per_epoch=None),
        "`steps_per_epoch` to be a whole number of at least 1",
    ),
    "evaluate()": (make, lambda d: d.evaluate(), MEASURED + "x=None"),
    "evaluate(x)": (make, lambda d: d.evaluate(IMAGES), MEASURED + "y=None"),
    "predict()": (make, lambda d: d.predict(), r"call predict\(x\). Received: x=None"),
    "fit() not compiled": (not_compiled, lambda d: d.fit(), NOT_COMPILED + "fit"),
    "evaluate() not compiled": (
        not_compiled,
        lambda d: d.evaluate(IMAGES, LABELS),
        NOT_COMPILED + "evaluate",
    ),
    "supervised fit()": (supervised, lambda d: d.fit(), TRAINED + "x=None"),
    "supervised fit(x)": (supervised, lambda d: d.fit(IMAGES), TRAINED + "y=None"),
    "supervised evaluate()": (supervised, lambda d: d.evaluate(), MEASURED + "x=None"),
    "supervised predict()": (supervised, lambda d: d.predict(), r"call predict\(x\)"),
    "supervised fit() not compiled": (
        lambda: supervised(compiled=False),
        lambda d: d.fit(IMAGES, LABELS),
        NOT_COMPILED + "fit",
    ),
}


@pytest.mark.parametrize(("build", "call", "message"), CALLS.values(), ids=CALLS)
def test_a_wrong_call_raises_one_sentence(build, call, message):
    with pytest.raises(InputError, match=message) as raised:
        call(build())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("build", [make, supervised])
def test_evaluate_measures_the_student(build):
    distiller = build()
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(8)
    before = weights(distiller.student)
    for arguments in ((IMAGES, LABELS), (IMAGES, LABELS, 8), (dataset,)):
        found = distiller.evaluate(*arguments, verbose=0, return_dict=True)
        assert float(found["accuracy"]) == pytest.approx(accuracy(distiller))
        assert ("test_agreement" in found) == (build is make)
    assert same(before, weights(distiller.student))


def test_without_metrics_the_agreement_needs_no_labels():
    distiller = make(metrics=None)
    found = distiller.evaluate(IMAGES, verbose=0, return_dict=True)
    teachers, students = (
        network.predict(IMAGES, verbose=0).argmax(-1)
        for network in (distiller.teacher, distiller.student)
    )
    assert float(found["test_agreement"]) == pytest.approx(np.mean(teachers == students))


@pytest.mark.parametrize("build", [make, not_compiled, supervised])
def test_predict_returns_the_students_logits(build):
    distiller = build()
    expected = distiller.student.predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(distiller.predict(IMAGES, batch_size=32, verbose=0), expected)


def totals(distiller):
    """The numbers in the last lines of a summary."""
    lines = []
    distiller.summary(print_fn=lambda text, **_: lines.append(text), line_length=90)
    text = "\n".join(lines)
    found = re.findall(r"(Total|Trainable|Non-trainable) params: .*?([\d,]+) ", text)
    return {name: int(count.replace(",", "")) for name, count in found}, text


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


@pytest.mark.parametrize("build", [make, not_compiled])
def test_the_summary_counts_all_three_networks(build):
    distiller = build()
    networks = (distiller.teacher, distiller.student, distiller.generator)
    found, text = totals(distiller)
    assert found["Total"] == sum(network.count_params() for network in networks)
    trainable = count(distiller.student.trainable_variables)
    trainable += count(distiller.generator.trainable_variables)
    assert trainable > count(distiller.student.trainable_variables)
    assert found["Trainable"] == trainable
    assert found["Non-trainable"] == found["Total"] - trainable >= distiller.teacher.count_params()
    assert all(network.name in text for network in (*networks, distiller))


def test_the_summary_of_a_supervised_distiller_counts_the_networks_of_its_objectives():
    hint = HintObjective((6, 6, 4), (6, 6, 4))
    teacher, student = small_classifier(), small_classifier()
    layer = student.layers[0].name
    distiller = SupervisedDistiller(
        teacher, student, [LabelObjective(), hint], [teacher.layers[0].name], [layer]
    )
    found, text = totals(distiller)
    trainable = student.count_params() + hint.networks[0].count_params()
    assert found["Trainable"] == trainable and found["Non-trainable"] == teacher.count_params()
    assert found["Total"] == trainable + teacher.count_params() and "regressor" in text


@pytest.mark.slow
def test_a_summary_does_not_change_training():
    shown, other = make(), make()
    totals(shown)
    fit(shown)
    fit(other)
    assert same(weights(shown.student), weights(other.student))
    assert same(weights(shown.generator), weights(other.generator))
