"""The synthesizer of a method."""

from __future__ import annotations

import keras

from dfad_tf.distillation.training_images import TrainingImages
from dfad_tf.distillation.watched_layers import WatchedLayers
from dfad_tf.graphs.training_form import TrainingForm
from dfad_tf.methods.method import Method
from dfad_tf.synthesis.adversarial_synthesizer import AdversarialSynthesizer
from dfad_tf.synthesis.image_scoring import ImageScoring
from dfad_tf.synthesis.inversion_synthesizer import InversionSynthesizer

Synthesizer = AdversarialSynthesizer | InversionSynthesizer


def build_synthesizer(
    method: Method,
    images: TrainingImages,
    watched: WatchedLayers,
    student: TrainingForm,
    optimizer: keras.optimizers.Optimizer,
) -> Synthesizer:
    """Return the synthesizer that a method asks for.

    Args:
        method: The method.
        images: The training images, whose latents the synthesizer draws.
        watched: The teacher's layers that the method reads.
        student: The student in the form that training runs.
        optimizer: The generator's optimizer, built.
    """
    terms = method.generator_objectives
    for term in terms:
        statistics = watched.moving_statistics() if term.needs_batch_norm else ()
        term.build(statistics, images.signals.feature_count if term.needs_features else 0)
    border: tuple[float, ...] = ()
    if method.synthesis_augmentation != "none":
        # Black, as in the crop that most image classifiers are trained with.
        border = tuple(images.contract.value_range[0])
    scoring = ImageScoring(
        terms, images.signals, student, watched.batch_norm, method.synthesis_augmentation, border
    )
    lifetime, labels = method.generator_lifetime, method.needs_labels
    if method.inversion is None:
        return AdversarialSynthesizer(images, scoring, optimizer, lifetime, labels)
    return InversionSynthesizer(images, scoring, optimizer, method.inversion, lifetime, labels)
