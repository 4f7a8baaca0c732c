"""The sources of the student's images, and the teacher's answers to them."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.compute.randomness import stateless_seed
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.table import Settings
from dfad_tf.synthesis import latent_draws
from tests.conftest import same, small_classifier, small_generator, weights

BATCH = 8
FRESH = VirtualInterpolation(partner="fresh", share=0.5)


def make(memory=0, share=1.0, row="dfad", seed=0, steps=3, interpolation=None, **arguments):
    keras.utils.set_random_seed(7)
    distiller = DataFreeDistiller(
        small_classifier(batch_norm=True), small_classifier(), small_generator()
    )
    settings = Settings(
        student_steps=steps,
        memory_size=memory,
        memory_share=share,
        interpolation=interpolation or VirtualInterpolation(),
    )
    distiller.compile("adam", "adam", methods.get(row, settings), seed=seed, **arguments)
    return distiller


def fit(distiller, steps=1):
    return distiller.fit(batch_size=BATCH, steps_per_epoch=steps, verbose=0)


def generated(distiller):
    """The images that an eager distiller generates after this call: `(stream, images)` per pass."""
    generate, drawn = distiller.sampler.generate, []

    def recorded(batch_size, stream, step, labels=None):
        images = generate(batch_size, stream, step, labels)
        drawn.append((stream, images.shape[0]))
        return images

    distiller.sampler.generate = recorded
    return drawn


def known(images, memory):
    """The images in a memory."""
    kept = {image.tobytes() for image in memory.images.numpy()}
    return [image.tobytes() in kept for image in np.array(images)]


def check_teachers_answers(distiller, images, logits):
    np.testing.assert_allclose(logits, distiller.signals(images)[0], rtol=1e-4, atol=1e-4)


def test_without_a_memory_the_students_images_are_generated_first_in_one_pass():
    distiller = make(run_eagerly=True)
    drawn = generated(distiller)
    fit(distiller)
    assert drawn == [("student", 3 * BATCH), ("generator", BATCH)]


def test_with_a_memory_the_generators_step_goes_first():
    distiller = make(memory=20, share=0.5, run_eagerly=True)
    drawn = generated(distiller)
    fit(distiller)
    assert drawn == [("generator", BATCH), ("student", 3 * BATCH // 2)]


def test_with_a_share_of_1_no_image_is_generated_for_the_student():
    distiller = make(memory=20, run_eagerly=True)
    drawn, student = generated(distiller), weights(distiller.student)
    fit(distiller, steps=2)
    assert drawn == [("generator", BATCH)] * 2
    assert not same(student, weights(distiller.student))
    assert int(distiller.optimizer.iterations) == 6


def test_the_memory_keeps_the_images_of_the_generators_steps_and_the_teachers_logits():
    distiller = make(memory=20, steps=1)
    memory = distiller.sampler.memory
    assert memory.images.shape == (20, 8, 8, 1) and memory.logits.shape == (20, 3)
    first = distiller.sampler.generate(BATCH, "generator", 0)
    distiller.generator_step(BATCH)
    np.testing.assert_allclose(memory.images[:BATCH], first, atol=1e-5)
    fit(distiller, steps=2)
    assert int(memory.seen) == 3 * BATCH
    assert len({image.tobytes() for image in memory.images.numpy()}) == 20
    check_teachers_answers(distiller, memory.images, memory.logits)


@pytest.mark.parametrize("share", [1.0, 0.75, 0.5, 0.01])
def test_batches_mix_fresh_and_remembered_images_with_their_logits(share):
    distiller = make(memory=20, share=share)
    for _ in range(2):
        distiller.generator_step(BATCH)
    batches, remembered = (
        list(distiller.sampler.batches(BATCH, 3, 0)),
        max(1, round(BATCH * share)),
    )
    assert len(batches) == 3
    for images, logits, _ in batches:
        assert images.shape == (BATCH, 8, 8, 1) and logits.shape == (BATCH, 3)
        assert sum(known(images, distiller.sampler.memory)) == remembered
        check_teachers_answers(distiller, images, logits)
    fresh = {
        image.tobytes()
        for images, *_ in batches
        for image, old in zip(images.numpy(), known(images, distiller.sampler.memory), strict=True)
        if not old
    }
    assert len(fresh) == 3 * (BATCH - remembered)


def test_without_a_memory_all_images_differ_and_have_their_logits():
    distiller = make()
    batches = list(distiller.sampler.batches(BATCH, 3, 0))
    for images, logits, _ in batches:
        check_teachers_answers(distiller, images, logits)
    assert len({image.tobytes() for images, *_ in batches for image in images.numpy()}) == 3 * BATCH


def test_every_step_and_every_seed_draws_others_from_the_memory():
    drawn = []
    for seed in (0, 1):
        distiller = make(memory=64, seed=seed)
        memory = distiller.sampler.memory
        # The images tell their places.
        memory.add(
            tf.reshape(tf.range(64.0), (64, 1, 1, 1)) * tf.ones((64, 8, 8, 1)), [[0.0] * 3] * 64
        )
        for step in (0, 3):
            for images, *_ in distiller.sampler.batches(BATCH, 3, step):
                drawn.append(tuple(images[:, 0, 0, 0].numpy()))
        again = [images for images, *_ in distiller.sampler.batches(BATCH, 3, 3)]
        assert tuple(again[2][:, 0, 0, 0].numpy()) == drawn[-1]
    assert len(set(drawn)) == len(drawn) == 12


def test_every_draw_has_a_different_key(monkeypatch):
    distiller, keys = (
        make(memory=20, share=0.5, row="dfad+interpolation", interpolation=FRESH, run_eagerly=True),
        [],
    )

    def recorded(seed, stream, step, attempt):
        keys.append((stream, int(step)))
        return stateless_seed(seed, stream, step, attempt)

    monkeypatch.setattr(latent_draws, "stateless_seed", recorded)
    fit(distiller, steps=2)
    assert len(set(keys)) == len(keys)
    # Two steps of the generator, each before three of the student, for which all is drawn at once
    # but what it remembers and blends.
    counts = collections.Counter(stream for stream, _ in keys)
    assert counts.pop("crop") == 2  # drawn, and used where the method crops
    assert counts == {"generator": 2, "student": 2, "memory": 6, "partner": 6, "interpolation": 6}


def test_draws_of_the_memory_count_the_students_steps(monkeypatch):
    """With an even number of steps, a key that is incremented twice would repeat."""
    distiller, steps = make(memory=20, steps=2, run_eagerly=True), []

    def recorded(seed, stream, step, attempt):
        steps.extend([int(step)] if stream == "memory" else [])
        return stateless_seed(seed, stream, step, attempt)

    monkeypatch.setattr(latent_draws, "stateless_seed", recorded)
    fit(distiller, steps=3)
    assert steps == [0, 1, 2, 3, 4, 5]


def test_a_step_after_the_last_draws_what_the_next_train_step_would():
    """Keys depend on the student's iterations, for any number of steps per execution."""
    distiller = make(memory=64)
    for _ in range(3):
        distiller.generator_step(BATCH)
    at_once = [images for images, *_ in distiller.sampler.batches(BATCH, 4, 10)]
    one_by_one = [next(iter(distiller.sampler.batches(BATCH, 1, 10 + i)))[0] for i in range(4)]
    np.testing.assert_array_equal(at_once, one_by_one)


