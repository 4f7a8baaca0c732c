"""A collapse is seen by its signs, undone where that is asked for, and the run ends whole."""

import math
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from dfad_tf.callbacks import Backup, CollapseWatch
from dfad_tf.compute.optimizers import ScaledSchedule
from dfad_tf.compute.training_state import read_state
from tests.callbacks.test_backup import Cut, equal
from tests.helpers.small_distiller import fit, make

HEALTHY = {"loss": 0.5, "class_entropy": 0.95, "image_spread": 0.3, "val_divergence": 0.2}
NAN = math.nan


def watched(on_collapse="stop", agreement=0.9, before=0.1, **arguments):
    """A watch of a made-up model, ten classes, and nothing that is broken."""
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
        ({"class_entropy": 0.4}, 0.9, "sees about 2.5 of 10 classes.*0.40, at best 0.95", "g"),
        ({"image_spread": 0.05}, 0.9, "nearly alike.*0.05, at best 0.3", "g"),
        ({"loss": 1.6}, 0.9, "loss has risen to 1.6, from 0.5", "s"),
        ({"val_divergence": 7.0}, 0.9, "diverge .* by 7 nats.* knows nothing has 2.3", "s"),
        ({}, 0.6, "agrees .* on 60 % .*, 90 % before", "s"),
        ({"loss": NAN}, 0.9, "^loss not finite", "sg"),
        ({"generator_loss": math.inf}, 0.9, "^generator_loss not finite", "sg"),
    ],
    ids=["classes", "images", "loss", "divergence", "agreement", "nan", "infinite"],
)
def test_each_sign_is_seen_and_blamed_on_its_network(change, agreement, words, networks):
    watch = watched()
    assert watch.signs(HEALTHY) == []
    watch.model.generated_validation.first_agreement = agreement
    (sign,) = watch.signs({**HEALTHY, **change})
    sign_text = re.search(words, sign.text)
    assert sign_text, sign.text
    assert sign.networks == tuple({"s": "student", "g": "generator"}[letter] for letter in networks)


def test_a_healthy_run_may_swing():
    watch = watched()
    assert watch.signs(HEALTHY) == []
    watch.model.generated_validation.first_agreement = 0.7
    swung = {"loss": 1.4, "class_entropy": 0.75, "image_spread": 0.07, "val_divergence": 6.0}
    assert watch.signs(swung) == []
    assert (watch.lowest_loss, watch.highest_entropy, watch.highest_agreement) == (0.5, 0.95, 0.9)


def test_the_first_epoch_is_judged_too():
    assert "classes" in watched().signs({**HEALTHY, "class_entropy": 0.1})[0].text
    assert watched().signs({**HEALTHY, "class_entropy": 0.2}) == []
    # A student that began with the teacher's filters may lose what it had in its first epoch.
    (sign,) = watched(agreement=0.4, before=0.8).signs(HEALTHY)
    assert "agrees" in sign.text and sign.networks == ("student",)


def test_images_that_are_alike_at_the_end_of_the_first_epoch_are_seen():
    watch = watched()
    watch.spread_now = lambda: 0.02
    (sign,) = watch.signs(HEALTHY)  # whose mean over the epoch is as it should be
    assert "at the end of the epoch 0.02" in sign.text and sign.networks == ("generator",)


@pytest.mark.parametrize("network", ["student", "generator"])
@pytest.mark.parametrize("value", [NAN, -math.inf])
def test_weights_that_are_no_numbers_are_blamed_alone(network, value):
    watch = watched()
    broken = SimpleNamespace(get_weights=lambda: [np.ones(3), np.array([0.0, value])])
    setattr(watch.model, network, broken)
    (sign,) = watch.signs(HEALTHY)
    assert sign.text == f"the {network}'s weights not finite" and sign.networks == (network,)


