"""Seconds of a train step, and that measuring them leaves no trace."""

import itertools
import types

import keras
import numpy as np
import pytest

from dfad_tf import methods
from dfad_tf.compute.training_state import unchanged
from dfad_tf.distillation import step_timing
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.methods.table import Settings
from tests.conftest import same, small_classifier, small_generator, weights
from tests.helpers.distiller_state import changed, state


def make(memory=0, student=None, generator=None, **arguments):
    keras.utils.set_random_seed(7)
    distiller = DataFreeDistiller(
        small_classifier(batch_norm=True),
        student or small_classifier(batch_norm=True),
        generator or small_generator(),
    )
    settings = Settings(student_steps=1, memory_size=memory)
    distiller.compile("adam", "adam", methods.get("dfad", settings), **arguments)
    return distiller


def fit(distiller, steps=2):
    return distiller.fit(batch_size=8, steps_per_epoch=steps, verbose=0)


def with_dropout():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3),
        ]
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"memory": 20},
        {"student": with_dropout},
        {"precision": "mixed_float16"},
    ],
)
def test_the_state_is_restored_after_a_block(arguments):
    arguments = {**arguments, "student": arguments.get("student", lambda: None)()}
    distiller = make(**arguments, run_eagerly=True)
    fit(distiller)
    before = state(distiller)
    with unchanged(distiller):
        distiller.train_step(np.zeros((8,)))
        moved = changed(before, state(distiller))
    assert changed(before, state(distiller)) == set()
    expected = {"student", "generator", "optimizer", "generator_optimizer", "metrics"}
    assert moved == expected | ({"memory"} if "memory" in arguments else set())


def test_the_state_is_restored_after_an_error():
    distiller = make(run_eagerly=True)
    before = state(distiller)
    with pytest.raises(KeyboardInterrupt), unchanged(distiller):
        distiller.train_step(np.zeros((8,)))
        raise KeyboardInterrupt
    assert changed(before, state(distiller)) == set()


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0, 20])
def test_a_measured_run_is_the_run_that_it_would_have_been(memory):
    measured, plain = make(memory), make(memory)
    times = step_timing.step_seconds(measured, 8, 2)
    assert len(times) == 4 and min(times) > 0
    assert changed(state(plain), state(measured)) == set()
    histories = [fit(distiller).history for distiller in (measured, plain)]
    assert histories[0] == histories[1]
    assert same(weights(measured.student), weights(plain.student))
    assert same(weights(measured.generator), weights(plain.generator))


def test_the_time_of_an_execution_is_divided_by_its_steps(monkeypatch):
    distiller = make(steps_per_execution=2, run_eagerly=True)
    clock = types.SimpleNamespace(monotonic=itertools.count(step=10.0).__next__)
    monkeypatch.setattr(step_timing, "time", clock)
    assert step_timing.step_seconds(distiller, 8, 1) == [5.0] * 3


def test_the_seconds_of_a_step_are_the_median_without_the_first_two(monkeypatch):
    monkeypatch.setattr(step_timing, "step_seconds", lambda *_: [90.0, 80.0, 3.0, 1.0, 2.0])
    assert step_timing.seconds_per_step(None, 8) == 2.0
