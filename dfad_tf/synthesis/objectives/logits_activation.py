"""R_l, Eq. 2: images should look decided to the teacher."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class LogitsActivation(GeneratorObjective):
    """Cross-entropy of the teacher's logits against the teacher's own arg-max label.

    The label carries no gradient.

    Args:
        weight: Factor in the generator's objective (a_l).
        name: Key in the logs.

    Reference:
        arXiv 2102.11638, Eq. 2; the one-hot loss of Chen et al., "Data-Free
        Learning of Student Networks", arXiv 1904.01186, Eq. 2.
    """

    def __init__(self, weight: float = 1.0, name: str = "logits_activation") -> None:
        super().__init__(weight, name)

    def call(self, forward: ForwardPass) -> Any:
        logits = forward.teacher_logits
        labels = keras.ops.argmax(keras.ops.stop_gradient(logits), axis=-1)
        return keras.ops.mean(
            keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        )
