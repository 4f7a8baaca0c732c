"""The synthesizer of the adversarial methods: one step of the generator on fresh latents."""

from __future__ import annotations

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.optimizers import apply_gradients
from dfad_tf.synthesis.image_scoring import ImageScoring, Score
from dfad_tf.synthesis.latent_draws import LatentDraws
from dfad_tf.synthesis.renewal import Renewal


class AdversarialSynthesizer:
    """Train a generator by one step on each batch.

    Args:
        draws: Latents, and the generator.
        scoring: The objective.
        optimizer: The generator's optimizer, built.
        lifetime: Generator steps after which the generator starts again; 0 for never.
        with_labels: Whether images are synthesized for given classes.

    Reference:
        DFAD (arXiv 1912.11006), DAFL (arXiv 1904.01186), ZSKT (arXiv 1905.09768), DFQ
        (arXiv 2005.04136), and the paper (arXiv 2102.11638).
    """

    def __init__(
        self,
        draws: LatentDraws,
        scoring: ImageScoring,
        optimizer: keras.optimizers.Optimizer,
        lifetime: int = 0,
        with_labels: bool = False,
    ) -> None:
        self.draws, self.scoring, self.optimizer = draws, scoring, optimizer
        self.with_labels = with_labels
        self._renewal = Renewal(draws.generator.network, lifetime)

    def update(self, batch_size: int) -> tuple[tf.Tensor, Score]:
        """Take one step.

        Args:
            batch_size: Images on each replica.

        Returns:
            The batch as the generator made it, and its score.
        """
        step = self.optimizer.iterations
        self._renewal.apply(step, lambda: self.draws.key("renewal", step))
        labels = self.draws.labels(batch_size, step) if self.with_labels else None
        variables = self.draws.generator.network.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            images = self.draws.generate(batch_size, "generator", step, labels)
            score = self.scoring(images, labels, self.draws.key("crop", step))
            scaled = self.optimizer.scale_loss(score.loss / replicas.count())
        gradients = tape.gradient(scaled, [variable.value for variable in variables])
        apply_gradients(self.optimizer, gradients, variables)
        self.scoring.end_batch()
        return images, score
