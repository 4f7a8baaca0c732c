"""Turn the flags of a run into its objects; every mistake is found here, before any work."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from absl import flags

from dfad_tf import models
from dfad_tf.callbacks import Backup, CollapseWatch, HistoryFile, SharedBackup, StopSignals
from dfad_tf.command_line.pixel_flags import contract_from_flags, image_shape, numbers
from dfad_tf.command_line.precision_flag import policy_name
from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.compute.optimizers import make_optimizer
from dfad_tf.compute.precision import resolve_precision
from dfad_tf.compute.randomness import stateless_latent
from dfad_tf.data import datasets
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.distillation.compatibility import check_fit
from dfad_tf.graphs.layer_graph import copy_layer, is_graph
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.runs.interrupted_run import backup_folder
from dfad_tf.runs.records import Teacher
from dfad_tf.students import compact
from dfad_tf.students.inheritance import inherit_weights
from dfad_tf.synthesis import generators
from dfad_tf.teachers import cache, loading
from dfad_tf.teachers.description import TeacherDescription, describe_teacher
from dfad_tf.teachers.training import TeacherRecipe
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
MODEL_FILES = (".keras", ".h5", ".hdf5")


def dataset_from_flags() -> ImageDataset | None:
    """The data set that trains a missing teacher and measures; None where none is named."""
    if FLAGS.dataset is None and FLAGS.teacher:
        return None
    return datasets.open_dataset(FLAGS.dataset or "digits", FLAGS.data_dir)


def check_classes(dataset: ImageDataset, num_classes: int) -> None:
    """Check that a data set has as many classes as a model.

    Raises:
        InputError: If their numbers differ.
    """
    if dataset.num_classes != num_classes:
        raise InputError(
            f"Expected --dataset with the model's {num_classes} classes. "
            f"Received: {dataset.name} with {dataset.num_classes}"
        )


def teacher_from_flags(dataset: ImageDataset | None, verbose: Any) -> Teacher:
    """Load the user's teacher, or the one that this project trains, once."""
    shape = image_shape()
    if FLAGS.teacher:
        model = loading.load_teacher(FLAGS.teacher, shape, trust=FLAGS.trust_teacher)
        contract = contract_from_flags(model.input_shape[-1])
        description = describe_teacher(model, contract, FLAGS.teacher_features)
        if dataset:
            check_classes(dataset, description.num_classes)
        return Teacher(model, description, FLAGS.teacher, False)
    if dataset is None:
        raise InputError("Expected --teacher or --dataset. Received neither.")
    recipe = TeacherRecipe(
        FLAGS.teacher_model,
        FLAGS.teacher_epochs,
        FLAGS.teacher_batch_size,
        FLAGS.teacher_optimizer,
        FLAGS.teacher_learning_rate,
        FLAGS.teacher_weight_decay,
        FLAGS.teacher_augmentation,
        FLAGS.teacher_seed,
    )
    model, path, _ = cache.cached_teacher(
        recipe,
        dataset,
        shape or dataset.image_shape,
        FLAGS.teacher_cache,
        verbose,
        FLAGS.backup_every,
    )
    model.trainable = False
    description = describe_teacher(model, features=FLAGS.teacher_features)
    return Teacher(model, description, str(path), True)


def untrained_teacher_from_flags() -> Teacher:
    """The user's teacher, or a network like the one that would be trained: it costs the same."""
    if FLAGS.teacher:
        return teacher_from_flags(None, 0)
    return _untrained_teacher(datasets.describe_dataset(FLAGS.dataset or "digits", FLAGS.data_dir))


def _untrained_teacher(dataset: ImageDataset) -> Teacher:
    shape = image_shape() or dataset.image_shape
    contract = PixelContract("pixels").for_channels(shape[2])
    model = models.build(FLAGS.teacher_model, shape, dataset.num_classes)
    description = TeacherDescription(shape, dataset.num_classes, "logits", contract, None)
    return Teacher(model, description, "random weights", True)


def student_from_flags(teacher: Teacher) -> keras.Model:
    """Build the student, with the teacher's input and its preprocessing inside."""
    description = teacher.description
    if FLAGS.student.endswith(MODEL_FILES):
        return _untrained(loading.load_keras_file(FLAGS.student, "--student", FLAGS.trust_teacher))
    name = FLAGS.student
    if name == "compact":
        name = compact.compact_name(
            description.image_shape,
            description.num_classes,
            trainable_parameters(teacher.model),
        )
    contract = description.contract
    return models.build(
        name,
        description.image_shape,
        description.num_classes,
        contract.input_mean.tolist(),
        contract.input_std.tolist(),
    )


