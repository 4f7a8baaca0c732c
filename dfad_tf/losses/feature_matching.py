"""Feature matching: the student learns the teacher's feature maps themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from dfad_tf.compute import replicas


@keras.saving.register_keras_serializable("dfad_tf")
class FeatureMatching:
    """Squared distance of the feature maps of student and teacher, relative to the teacher's.

    For each pair of layers, the mean of the squared differences is divided by the mean of the
    teacher's squared activations. The distances are averaged over the pairs. The maps must have
    the same shape, as those of networks of equal widths have.

    Args:
        weight: Factor of the distance in the student's loss.
        teacher_layers: Names of the teacher's layers. An empty sequence stands for the ends of
            its groups.
        student_layers: Names of the student's layers, each paired with the teacher's layer at
            the same position.

    Example:

    >>> float(FeatureMatching()(teacher_maps, teacher_maps))
    0.0

    Reference:
        Romero et al., FitNets, arXiv 1412.6550, without a regressor; the features before the
        pooling are those of Wang, Wu et al., "Practical Network Acceleration with Tiny Sets",
        arXiv 2202.07861.
    """

    def __init__(
        self,
        weight: float = 1.0,
        teacher_layers: Sequence[str] = (),
        student_layers: Sequence[str] = (),
    ) -> None:
        self.weight = weight
        self.teacher_layers, self.student_layers = tuple(teacher_layers), tuple(student_layers)

    def __call__(
        self, teacher_maps: Sequence[tf.Tensor], student_maps: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """Return the unweighted distance, a scalar.

        Args:
            teacher_maps: Feature maps `(batch, height, width, channels)` of the teacher.
            student_maps: As many of the student, of the same shapes.
        """
        distances = []
        for teacher, student in zip(teacher_maps, student_maps, strict=True):
            teacher, student = (keras.ops.cast(maps, "float32") for maps in (teacher, student))
            # Over the global batch: a ratio of means is not the mean of the replicas' ratios.
            scale = replicas.mean(keras.ops.mean(keras.ops.square(teacher)))
            scale += keras.config.epsilon()
            distances.append(keras.ops.mean(keras.ops.square(student - teacher)) / scale)
        return sum(distances) / len(distances)

    def get_config(self) -> dict[str, Any]:
        return {
            "weight": self.weight,
            "teacher_layers": list(self.teacher_layers),
            "student_layers": list(self.student_layers),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FeatureMatching:
        return cls(**config)
