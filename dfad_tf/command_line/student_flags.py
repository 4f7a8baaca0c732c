"""The flags of the student and of the generator."""

from __future__ import annotations

from absl import flags

flags.DEFINE_string(
    "student",
    "compact",
    "Architecture of the student; a .keras file with an untrained architecture of your own; "
    "compact, a small residual network that fits the teacher; half, the teacher's architecture "
    "with half of its filters; or auto, which is half where that can be built, and compact "
    "elsewhere.",
)
flags.DEFINE_enum(
    "student_initialization",
    "teacher",
    ["teacher", "random"],
    "Initial weights of the student: from the teacher's filters or residual blocks where both "
    "networks pair, or random.",
)
flags.DEFINE_string("generator", "compact", "Architecture of the generator.")
flags.DEFINE_enum(
    "generator_output",
    "bounded",
    ["bounded", "standardized"],
    "Images of a compact generator. bounded: images are between black and white, with the mean and "
    "standard deviation that the teacher expects; standardized: images only have this mean and "
    "standard deviation, as in the published methods.",
)
flags.DEFINE_integer("latent_size", 100, "Size of the generator's latent vector.", lower_bound=1)
