"""The student's images and loss in one train step of each method."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.graphs.layer_outputs import group_ends
from dfad_tf.losses import AttentionTransfer
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.method import Method
from dfad_tf.synthesis.objectives import AdversarialDiscrepancy
from tests.conftest import same, small_classifier, small_generator, weights

BATCH = 8
NEW = ("dafl", "zskt", "dfq")


def make(name, student=None, teacher=None, steps=2, share=1.0, **arguments):
    keras.utils.set_random_seed(7)
    method = methods.get(name) if isinstance(name, str) else name
    method = dataclasses.replace(method, student_steps=steps, memory_share=share)
    distiller = DataFreeDistiller(
        teacher or small_classifier(batch_norm=True),
        student or small_classifier(),
        small_generator(),
    )
    distiller.compile("adam", "adam", method, **arguments)
    return distiller


def fit(distiller, steps=1):
    return distiller.fit(batch_size=BATCH, steps_per_epoch=steps, verbose=0).history


def watched(distiller):
    """All passes of the generator and all student steps of an eager distiller, in order."""
    events, generate, step = [], distiller.sampler.generate, distiller.student_step

    def generated(batch_size, stream, key, labels=None):
        images = generate(batch_size, stream, key, labels)
        events.append((stream, int(key), np.array(images)))
        return images

    def learned(images, logits, maps=()):
        events.append(("learned", np.array(logits), np.array(images)))
        step(images, logits, maps)

    distiller.sampler.generate, distiller.student_step = generated, learned
    return events


def names(events):
    return [event[0] for event in events]


def test_the_joint_step_of_dafl_learns_from_the_generators_batch_before_its_update():
    distiller = make("dafl", steps=1, run_eagerly=True)
    events = watched(distiller)
    student, generator = weights(distiller.student), weights(distiller.generator)
    fit(distiller, steps=2)
    assert names(events) == ["generator", "learned"] * 2
    for made, learned in (events[:2], events[2:]):
        np.testing.assert_array_equal(made[2], learned[2])
        np.testing.assert_allclose(learned[1], distiller.signals(learned[2])[0], atol=1e-4)
    assert not same(student, weights(distiller.student))
    assert not same(generator, weights(distiller.generator))
    # After its update, the generator would have made others of the same latents.
    later = distiller.sampler.generate(BATCH, "generator", 1)
    assert np.abs(later - events[3][2]).max() > 1e-4


def test_the_generator_of_dafl_needs_no_student():
    distiller = make("dafl", student=small_classifier(batch_norm=True))
    distiller.student_form = None
    before, generator = weights(distiller.student), weights(distiller.generator)
    distiller.generator_step(BATCH)
    assert same(before, weights(distiller.student))  # not even its batch statistics
    assert not same(generator, weights(distiller.generator))


def test_the_students_of_zskt_see_the_generators_latents_after_its_update():
    distiller = make("zskt", steps=3, run_eagerly=True)
    events = watched(distiller)
    fit(distiller, steps=2)
    assert names(events) == ["generator", "generator", *["learned"] * 3] * 2
    for step, (before, after, *learned) in enumerate((events[:5], events[5:])):
        assert before[1] == after[1] == step  # the same latents
        assert np.abs(before[2] - after[2]).max() > 1e-4
        for _, logits, images in learned:
            np.testing.assert_array_equal(images, after[2])
            np.testing.assert_allclose(logits, distiller.signals(images)[0], atol=1e-4)
    # The second train step left the generator where it drew the last batch.
    later = distiller.sampler.generate(BATCH, "generator", 1)
    np.testing.assert_allclose(later, events[6][2], atol=1e-5)


def test_dfq_generates_fresh_images_and_compares_statistics_with_the_teachers():
    teacher = small_classifier(batch_norm=True)
    teacher.layers[1].moving_mean.assign([0.5, 1.0, 0.0, 0.2])
    distiller = make("dfq", teacher=teacher, run_eagerly=True)
    events = watched(distiller)
    convolution = keras.Model(teacher.inputs[0], teacher.layers[0].output)
    maps = np.array(convolution(distiller.sampler.generate(BATCH, "generator", 0)), "f8")
    del events[:]
    logs = fit(distiller)
    assert names(events) == ["student", "learned", "learned", "generator"]
    assert events[0][2].shape[0] == 2 * BATCH
    mean, variance = maps.mean((0, 1, 2)), maps.var((0, 1, 2))
    expected = np.linalg.norm(mean - [0.5, 1.0, 0.0, 0.2]) + np.linalg.norm(variance - 1)
    assert logs["batch_norm_statistics"][0] == pytest.approx(expected, rel=1e-4)


def test_the_generator_descends_the_distance_to_the_statistics():
    statistics = methods.get("dfq").generator_objectives[-1]
    method = Method(keras.losses.MeanAbsoluteError(), (statistics,))
    distiller = make(method, steps=1)
    distiller.generator_optimizer.learning_rate = 1e-2
    first = fit(distiller)["batch_norm_statistics"][0]
    assert fit(distiller, steps=40)["batch_norm_statistics"][0] < first


@pytest.mark.slow
@pytest.mark.parametrize("share", [1.0, 0.99, 0.5])
@pytest.mark.parametrize("name", ["dafl+memory", "zskt+memory", "dfq+memory", "proposed+memory"])
def test_with_a_memory_the_rest_of_the_batch_is_the_methods_own(name, share):
    distiller = make(name, share=share, run_eagerly=True)
    events = watched(distiller)
    fit(distiller)
    own = {
        "dafl": [],
        "zskt": ["generator"],
    }.get(name.removesuffix("+memory"), ["student"])
    own = own if share == 0.5 else []
    assert names(events) == ["generator", *own, "learned", "learned"]
    generated = sum(len(images) for stream, _, images in events if stream != "learned")
    assert generated == distiller.method.images_per_step(BATCH)
    if share != 0.5:
        kept = {image.tobytes() for image in distiller.sampler.memory.images.numpy()}
        assert all(image.tobytes() in kept for event in events[1:] for image in event[2])
    elif own:
        count = BATCH // 2
        np.testing.assert_array_equal(events[2][2][:count], events[1][2][:count])
        first = events[1][2][:count] if name == "zskt+memory" else events[1][2][count:]
        np.testing.assert_array_equal(events[3][2][:count], first)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_maps_of_remembered_images_are_the_teachers(share):
    distiller = make("zskt+memory", share=share)
    made = distiller.generator_step(BATCH)
    shared = distiller.sampler.shared("same_latents", made, 0)
    for images, _, maps in distiller.sampler.batches(BATCH, 2, 0, shared):
        assert len(maps) == 1
        np.testing.assert_allclose(maps[0], ends(distiller.teacher)(images), atol=1e-4)


def ends(network):
    name = group_ends(network)[0]
    return keras.Model(network.inputs[0], network.get_layer(name).output)


def test_beside_the_divergence_the_student_of_zskt_descends_the_distance_of_its_maps():
    teacher, student = small_classifier(batch_norm=True), small_classifier(filters=2)
    distiller = make("zskt", student, teacher, steps=1)
    images, logits, maps = distiller.sampler.observe(
        distiller.sampler.generate(BATCH, "student", 0)
    )
    expected = divergence(logits, student(images))
    expected += 250 * distance(ends(teacher)(images), ends(student)(images))
    before = weights(student)
    distiller.student_step(images, logits, maps)
    assert float(distiller._loss_tracker.result()) == pytest.approx(expected, rel=1e-4)
    # The weight of what follows the maps moves by the divergence, the first layer by both.
    assert not any(np.array_equal(a, b) for a, b in zip(before, weights(student), strict=True))


def divergence(teacher, student):
    def logarithm(logits):
        logits = np.array(logits, "f8")
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    p, q = logarithm(teacher), logarithm(student)
    return np.mean(np.sum(np.exp(p) * (p - q), -1))


def distance(theirs, ours):
    def attention(maps):
        maps = (np.array(maps, "f8") ** 2).mean(-1).reshape(len(maps), -1)
        return maps / np.linalg.norm(maps, axis=-1, keepdims=True)

    return np.mean((attention(theirs) - attention(ours)) ** 2)


def test_virtual_images_beside_attention_transfer_compare_no_maps():
    blend = VirtualInterpolation(weight=0.5, share=0.5)
    method = Method(
        methods.get("zskt").discrepancy, (AdversarialDiscrepancy(),), blend,
        feature_loss=AttentionTransfer(20.0, squared=True),
    )  # fmt: skip
    teacher, student = small_classifier(batch_norm=True), small_classifier()
    distiller = make(method, student, teacher, steps=1)
    images, logits, maps = distiller.sampler.observe(
        distiller.sampler.generate(BATCH, "student", 0)
    )
    plain, virtual = distiller.sampler.student_batches(images, logits, blend, 0)
    expected = divergence(logits, student(plain[0])) + 0.5 * divergence(
        virtual[1], student(virtual[0])
    )
    expected += 20 * distance(ends(teacher)(images), ends(student)(images))
    distiller.student_step(images, logits, maps)
    assert float(distiller._loss_tracker.result()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NEW, "proposed+memory", "zskt+memory"])
def test_a_method_trains_in_bfloat16_and_resumes_after_saving(name, tmp_path):
    distiller = make(name, precision="mixed_bfloat16")
    before = weights(distiller.student)
    history = fit(distiller)
    assert all(np.isfinite(values).all() for values in history.values())
    assert not same(before, weights(distiller.student))
    assert distiller.student_form.compute_dtype == "bfloat16"
    distiller.save(tmp_path / "distiller.keras")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    assert again.method.get_config() == distiller.method.get_config()
    assert (again.watched.student_maps is None) == ("zskt" not in name)
    student = weights(again.student)
    assert same(student, weights(distiller.student))
    assert np.isfinite(fit(again)["loss"]).all()
    assert not same(student, weights(again.student))


@pytest.mark.parametrize("name", NEW)
def test_in_bfloat16_the_teachers_answers_are_nearly_the_same(name):
    exact, fast = make(name), make(name, precision="mixed_bfloat16")
    images = exact.sampler.generate(BATCH, "student", 0)
    for theirs, ours in zip(
        exact.sampler.signals.observe(images), fast.sampler.signals.observe(images), strict=True
    ):
        for a, b in zip(tf.nest.flatten(theirs), tf.nest.flatten(ours), strict=True):
            np.testing.assert_allclose(tf.cast(b, "float32"), a, rtol=0.1, atol=0.05)
    assert fast.sampler.signals.observe(images).logits.dtype == tf.float32


@pytest.mark.slow
@pytest.mark.parametrize("name", NEW)
def test_a_method_is_a_function_of_its_seed(name):
    first, again, other = (make(name, steps=1, seed=seed, run_eagerly=True) for seed in (3, 3, 4))
    for distiller in (first, again, other):
        fit(distiller)
    assert same(weights(first.student), weights(again.student))
    assert not same(weights(first.student), weights(other.student))