def test_several_signs_are_all_named_and_a_collapsed_epoch_is_no_best():
    watch = watched()
    watch.signs(HEALTHY)
    collapsed = {"loss": 1e-3, "class_entropy": 0.2, "image_spread": 0.01, "val_divergence": 0.2}
    assert [sign.networks for sign in watch.signs(collapsed)] == [("generator",)] * 2
    assert watch.lowest_loss == 0.5
    watch.model.generated_validation.first_agreement = 0.99
    watch.signs(collapsed)
    assert watch.highest_agreement == 0.9


def test_warn_says_so_and_goes_on(capsys):
    watch = watched("warn")
    watch.on_epoch_end(0, dict(HEALTHY))
    watch.on_epoch_end(1, {**HEALTHY, "loss": 9.0})
    assert not watch.model.stop_training and watch.stopped is None
    said = capsys.readouterr().out
    assert said.startswith("Collapse seen in epoch 2: the student's loss has risen to 9")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("on_collapse", "why"), [("stop", ""), ("restore", "There is no backup to restore from.")]
)
def test_stop_ends_the_training_and_so_does_restore_without_a_backup(on_collapse, why):
    watch = watched(on_collapse)
    watch.on_epoch_end(4, {**HEALTHY, "loss": NAN})
    assert watch.model.stop_training
    assert watch.stopped.startswith("Collapse seen in epoch 5: loss not finite.")
    assert watch.stopped.endswith(why)


def test_an_unknown_word_is_refused():
    with pytest.raises(ValueError, match="on_collapse.*'no'"):
        CollapseWatch("no")


# From here on: true collapses, of small networks.


class Spoil(keras.callbacks.Callback):
    """Do something to the distiller at the beginning of an epoch, a number of times."""

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
    """Whatever the latent, the same image."""
    kernel = distiller.generator.trainable_variables[0]
    kernel.assign(0 * kernel)


def absurd_rate(distiller):
    distiller.optimizer.learning_rate = 1e3


def watch_and_backup(folder, on_collapse="restore", spoil=None, **arguments):
    watch = CollapseWatch(on_collapse, **arguments)
    backup = watch.backup = Backup(folder, every=1, callbacks=[watch], delete_checkpoint=False)
    # A spoiled epoch is one that was healthy when it began.
    return watch, backup, [backup, watch, *([spoil] if spoil else [])]


@pytest.mark.parametrize(
    ("change", "words", "networks"),
    [
        (break_generator, "the generator's weights not finite", ["generator", "student"]),
        (same_images, "the generated images are nearly alike", ["generator"]),
        (absurd_rate, "diverge|has risen", ["student"]),
    ],
)
def test_a_collapse_is_undone_and_the_run_ends_whole(tmp_path, capsys, change, words, networks):
    distiller = make("dafl")
    watch, backup, callbacks = watch_and_backup(tmp_path, spoil=Spoil(2, change))
    history = fit(distiller, epochs=5, steps=4, callbacks=callbacks)
    said = capsys.readouterr().out
    assert "Collapse seen in epoch 3" in said and "Back to the beginning of epoch 3" in said
    record = backup.record
    assert re.search(words, record.events[0])
    # A student that was taught by like images alone may have lost what it knew.
    assert len(record.restores) == len(record.events) == 1
    networks = sorted({*networks, *(record.restores[0] if change is same_images else ())})
    assert record.restores == [networks]
    assert record.steps_undone == 4 and record.resumed == 0 and watch.stopped is None
    assert history.epoch == [0, 1, 2, 3, 4]
    assert all(len(values) == 5 for values in history.history.values())
    assert np.isfinite(list(history.history.values())).all()
    assert not distiller.rolling_back and distiller.sampler.attempt == 1
    for name, optimizer in distiller.optimizers_by_network().items():
        rate = 1e-2 * (0.1 if name in networks else 1)
        assert float(optimizer.learning_rate) == pytest.approx(rate)


