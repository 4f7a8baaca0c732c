"""The first images of a run are looked at once."""

import logging

import keras
import numpy as np
import pytest

from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.trust.early_warning import EarlyWarning
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier, small_generator
from tests.helpers.small_distiller import CONTRACT


def distiller(bias=None, recorded=None, **options):
    """A distiller whose teacher prefers a class, or has recorded other statistics."""
    teacher = small_classifier(batch_norm=recorded is not None)
    if bias is not None:
        kernel, _ = teacher.layers[-1].get_weights()
        teacher.layers[-1].set_weights([kernel, np.array(bias, float)])
    if recorded is not None:
        norm = next(x for x in teacher.layers if isinstance(x, keras.layers.BatchNormalization))
        norm.moving_mean.assign(norm.moving_mean + recorded)
    model = DataFreeDistiller(teacher, small_classifier(), small_generator(), contract=CONTRACT)
    model.compile("adam", "adam", method="dfad", **options)
    return model


def fit(model, watch, epochs=3):
    return model.fit(
        batch_size=8, epochs=epochs, steps_per_epoch=2, verbose=0, callbacks=[watch]
    ).history["loss"]


def test_images_of_one_class_are_warned_of_once(caplog):
    with caplog.at_level(logging.WARNING, "dfad_tf"):
        losses = fit(distiller(bias=[50, 0, 0]), EarlyWarning())
    warnings = [r.message for r in caplog.records if "synthesized images" in r.message]
    assert len(losses) == 3 and len(warnings) == 1
    assert "into 1 of its 3 classes" in warnings[0]
    assert "`label_weight=1`" in warnings[0] and "`procedural_share=0.5`" in warnings[0]
    assert "`batch_norm_weight=3`" not in warnings[0]  # it has no batch normalization


def test_images_far_from_the_recorded_statistics_stop_the_training(caplog):
    watch = EarlyWarning("stop")
    losses = fit(distiller(recorded=40.0), watch)
    assert len(losses) == 1
    assert "nats from the statistics" in watch.stopped
    assert "`batch_norm_weight=3`" in watch.stopped


def test_it_looks_in_the_middle_of_a_long_epoch(monkeypatch):
    monkeypatch.setattr("dfad_tf.trust.early_warning._SECONDS", -1.0)
    looks, model, watch = [], distiller(), EarlyWarning()
    steps = model.optimizer.iterations
    monkeypatch.setattr(watch, "signs", lambda _: looks.append(int(steps)) or [])
    fit(model, watch)
    assert looks == [model.method.student_steps]  # after the first of two train steps


def test_a_resumed_run_is_not_looked_at_again(monkeypatch):
    watch = EarlyWarning("stop")
    model = distiller(bias=[50, 0, 0])
    model.fit(
        batch_size=8, initial_epoch=1, epochs=2, steps_per_epoch=2, verbose=0, callbacks=[watch]
    )
    assert watch.stopped is None


def test_other_actions_are_refused():
    with pytest.raises(InputError, match="on_distrust='ask'"):
        EarlyWarning("ask")


def test_a_collapse_that_is_undone_is_not_looked_at(monkeypatch):
    watch, model = EarlyWarning("stop"), distiller(bias=[50, 0, 0])
    watch.set_model(model)
    watch.on_train_begin()
    watch.on_epoch_begin(0)
    monkeypatch.setattr(model, "rolling_back", True, raising=False)
    watch.on_epoch_end(0)
    assert watch.stopped is None
    monkeypatch.setattr(model, "rolling_back", False)
    watch.on_epoch_begin(0)  # the epoch is repeated
    watch.on_epoch_end(0)
    assert watch.stopped
    watch.on_train_begin()
    assert watch.stopped is None


def test_replicas_look_at_the_end_of_the_epoch(two_replicas, monkeypatch):
    monkeypatch.setattr("dfad_tf.trust.early_warning._SECONDS", -1.0)
    with two_replicas.scope():
        model = distiller(recorded=40.0)
    watch, looks = EarlyWarning("stop"), []
    signs = watch.signs

    def look(statistics):
        looks.append(int(keras.ops.convert_to_numpy(model.optimizer.iterations)))
        return signs(statistics)

    monkeypatch.setattr(watch, "signs", look)
    fit(model, watch)
    assert looks == [2 * model.method.student_steps]
    assert "nats from the statistics" in watch.stopped
