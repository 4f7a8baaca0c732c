"""What methods read inside the networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.distillation.watched_layers import WatchedLayers, batch_normalizations, form_with_maps
from dfad_tf.losses import AttentionTransfer
from dfad_tf.methods.table import Settings
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier, weights

layers = keras.layers
IMAGES = np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype("f4")


def watch(name, teacher=None, student=None, settings=None, precision=None):
    teacher = teacher or small_classifier(batch_norm=True)
    method = methods.get(name, settings)
    return WatchedLayers(method, TeacherSignals(teacher), student or small_classifier(), precision)


def nested():
    inputs = keras.Input((8, 8, 1))
    return keras.Model(
        inputs, small_classifier(batch_norm=True)(layers.BatchNormalization()(inputs))
    )


def test_a_method_without_watched_layers_does_not_change_the_teachers_signals():
    watched = watch("proposed", nested())
    assert watched.map_count == 0 and watched.student_maps is None
    answers = watched.signals.observe(IMAGES)
    assert answers.activations == () and watched.batch_norm(answers.activations) == ()


def test_inputs_of_batch_norm_are_returned_with_its_moving_statistics():
    teacher = small_classifier(batch_norm=True)
    norm = teacher.layers[1]
    norm.moving_mean.assign([1.0, 2.0, 3.0, 4.0])
    watched = watch("dfq", teacher)
    activations = watched.signals.observe(IMAGES).activations
    ((inputs, mean, variance),) = watched.batch_norm(activations)
    np.testing.assert_allclose(inputs, teacher.layers[0](IMAGES), atol=1e-5)
    assert mean is norm.moving_mean and variance is norm.moving_variance


def test_a_teacher_without_batch_norm_has_no_statistics():
    assert batch_normalizations(small_classifier()) == []
    watched = watch("dfq", small_classifier())
    assert watched.batch_norm(watched.signals.observe(IMAGES).activations) == ()


def test_every_call_of_a_batch_norm_counts_in_the_teachers_own_graph():
    norm = layers.BatchNormalization()
    inputs = keras.Input((8, 8, 1))
    keras.Sequential([keras.Input((4, 4, 1)), norm])  # elsewhere
    x = norm(layers.Rescaling(2.0)(norm(inputs)))
    teacher = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    watched = watch("dfq", teacher)
    activations = watched.signals.observe(IMAGES).activations
    found = sorted((np.array(each[0]) for each in watched.batch_norm(activations)), key=np.std)
    np.testing.assert_allclose(found[0], IMAGES, atol=1e-5)
    np.testing.assert_allclose(found[1], 2 * np.array(norm(IMAGES)), atol=1e-5)


def test_batch_norm_in_a_network_inside_the_teacher_is_read():
    teacher = nested()
    watched = watch("dfq", teacher)
    assert watched.normalization_count == 2
    answers = watched.signals.observe(IMAGES)
    np.testing.assert_allclose(answers.logits, TeacherSignals(teacher)(IMAGES)[0], atol=1e-5)
    outer, inner = teacher.layers[1], teacher.layers[2].layers[1]
    found = {id(mean): inputs for inputs, mean, _ in watched.batch_norm(answers.activations)}
    np.testing.assert_allclose(found[id(outer.moving_mean)], IMAGES, atol=1e-5)
    expected = teacher.layers[2].layers[0](outer(IMAGES))
    np.testing.assert_allclose(found[id(inner.moving_mean)], expected, atol=1e-5)


def test_batch_norm_that_cannot_be_read_is_named_and_left_out(caplog):
    inner = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(2, 3, name="same"), layers.BatchNormalization()]
    )
    teacher = keras.Sequential(
        [keras.Input((8, 8, 1)), inner, layers.Flatten(), layers.Dense(3, name="same")]
    )
    assert watch("dfq", teacher).normalization_count == 0
    assert "cannot be read" in caplog.text


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.core = small_classifier()

    def call(self, inputs, training=False):
        return self.core(inputs)


def test_a_teacher_without_a_graph_cannot_be_read():
    settings = Settings(representation_activation_weight=0.0)
    assert watch("dfq", Subclassed(), settings=settings).normalization_count == 0
    with pytest.raises(InputError, match="Received: Subclassed"):
        TeacherSignals(Subclassed()).watching([small_classifier().outputs[0]])
    signals = TeacherSignals(Subclassed())
    assert signals.watching([]) is signals


@pytest.mark.parametrize("precision", [None, "mixed_bfloat16"])
def test_maps_and_logits_of_the_student_are_computed_in_one_pass(precision):
    student = small_classifier(batch_norm=True)
    watched = watch("zskt", student=student, precision=precision)
    assert watched.map_count == 1
    before = weights(student)
    outputs = watched.student_maps(IMAGES)
    tolerance = 1e-5 if precision is None else 0.1
    np.testing.assert_allclose(outputs["logits"], student(IMAGES), atol=tolerance)
    assert outputs["logits"].dtype == tf.float32
    assert outputs["maps"][0].dtype == (tf.bfloat16 if precision else tf.float32)
    maps = keras.Model(student.inputs[0], student.layers[1].output)(IMAGES)
    np.testing.assert_allclose(tf.cast(outputs["maps"][0], "float32"), maps, atol=tolerance)
    assert same(before, weights(student))
    watched.student_maps(IMAGES, training=True)
    assert not same(before, weights(student))  # its batch statistics


def test_named_layers_are_compared_in_their_order():
    teacher, student = small_classifier(batch_norm=True), small_classifier(batch_norm=True)
    theirs, ours = ([layer.name for layer in net.layers[:2]] for net in (teacher, student))
    attention = AttentionTransfer(1.0, theirs, ours[::-1])
    watched = watch("zskt", teacher, student, Settings(attention=attention))
    first, second = watched.signals.observe(IMAGES).activations
    np.testing.assert_allclose(first, teacher.layers[0](IMAGES), atol=1e-5)
    np.testing.assert_allclose(second, teacher.layers[1](first), atol=1e-5)
    last, first = watched.student_maps(IMAGES)["maps"]
    np.testing.assert_allclose(first, student.layers[0](IMAGES), atol=1e-5)
    np.testing.assert_allclose(last, student.layers[1](first), atol=1e-5)


@pytest.mark.parametrize("name", ["zskt", "dfq"])
def test_only_what_is_learned_from_to_the_digit_stays_float32(name):
    answers = watch(name, precision="mixed_bfloat16").signals.observe(IMAGES)
    assert [tensor.dtype for tensor in answers.activations] == [tf.bfloat16]
    assert answers.logits.dtype == answers.features.dtype == tf.float32


def test_maps_come_before_statistics():
    method = methods.Method(
        methods.get("dfq").discrepancy,
        methods.get("dfq").generator_objectives,
        feature_loss=AttentionTransfer(),
    )
    teacher = small_classifier(batch_norm=True)
    watched = WatchedLayers(method, TeacherSignals(teacher), small_classifier())
    maps, inputs = watched.signals.observe(IMAGES).activations
    np.testing.assert_allclose(maps, teacher.layers[1](inputs), atol=1e-5)
    assert watched.batch_norm((maps, inputs))[0][0] is inputs


def test_layers_that_do_not_exist_or_do_not_match_are_refused():
    for flags in ({"teacher_layers": ["nothing"]}, {"student_layers": ["nothing"]}):
        with pytest.raises(InputError, match=f"`{next(iter(flags))}` to name.*'nothing'"):
            watch("zskt", settings=Settings(attention=AttentionTransfer(**flags)))
    with pytest.raises(InputError, match="functional or sequential.*Subclassed"):
        watch("zskt", Subclassed())


def test_watching_leaves_the_first_signals_as_they_are():
    teacher = small_classifier()
    signals = TeacherSignals(teacher)
    watching = signals.watching([teacher.layers[0].output])
    assert signals.observe(IMAGES).activations == ()
    logits, features = signals(IMAGES)
    answers = watching.observe(IMAGES)
    np.testing.assert_array_equal(answers.logits, logits)
    np.testing.assert_array_equal(answers.features, features)
    np.testing.assert_allclose(answers.activations[0], teacher.layers[0](IMAGES), atol=1e-6)


def test_a_form_with_maps_shares_the_students_weights():
    student = small_classifier()
    form = form_with_maps(student, [student.layers[0].output], None)
    student.set_weights([w + 0.5 for w in weights(student)])
    np.testing.assert_allclose(form(IMAGES)["logits"], student(IMAGES), rtol=1e-4)