def test_a_rate_that_is_absurd_from_the_beginning_falls_until_it_is_not(tmp_path):
    distiller = make("dafl")
    distiller.optimizer.learning_rate = 30.0
    watch, backup, callbacks = watch_and_backup(tmp_path, max_restores=9)
    history = fit(distiller, epochs=4, steps=4, callbacks=callbacks)
    assert watch.stopped is None and history.epoch == [0, 1, 2, 3]
    times = sum("student" in networks for networks in backup.record.restores)
    assert 1 <= times <= 9
    assert float(distiller.optimizer.learning_rate) == pytest.approx(30 * 0.1**times)
    assert distiller.sampler.attempt == len(backup.record.restores)


def test_it_goes_back_no_more_than_so_many_times(tmp_path):
    distiller = make("dafl")
    spoil = Spoil(1, break_generator, times=100)
    watch, backup, callbacks = watch_and_backup(tmp_path, spoil=spoil, max_restores=2)
    history = fit(distiller, epochs=4, steps=2, callbacks=callbacks)
    assert len(backup.record.restores) == 2 and backup.record.steps_undone == 4
    assert watch.stopped.endswith("It was restored 2 times before.")
    assert history.epoch == [0, 1] and distiller.stop_training
    # Twice slower than at first, though the variable was put back in between.
    assert float(distiller.optimizer.learning_rate) == pytest.approx(1e-2 / 100)


def test_a_moment_that_led_to_a_collapse_twice_was_no_healthy_one(tmp_path):
    spoil = Spoil(2, break_generator, times=3)
    watch, backup, callbacks = watch_and_backup(tmp_path, spoil=spoil)
    history = fit(make("dafl"), epochs=4, steps=2, callbacks=callbacks)
    assert backup.record.restored_to == [2, 2, 0]
    assert backup.record.steps_undone == 2 + 2 + 6
    assert watch.stopped is None and history.epoch == [0, 1, 2, 3]


def test_stop_leaves_what_there_was(tmp_path):
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


@pytest.mark.parametrize("build", [lambda: make("dafl"), scheduled], ids=["rate", "schedule"])
def test_a_run_that_collapsed_and_was_cut_goes_on_as_if_it_was_not_cut(tmp_path, build):
    straight = build()
    watch, backup, callbacks = watch_and_backup(tmp_path / "a", spoil=Spoil(1, break_generator))
    expected = fit(straight, epochs=4, steps=4, callbacks=callbacks)
    assert len(backup.record.restores) == 1

    cut = build()
    spoil = Spoil(1, break_generator)
    _, _, callbacks = watch_and_backup(tmp_path / "b", spoil=spoil)
    with pytest.raises(MemoryError):
        fit(cut, epochs=4, steps=4, callbacks=[*callbacks, Cut(2, 1)])
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


def test_the_best_so_far_is_that_of_the_whole_run_wherever_it_was_cut(tmp_path):
    """Also in the first epoch, whose student is measured once more as it began."""
    straight, _, callbacks = watch_and_backup(tmp_path / "a")
    fit(make("dafl"), epochs=2, steps=4, callbacks=callbacks)
    _, _, callbacks = watch_and_backup(tmp_path / "b")
    with pytest.raises(MemoryError):
        fit(make("dafl"), epochs=2, steps=4, callbacks=[*callbacks, Cut(0, 2)])
    resumed, _, callbacks = watch_and_backup(tmp_path / "b")
    distiller = make("dafl")
    fit(distiller, epochs=2, steps=4, callbacks=callbacks)
    found = distiller.generated_validation.agreement_before
    assert found == straight.model.generated_validation.agreement_before
    assert resumed.highest_agreement == straight.highest_agreement


def test_without_held_out_images_the_other_signs_are_watched(tmp_path):
    watch, _, callbacks = watch_and_backup(tmp_path, "stop", Spoil(1, break_generator))
    history = fit(make("dafl"), epochs=3, callbacks=callbacks, held_out_images=0)
    assert history.epoch == [0, 1] and "not finite" in watch.stopped
