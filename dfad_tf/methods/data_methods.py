"""The methods that need data, each a composition of terms on real images."""

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
    """Strengths that the rows below take; a row uses those of the parts it has.

    Attributes:
        temperature: Softening of `kd`, above 0.
        logits_weight: Share of `kd`'s softened logits in its loss, from 0 to 1; the labels
            have the rest.
        attention: Attention transfer of `at`, with its weight.
        hint_weight: Of the hint in `fitnet`'s one-stage form.
        factor_weight: Of the factors in `ft`.
        factor_rate: Channels of `ft`'s factors, as a share of the maps'.
        reference_forms: False takes every method as its paper has it, True as its
            reference implementation: `at` with squared differences, `fitnet` in one
            stage, `ft` with a mean distance in the reconstruction.
        teacher_layers: Layers of the teacher whose maps are compared; none are the ends of
            its groups.
        student_layers: Layers of the student, paired with them by place.
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
    """One training after another.

    Attributes:
        name: What happens in it.
        objectives: Terms of its loss.
        teacher_layers: Layers of the teacher whose maps they compare.
        student_layers: Layers of the student.
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
    """The hint is the layer in the middle of the pairs."""
    pair, (theirs, ours) = _pair(teacher, student, settings, lambda count: count // 2)
    halved = not settings.reference_forms
    hint = HintObjective(theirs, ours, halved, weight=1.0 if halved else settings.hint_weight)
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
    pair, (theirs, ours) = _pair(teacher, student, settings, lambda count: count - 1)
    squared = not settings.reference_forms
    reconstruction = ReconstructionObjective(theirs, settings.factor_rate, squared)
    factors = FactorObjective(reconstruction.paraphraser, ours, settings.factor_weight)
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
    """One pair of layers, and the shapes of their maps."""
    theirs, ours = pair_layers(teacher, student, settings.teacher_layers, settings.student_layers)
    index = place(len(theirs))
    shapes = [
        tuple(layer_outputs(network, [layers[index]], flag)[0].shape[1:])
        for network, layers, flag in (
            (teacher, theirs, "teacher_layers"),
            (student, ours, "student_layers"),
        )
    ]
    return ((theirs[index],), (ours[index],)), shapes


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
    """Return the trainings of a method that needs data, in their order.

    Args:
        method: `"labels"`, `"kd"`, `"fitnet"`, `"at"` or `"ft"`.
        teacher: The teacher.
        student: The student.
        settings: Strengths; None are the papers'.

    Returns:
        One stage or two; the last one gives the student.

    Raises:
        InputError: If the method is unknown, or layers are not there or do not pair.

    Reference:
        `kd` arXiv 1503.02531, `fitnet` arXiv 1412.6550, `at` arXiv 1612.03928, `ft`
        arXiv 1802.04977.
    """
    row = names.look_up(DATA_METHODS, method, "method (--method)")
    return row(teacher, student, settings or DataSettings())
