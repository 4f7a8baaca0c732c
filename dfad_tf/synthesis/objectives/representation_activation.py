"""R_m, Eq. 3: the images should activate the teacher's features."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective


@keras.saving.register_keras_serializable("dfad_tf")
class RepresentationActivation(GeneratorObjective):
    """The negated L1 norm of the teacher's features.

    Args:
        weight: Weight in the generator's objective (a_m).
        norm: `"mean"` averages over the features, as the public implementation of DAFL does, so
            that one weight suits networks of any width. `"sum"` is exactly Eq. 3, larger by the
            number of features.
        name: Key in the logs.

    Reference:
        arXiv 2102.11638, Eq. 3; arXiv 1904.01186, Eq. 4.
    """

    needs_features = True

    def __init__(
        self,
        weight: float = 1.0,
        norm: str = "mean",
        name: str = "representation_activation",
    ) -> None:
        if norm not in ("mean", "sum"):
            raise ValueError(f"Expected `norm` to be 'mean' or 'sum'. Received: norm={norm!r}")
        super().__init__(weight, name)
        self.norm = norm

    def call(self, forward: ForwardPass) -> tf.Tensor:
        magnitudes = keras.ops.abs(forward.teacher_features)
        over_features = keras.ops.mean if self.norm == "mean" else keras.ops.sum
        features = keras.ops.reshape(magnitudes, (magnitudes.shape[0], -1))
        return -keras.ops.mean(over_features(features, axis=-1))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "norm": self.norm}
