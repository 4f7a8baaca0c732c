"""The flags of the method: its losses, their weights, and where the student's images come from."""

from __future__ import annotations

from absl import flags

_DISCREPANCIES = ["mae", "mse", "huber", "kl", "js"]

flags.DEFINE_string(
    "method",
    "proposed",
    "Distillation method. Without data: proposed, dfad, dfad+activation, dfad+interpolation, "
    "dafl, zskt or dfq, each also with the suffix +memory; cmi, fastdfkd, nayer or "
    "deepinversion. With data: labels, kd, fitnet, at, ft.",
)
flags.DEFINE_enum("discrepancy", "mae", _DISCREPANCIES, "Discrepancy that the student minimizes.")
flags.DEFINE_enum(
    "generator_discrepancy",
    "same",
    ["same", *_DISCREPANCIES],
    "Discrepancy that the generator maximizes; same is the student's.",
)
flags.DEFINE_integer("student_steps", 5, "Student steps for each generator step.", lower_bound=1)
flags.DEFINE_integer(
    "memory_size",
    0,
    "Number of generated images that are kept, with the teacher's logits, to train the student; "
    "0 keeps none, or 4096 where --method ends in +memory.",
    lower_bound=0,
)
flags.DEFINE_float(
    "memory_share",
    1.0,
    "Share of the student's batch that is drawn from the kept images; with 1, no image is "
    "generated for the student.",
    lower_bound=1e-6,
    upper_bound=1.0,
)
flags.DEFINE_float(
    "procedural_share",
    0.0,
    "Share of the student's batch that consists of procedural images: shapes and textures that are "
    "drawn without data. --memory_share is then the share among the other images. With 1, the "
    "student learns from them alone.",
    lower_bound=0.0,
    upper_bound=1.0,
)
flags.DEFINE_integer(
    "procedural_size",
    20_000,
    "Number of procedural images, where --procedural_share is above 0. Two to four times as many "
    "are drawn, and those are kept that match what the teacher's batch normalizations recorded, "
    "or, without any, cover the teacher's classes evenly.",
    lower_bound=1,
)
flags.DEFINE_enum(
    "image_augmentation",
    "none",
    ["none", "shift", "shift_flip"],
    "How kept and procedural images are altered when they are drawn: shifted by up to an eighth of "
    "the side, and mirrored. The teacher then answers the altered images, and all classes are "
    "drawn equally often.",
)
flags.DEFINE_float(
    "mixed_share",
    0.0,
    "Share of the altered images in which two images are blended, before the teacher answers them; "
    "needs --image_augmentation or --procedural_share.",
    lower_bound=0.0,
    upper_bound=1.0,
)
flags.DEFINE_enum(
    "synthesis_augmentation",
    "none",
    ["none", "shift", "shift_flip"],
    "How generated images are cropped before the teacher sees them in the generator's step. The "
    "border is black, as in the crop that most teachers were trained with and that their "
    "statistics contain.",
)
flags.DEFINE_integer(
    "inversion_steps",
    0,
    "Steps in which each batch of images is searched for; 0 trains the generator by one step on "
    "each batch.",
    lower_bound=0,
)
flags.DEFINE_float(
    "inversion_learning_rate",
    4e-3,
    "Learning rate of the generator in --inversion_steps; 0 keeps its weights.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "latent_learning_rate",
    0.0,
    "Learning rate of the latents in --inversion_steps; 0 keeps them.",
    lower_bound=0.0,
)
flags.DEFINE_boolean(
    "inversion_meta",
    False,
    "Return to the generator's weights before --inversion_steps, and take one step of its "
    "optimizer with the sum of the gradients.",
)
flags.DEFINE_boolean(
    "inversion_decay",
    False,
    "Let the learning rates of --inversion_steps fall to 0 within them, along a cosine.",
)
flags.DEFINE_float(
    "total_variation_weight",
    0.0,
    "Weight of the differences of neighbouring pixels; 0 disables the term.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "contrast_weight",
    0.0,
    "Weight of the contrast of each generated image with all others; 0 disables the term.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "logits_activation_weight",
    0.05,
    "Weight of R_l, the term for confident predictions of the teacher (a_l in Eq. 2).",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "representation_activation_weight",
    0.01,
    "Weight of R_m, the term for strong activations of the teacher's features (a_m in Eq. 3).",
    lower_bound=0.0,
)
flags.DEFINE_enum(
    "representation_activation_norm",
    "mean",
    ["mean", "sum"],
    "Reduction over the features in the L1 norm of R_m.",
)
flags.DEFINE_float(
    "information_entropy_weight",
    0.0,
    "Weight of the class-balance term; 0, as in the paper, disables it.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "batch_norm_weight",
    None,
    "Weight of the distance between the generated images and the data that the teacher's batch "
    "normalizations have recorded. Default: 1 in dfq, 0 in other methods.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "batch_norm_momentum",
    0.0,
    "Share of earlier batches in the statistics that are compared with the teacher's (0.9 in "
    "FastDFKD).",
    lower_bound=0.0,
    upper_bound=0.999,
)
flags.DEFINE_enum(
    "batch_norm_scale",
    "absolute",
    ["absolute", "relative"],
    "Whether these distances are absolute, as published, or relative to the teacher's standard "
    "deviations, so that one weight suits all teachers.",
)
flags.DEFINE_float(
    "label_weight",
    0.0,
    "Weight of the cross-entropy of the teacher's predictions to target labels that are drawn "
    "evenly; above 0, the generators compact, full and translator are conditioned on the class.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "adversarial_weight",
    1.0,
    "Weight of the discrepancy that the generator maximizes; 0 disables the term.",
    lower_bound=0.0,
)
flags.DEFINE_boolean(
    "adversarial_where_agreed",
    False,
    "Let the generator maximize the discrepancy only on images that teacher and student put into "
    "the same class.",
)
flags.DEFINE_integer(
    "generator_lifetime",
    0,
    "Generator steps, or rounds of --inversion_steps, after which the generator starts again from "
    "random weights, so that its images stay diverse; 0 for never. Its learning rate is then "
    "constant.",
    lower_bound=0,
)
flags.DEFINE_float(
    "feature_weight",
    0.0,
    "Weight of feature matching in the student's loss: the squared distance to the teacher's "
    "feature maps after each group, for networks of equal widths; 0 disables it.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "discrepancy_temperature",
    1.0,
    "Temperature that softens the logits in --discrepancy=kl.",
    lower_bound=1e-3,
)
flags.DEFINE_float(
    "attention_weight", 1000.0, "Weight of attention transfer in zskt and at.", lower_bound=0.0
)
flags.DEFINE_list(
    "teacher_layers",
    [],
    "Teacher layers whose feature maps zskt, fitnet, at and ft compare. Default: the last layer of "
    "each resolution.",
)
flags.DEFINE_list("student_layers", [], "Student layers, paired with --teacher_layers by position.")
flags.DEFINE_float(
    "interpolation_weight",
    1.0,
    "Weight of the interpolated images in the student's loss.",
    lower_bound=1e-6,
)
flags.DEFINE_float(
    "interpolation_alpha",
    1.0,
    "Parameter of the distribution Beta(alpha, alpha) of λ.",
    lower_bound=1e-3,
)
flags.DEFINE_boolean(
    "interpolation_per_sample", False, "Draw one λ for each image instead of one for each batch."
)
flags.DEFINE_enum(
    "interpolation_partner",
    "batch",
    ["batch", "fresh"],
    "Second image of an interpolation: from the same batch, or generated for it.",
)
flags.DEFINE_enum(
    "interpolation_mode",
    "join",
    ["join", "replace"],
    "Whether interpolated images join the plain images or replace them.",
)
flags.DEFINE_float(
    "interpolation_share",
    1.0,
    "Share of the batch that is interpolated.",
    lower_bound=1e-6,
    upper_bound=1.0,
)
flags.DEFINE_enum(
    "interpolation_labels",
    "logits",
    ["logits", "probabilities", "teacher"],
    "Target of an interpolated image: interpolated logits or probabilities, or the teacher's own "
    "logits for the image.",
)

