"""The flags of `python -m dfad_tf.train`; recipes in `flags/` set them by data set."""

from __future__ import annotations

from absl import flags

# The teacher.
flags.DEFINE_string(
    "teacher", None, "Your own teacher: a .keras or .h5 file, or a SavedModel folder."
)
flags.DEFINE_string(
    "teacher_features", None, "Layer that R_m reads. Default: the input of the last dense layer."
)
flags.DEFINE_string("teacher_model", "lenet5", "Network of a teacher that is trained here.")
flags.DEFINE_integer("teacher_epochs", 10, "Its epochs.", lower_bound=1)
flags.DEFINE_integer("teacher_batch_size", 256, "Its batch size.", lower_bound=1)
flags.DEFINE_enum("teacher_optimizer", "adam", ["adam", "sgd"], "Its optimizer.")
flags.DEFINE_float("teacher_learning_rate", 2e-3, "Its first rate; falls to 0.", lower_bound=0.0)
flags.DEFINE_float("teacher_weight_decay", 0.0, "Its coupled decay, with sgd.", lower_bound=0.0)
flags.DEFINE_enum(
    "teacher_augmentation",
    "none",
    ["none", "crop", "crop_flip", "crop_flip_cutout"],
    "Changes to its training images.",
)
flags.DEFINE_integer("teacher_seed", 0, "Its seed.", lower_bound=0, upper_bound=2**31 - 1)
flags.DEFINE_string(
    "teacher_cache", None, "Where trained teachers are kept. Default: dfad_tf in Keras's home."
)

# Student and generator.
flags.DEFINE_string(
    "student",
    "compact",
    "Network of the student, or a .keras file with an untrained architecture. 'compact' is a "
    "small residual network that fits the teacher.",
)
flags.DEFINE_string("generator", "compact", "Network of the generator.")
flags.DEFINE_enum(
    "generator_output",
    "bounded",
    ["bounded", "standardized"],
    "A compact generator's images: between black and white, with the mean and deviation that "
    "the teacher expects; or with these alone, as the published generators.",
)
flags.DEFINE_enum(
    "student_initialization",
    "teacher",
    ["teacher", "random"],
    "Start a narrower student from the teacher's filters where their layers pair, or at random.",
)
flags.DEFINE_integer("latent_size", 100, "Length of the generator's noise.", lower_bound=1)

# The method.
flags.DEFINE_string(
    "method",
    "proposed",
    "Without data: proposed, dfad, dfad+activation, dfad+interpolation, dafl, zskt or dfq, each "
    "also with +memory behind it. With data: labels, kd, fitnet, at or ft.",
)
flags.DEFINE_enum(
    "discrepancy", "mae", ["mae", "mse", "huber", "kl", "js"], "What the student descends."
)
flags.DEFINE_enum(
    "generator_discrepancy",
    "same",
    ["same", "mae", "mse", "huber", "kl", "js"],
    "What the generator ascends.",
)
flags.DEFINE_integer("student_steps", 5, "Student steps to one of the generator.", lower_bound=1)
flags.DEFINE_integer(
    "memory_size",
    0,
    "Generated images that are kept with the teacher's answers for the student; 0: none, or "
    "4096 where --method ends in +memory.",
    lower_bound=0,
)
flags.DEFINE_float(
    "memory_share",
    1.0,
    "Share of the student's batch that comes from them; with 1, none is generated for it.",
    lower_bound=1e-6,
    upper_bound=1.0,
)
flags.DEFINE_float("logits_activation_weight", 0.05, "a_l of R_l (Eq. 2).", lower_bound=0.0)
flags.DEFINE_float("representation_activation_weight", 0.01, "a_m of R_m (Eq. 3).", lower_bound=0.0)
flags.DEFINE_enum(
    "representation_activation_norm", "mean", ["mean", "sum"], "L1 norm over features in R_m."
)
flags.DEFINE_float(
    "information_entropy_weight",
    0.0,
    "Class balance, beside R_l and R_m; 0 is the paper's.",
    lower_bound=0.0,
)
flags.DEFINE_float(
    "batch_norm_weight", 1.0, "Batch-norm statistics of the teacher, in dfq.", lower_bound=0.0
)
flags.DEFINE_float(
    "attention_weight", 1000.0, "Attention transfer, in zskt and at.", lower_bound=0.0
)
flags.DEFINE_list(
    "teacher_layers",
    [],
    "Layers whose maps zskt, fitnet, at and ft compare. Default: the last of each resolution.",
)
flags.DEFINE_list("student_layers", [], "The student's, paired with them by their place.")
flags.DEFINE_float("interpolation_weight", 1.0, "Weight of the virtual images.", lower_bound=1e-6)
flags.DEFINE_float("interpolation_alpha", 1.0, "λ ~ Beta(alpha, alpha).", lower_bound=1e-3)
flags.DEFINE_boolean("interpolation_per_sample", False, "One λ an image, not one a batch.")
flags.DEFINE_enum("interpolation_partner", "batch", ["batch", "fresh"], "Where partners come from.")
flags.DEFINE_enum(
    "interpolation_mode", "join", ["join", "replace"], "Beside the plain images, or in their place."
)
flags.DEFINE_float(
    "interpolation_share",
    1.0,
    "Share of the batch that is blended.",
    lower_bound=1e-6,
    upper_bound=1.0,
)
flags.DEFINE_enum(
    "interpolation_labels",
    "logits",
    ["logits", "probabilities", "teacher"],
    "What is blended, or the teacher's own answer to the blend.",
)

