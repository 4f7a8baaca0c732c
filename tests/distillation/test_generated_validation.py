"""Held-out generated images: what is measured on them, without an effect on training."""

import math

import keras
import numpy as np
import pytest

from dfad_tf.callbacks import Backup
from dfad_tf.compute.batch_statistics import as_in_training
from dfad_tf.compute.randomness import stateless_latent, stateless_seed
from dfad_tf.distillation.generated_validation import GeneratedValidation
from tests.conftest import same, weights
from tests.helpers.interrupt import Interrupt
from tests.helpers.small_distiller import fit, labelled, make

COUNT = 40


class Recorder(keras.callbacks.Callback):
    """Record the held-out images and the logs of each epoch."""

    def __init__(self):
        super().__init__()
        self.images, self.draws, self.logs, self.by_hand = [], [], [], []

    def on_epoch_end(self, epoch, logs=None):
        validation = self.model.generated_validation
        self.images.append(validation.images.numpy())
        self.draws.append(int(validation.draws_done))
        self.logs.append(dict(logs))
        self.by_hand.append(by_hand(self.model))


def by_hand(distiller):
    """Agreement and divergence, by NumPy."""
    validation = distiller.generated_validation
    count = validation.count
    drawn = count * int(validation.draws_done) // len(validation.drawing_epochs())
    teachers, students = (
        network.predict(validation.images.numpy()[:drawn], verbose=0).astype("float64")
        for network in (distiller.teacher, distiller.student)
    )

    def log_softmax(logits):
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    same_class = teachers.argmax(-1) == students.argmax(-1)
    p, q = log_softmax(teachers), log_softmax(students)
    divergence = (np.exp(p) * (p - q)).sum(-1)
    agreement = same_class.sum() / count  # Images that are not drawn count as disagreement.
    return agreement, (divergence.sum() + (count - drawn) * math.log(3)) / count


@pytest.fixture(scope="module")
def run():
    keras.utils.set_random_seed(0)
    distiller, recorder = make("dafl"), Recorder()
    fit(distiller, epochs=9, steps=3, held_out_images=COUNT, callbacks=[recorder])
    return distiller, recorder


@pytest.mark.slow
def test_the_logs_equal_values_computed_by_numpy(run):
    _, recorder = run
    for logs, (agreement, divergence) in zip(recorder.logs, recorder.by_hand, strict=True):
        assert logs["val_agreement"] == pytest.approx(agreement, abs=1e-6)
        assert logs["val_divergence"] == pytest.approx(divergence, rel=1e-4)
    assert run[0].history.history["val_agreement"] == [r["val_agreement"] for r in recorder.logs]


