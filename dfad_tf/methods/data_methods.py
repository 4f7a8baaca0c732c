"""The methods that need data, each a composition of objectives on labelled images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import keras

from dfad_tf.graphs.layer_outputs import layer_outputs, pair_layers
from dfad_tf.losses import AttentionTransfer
from dfad_tf.methods.supervised_objectives import (
    AttentionObjective,
    FactorObjective,
    HintObjective,
    LabelObjective,
    LogitsObjective,
    ReconstructionObjective,
    SupervisedObjective,
)
from dfad_tf.utils import names


@dataclass(frozen=True)
class DataSettings:
    """Hyperparameters of the methods with data; a method uses those of its objectives.

    Attributes:
        temperature: Temperature of `kd`, above 0.
        logits_weight: Weight of the softened logits in the loss of `kd`, from 0 to 1; the labels
            have the rest.
        attention: Attention transfer of `at`, with its weight.
        hint_weight: Weight of the hint in the one-stage form of `fitnet`.
        factor_weight: Weight of the factors in `ft`.
        factor_rate: Channels of the factors of `ft`, as a share of the channels of the maps.
        reference_forms: False trains each method as in its paper, True as in its reference
            implementation: `at` with squared differences, `fitnet` in one stage, `ft` with a
            mean absolute distance in the reconstruction.
        teacher_layers: Names of the teacher's layers whose maps are compared; empty for the ends
            of its groups.
        student_layers: Names of the student's layers, in the order of `teacher_layers`.
    """

    temperature: float = 4.0
    logits_weight: float = 0.9
    attention: AttentionTransfer = field(default_factory=AttentionTransfer)
    hint_weight: float = 100.0
    factor_weight: float = 500.0
    factor_rate: float = 0.5
    reference_forms: bool = False
    teacher_layers: tuple[str, ...] = ()
    student_layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One of the successive trainings of a method.

    Attributes:
        name: Name of the stage.
        objectives: Terms of its loss.
        teacher_layers: Names of the teacher's layers whose maps the objectives compare.
        student_layers: Names of the student's layers.
    """

    name: str
    objectives: tuple[SupervisedObjective, ...]
    teacher_layers: tuple[str, ...] = ()
    student_layers: tuple[str, ...] = ()


_Stages = tuple[Stage, ...]


def _labels(_teacher: keras.Model, _student: keras.Model, _settings: DataSettings) -> _Stages:
    return (Stage("labels", (LabelObjective(),)),)


def _knowledge_distillation(
    _teacher: keras.Model, _student: keras.Model, settings: DataSettings
) -> _Stages:
    share = settings.logits_weight
    terms = (LabelObjective(1 - share), LogitsObjective(settings.temperature, share))
    return (Stage("labels and logits", terms),)


def _fitnet(teacher: keras.Model, student: keras.Model, settings: DataSettings) -> _Stages:
    """Use the pair of layers in the middle as hint."""
    pair, (teacher_shape, student_shape) = _pair(
        teacher, student, settings, lambda count: count // 2
    )
    halved = not settings.reference_forms
    weight = 1.0 if halved else settings.hint_weight
    hint = HintObjective(teacher_shape, student_shape, halved, weight)
    if halved:
        first = Stage("hint", (hint,), *pair)
        return (first, *_knowledge_distillation(teacher, student, settings))
    return (Stage("labels and hint", (LabelObjective(), hint), *pair),)


def _attention_transfer(
    teacher: keras.Model, student: keras.Model, settings: DataSettings
) -> _Stages:
    pairs = pair_layers(teacher, student, settings.teacher_layers, settings.student_layers)
    attention = AttentionTransfer(
        settings.attention.weight,
        squared=settings.attention.squared or settings.reference_forms,
    )
    terms = (LabelObjective(), AttentionObjective(attention))
    return (Stage("labels and attention", terms, tuple(pairs[0]), tuple(pairs[1])),)


def _factor_transfer(teacher: keras.Model, student: keras.Model, settings: DataSettings) -> _Stages:
    pair, (teacher_shape, student_shape) = _pair(
        teacher, student, settings, lambda count: count - 1
    )
    squared = not settings.reference_forms
    reconstruction = ReconstructionObjective(teacher_shape, settings.factor_rate, squared)
    factors = FactorObjective(reconstruction.paraphraser, student_shape, settings.factor_weight)
    return (
        Stage("paraphraser", (reconstruction,), pair[0]),
        Stage("labels and factors", (LabelObjective(), factors), *pair),
    )


def _pair(
    teacher: keras.Model,
    student: keras.Model,
    settings: DataSettings,
    place: Callable[[int], int],
) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[int, int, int]]]:
    """Return one pair of layers, and the shapes of their maps.

    Args:
        teacher: The teacher.
        student: The student.
        settings: Names of the layers.
        place: Index of the pair, as a function of the number of pairs.
    """
    teacher_layers, student_layers = pair_layers(
        teacher, student, settings.teacher_layers, settings.student_layers
    )
    index = place(len(teacher_layers))
    shapes = [
        tuple(layer_outputs(network, [layers[index]], argument)[0].shape[1:])
        for network, layers, argument in (
            (teacher, teacher_layers, "teacher_layers"),
            (student, student_layers, "student_layers"),
        )
    ]
    return ((teacher_layers[index],), (student_layers[index],)), shapes


DATA_METHODS: dict[str, Callable[[keras.Model, keras.Model, DataSettings], _Stages]] = {
    "labels": _labels,
    "kd": _knowledge_distillation,
    "fitnet": _fitnet,
    "at": _attention_transfer,
    "ft": _factor_transfer,
}


def stages(
    method: str,
    teacher: keras.Model,
    student: keras.Model,
    settings: DataSettings | None = None,
) -> _Stages:
    """Return the stages of a method that needs data, in their order.

    Args:
        method: `"labels"`, `"kd"`, `"fitnet"`, `"at"` or `"ft"`.
        teacher: The teacher.
        student: The student.
        settings: Hyperparameters; None for those of the papers.

    Returns:
        One or two stages; the last one trains the student.

    Raises:
        InputError: If the method is unknown, a layer does not exist, or the layers of teacher and
            student do not match.

    Example:

    >>> data_methods.stages("kd", teacher, student)[0].name
    'labels and logits'

    Reference:
        `kd` arXiv 1503.02531, `fitnet` arXiv 1412.6550, `at` arXiv 1612.03928, `ft`
        arXiv 1802.04977.
    """
    row = names.look_up(DATA_METHODS, method, "method")
    return row(teacher, student, settings or DataSettings())
