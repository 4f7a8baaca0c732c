"""The terms of a loss on real images, against numbers worked out with NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.losses import AttentionTransfer, KullbackLeiblerDiscrepancy
from dfad_tf.methods.supervised_objectives import (
    AttentionObjective,
    Comparison,
    FactorObjective,
    HintObjective,
    LabelObjective,
    LogitsObjective,
    ReconstructionObjective,
    SupervisedObjective,
)
from dfad_tf.methods.supervised_objectives.factor_objective import factor_channels
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier, weights

TEACHER = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, -2.0]], "f4")
STUDENT = np.array([[1.0, 0.0, 0.5], [1.0, 1.0, 1.0]], "f4")
LABELS = np.array([2, 1])


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("f4")


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def of_maps(theirs, ours):
    return Comparison(LABELS, None, (theirs,), None, (ours,))


def test_labels_are_cross_entropy_on_logits():
    expected = -np.mean(log_softmax(STUDENT)[[0, 1], LABELS])
    received = LabelObjective().call(Comparison(LABELS, student_logits=STUDENT))
    assert float(received) == pytest.approx(expected, rel=1e-5)
    assert not LabelObjective.needs_teacher


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_logits_are_the_softened_divergence_times_the_squared_temperature(temperature):
    p, q = log_softmax(TEACHER / temperature), log_softmax(STUDENT / temperature)
    expected = temperature**2 * np.mean(np.sum(np.exp(p) * (p - q), -1))
    comparison = Comparison(LABELS, TEACHER, (), STUDENT)
    received = LogitsObjective(temperature).call(comparison)
    assert float(received) == pytest.approx(expected, rel=1e-5)


def test_saturated_rows_keep_their_gradient():
    teacher, student = tf.constant([[200.0, 0.0, 0.0]]), tf.Variable([[0.0, 200.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = LogitsObjective(1.0).call(Comparison(None, teacher, (), student))
    np.testing.assert_allclose(tape.gradient(loss, student), [[-1.0, 1.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize("ours", [True, False])
def test_knowledge_distillation_is_that_of_keras(ours):
    temperature, share = 3.0, 0.9
    teacher, student = small_classifier(), small_classifier(filters=2)
    images = drawn(2, 8, 8, 1)
    # Keras multiplies its own divergence by temperature², and leaves another as it is.
    divergence = KullbackLeiblerDiscrepancy(reduction="none")
    divergence = divergence if ours else keras.losses.KLDivergence()
    distiller = keras.distillation.Distiller(
        teacher,
        student,
        [keras.distillation.LogitsDistillation(temperature, divergence)],
        [temperature**2 if ours else 1.0],
        student_loss_weight=1 - share,
    )
    distiller.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    expected = distiller.compute_loss(images, LABELS, student(images), training=False)
    comparison = Comparison(LABELS, teacher(images), (), student(images))
    terms = (LabelObjective(1 - share), LogitsObjective(temperature, share))
    received = sum(term.weight * float(term.call(comparison)) for term in terms)
    assert received == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("squared", [True, False])
def test_attention_is_the_distance_of_all_pairs_of_maps(squared):
    attention = AttentionTransfer(30.0, squared=squared)
    theirs, ours = (drawn(2, 4, 4, 3), drawn(2, 2, 2, 5)), (drawn(2, 4, 4, 2, seed=1),) * 2
    objective = AttentionObjective(attention)
    received = objective.call(Comparison(LABELS, None, theirs, None, ours))
    assert float(received) == float(attention(theirs, ours)) > 0
    assert objective.weight == 30.0


SIZES = [  # the hint's, the student's, the regressor's kernel and strides
    ((6, 6), (6, 6), (1, 1), 1),
    ((6, 6), (8, 7), (3, 2), 1),
    ((6, 6), (12, 12), (3, 3), 2),
    ((6, 6), (3, 3), (4, 4), 2),
]


@pytest.mark.parametrize(("theirs", "ours", "kernel", "strides"), SIZES)
def test_the_regressor_is_one_convolution_to_the_size_of_the_hint(theirs, ours, kernel, strides):
    objective = HintObjective((*theirs, 5), (*ours, 2))
    (regressor,) = objective.networks
    assert regressor.output_shape == (None, *theirs, 5)
    convolution = regressor.layers[1]
    assert convolution.kernel_size == kernel and convolution.strides == (strides, strides)
    assert isinstance(convolution, keras.layers.Conv2DTranspose) == (ours == (3, 3))
    assert convolution.use_bias
    assert [type(layer) for layer in regressor.layers[2:]] == [keras.layers.ReLU]


@pytest.mark.parametrize("ours", [(4, 4), (5, 7), (2, 2)])
def test_a_hint_of_a_size_that_no_convolution_gives_is_refused(ours):
    message = f"`teacher_layers` and `student_layers`.*6×6 and {ours[0]}×{ours[1]}"
    with pytest.raises(InputError, match=message):
        HintObjective((6, 6, 5), (*ours, 2))


@pytest.mark.parametrize("ours", [size[1] for size in SIZES])
def test_the_hint_of_the_paper_is_half_the_mean_square(ours):
    objective = HintObjective((6, 6, 5), (*ours, 2))
    hint, guided = drawn(2, 6, 6, 5), drawn(2, *ours, 2, seed=1)
    regressed = np.array(objective.networks[0](guided), "f8")
    assert regressed.min() == 0.0  # by its ReLU
    expected = 0.5 * np.mean((hint - regressed) ** 2)
    assert float(objective.call(of_maps(hint, guided))) == pytest.approx(expected, rel=1e-5)


def test_the_hint_of_the_reference_is_the_mean_square_behind_batch_norm():
    objective = HintObjective((4, 4, 3), (4, 4, 2), halved=False, weight=100.0)
    hint, guided = drawn(2, 4, 4, 3), drawn(2, 4, 4, 2, seed=1)
    (regressor,) = objective.networks
    convolved = np.array(regressor.layers[1](guided), "f8")
    mean, variance = convolved.mean((0, 1, 2)), convolved.var((0, 1, 2))
    regressed = np.maximum(0, (convolved - mean) / np.sqrt(variance + 1e-5))
    expected = np.mean((hint - regressed) ** 2)
    assert float(objective.call(of_maps(hint, guided))) == pytest.approx(expected, rel=1e-4)
    assert objective.weight == 100.0 and objective.halved is False
    np.testing.assert_allclose(regressor.layers[2].moving_mean, 0.1 * mean, atol=1e-5)


def test_a_hint_in_low_precision_is_compared_in_float32():
    objective = HintObjective((4, 4, 3), (4, 4, 2))
    maps = [tf.cast(drawn(2, 4, 4, c), tf.bfloat16) for c in (3, 2)]
    assert objective.call(of_maps(*maps)).dtype == tf.float32


def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


@pytest.mark.parametrize("squared", [True, False])
def test_the_paraphraser_is_judged_by_what_it_gives_back(squared):
    objective = ReconstructionObjective((4, 5, 6), 0.5, squared)
    paraphraser, back = objective.networks
    assert paraphraser is objective.paraphraser
    assert paraphraser.output_shape == (None, 4, 5, 3) and back.output_shape == (None, 4, 5, 6)
    channels = [layer.filters for net in (paraphraser, back) for layer in net.layers[1::2]]
    assert channels == [6, 3, 3, 3, 6, 6]
    maps = drawn(2, 4, 5, 6)
    distance = np.array(back(paraphraser(maps)), "f8") - maps
    expected = np.mean(distance**2 if squared else np.abs(distance))
    received = objective.call(of_maps(maps, None))
    assert float(received) == pytest.approx(expected, rel=1e-5)
    assert not objective.needs_student and not objective.needs_logits
    convolution = paraphraser.layers[1]
    np.testing.assert_allclose(
        paraphraser.layers[2](convolution(maps)), leaky(convolution(maps)), atol=1e-6
    )


@pytest.mark.parametrize(
    ("channels", "rate", "factors"), [(6, 0.5, 3), (7, 0.5, 3), (4, 1.5, 6), (3, 0.01, 1)]
)
def test_factors_have_a_share_of_the_channels_but_at_least_one(channels, rate, factors):
    assert factor_channels((4, 4, channels), rate) == factors


def test_factors_are_compared_with_norm_one():
    paraphraser = ReconstructionObjective((4, 4, 6)).paraphraser
    objective = FactorObjective(paraphraser, (4, 4, 2))
    (translator,) = objective.networks
    assert translator.output_shape == paraphraser.output_shape == (None, 4, 4, 3)
    assert [layer.filters for layer in translator.layers[1::2]] == [2, 3, 3]
    maps, guided = drawn(2, 4, 4, 6), drawn(2, 4, 4, 2, seed=1)

    def normalized(factors):
        flat = np.array(factors, "f8").reshape(2, -1)
        return flat / np.linalg.norm(flat, axis=-1, keepdims=True)

    expected = np.mean(np.abs(normalized(paraphraser(maps)) - normalized(translator(guided))))
    # It compares the last of the layers that are given.
    comparison = Comparison(LABELS, None, (maps * 0, maps), None, (guided * 0, guided))
    assert float(objective.call(comparison)) == pytest.approx(expected, rel=1e-5)
    assert objective.weight == 500.0


def test_the_paraphraser_does_not_change_while_the_translator_is_trained():
    paraphraser = ReconstructionObjective((4, 4, 6)).paraphraser
    objective = FactorObjective(paraphraser, (4, 4, 2))
    comparison = of_maps(drawn(2, 4, 4, 6), drawn(2, 4, 4, 2, seed=1))
    with tf.GradientTape() as tape:
        loss = objective.call(comparison)
    both = [paraphraser.trainable_variables, objective.networks[0].trainable_variables]
    none, some = tape.gradient(loss, both)
    assert all(gradient is None for gradient in none)
    assert all(float(tf.norm(gradient)) > 0 for gradient in some)
    assert paraphraser not in objective.networks


def test_factors_of_another_size_are_refused():
    paraphraser = ReconstructionObjective((4, 4, 6)).paraphraser
    with pytest.raises(InputError, match="`teacher_layers` and `student_layers`.*4×4 and 4×2"):
        FactorObjective(paraphraser, (4, 2, 2))


def test_a_term_of_ones_own_says_what_it_lacks():
    with pytest.raises(NotImplementedError, match="SupervisedObjective does not implement `call`"):
        SupervisedObjective().call(of_maps(None, None))


def test_calling_a_term_does_not_change_its_networks():
    objective = HintObjective((4, 4, 3), (4, 4, 2))
    before = weights(objective.networks[0])
    objective.call(of_maps(drawn(2, 4, 4, 3), drawn(2, 4, 4, 2)))
    assert same(before, weights(objective.networks[0]))