@pytest.mark.slow
def test_images_are_drawn_in_each_drawing_epoch_and_stay(run):
    distiller, recorder = run
    assert distiller.generated_validation.drawing_epochs() == [1, 2, 4]
    assert recorder.draws == [1, 2, 2, 3, 3, 3, 3, 3, 3]
    for before, images, passed in zip(
        recorder.images, recorder.images[1:], recorder.draws, strict=False
    ):
        drawn = COUNT * passed // 3
        assert np.array_equal(before[:drawn], images[:drawn])
    for images in recorder.images[3:]:
        assert np.array_equal(images, recorder.images[3])
    first, last = recorder.images[0], recorder.images[-1]
    assert not first[COUNT // 3 :].any()  # Not drawn yet.
    assert len({image.tobytes() for image in last}) == COUNT  # No two images are equal.


def test_images_that_are_not_drawn_count_as_disagreement(run):
    _, recorder = run
    for logs, passed in zip(recorder.logs, recorder.draws, strict=True):
        drawn = (COUNT * passed // 3) / COUNT
        assert logs["val_agreement"] <= drawn
        assert logs["val_divergence"] >= (1 - drawn) * math.log(3)


@pytest.mark.parametrize(
    ("epochs", "expected"), [(1, [1]), (2, [1]), (3, [1, 2]), (20, [1, 2, 5, 10])]
)
def test_the_last_draw_is_in_the_middle_of_the_run(epochs, expected):
    validation = GeneratedValidation()
    validation.set_params({"epochs": epochs})
    assert validation.drawing_epochs() == expected


def test_training_is_the_same_with_and_without_it():
    """Weights and moving statistics are equal."""
    found = []
    for count in (COUNT, 0):
        distiller = make("dafl")
        history = fit(distiller, epochs=2, steps=3, held_out_images=count)
        found.append([*weights(distiller.student), *weights(distiller.generator)])
        assert ("val_agreement" in history.history) == bool(count)
    assert same(*found)


def test_drawing_and_measuring_change_no_variable(run):
    distiller, _ = run
    networks = (distiller.student, distiller.generator, distiller.teacher)
    before = [w for network in networks for w in weights(network)]
    distiller.generated_validation._draw(0)
    distiller.generated_validation.measure()
    assert same(before, [w for network in networks for w in weights(network)])


@pytest.mark.slow
def test_validation_data_has_no_effect_on_it():
    """The held-out images and their metrics do not depend on labelled images."""
    found = []
    for data in (None, labelled(), (labelled()[0] * 100, labelled()[1])):
        distiller = make("dafl")
        history = fit(distiller, held_out_images=COUNT, validation_data=data)
        logs = {name: history.history[name] for name in ("val_agreement", "val_divergence")}
        found.append((logs, distiller.generated_validation.images.numpy().tobytes()))
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
def test_a_resumed_run_has_the_same_held_out_images(tmp_path, run):
    _, recorder = run
    with pytest.raises(MemoryError):
        fit(make("dafl"), epochs=9, steps=3, held_out_images=COUNT,
            callbacks=[Backup(tmp_path, every=1), Interrupt(2, 1)])  # fmt: skip
    resumed = make("dafl")
    history = fit(
        resumed, epochs=9, steps=3, held_out_images=COUNT, callbacks=[Backup(tmp_path, every=1)]
    )
    assert np.array_equal(resumed.generated_validation.images, recorder.images[-1])
    assert history.history["val_agreement"] == [logs["val_agreement"] for logs in recorder.logs]


class Best(keras.callbacks.Callback):
    """Set the logged agreement, because only the order of callbacks is tested here."""

    def on_epoch_end(self, epoch, logs=None):
        logs["val_agreement"] = [0.3, 0.8, 0.5, 0.4, 0.9][epoch]


def test_keras_callbacks_find_it(tmp_path):
    distiller, path = make("dafl"), tmp_path / "best.weights.h5"
    saved = keras.callbacks.ModelCheckpoint(
        path, "val_agreement", mode="max", save_best_only=True, save_weights_only=True
    )
    stopping = keras.callbacks.EarlyStopping("val_agreement", mode="max", patience=2)
    history = fit(distiller, epochs=5, held_out_images=COUNT, callbacks=[Best(), saved, stopping])
    assert history.epoch == [0, 1, 2, 3] and stopping.best_epoch == 1
    assert saved.best == 0.8 and path.exists()


def test_keras_callbacks_find_the_measured_values(tmp_path):
    distiller = make("dafl")
    saved = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", "val_agreement", mode="max", save_best_only=True
    )
    stopping = keras.callbacks.EarlyStopping("val_divergence", mode="min", patience=9)
    history = fit(distiller, epochs=3, held_out_images=COUNT, callbacks=[saved, stopping])
    assert saved.best == max(history.history["val_agreement"])
    assert stopping.best == min(history.history["val_divergence"])
    assert (tmp_path / "best.keras").exists()


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 5])
def test_a_few_images_do(count):
    history = fit(make("dafl"), epochs=9, steps=1, held_out_images=count)
    assert np.isfinite(history.history["val_agreement"]).all()
    assert history.history["val_agreement"][-1] in [n / max(4, count) for n in range(6)]


def test_large_images_are_fewer():
    validation = GeneratedValidation(10**9)
    distiller = make("dafl")
    validation.set_model(distiller)
    assert validation.count == 2**24 // 64
    assert validation.images.shape == (2**18, 8, 8, 1)


def test_half_lie_between_two_and_another_moment_has_other_latents(run):
    distiller, _ = run
    validation, third = distiller.generated_validation, COUNT // 3
    latent = stateless_latent(third, 5, stateless_seed(0, "validation", 0))
    made = as_in_training(distiller.generator, latent).numpy()
    validation._draw(0)
    images = validation.images.numpy()[:third]
    half = third // 2
    np.testing.assert_allclose(images[half:], made[half:], atol=1e-6)
    first, second = made[:half], np.roll(made, 1, 0)[:half]
    assert (images[:half] >= np.minimum(first, second) - 1e-5).all()
    assert (images[:half] <= np.maximum(first, second) + 1e-5).all()
    validation._draw(1)
    assert not np.isin(validation.images.numpy()[third : 2 * third], images).all()
