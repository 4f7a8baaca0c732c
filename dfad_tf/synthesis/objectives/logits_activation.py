"""R_l, Eq. 2: the teacher should classify the images with confidence."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class LogitsActivation(GeneratorObjective):
    """The cross-entropy of the teacher's logits against the teacher's arg-max label.

    No gradient passes through the label.

    Args:
        weight: Weight in the generator's objective (a_l).
        name: Key in the logs.

    Reference:
        arXiv 2102.11638, Eq. 2; the one-hot loss of Chen et al., "Data-Free
        Learning of Student Networks", arXiv 1904.01186, Eq. 2.
    """

    def __init__(self, weight: float = 1.0, name: str = "logits_activation") -> None:
        super().__init__(weight, name)

    def call(self, forward: ForwardPass) -> tf.Tensor:
        logits = forward.teacher_logits
        labels = keras.ops.argmax(keras.ops.stop_gradient(logits), axis=-1)
        return keras.ops.mean(
            keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        )
