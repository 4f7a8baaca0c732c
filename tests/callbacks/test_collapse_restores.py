"""Small networks collapse; if requested, the collapse is undone."""

import math
import re

import keras
import numpy as np
import pytest

from dfad_tf.callbacks import Backup, CollapseWatch
from dfad_tf.compute.optimizers import ScaledSchedule
from dfad_tf.compute.training_state import read_state
from tests.callbacks.test_backup import equal
from tests.helpers.interrupt import Interrupt
from tests.helpers.small_distiller import fit, make

NAN = math.nan


class Spoil(keras.callbacks.Callback):
    """Change the distiller at the beginning of an epoch, a number of times."""

    def __init__(self, epoch, change, times=1):
        super().__init__()
        self._epoch, self._change, self._times = epoch, change, times

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self._epoch and self._times:
            self._times -= 1
            self._change(self.model)


def break_generator(distiller):
    distiller.generator.set_weights([w * NAN for w in distiller.generator.get_weights()])


def same_images(distiller):
    """Let the generator return the same image for all latents."""
    kernel = distiller.generator.trainable_variables[0]
    kernel.assign(0 * kernel)


def far_too_large_learning_rate(distiller):
    distiller.optimizer.learning_rate = 1e3


def watch_and_backup(folder, on_collapse="restore", spoil=None, **arguments):
    watch = CollapseWatch(on_collapse, **arguments)
    backup = watch.backup = Backup(folder, every=1, callbacks=[watch], delete_checkpoint=False)
    # Last, so that the epoch is healthy when the others begin it.
    return watch, backup, [backup, watch, *([spoil] if spoil else [])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words", "networks"),
    [
        (break_generator, "the generator's weights are not finite", ["generator", "student"]),
        (same_images, "the generated images are nearly alike", ["generator"]),
        (far_too_large_learning_rate, "diverge|has risen", ["student"]),
    ],
)
def test_a_collapse_is_undone_and_the_run_completes(
    tmp_path, caplog, capsys, change, words, networks
):
    distiller = make("dafl")
    watch, backup, callbacks = watch_and_backup(tmp_path, spoil=Spoil(2, change))
    history = fit(distiller, epochs=5, steps=4, callbacks=callbacks)
    assert "Collapse detected in epoch 3" in caplog.text
    assert "Rolled back to the beginning of epoch 3" in caplog.text
    assert capsys.readouterr().out == ""
    record = backup.record
    assert re.search(words, record.events[0])
    # A student that learned from equal images may have become worse, too.
    assert len(record.restores) == len(record.events) == 1
    networks = sorted({*networks, *(record.restores[0] if change is same_images else ())})
    assert record.restores == [networks]
    assert record.steps_undone == 4 and record.resumed == 0 and watch.stopped is None
    assert history.epoch == [0, 1, 2, 3, 4]
    assert all(len(values) == 5 for values in history.history.values())
    assert np.isfinite(list(history.history.values())).all()
    assert not distiller.rolling_back and distiller.sampler.attempt == 1
    for name, optimizer in distiller.optimizers_by_network().items():
        learning_rate = 1e-2 * (0.1 if name in networks else 1)
        assert float(optimizer.learning_rate) == pytest.approx(learning_rate)


@pytest.mark.slow
def test_a_learning_rate_that_is_far_too_large_is_lowered_until_training_is_healthy(tmp_path):
    distiller = make("dafl")
    distiller.optimizer.learning_rate = 30.0
    watch, backup, callbacks = watch_and_backup(tmp_path, max_restores=9)
    history = fit(distiller, epochs=4, steps=4, callbacks=callbacks)
    assert watch.stopped is None and history.epoch == [0, 1, 2, 3]
    times = sum("student" in networks for networks in backup.record.restores)
    assert 1 <= times <= 9
    assert float(distiller.optimizer.learning_rate) == pytest.approx(30 * 0.1**times)
    assert distiller.sampler.attempt == len(backup.record.restores)


@pytest.mark.slow
def test_it_rolls_back_at_most_max_restores_times(tmp_path):
    distiller = make("dafl")
    spoil = Spoil(1, break_generator, times=100)
    watch, backup, callbacks = watch_and_backup(tmp_path, spoil=spoil, max_restores=2)
    history = fit(distiller, epochs=4, steps=2, callbacks=callbacks)
    assert len(backup.record.restores) == 2 and backup.record.steps_undone == 4
    assert watch.stopped.endswith("The run was already restored 2 times.")
    assert history.epoch == [0, 1] and distiller.stop_training
    # Lowered twice, although the variable was restored in between.
    assert float(distiller.optimizer.learning_rate) == pytest.approx(1e-2 / 100)


