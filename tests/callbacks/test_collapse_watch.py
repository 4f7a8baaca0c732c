"""A collapse is detected by its signs."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from dfad_tf.callbacks import CollapseWatch
from dfad_tf.utils.errors import InputError

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
