"""Optimizers and their learning-rate schedules, from the flags."""

import keras

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
