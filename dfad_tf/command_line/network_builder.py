"""Build the student and the generator that the flags ask for."""

from __future__ import annotations

import functools
import logging

import keras
import tensorflow as tf
from absl import flags

from dfad_tf import models
from dfad_tf.command_line.argument_flags import argument_flags
from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.compute.randomness import stateless_latent
from dfad_tf.distillation.compatibility import check_fit
from dfad_tf.distillation.procedural_pool import ProceduralPool
from dfad_tf.graphs.layer_graph import copy_layer, is_graph
from dfad_tf.runs.records import Teacher
from dfad_tf.students import compact
from dfad_tf.students.depth_inheritance import image_count
from dfad_tf.students.inheritance import has_batch_norm, has_blocks, inherit_weights
from dfad_tf.students.narrowing import narrowed
from dfad_tf.synthesis import generators
from dfad_tf.teachers import loading
from dfad_tf.teachers.model_files import is_model_file
from dfad_tf.teachers.teacher_signals import TeacherSignals
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.image_counts import affordable_count

FLAGS = flags.FLAGS
_LOG = logging.getLogger(__name__)
# Pixels of the images that initialize a student, for images of 64×64 at most and for larger ones,
# whose activations in the teacher would take gigabytes.
_MAX_PIXELS, _MAX_LARGE_PIXELS, _LARGE, _LEAST_IMAGES = 2**22, 2**20, 64 * 64, 32


def student_from_flags(teacher: Teacher) -> keras.Model:
    """Build the student, with the teacher's input and its preprocessing inside."""
    description = teacher.description
    if is_model_file(FLAGS.student):
        with argument_flags("student", path="student"):
            return _untrained(loading.load_keras_file(FLAGS.student, trust=FLAGS.trust_teacher))
    name = FLAGS.student
    if name in ("half", "auto"):
        try:
            with argument_flags(student="student"):
                return narrowed(teacher.model)
        except InputError as error:
            if name == "half":
                raise
            _LOG.info("No narrower copy of the teacher: %s", error)
            name = "compact"
    if name == "compact":
        with argument_flags(student="student"):
            name = compact.compact_name(teacher.model)
    contract = description.contract
    with argument_flags("student", name="student"):
        return models.build(
            name,
            description.image_shape,
            description.num_classes,
            contract.input_mean.tolist(),
            contract.input_std.tolist(),
        )


def _untrained(supplied: keras.Model) -> keras.Model:
    """The user's architecture with fresh weights, and with its preprocessing as adapted."""
    if not is_graph(supplied):
        raise InputError(
            "Expected --student to be a functional model, or a sequential one with an Input. "
            f"Received: {type(supplied).__name__} without a graph"
        )
    student = keras.models.clone_model(supplied, clone_function=copy_layer)
    layers = (all_layers(model) for model in (student, supplied))
    for fresh, adapted in zip(*layers, strict=True):
        if isinstance(fresh, keras.layers.Normalization):
            fresh.set_weights(adapted.get_weights())
            fresh.finalize_state()
    return student


def generator_from_flags(teacher: Teacher) -> keras.Model:
    """Build the generator, whose images are in the teacher's input range."""
    contract = teacher.description.contract
    with argument_flags("generator", name="generator"):
        return generators.build(
            FLAGS.generator,
            FLAGS.latent_size,
            teacher.description.image_shape,
            contract.input_mean.tolist(),
            contract.input_std.tolist(),
            contract.value_range if FLAGS.generator_output == "bounded" else None,
            teacher.description.num_classes if FLAGS.label_weight else 0,
        )


def initialize_student(student: keras.Model, teacher: Teacher, generator: keras.Model) -> str:
    """Initialize the student from the teacher's filters or blocks where both networks pair.

    Returns:
        How the student is initialized, in words; why at random, if they do not pair.

    Raises:
        InputError: If the networks do not fit each other.
    """
    if FLAGS.student_initialization == "random":
        return "random weights"
    # Images pass through both networks next; a user-supplied student may expect other ones.
    check_fit(teacher.model, student, generator)
    height, width, _ = teacher.description.image_shape
    most = _MAX_PIXELS if height * width <= _LARGE else _MAX_LARGE_PIXELS
    count = affordable_count(4096, (height, width), most, _LEAST_IMAGES)
    key = tf.constant([FLAGS.seed, 0x1217])
    latent = stateless_latent(count, generator.input_shape[-1], key)
    if has_blocks(student) or has_batch_norm(student):
        images = functools.partial(_procedural_images, teacher)
        return inherit_weights(teacher.model, student, images).start
    # Use batch statistics: the moving statistics of an untrained generator describe no images.
    return inherit_weights(teacher.model, student, generator(latent, training=True)).start


def _procedural_images(teacher: Teacher) -> tf.Tensor:
    """Return images to which blocks are fitted: an untrained generator's are too uniform."""
    shape, contract = teacher.description.image_shape, teacher.description.contract
    count, crop = image_count(*shape[:2]), FLAGS.synthesis_augmentation
    pool = ProceduralPool(count, shape, contract, FLAGS.seed, crop)
    pool.fill(TeacherSignals(teacher.model))
    return pool.inputs(pool.images)
