"""A collapse is detected by its signs and, if requested, undone."""

import math
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from dfad_tf.callbacks import Backup, CollapseWatch
from dfad_tf.compute.optimizers import ScaledSchedule
from dfad_tf.compute.training_state import read_state
from dfad_tf.utils.errors import InputError
from tests.callbacks.test_backup import equal
from tests.helpers.interrupt import Interrupt
from tests.helpers.small_distiller import fit, make

HEALTHY = {"loss": 0.5, "class_entropy": 0.95, "image_spread": 0.3, "val_divergence": 0.2}
NAN = math.nan


def watched(on_collapse="stop", agreement=0.9, before=0.1, **arguments):
    """A watch of a stub model with ten classes and finite weights."""
    watch = CollapseWatch(on_collapse, **arguments)
    watch.spread_now = lambda: 0.3
    network = SimpleNamespace(get_weights=lambda: [np.ones(3), np.zeros((2, 2))])
    watch.set_model(
        SimpleNamespace(
            teacher=SimpleNamespace(output_shape=(None, 10)),
            student=network,
            generator=network,
            generated_validation=SimpleNamespace(
                first_agreement=agreement, agreement_before=before
            ),
            stop_training=False,
        )
    )
    return watch


@pytest.mark.parametrize(
    ("change", "agreement", "words", "networks"),
    [
        ({"class_entropy": 0.4}, 0.9, "predicts about 2.5 of 10 classes.*0.40, best 0.95", "g"),
        ({"image_spread": 0.05}, 0.9, "nearly alike.*0.05, best 0.3", "g"),
        ({"loss": 1.6}, 0.9, "loss has risen from 0.5 to 1.6", "s"),
        (
            {"val_divergence": 7.0},
            0.9,
            "diverge .* by 7 nats; uniform .* by 2.3",
            "s",
        ),
        ({}, 0.6, "agrees .* on 60 % .*, down from 90 %", "s"),
        ({"loss": NAN}, 0.9, "^loss is not finite", "sg"),
        ({"generator_loss": math.inf}, 0.9, "^generator_loss is not finite", "sg"),
    ],
    ids=["classes", "images", "loss", "divergence", "agreement", "nan", "infinite"],
)
def test_each_sign_is_detected_and_assigned_to_its_network(change, agreement, words, networks):
    watch = watched()
    assert watch.signs(HEALTHY) == []
    watch.model.generated_validation.first_agreement = agreement
    (sign,) = watch.signs({**HEALTHY, **change})
    sign_text = re.search(words, sign.text)
    assert sign_text, sign.text
    assert sign.networks == tuple({"s": "student", "g": "generator"}[letter] for letter in networks)


def test_a_healthy_run_may_vary():
    watch = watched()
    assert watch.signs(HEALTHY) == []
    watch.model.generated_validation.first_agreement = 0.7
    swung = {"loss": 1.4, "class_entropy": 0.75, "image_spread": 0.07, "val_divergence": 6.0}
    assert watch.signs(swung) == []
    assert (watch.lowest_loss, watch.highest_entropy, watch.highest_agreement) == (0.5, 0.95, 0.9)


def test_the_first_epoch_is_checked_too():
    assert "classes" in watched().signs({**HEALTHY, "class_entropy": 0.1})[0].text
    assert watched().signs({**HEALTHY, "class_entropy": 0.2}) == []
    # A student that starts with the teacher's filters may lose its agreement in the first epoch.
    (sign,) = watched(agreement=0.4, before=0.8).signs(HEALTHY)
    assert "agrees" in sign.text and sign.networks == ("student",)


def test_images_that_are_alike_at_the_end_of_the_first_epoch_are_detected():
    watch = watched()
    watch.spread_now = lambda: 0.02
    (sign,) = watch.signs(HEALTHY)  # Their mean over the epoch is healthy.
    assert "at the end of the epoch 0.02" in sign.text and sign.networks == ("generator",)


@pytest.mark.parametrize("network", ["student", "generator"])
@pytest.mark.parametrize("value", [NAN, -math.inf])
def test_weights_that_are_not_finite_are_the_only_sign(network, value):
    watch = watched()
    broken = SimpleNamespace(get_weights=lambda: [np.ones(3), np.array([0.0, value])])
    setattr(watch.model, network, broken)
    (sign,) = watch.signs(HEALTHY)
    assert sign.text == f"the {network}'s weights are not finite" and sign.networks == (network,)


def test_several_signs_are_all_reported_and_a_collapsed_epoch_updates_no_best_value():
    watch = watched()
    watch.signs(HEALTHY)
    collapsed = {"loss": 1e-3, "class_entropy": 0.2, "image_spread": 0.01, "val_divergence": 0.2}
    assert [sign.networks for sign in watch.signs(collapsed)] == [("generator",)] * 2
    assert watch.lowest_loss == 0.5
    watch.model.generated_validation.first_agreement = 0.99
    watch.signs(collapsed)
    assert watch.highest_agreement == 0.9


def test_warn_logs_a_warning_and_continues(capsys, caplog):
    watch = watched("warn")
    watch.on_epoch_end(0, dict(HEALTHY))
    watch.on_epoch_end(1, {**HEALTHY, "loss": 9.0})
    assert not watch.model.stop_training and watch.stopped is None
    (record,) = caplog.records
    message = record.getMessage()
    assert message.startswith("Collapse detected in epoch 2: the student's loss has risen from 0.5")
    assert message.endswith("Training continues (on_collapse=warn).") and "\n" not in message
    assert record.levelname == "WARNING" and capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("on_collapse", "why"), [("stop", ""), ("restore", "There is no backup to restore from.")]
)
def test_stop_ends_the_training_and_so_does_restore_without_a_backup(on_collapse, why):
    watch = watched(on_collapse)
    watch.on_epoch_end(4, {**HEALTHY, "loss": NAN})
    assert watch.model.stop_training
    assert watch.stopped.startswith("Collapse detected in epoch 5: loss is not finite.")
    assert watch.stopped.endswith(why)


def test_an_unknown_action_is_refused():
    with pytest.raises(InputError, match="`on_collapse` to be one of restore.*on_collapse='no'"):
        CollapseWatch("no")


# The tests below let small networks collapse.


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
