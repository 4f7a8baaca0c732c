"""The synthesizer of the inversion methods: each batch is searched for in a round of steps."""

from __future__ import annotations

from typing import NamedTuple

import keras
import tensorflow as tf

from dfad_tf.compute import replicas
from dfad_tf.compute.functional_adam import AdamMoments, adam_step, no_moments
from dfad_tf.compute.optimizers import apply_gradients
from dfad_tf.synthesis.image_scoring import ImageScoring, Score
from dfad_tf.synthesis.inversion import Inversion
from dfad_tf.synthesis.latent_draws import LatentDraws
from dfad_tf.synthesis.renewal import Renewal


class _Round(NamedTuple):
    """The state of a round between two steps.

    Attributes:
        step: Number of steps so far.
        latents: `(batch, latent)`.
        weights: The generator's trainable weights.
        moments: Adam's moments, of the latents and of the weights.
        sums: Sums of the gradients of the weights; empty unless they are needed.
        best: The batch with the lowest objective so far.
    """

    step: tf.Tensor
    latents: tf.Tensor
    weights: list[tf.Tensor]
    moments: tuple[AdamMoments, AdamMoments]
    sums: list[tf.Tensor]
    best: _Best


class _Best(NamedTuple):
    """A batch of images: as the generator made them, the logits, the terms and the objective."""

    images: tf.Tensor
    logits: tf.Tensor
    values: list[tf.Tensor]
    loss: tf.Tensor


class InversionSynthesizer:
    """Search for a batch of images by several steps on the same latents and labels.

    In each round, latents and labels are drawn, and Adam changes latents and generator until
    the teacher recognizes the labels, and its statistics are those of its data. With a generator
    without weights (`"pixels"`), whose latents are the images, this is DeepInversion.

    Args:
        draws: Latents, and the generator.
        scoring: The objective.
        optimizer: The generator's optimizer, built. It takes the step of `Inversion.meta`, and
            counts the rounds.
        inversion: How a batch is searched for.
        lifetime: Rounds after which the generator starts again; 0 for never.
        with_labels: Whether images are synthesized for given classes.

    Reference:
        DeepInversion (arXiv 1912.08795), CMI (arXiv 2105.08584), FastDFKD (arXiv 2112.06253),
        NAYER (arXiv 2310.00258).
    """

    def __init__(
        self,
        draws: LatentDraws,
        scoring: ImageScoring,
        optimizer: keras.optimizers.Optimizer,
        inversion: Inversion,
        lifetime: int = 0,
        with_labels: bool = True,
    ) -> None:
        self.draws, self.scoring, self.optimizer = draws, scoring, optimizer
        self.inversion, self.with_labels = inversion, with_labels
        self._renewal = Renewal(draws.generator.network, lifetime)

    def update(self, batch_size: int) -> tuple[tf.Tensor, Score]:
        """Search for a batch of images.

        Args:
            batch_size: Images on each replica.

        Returns:
            The batch as the generator made it, and its score, without activations.
        """
        number = tf.identity(tf.convert_to_tensor(self.optimizer.iterations))
        self._renewal.apply(number, lambda: self.draws.key("renewal", number))
        labels = self.draws.labels(batch_size, number) if self.with_labels else None
        variables = self.draws.generator.network.trainable_variables
        begin = self._begin(batch_size, number, labels)

        def body(state: _Round) -> tuple[_Round]:
            return (self._step(state, labels, self.draws.key("crop", number)),)

        if replicas.count() == 1:
            # A loop in the graph keeps tracing short, however long a round is.
            (end,) = tf.while_loop(
                lambda state: state.step < self.inversion.steps,
                body,
                (begin,),
                parallel_iterations=1,
            )
        else:  # Replicas cannot communicate in such a loop.
            end = begin
            for _ in range(self.inversion.steps):
                (end,) = body(end)
        if self.inversion.meta:
            apply_gradients(self.optimizer, self._for_optimizer(end.sums), variables)
        else:
            for variable, value in zip(variables, end.weights, strict=True):
                variable.assign(value)
            self.optimizer.iterations.assign_add(1)
        self.scoring.end_batch()
        best = end.best
        return best.images, Score(best.images, best.logits, (), best.values, best.loss)

    def _begin(self, batch_size: int, number: tf.Tensor, labels: tf.Tensor | None) -> _Round:
        network = self.draws.generator.network
        latents = self.draws.latents(batch_size, "generator", number, labels)
        weights = [tf.convert_to_tensor(variable.value) for variable in network.trainable_variables]
        shape = (batch_size, *network.output_shape[1:])
        nothing = _Best(
            tf.zeros(shape),
            tf.zeros((batch_size, self.draws.num_classes)),
            [tf.zeros(()) for _ in self.scoring.terms],
            tf.constant(float("inf")),
        )
        sums = [tf.zeros_like(weight) for weight in weights] if self.inversion.meta else []
        moments = no_moments([latents]), no_moments(weights)
        return _Round(tf.constant(0), latents, weights, moments, sums, nothing)

    def _step(self, state: _Round, labels: tf.Tensor | None, key: tf.Tensor) -> _Round:
        """Take one step of a round."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([state.latents, *state.weights])
            images = self.draws.generator(state.latents, training=True, weights=state.weights)
            score = self.scoring(images, labels, key + [0, state.step])
            scaled = self.optimizer.scale_loss(score.loss / replicas.count())
        zero = tf.UnconnectedGradients.ZERO
        of_latents, *of_weights = tape.gradient(
            scaled, [state.latents, *state.weights], unconnected_gradients=zero
        )
        scale = self.optimizer.scale_loss(tf.constant(1.0))
        of_latents, of_weights = of_latents / scale, [g / scale for g in of_weights]
        if state.weights:
            of_weights = replicas.total(of_weights)
        latents, weights = [state.latents], state.weights
        moments, rates = list(state.moments), self.inversion
        share = rates.rate_share(state.step)
        if rates.latent_learning_rate:
            latents, moments[0] = adam_step(
                latents, [of_latents], moments[0], state.step, share * rates.latent_learning_rate
            )
        if rates.learning_rate and weights:
            weights, moments[1] = adam_step(
                weights, of_weights, moments[1], state.step, share * rates.learning_rate
            )
        loss = replicas.mean(score.loss)  # All replicas keep the batch of the same step.
        found = _Best(tf.cast(images, tf.float32), score.logits, score.values, loss)
        better = loss < state.best.loss
        best = tf.nest.map_structure(
            lambda new, old: tf.where(better, tf.stop_gradient(new), old), found, state.best
        )
        sums = [a + b for a, b in zip(state.sums, of_weights, strict=True)] if state.sums else []
        return _Round(state.step + 1, latents[0], weights, (moments[0], moments[1]), sums, best)

    def _for_optimizer(self, sums: list[tf.Tensor]) -> list[tf.Tensor]:
        """Return gradients that the optimizer, which sums over replicas, takes for these sums."""
        scale = self.optimizer.scale_loss(tf.constant(1.0)) / replicas.count()
        return [total * scale for total in sums]
