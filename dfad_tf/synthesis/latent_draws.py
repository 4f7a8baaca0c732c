"""What a generator synthesizes its images from: latents, and the classes of the images."""

from __future__ import annotations

import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.randomness import stateless_latent, stateless_seed
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.synthesis.target_labels import even_labels, with_labels


class LatentDraws:
    """Draw latents and labels, and generate images from them.

    Every draw is a function of the seed, the name of its stream and the step.

    Args:
        generator: The generator in the form that training runs.
        num_classes: Number of the teacher's classes.
        seed: Seed of all noise.

    Attributes:
        attempt: Number of rollbacks of the run. Each attempt draws other noise.

    Example:

    >>> draws = LatentDraws(TrainingForm(generator), num_classes=3, seed=0)
    >>> draws.latents(4, "generator", 0).shape
    TensorShape([4, 5])
    """

    def __init__(self, generator: TrainingForm, num_classes: int, seed: int) -> None:
        self.generator, self.num_classes, self.seed = generator, num_classes, seed
        self.attempt = 0

    def key(self, stream: str, step: tf.Tensor | int) -> tf.Tensor:
        """Return the key of a draw at a step; see `randomness.stateless_seed`."""
        return stateless_seed(self.seed, stream, step, self.attempt)

    def labels(self, batch_size: int, step: tf.Tensor | int) -> tf.Tensor:
        """Return the classes that a generator step synthesizes images for, int32 `(batch,)`."""
        return replicas.own(even_labels(batch_size * replicas.count(), self.num_classes, step))

    def latents(
        self,
        batch_size: int,
        stream: str,
        step: tf.Tensor | int,
        labels: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Draw latents that depend on stream and step alone.

        Args:
            batch_size: Latents on each replica.
            stream: A name in `randomness.STREAMS`.
            step: An optimizer's `iterations`.
            labels: Classes for a conditional generator, `(batch,)`; None for random ones.

        Returns:
            `(batch, latent)`.
        """
        length = self.generator.network.input_shape[-1]
        every = stateless_latent(batch_size * replicas.count(), length, self.key(stream, step))
        latents = replicas.own(every)
        if labels is None:
            return latents
        return with_labels(latents, self.generator.network, labels)

    def generate(
        self,
        batch_size: int,
        stream: str,
        step: tf.Tensor | int,
        labels: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Generate images from latents that depend on stream and step alone.

        Args:
            batch_size: Images on each replica.
            stream: A name in `randomness.STREAMS`.
            step: An optimizer's `iterations`.
            labels: Classes for a conditional generator, `(batch,)`; None for random ones.

        Returns:
            Images `(batch, height, width, channels)`.
        """
        return self.generator(self.latents(batch_size, stream, step, labels), training=True)