def _untrained(brought: keras.Model) -> keras.Model:
    """A user's architecture with fresh weights, but with its preprocessing as adapted."""
    if not is_graph(brought):
        raise InputError(
            "Expected --student to be a functional model, or a sequential one with an Input. "
            f"Received: {type(brought).__name__} without a graph"
        )
    student = keras.models.clone_model(brought, clone_function=copy_layer)
    layers = (all_layers(model) for model in (student, brought))
    for fresh, adapted in zip(*layers, strict=True):
        if isinstance(fresh, keras.layers.Normalization):
            fresh.set_weights(adapted.get_weights())
            fresh.finalize_state()
    return student


def generator_from_flags(teacher: Teacher) -> keras.Model:
    """Build the generator, whose images come out in the teacher's input range."""
    contract = teacher.description.contract
    return generators.build(
        FLAGS.generator,
        FLAGS.latent_size,
        teacher.description.image_shape,
        contract.input_mean.tolist(),
        contract.input_std.tolist(),
        contract.value_range if FLAGS.generator_output == "bounded" else None,
    )


def initialize_student(student: keras.Model, teacher: Teacher, generator: keras.Model) -> str:
    """Start the student from the teacher's filters where it can, and say where it starts.

    Raises:
        InputError: If the networks do not fit each other.
    """
    if FLAGS.student_initialization == "random":
        return "random weights"
    # Before images pass both networks, of which a brought student may take others.
    check_fit(teacher.model, student, generator)
    height, width, _ = teacher.description.image_shape
    count = max(256, min(4096, 2**22 // (height * width)))
    latent = stateless_latent(count, FLAGS.latent_size, tf.constant([FLAGS.seed, 0x1217]))
    # Batch statistics: a fresh generator's moving ones know nothing yet.
    images = generator(latent, training=True)
    if inherit_weights(teacher.model, student, images):
        return "the teacher's filters"
    return "random weights (its layers do not pair with the teacher's)"


def optimizers_from_flags() -> tuple[Any, Any]:
    """Return the student's and the generator's optimizer, each with its schedule."""
    steps = FLAGS.epochs * FLAGS.steps_per_epoch
    student = make_optimizer(
        FLAGS.optimizer,
        _schedule(FLAGS.learning_rate, steps * FLAGS.student_steps, FLAGS.student_steps),
        FLAGS.weight_decay,
        global_clipnorm=FLAGS.global_clipnorm or None,
    )
    generator = make_optimizer(
        "adam",
        _schedule(FLAGS.generator_learning_rate, steps, 1),
        beta_1=FLAGS.generator_beta_1,
        global_clipnorm=FLAGS.global_clipnorm or None,
    )
    return student, generator


def backup_from_flags(
    folder: pathlib.Path, callbacks: Sequence[Any], stop: StopSignals, stage: str = ""
) -> Backup:
    """Return what backs up a run's training, and say where it goes on.

    Args:
        folder: The run's folder.
        callbacks: Those of which some have numbers to go on with.
        stop: Signals that wait for a backup.
        stage: Name of the stage, where there are several.
    """
    kinds = (HistoryFile, CollapseWatch)
    counting = [callback for callback in callbacks if isinstance(callback, kinds)]
    place = backup_folder(folder) / stage.replace(" ", "_")
    backup = SharedBackup(place, FLAGS.backup_every, counting, stop, delete_checkpoint=False)
    epoch, step = backup.position() or (0, 0)
    if epoch or step:
        print(f"Goes on in epoch {epoch + 1} after step {step}, from {backup.path}", flush=True)
    return backup


def precision_from_flags() -> str:
    """The dtype policy to distil in, chosen for the device unless it is named."""
    return resolve_precision(policy_name()) or "float32"


def verbosity() -> Any:
    """Keras's `verbose` from its flag."""
    return FLAGS.verbose if FLAGS.verbose == "auto" else int(FLAGS.verbose)


def _schedule(rate: float, steps: int, per_step: int) -> Any:
    if FLAGS.schedule == "constant":
        return rate
    if FLAGS.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    epochs = numbers("decay_epochs", int) or []
    boundaries = [epoch * FLAGS.steps_per_epoch * per_step for epoch in epochs]
    rates = [rate * 0.1**power for power in range(len(boundaries) + 1)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)