# The methods with data train the student as its teacher was trained: by the flags --teacher_….
flags.DEFINE_float(
    "data_share",
    1.0,
    "Share of the labelled images that a method with data uses; the number of steps is unchanged.",
    lower_bound=1e-6,
    upper_bound=1.0,
)
flags.DEFINE_float(
    "temperature", 4.0, "Temperature that softens the logits in kd.", lower_bound=1e-3
)
flags.DEFINE_float(
    "logits_weight",
    0.9,
    "Share of the softened logits in the loss of kd; the labels have the rest.",
    lower_bound=0.0,
    upper_bound=1.0,
)
flags.DEFINE_float("factor_weight", 500.0, "Weight of the factors in ft.", lower_bound=0.0)
flags.DEFINE_float(
    "factor_rate",
    0.5,
    "Channels of the factors in ft, as a share of the feature map's channels.",
    lower_bound=0.01,
)
flags.DEFINE_float(
    "hint_weight", 100.0, "Weight of the hint in fitnet with --reference_forms.", lower_bound=0.0
)
flags.DEFINE_boolean(
    "reference_forms",
    False,
    "Use fitnet, at and ft in the form of their reference implementations, where these differ "
    "from the papers.",
)
flags.DEFINE_integer(
    "preparation_epochs", 5, "Epochs of the first stage of fitnet and ft.", lower_bound=1
)
