"""A generator that starts again from random weights."""

import numpy as np
import tensorflow as tf

from dfad_tf.synthesis import generators
from dfad_tf.synthesis.renewal import Renewal
from tests.conftest import same, weights
from tests.helpers.small_distiller import conditional_generator


def changed(generator):
    """Train a generator: here, change all of its weights."""
    for variable in generator.variables:
        variable.assign(variable + 3.0)
    return weights(generator)


def test_weights_are_replaced_when_the_lifetime_is_over_and_at_no_other_step():
    generator = conditional_generator()
    renewal = Renewal(generator, 4)
    before = changed(generator)
    for step in (0, 1, 3, 5, 7):
        renewal.apply(tf.constant(step), lambda step=step: tf.constant([1, step]))
        assert same(before, weights(generator))
    seen = []
    for step in (4, 8):
        renewal.apply(tf.constant(step), lambda step=step: tf.constant([1, step]))
        seen.append(weights(generator))
        changed(generator)
    assert all(
        np.array_equal(first, second) == (first.ndim == 1)
        for first, second in zip(*seen, strict=True)
    )


def test_fresh_weights_have_the_distribution_of_the_initial_ones():
    generator = conditional_generator()
    initial = weights(generator)
    renewal = Renewal(generator, 1)
    changed(generator)
    renewal.apply(tf.constant(1), lambda: tf.constant([1, 2]))
    for first, fresh in zip(initial, weights(generator), strict=True):
        if first.ndim == 1:
            np.testing.assert_array_equal(first, fresh)
        elif first.size > 300:
            assert abs(fresh.std() / first.std() - 1) < 0.15
            assert abs(fresh.mean()) < 4 * first.std() / first.size**0.5
            assert abs(np.corrcoef(first.ravel(), fresh.ravel())[0, 1]) < 0.2


def test_kernels_of_equal_shape_are_drawn_apart():
    generator = conditional_generator()
    renewal = Renewal(generator, 1)
    renewal.apply(tf.constant(1), lambda: tf.constant([1, 2]))
    kernels = [w.ravel()[:100] for w in weights(generator) if w.ndim > 1 and w.size >= 100]
    scaled = [kernel / kernel.std() for kernel in kernels]
    for index, first in enumerate(scaled):
        for second in scaled[:index]:
            assert abs(np.corrcoef(first, second)[0, 1]) < 0.5


def test_a_table_of_images_is_not_renewed():
    generator = generators.build("translator_16", 3, (8, 8, 1), [0.0], [1.0])
    table = generator.get_layer("drawn")
    before = table.get_weights()[0].copy(), generator.trainable_variables[0].numpy()
    Renewal(generator, 1).apply(tf.constant(1), lambda: tf.constant([0, 1]))
    np.testing.assert_array_equal(before[0], table.get_weights()[0])
    assert not np.array_equal(before[1], generator.trainable_variables[0].numpy())
