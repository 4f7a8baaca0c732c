"""Adam on tensors takes the steps of Keras's Adam."""

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.compute.functional_adam import adam_step, no_moments


def test_its_steps_are_those_of_keras():
    rng = np.random.default_rng(0)
    start = [rng.normal(size=shape).astype("f4") for shape in ((3, 2), (4,))]
    variables = [keras.Variable(value) for value in start]
    optimizer = keras.optimizers.Adam(0.05, beta_1=0.5, epsilon=1e-8)
    values = [tf.constant(value) for value in start]
    moments = no_moments(values)
    for step in range(4):
        gradients = [tf.constant(rng.normal(size=v.shape).astype("f4")) for v in values]
        optimizer.apply(gradients, variables)
        values, moments = adam_step(values, gradients, moments, tf.constant(step), 0.05)
        for value, variable in zip(values, variables, strict=True):
            np.testing.assert_allclose(value, variable.numpy(), atol=1e-5)
