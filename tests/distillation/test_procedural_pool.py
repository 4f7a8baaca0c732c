"""Procedural images as training images."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.callbacks import Backup
from dfad_tf.compute.training_state import read_state
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.data.procedural_images import procedural_images
from dfad_tf.distillation import procedural_kinds, procedural_pool
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.distillation.image_moments import ImageMoments
from dfad_tf.distillation.procedural_pool import ProceduralPool
from dfad_tf.methods.method import Method
from dfad_tf.methods.table import Settings
from dfad_tf.synthesis import generators
from dfad_tf.teachers.teacher_signals import TeacherSignals
from tests.conftest import same, small_classifier, small_generator, weights
from tests.helpers.interrupt import Interrupt
from tests.helpers.small_distiller import SHAPE, fit

KEY = tf.constant([5, 6])
ZERO_ONE = PixelContract("zero_one", (60.0,), (70.0,))


def brightness(teacher_input=ZERO_ONE):
    """A teacher of three classes: dark, medium and bright images."""
    inputs = keras.Input(SHAPE)
    mean = keras.layers.Rescaling(255.0)(keras.layers.GlobalAveragePooling2D()(inputs))
    distances = keras.layers.Dense(3, name="head")(mean)
    teacher = keras.Model(inputs, distances)
    levels = np.array([20.0, 100.0, 200.0])
    # −(x − level)² without its common part x².
    teacher.get_layer("head").set_weights([2 * levels[None], -(levels**2)])
    return teacher


def filled(size=120, seed=0):
    pool = ProceduralPool(size, SHAPE, ZERO_ONE, seed)
    pool.fill(TeacherSignals(brightness()))
    return pool


def classes_of(images):
    return np.argmax(brightness()(images), -1)


def test_images_are_in_the_teachers_input_range():
    images = filled().draw(64, KEY).numpy()
    assert images.shape == (64, *SHAPE) and images.dtype == np.float32
    assert images.min() >= 0 and 0.6 < images.max() <= 1


def test_all_classes_are_drawn_equally_often():
    counts = np.bincount(classes_of(filled().draw(3000, KEY)), minlength=3)
    assert counts.min() > 900 and counts.max() < 1100


def test_images_of_given_classes_are_drawn():
    pool, labels = filled(), tf.constant([2, 0, 1, 1] * 50)
    drawn = pool.draw(200, KEY, labels)
    np.testing.assert_array_equal(classes_of(drawn), labels)
    assert len(np.unique(drawn.numpy().reshape(200, -1), axis=0)) > 60  # not one for each class
    missing = pool.draw(30, KEY, tf.constant([7] * 30))  # a class without images: any of them
    assert set(classes_of(missing)) == {0, 1, 2}


def test_a_search_for_pixels_starts_from_images_of_the_wanted_classes():
    teacher = brightness()
    pixels = generators.build("pixel_pyramid", 5, SHAPE, [0.5], [0.3], ([0.0], [1.0]))
    distiller = DataFreeDistiller(teacher, small_classifier(), pixels, contract=ZERO_ONE)
    given = {"procedural_share": 0.5, "procedural_size": 60, "label_weight": 1.0}
    distiller.compile(method=methods.get("dfad", Settings(**given)))
    distiller.sampler.procedural.fill(distiller.signals)
    labels = distiller.sampler.labels(30, 0)
    images = distiller.sampler.generate(30, "generator", 0, labels)
    assert np.mean(classes_of(images) == labels.numpy()) > 0.9  # the ends of the range are cut


def test_images_depend_on_the_seed_and_draws_on_the_key():
    first, again, other = filled(seed=1), filled(seed=1), filled(seed=2)
    np.testing.assert_array_equal(first.images, again.images)
    assert (first.images.numpy() != other.images.numpy()).any()
    np.testing.assert_array_equal(first.draw(20, KEY), again.draw(20, KEY))
    assert (first.draw(20, KEY).numpy() != first.draw(20, KEY + 1).numpy()).any()
    before = first.images.numpy()
    first.fill(TeacherSignals(small_classifier()))  # it is filled
    np.testing.assert_array_equal(before, first.images)


def test_the_kind_of_images_is_drawn_that_covers_the_classes_best():
    sharp = [kind for kind in procedural_kinds.KINDS if "blur" not in kind]
    drawn = {kind.get("dark_share"): kind for kind in sharp}
    pool = ProceduralPool(8, SHAPE, ZERO_ONE, 0)

    def best(offset):
        # Class 0 below a brightness, and the others split the images above it.
        inputs = keras.Input(SHAPE)
        mean = keras.layers.Rescaling(255.0)(keras.layers.GlobalAveragePooling2D()(inputs))
        levels = np.array([0.0, 20.0, 40.0]) + offset
        teacher = keras.Model(inputs, keras.layers.Dense(3, name="head")(mean))
        teacher.get_layer("head").set_weights([2 * levels[None], -(levels**2)])
        ((kind, count),) = pool._counts(ImageMoments(TeacherSignals(teacher)), 16, 3)
        assert count == 16
        return kind

    assert best(0.0) == drawn[1.0]  # a teacher that tells dark images apart
    assert best(200.0) == drawn[0.0]  # and one that tells bright images apart


def recorded(images):
    """A teacher of three classes that recorded the statistics of some images."""
    inputs = keras.Input(SHAPE)
    norm = keras.layers.BatchNormalization(name="norm")
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(norm(x))
    teacher = keras.Model(inputs, keras.layers.Dense(3)(x))
    maps = np.array(keras.Model(inputs, norm.input)(images))
    norm.moving_mean.assign(maps.mean((0, 1, 2)))
    norm.moving_variance.assign(maps.var((0, 1, 2)))
    return TeacherSignals(teacher)


@pytest.mark.parametrize("kind", procedural_kinds.FINE_KINDS[3:])
def test_images_are_weighted_to_match_what_a_teacher_recorded(kind):
    """The teacher's data are images of one kind, of another seed than the pool's."""
    data = ZERO_ONE.to_input(np.rint(procedural_images(600, SHAPE, 9, **kind)))
    signals = recorded(data)
    moments = ImageMoments(signals)
    pool = ProceduralPool(800, SHAPE, ZERO_ONE, 0)
    pool.fill(signals)

    def distance(images):
        return np.linalg.norm(moments.of(np.asarray(images))[1].mean(0))

    drawn = pool.draw(4000, KEY)
    anything = ZERO_ONE.to_input(np.rint(procedural_images(600, SHAPE, 0)))
    assert distance(data) < 1e-3 and distance(drawn) < 0.3 * distance(anything)


def test_the_weights_are_a_function_of_seed_and_teacher():
    """So that a resumed run has the same."""
    signals = recorded(ZERO_ONE.to_input(procedural_images(200, SHAPE, 9)))
    first, second, single = (ProceduralPool(size, SHAPE, ZERO_ONE, 0) for size in (300, 300, 1))
    for pool in (first, second, single):
        pool.fill(signals)
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first._weights, second._weights)
    assert np.ptp(first._weights.numpy()) > 0 and single.draw(3, KEY).shape == (3, *SHAPE)


def test_images_of_a_given_class_are_drawn_by_their_weights():
    signals = recorded(ZERO_ONE.to_input(procedural_images(600, SHAPE, 9)))
    pool = ProceduralPool(400, SHAPE, ZERO_ONE, 0)
    pool.fill(signals)
    weights, classes = pool._weights.numpy(), pool._classes.numpy()
    label = int(np.bincount(classes.astype(int)).argmax())
    drawn = pool.draw(20_000, KEY, tf.fill((20_000,), label)).numpy()
    found, counts = np.unique(drawn.reshape(20_000, -1), axis=0, return_counts=True)
    stored = pool.inputs(pool.images).numpy().reshape(400, -1)
    expected = np.where(classes == label, weights, 0)
    shares = dict.fromkeys((image.tobytes() for image in stored), 0.0)
    for image, share in zip(stored, expected, strict=True):  # a plain image may occur twice
        shares[image.tobytes()] += share
    shares = np.array([shares[image.tobytes()] for image in found]) / expected.sum()
    assert shares.min() > 0 and np.ptp(shares) > 0.5 * shares.mean()
    np.testing.assert_allclose(counts / 20_000, shares, atol=0.01)


def make(share=0.5, **settings):
    keras.utils.set_random_seed(7)
    given = {"procedural_share": share, "procedural_size": 30, "student_steps": 2, **settings}
    distiller = DataFreeDistiller(
        brightness(), small_classifier(), small_generator(), contract=ZERO_ONE
    )
    distiller.compile("adam", "adam", methods.get("dfad", Settings(**given)))
    return distiller


@pytest.mark.parametrize(
    ("settings", "fresh"),
    [
        ({}, 2 * 2 * 4),
        ({"share": 0.25}, 2 * 2 * 6),
        ({"memory_size": 16}, 0),
        ({"share": 1.0}, 0),
        ({"share": 1.0, "memory_size": 16}, 0),
        ({"memory_size": 16, "memory_share": 0.5}, 2 * 2 * 2),
    ],
)
def test_a_share_of_the_students_batch_is_procedural(settings, fresh):
    distiller = make(**settings)
    distiller.run_eagerly = True
    seen, generated = [], []
    step, generate = distiller.student_step, distiller.sampler.generate
    distiller.student_step = lambda *batch: (seen.append(batch), step(*batch))

    def recorded(batch_size, stream, *others):
        generated.extend([batch_size] if stream == "student" else [])
        return generate(batch_size, stream, *others)

    distiller.sampler.generate = recorded
    fit(distiller, steps=2)
    assert sum(generated) == fresh
    assert distiller.method.images_per_step(8) == 8 + fresh // 2
    stored = {image.tobytes() for image in distiller.sampler.procedural.images.numpy()}
    for images, logits, _ in seen:
        assert images.shape[0] == 8
        pixels = np.rint(images.numpy() * 255).clip(0, 255).astype(np.uint8)
        count = round(8 * settings.get("share", 0.5))
        assert all(image.tobytes() in stored for image in pixels[-count:])
        np.testing.assert_allclose(logits, distiller.signals(images)[0], rtol=1e-3, atol=0.5)


@pytest.mark.slow
def test_a_resumed_run_draws_the_same_images(tmp_path):
    given = {"memory_size": 16, "image_augmentation": "shift_flip", "mixed_share": 0.5}
    straight, killed, resumed = (make(**given) for _ in range(3))
    expected = fit(straight, epochs=2, steps=3)
    with pytest.raises(MemoryError):
        fit(killed, epochs=2, steps=3, callbacks=[Backup(tmp_path, every=1), Interrupt(1, 1)])
    history = fit(resumed, epochs=2, steps=3, callbacks=[Backup(tmp_path, every=1)])
    assert history.history == expected.history
    first, second = read_state(straight), read_state(resumed)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    # Of the images in bytes, the stored ones alone are in the backup.
    assert [array.shape[0] for array in first.values() if array.dtype == np.uint8] == [16]


def test_a_saved_distiller_keeps_the_pixel_contract(tmp_path):
    distiller = make()
    distiller.save(tmp_path / "distiller.keras")
    again = keras.saving.load_model(tmp_path / "distiller.keras")
    assert again.contract == ZERO_ONE
    assert again.method.get_config() == distiller.method.get_config()
    assert same(weights(distiller.student), weights(again.student))


def test_the_contract_is_detected_where_none_is_given():
    teacher = keras.Sequential(
        [keras.Input(SHAPE), keras.layers.Rescaling(1 / 255), *small_classifier().layers]
    )
    distiller = DataFreeDistiller(teacher, small_classifier(), small_generator())
    distiller.compile(method=methods.get("dfad", Settings(procedural_share=0.5, procedural_size=9)))
    assert distiller.sampler.procedural.contract.range == "pixels"


def test_errors_name_the_argument():
    parts = methods.get("dfad").discrepancy, methods.get("dfad").generator_objectives
    for share, size in ((1.1, 8), (-0.1, 8), (0.5, 0), (0.0, 8)):
        with pytest.raises(ValueError, match=f"procedural_share={share}, procedural_size={size}"):
            Method(*parts, procedural_share=share, procedural_size=size)


def test_the_time_to_draw_is_estimated_per_image_and_is_0_afterwards():
    signals = TeacherSignals(brightness())
    small, large = (
        ProceduralPool(600, SHAPE, ZERO_ONE, 0),
        ProceduralPool(60_000, SHAPE, ZERO_ONE, 0),
    )
    assert 0 < small.seconds_to_fill(signals) < large.seconds_to_fill(signals)
    small.fill(signals)
    assert small.seconds_to_fill(signals) == 0.0


def test_large_images_are_fewer():
    """They would take gigabytes and minutes: 10,000 images of 224×224 pixels are 1.5 GB."""
    sizes = [ProceduralPool(20_000, (s, s, 3), ZERO_ONE, 0).size for s in (64, 96, 224, 1024)]
    assert sizes == [20_000, 910, 167, 64]


def test_the_estimated_time_is_that_of_drawing_alone(monkeypatch):
    """Counting the multiply-adds of a large teacher takes as long as hundreds of images."""
    now = [0.0]

    def slow_count(network):
        now[0] += 100.0
        return 1000

    monkeypatch.setattr(procedural_pool, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(procedural_pool, "multiply_adds", slow_count)
    pool, signals = ProceduralPool(60, SHAPE, ZERO_ONE, 0), recorded(procedural_images(50, SHAPE))
    assert pool.seconds_to_fill(signals) == 0.0 and now[0] == 100.0


def test_the_teacher_sees_cropped_images_where_its_data_were_cropped():
    white = np.full((40, *SHAPE), 255, np.uint8)
    whole, cropped = (ProceduralPool(8, SHAPE, ZERO_ONE, 0, crop) for crop in ("none", "shift"))
    assert whole._seen(white, 0).numpy().min() == 1.0
    seen = cropped._seen(white, 0).numpy()
    assert set(np.unique(seen)) == {0.0, 1.0} and seen[:, 1:-1, 1:-1].min() == 1.0
    assert make(synthesis_augmentation="shift").sampler.procedural.crop == "shift"
