"""The distiller: what each step changes."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.table import METHODS, Settings
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier, weights
from tests.helpers.small_distiller import SHAPE, fit, make


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_the_teacher_is_untouched_to_the_last_bit(method):
    distiller = make(dataclasses.replace(methods.get(method), student_steps=2))
    before = weights(distiller.teacher)
    student, generator = weights(distiller.student), weights(distiller.generator)
    fit(distiller)
    assert same(before, weights(distiller.teacher))
    assert not same(student, weights(distiller.student))
    assert not same(generator, weights(distiller.generator))


def test_a_student_step_changes_no_weight_of_the_generator():
    distiller = make()
    images, logits = distiller.sampler.observe(distiller.sampler.generate(8, "student", 0))[:2]
    before = [v.numpy() for v in distiller.generator.trainable_variables]
    student = [v.numpy() for v in distiller.student.trainable_variables]
    distiller.student_step(images, logits)
    assert same(before, [v.numpy() for v in distiller.generator.trainable_variables])
    assert not same(student, [v.numpy() for v in distiller.student.trainable_variables])


def test_a_generator_step_changes_no_weight_of_the_student_but_its_statistics():
    distiller = make(student=small_classifier(batch_norm=True))
    before = [v.numpy() for v in distiller.student.trainable_variables]
    statistics = [v.numpy() for v in distiller.student.non_trainable_variables]
    generator = [v.numpy() for v in distiller.generator.trainable_variables]
    distiller.generator_step(8)
    assert same(before, [v.numpy() for v in distiller.student.trainable_variables])
    # Batch norm runs in training mode in both steps, as in the published code.
    assert not same(statistics, [v.numpy() for v in distiller.student.non_trainable_variables])
    assert not same(generator, [v.numpy() for v in distiller.generator.trainable_variables])


def test_the_student_descends_and_the_generator_ascends():
    distiller = make("dfad")
    distiller.optimizer.learning_rate = 1e-3
    distiller.generator_optimizer.learning_rate = 1e-3
    images, logits = distiller.sampler.observe(distiller.sampler.generate(64, "student", 1))[:2]

    def discrepancy():
        return float(tf.reduce_mean(tf.abs(distiller.student(images) - logits)))

    before = discrepancy()
    for _ in range(10):
        distiller.student_step(images, logits)
    assert discrepancy() < before

    def on_generated():
        images, logits = distiller.sampler.observe(distiller.sampler.generate(256, "student", 2))[
            :2
        ]
        return float(tf.reduce_mean(tf.abs(distiller.student(images) - logits)))

    before = on_generated()
    for _ in range(10):
        distiller.generator_step(64)
    assert on_generated() > before


def test_the_logged_loss_is_equation_1_with_its_additional_terms():
    distiller = make(methods.get("dfad+activation", Settings("mae", None, 1, 0.3, 0.2)))
    distiller.generator_optimizer.learning_rate = 0.0
    logs = {k: v[0] for k, v in fit(distiller, steps=1).history.items()}
    total = logs["adversarial_discrepancy"] + 0.3 * logs["logits_activation"]
    total += 0.2 * logs["representation_activation"]
    assert logs["generator_loss"] == pytest.approx(total, rel=1e-5)
    assert 0 < logs["class_entropy"] <= 1


def test_student_steps_are_counted():
    distiller = make(methods.get("proposed", Settings(student_steps=3)))
    fit(distiller, epochs=2, steps=4)
    assert int(distiller.optimizer.iterations) == 24
    assert int(distiller.generator_optimizer.iterations) == 8


@pytest.mark.slow
@pytest.mark.parametrize(
    "interpolation",
    [
        VirtualInterpolation(partner="fresh", per_sample=True),
        VirtualInterpolation(mode="replace"),
        VirtualInterpolation(mode="replace", share=0.5),
        VirtualInterpolation(share=0.25, weight=0.1),
        VirtualInterpolation(labels="probabilities"),
        VirtualInterpolation(labels="teacher", alpha=0.4),
    ],
)
def test_every_form_of_interpolation_changes_what_the_student_learns(interpolation):
    # The gradient of a squared error depends on the size of the error.
    settings = Settings("mse", student_steps=2, interpolation=interpolation)
    blended = make(methods.get("proposed", settings))
    plain = make(
        methods.get("dfad+activation", settings)
    )  # The same terms, without virtual images.
    default = make(methods.get("proposed", Settings("mse", student_steps=2)))
    before = weights(blended.student)
    assert same(before, weights(plain.student)) and same(before, weights(default.student))
    images, logits = blended.sampler.observe(blended.sampler.generate(8, "student", 0))[:2]
    for distiller in (blended, plain, default):
        distiller.student_step(images, logits)
    after = weights(blended.student)
    assert all(np.isfinite(w).all() for w in after)
    assert all(not np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert not same(after, weights(plain.student)) and not same(after, weights(default.student))
    history = fit(blended)
    assert np.isfinite(history.history["loss"]).all() and not same(after, weights(blended.student))


def test_interpolated_parts_are_equation_9():
    blend = VirtualInterpolation(weight=0.5, share=0.5)
    distiller = make(methods.get("dfad+interpolation", Settings(interpolation=blend)))
    images, logits = distiller.sampler.observe(distiller.sampler.generate(8, "student", 0))[:2]
    plain, virtual = distiller.sampler.student_batches(images, logits, blend, 0)
    assert [plain[2], virtual[2]] == [1.0, 0.5]
    assert virtual[0].shape == (4, *SHAPE)
    # One λ explains every image and every target of the batch.
    a, b = images[:4] - tf.roll(images, 1, 0)[:4], virtual[0] - tf.roll(images, 1, 0)[:4]
    coefficient = float(tf.reduce_sum(a * b) / tf.reduce_sum(a * a))
    np.testing.assert_allclose(b, coefficient * a, atol=1e-4)
    expected = coefficient * logits[:4] + (1 - coefficient) * tf.roll(logits, 1, 0)[:4]
    np.testing.assert_allclose(virtual[1], expected, atol=1e-4)


@pytest.mark.slow
def test_a_seed_gives_the_same_run_to_the_last_bit_and_another_seed_does_not():
    first, again, other = make(seed=3), make(seed=3), make(seed=4)
    for distiller in (first, again, other):
        fit(distiller, epochs=2)
    assert same(weights(first.student), weights(again.student))
    assert same(weights(first.generator), weights(again.generator))
    assert not same(weights(first.student), weights(other.student))


def test_every_step_draws_fresh_noise():
    distiller = make(run_eagerly=True)
    generate, drawn = distiller.sampler.generate, []

    def recorded(batch_size, stream, step, labels=None):
        drawn.append((stream, int(step)))
        return generate(batch_size, stream, step, labels)

    distiller.sampler.generate = recorded
    fit(distiller, steps=3)
    assert len(drawn) == len(set(drawn)) == 6  # the student's and the generator's


@pytest.mark.slow
def test_steps_per_execution_does_not_change_the_result():
    one, four = make(), make(steps_per_execution=4)
    fit(one, steps=4)
    fit(four, steps=4)
    for a, b in zip(weights(one.student), weights(four.student), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def generate_from(latents, sampler, batch_size, stream, step, labels=None):
    return sampler.generator(latents[:batch_size], training=True)


@pytest.mark.slow
def test_with_xla_it_trains_as_without():
    """On the same latents, because XLA and TensorFlow draw different noise from one key."""
    compiled, plain = make(), make()
    latents = tf.random.stateless_normal((64, 5), (1, 2))
    for distiller, jit_compile in ((compiled, True), (plain, False)):
        # Adam would amplify rounding errors in gradients near zero.
        optimizers = [keras.optimizers.SGD(1e-3), keras.optimizers.SGD(1e-3)]
        distiller.compile(*optimizers, "dfad+activation", jit_compile=jit_compile)
        distiller.sampler.generate = functools.partial(generate_from, latents, distiller.sampler)
    before = weights(compiled.student)
    logs, expected = (fit(distiller).history for distiller in (compiled, plain))
    assert compiled.jit_compile and not plain.jit_compile
    for name, values in expected.items():
        np.testing.assert_allclose(logs[name], values, rtol=1e-3, atol=1e-4)
    for network in ("student", "generator"):
        found, wanted = (weights(getattr(d, network)) for d in (compiled, plain))
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    moved = zip(before, weights(compiled.student), strict=True)
    assert all(np.abs(new - old).max() > 1e-4 for old, new in moved)


def test_errors():
    with pytest.raises(InputError, match="Did you mean 'proposed'"):
        make("proposd")