@pytest.mark.slow
def test_after_two_collapses_from_one_state_the_run_returns_to_its_first_state(tmp_path):
    spoil = Spoil(2, break_generator, times=3)
    watch, backup, callbacks = watch_and_backup(tmp_path, spoil=spoil)
    history = fit(make("dafl"), epochs=4, steps=2, callbacks=callbacks)
    assert backup.record.restored_to == [2, 2, 0]
    assert backup.record.steps_undone == 2 + 2 + 6
    assert watch.stopped is None and history.epoch == [0, 1, 2, 3]


def test_stop_restores_nothing(tmp_path):
    watch, backup, callbacks = watch_and_backup(tmp_path, "stop", Spoil(1, break_generator))
    history = fit(make("dafl"), epochs=4, steps=2, callbacks=callbacks)
    assert history.epoch == [0, 1] and "epoch 2" in watch.stopped
    assert backup.record.restores == []


def scheduled():
    distiller = make("dafl")
    decay = keras.optimizers.schedules.CosineDecay
    optimizers = [keras.optimizers.Adam(decay(rate, 40)) for rate in (1e-2, 2e-2)]
    distiller.compile(*optimizers, "dafl", seed=3)
    return distiller


@pytest.mark.slow
@pytest.mark.parametrize("build", [lambda: make("dafl"), scheduled], ids=["rate", "schedule"])
def test_an_interrupted_run_with_a_collapse_equals_one_without_an_interruption(tmp_path, build):
    straight = build()
    watch, backup, callbacks = watch_and_backup(tmp_path / "a", spoil=Spoil(1, break_generator))
    expected = fit(straight, epochs=4, steps=4, callbacks=callbacks)
    assert len(backup.record.restores) == 1

    interrupted = build()
    spoil = Spoil(1, break_generator)
    _, _, callbacks = watch_and_backup(tmp_path / "b", spoil=spoil)
    with pytest.raises(MemoryError):
        fit(interrupted, epochs=4, steps=4, callbacks=[*callbacks, Interrupt(2, 1)])
    resumed = build()
    again, backup, callbacks = watch_and_backup(tmp_path / "b")
    history = fit(resumed, epochs=4, steps=4, callbacks=callbacks)
    assert history.history == expected.history and history.epoch == [0, 1, 2, 3]
    assert equal(read_state(straight), read_state(resumed))
    assert (backup.record.resumed, len(backup.record.restores)) == (1, 1)
    for name, optimizer in resumed.optimizers_by_network().items():
        other = straight.optimizers_by_network()[name]
        assert float(optimizer.learning_rate) == float(other.learning_rate)
        assert isinstance(optimizer._learning_rate, ScaledSchedule) == (build is scheduled)
    for name in ("highest_entropy", "widest_spread", "highest_agreement", "lowest_loss"):
        assert getattr(again, name) == getattr(watch, name)


@pytest.mark.slow
def test_the_best_values_are_those_of_the_whole_run_despite_an_interruption(tmp_path):
    """Also in the first epoch, in which the student is also measured with its first weights."""
    straight, _, callbacks = watch_and_backup(tmp_path / "a")
    fit(make("dafl"), epochs=2, steps=4, callbacks=callbacks)
    _, _, callbacks = watch_and_backup(tmp_path / "b")
    with pytest.raises(MemoryError):
        fit(make("dafl"), epochs=2, steps=4, callbacks=[*callbacks, Interrupt(0, 2)])
    resumed, _, callbacks = watch_and_backup(tmp_path / "b")
    distiller = make("dafl")
    fit(distiller, epochs=2, steps=4, callbacks=callbacks)
    found = distiller.generated_validation.agreement_before
    assert found == straight.model.generated_validation.agreement_before
    assert resumed.highest_agreement == straight.highest_agreement


def test_without_held_out_images_the_other_signs_are_checked(tmp_path):
    watch, _, callbacks = watch_and_backup(tmp_path, "stop", Spoil(1, break_generator))
    history = fit(make("dafl"), epochs=3, callbacks=callbacks, held_out_images=0)
    assert history.epoch == [0, 1] and "not finite" in watch.stopped
