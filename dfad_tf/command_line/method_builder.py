"""Build the method that the flags ask for, with data or without."""

from __future__ import annotations

from absl import flags

from dfad_tf import methods
from dfad_tf.losses import AttentionTransfer
from dfad_tf.methods import method_names
from dfad_tf.methods.data_methods import DATA_METHODS, DataSettings
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.method import Method
from dfad_tf.utils import names
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS


def needs_data() -> bool:
    """Return whether `--method` learns from labelled images.

    Raises:
        InputError: If there is no such method.
    """
    every = {**methods.METHODS, **DATA_METHODS}
    names.look_up(dict.fromkeys(every, True), FLAGS.method, "method (--method)")
    return method_name() in DATA_METHODS


def method_name() -> str:
    """Return the method's name as in the tables."""
    return method_names.canonical(FLAGS.method)


def check() -> None:
    """Check the method before any work starts.

    Raises:
        InputError: If there is no such method, or it lacks the data set that it needs.
    """
    if not needs_data():
        method_from_flags()
        return
    if FLAGS.dataset is None and FLAGS.teacher:
        raise InputError(
            f"Expected --dataset with --method={FLAGS.method}, which learns from labelled images. "
            "Received: none"
        )


def method_from_flags() -> Method:
    """Return the method without data, with the weights that the flags set."""
    same = FLAGS.generator_discrepancy == "same"
    settings = methods.Settings(
        discrepancy=FLAGS.discrepancy,
        generator_discrepancy=None if same else FLAGS.generator_discrepancy,
        student_steps=FLAGS.student_steps,
        logits_activation_weight=FLAGS.logits_activation_weight,
        representation_activation_weight=FLAGS.representation_activation_weight,
        representation_activation_norm=FLAGS.representation_activation_norm,
        information_entropy_weight=FLAGS.information_entropy_weight,
        batch_norm_weight=FLAGS.batch_norm_weight,
        batch_norm_momentum=FLAGS.batch_norm_momentum,
        batch_norm_scale=FLAGS.batch_norm_scale,
        label_weight=FLAGS.label_weight,
        adversarial_weight=FLAGS.adversarial_weight,
        where_they_agree=FLAGS.adversarial_where_agreed,
        temperature=FLAGS.discrepancy_temperature,
        feature_weight=FLAGS.feature_weight,
        # Squared, as in the authors' code. That code averages the divergence over the classes,
        # while the paper and this implementation sum over them: here the weight has less effect.
        attention=_attention(squared=True),
        memory_size=FLAGS.memory_size,
        memory_share=FLAGS.memory_share,
        image_augmentation=FLAGS.image_augmentation,
        mixed_share=FLAGS.mixed_share,
        procedural_size=FLAGS.procedural_size,
        procedural_share=FLAGS.procedural_share,
        generator_lifetime=FLAGS.generator_lifetime,
        synthesis_augmentation=FLAGS.synthesis_augmentation,
        total_variation_weight=FLAGS.total_variation_weight,
        contrast_weight=FLAGS.contrast_weight,
        inversion_steps=FLAGS.inversion_steps,
        inversion_learning_rate=FLAGS.inversion_learning_rate,
        latent_learning_rate=FLAGS.latent_learning_rate,
        inversion_meta=FLAGS.inversion_meta,
        inversion_decay=FLAGS.inversion_decay,
        interpolation=VirtualInterpolation(
            weight=FLAGS.interpolation_weight,
            alpha=FLAGS.interpolation_alpha,
            per_sample=FLAGS.interpolation_per_sample,
            partner=FLAGS.interpolation_partner,
            mode=FLAGS.interpolation_mode,
            share=FLAGS.interpolation_share,
            labels=FLAGS.interpolation_labels,
        ),
    )
    return methods.get(FLAGS.method, settings)


def data_settings_from_flags() -> DataSettings:
    """Return the hyperparameters of the methods with data."""
    return DataSettings(
        temperature=FLAGS.temperature,
        logits_weight=FLAGS.logits_weight,
        attention=_attention(squared=FLAGS.reference_forms),
        hint_weight=FLAGS.hint_weight,
        factor_weight=FLAGS.factor_weight,
        factor_rate=FLAGS.factor_rate,
        reference_forms=FLAGS.reference_forms,
        teacher_layers=tuple(FLAGS.teacher_layers),
        student_layers=tuple(FLAGS.student_layers),
    )


def _attention(squared: bool) -> AttentionTransfer:
    return AttentionTransfer(
        FLAGS.attention_weight, tuple(FLAGS.teacher_layers), tuple(FLAGS.student_layers), squared
    )
