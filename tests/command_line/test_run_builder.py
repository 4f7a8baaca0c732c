"""Optimizers and their learning-rate schedules, from the flags."""

import keras
import pytest

from dfad_tf.command_line import run_builder
from dfad_tf.compute.keras_internals import learning_rate_or_schedule
from tests.helpers.command import parse


def schedules(*given):
    parse("--dataset=digits", *given)
    return [learning_rate_or_schedule(each) for each in run_builder.optimizers_from_flags()]


def test_both_learning_rates_decrease():
    for rate in schedules():
        assert isinstance(rate, keras.optimizers.schedules.CosineDecay)


def test_a_generator_that_starts_again_keeps_its_learning_rate():
    student, generator = schedules("--generator_lifetime=9", "--generator_learning_rate=0.25")
    assert isinstance(student, keras.optimizers.schedules.CosineDecay)
    assert float(generator) == 0.25


def test_one_cycle_rises_in_the_students_rate_alone_and_ends_at_0():
    student, generator = schedules(
        "--schedule=one_cycle", "--learning_rate=0.5", "--generator_learning_rate=0.25",
        "--epochs=10", "--steps_per_epoch=10", "--student_steps=2",
    )  # fmt: skip
    rates = [float(student(step)) for step in (0, 15, 30, 115, 200)]
    assert rates == pytest.approx([0.0, 0.25, 0.5, 0.25, 0.0], abs=1e-6)
    assert float(generator(0)) == 0.25 and float(generator(100)) == pytest.approx(0, abs=1e-6)