# With data. The student is then trained as its teacher: by the flags --teacher_….
flags.DEFINE_float(
    "data_share",
    1.0,
    "Share of the labelled images that is used, as often as all would be.",
    lower_bound=1e-6,
    upper_bound=1.0,
)
flags.DEFINE_float("temperature", 4.0, "Softening of the logits in kd.", lower_bound=1e-3)
flags.DEFINE_float(
    "logits_weight",
    0.9,
    "Share of the softened logits in the loss of kd; labels have the rest.",
    lower_bound=0.0,
    upper_bound=1.0,
)
flags.DEFINE_float("factor_weight", 500.0, "Factors in the loss of ft.", lower_bound=0.0)
flags.DEFINE_float(
    "factor_rate", 0.5, "Channels of its factors beside the maps'.", lower_bound=0.01
)
flags.DEFINE_float("hint_weight", 100.0, "Hint of fitnet, with --reference_forms.", lower_bound=0.0)
flags.DEFINE_boolean(
    "reference_forms",
    False,
    "fitnet, at and ft as their reference implementations have them, where those differ from the "
    "papers.",
)
flags.DEFINE_integer(
    "preparation_epochs", 5, "Epochs of the first stage of fitnet and ft.", lower_bound=1
)

# Training.
flags.DEFINE_integer("batch_size", 256, "Images in a batch.", lower_bound=2)
flags.DEFINE_integer("epochs", 20, "Epochs.", lower_bound=1)
flags.DEFINE_integer("steps_per_epoch", 50, "Generator steps in an epoch.", lower_bound=1)
flags.DEFINE_integer(
    "images",
    None,
    "Images to generate in all, as near as whole steps come; sets --epochs and --steps_per_epoch.",
    lower_bound=1,
)
flags.DEFINE_enum("optimizer", "adam", ["adam", "sgd"], "The student's; sgd has momentum 0.9.")
flags.DEFINE_float("learning_rate", 2e-3, "The student's first rate.", lower_bound=1e-9)
flags.DEFINE_float("weight_decay", 0.0, "The student's coupled decay, with sgd.", lower_bound=0.0)
flags.DEFINE_float("generator_learning_rate", 1e-3, "The generator's (Adam).", lower_bound=1e-9)
flags.DEFINE_float(
    "generator_beta_1", 0.9, "Its Adam's momentum.", lower_bound=0.0, upper_bound=0.999
)
flags.DEFINE_float(
    "global_clipnorm",
    0.0,
    "Most that the gradients of a step may have as their norm, in both networks; 0: any.",
    lower_bound=0.0,
)
flags.DEFINE_enum(
    "schedule",
    "cosine",
    ["cosine", "constant", "step"],
    "Of both rates: to 0 along a cosine, none, or a tenth at each of --decay_epochs.",
)
flags.DEFINE_list("decay_epochs", ["100", "200"], "With --schedule=step.")
flags.DEFINE_integer("seed", 0, "Seed of networks and noise.", lower_bound=0, upper_bound=2**31 - 1)
flags.DEFINE_boolean("jit_compile", False, "Compile with XLA; slower on CPUs as measured here.")
flags.DEFINE_integer("steps_per_execution", 1, "Train steps in one call.", lower_bound=1)

flags.DEFINE_string(
    "strategy",
    "auto",
    "Devices: mirrored (the GPUs of this machine), multi_worker (the machines that the environment "
    "variable TF_CONFIG names; the same command on each), tpu, or auto: what of these is there.",
)
flags.DEFINE_integer(
    "replicas",
    None,
    "GPUs to use of this machine; on a CPU, logical devices to make of it, to try several on. "
    "Default: all GPUs, or the one CPU.",
    lower_bound=1,
)

# What a run leaves.
flags.DEFINE_string("workdir", None, "New folder of the run. Default: a dated one under runs/.")
flags.DEFINE_string(
    "backup_every",
    "1min",
    "Train steps (500) or time (30s, 5min) between two backups, from which the same command goes "
    "on when it was stopped.",
)
flags.DEFINE_enum(
    "resume",
    "auto",
    ["auto", "never", "must"],
    "Go on with the unfinished run of the same flags, in --workdir or under runs/: where there is "
    "one, never, or fail without one.",
)
flags.DEFINE_enum(
    "on_collapse",
    "restore",
    ["restore", "warn", "stop"],
    "Where losses, classes, images or the student collapse: go back to the last healthy epoch, "
    "with other noise and a smaller rate; say so and go on; or stop.",
)
flags.DEFINE_integer("max_restores", 5, "Times to go back; then the run stops.", lower_bound=1)
flags.DEFINE_list(
    "export",
    ["all"],
    "What lies in the run's export/: saved_model, float32, float16, dynamic_int8, int8 "
    "(calibrated with generated images, or with those of the data that taught), all or none.",
)
flags.DEFINE_integer("validation_freq", 1, "Epochs between two measurements.", lower_bound=1)
flags.DEFINE_enum("verbose", "auto", ["auto", "0", "1", "2"], "As Keras's `verbose`.")