@pytest.mark.slow
def test_a_run_with_a_memory_is_a_function_of_its_seed():
    runs = [make(memory=20, share=0.5, seed=seed, steps=1) for seed in (3, 3, 4)]
    for distiller in runs:
        history = fit(distiller, steps=6)
        assert np.isfinite(history.history["loss"]).all()
    first, again, other = ([*weights(d.student), *weights(d.generator)] for d in runs)
    assert same(first, again) and not same(first, other)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("memory", "share"), [(0, 1.0), (20, 1.0), (20, 0.99), (20, 0.5), (20, 0.01)]
)
@pytest.mark.parametrize(
    ("row", "interpolation"),
    [
        ("dfad", None),
        ("dafl", None),
        ("zskt", None),
        ("dfad+interpolation", None),
        ("dfad+interpolation", FRESH),
        ("dfad+interpolation", VirtualInterpolation(partner="fresh", mode="replace")),
    ],
)
def test_the_method_knows_how_many_images_a_step_generates(row, interpolation, memory, share):
    distiller = make(memory, share, row, interpolation=interpolation, run_eagerly=True)
    drawn = generated(distiller)
    fit(distiller)
    assert sum(count for _, count in drawn) == distiller.method.images_per_step(BATCH)


def test_interpolation_works_on_remembered_images():
    distiller = make(memory=20, row="dfad+interpolation", interpolation=FRESH)
    distiller.generator_step(BATCH)
    images, logits, _ = next(distiller.sampler.batches(BATCH, 1, 0))
    plain, virtual = distiller.sampler.student_batches(images, logits, FRESH, 0)
    assert plain[0] is images and plain[1] is logits and virtual[0].shape[0] == BATCH // 2
    # Blended with a fresh image each: the blend of their logits is what is learnt.
    partners = distiller.sampler.observe(distiller.sampler.generate(BATCH // 2, "partner", 0))[:2]
    a, b = images[: BATCH // 2] - partners[0], virtual[0] - partners[0]
    share = float(tf.reduce_sum(a * b) / tf.reduce_sum(a * a))
    expected = share * logits[: BATCH // 2] + (1 - share) * partners[1]
    np.testing.assert_allclose(virtual[1], expected, atol=1e-3)


@pytest.mark.slow
def test_a_loaded_distiller_has_an_empty_memory(tmp_path):
    distiller = make(memory=20, share=0.5, steps=1)
    fit(distiller)
    distiller.save(tmp_path / "distiller.keras")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    assert (again.sampler.memory.size, again.sampler.method.memory_share) == (20, 0.5)
    assert int(again.sampler.memory.seen) == 0
    assert np.isfinite(fit(again, steps=2).history["loss"]).all()
