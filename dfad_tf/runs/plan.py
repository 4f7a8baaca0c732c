"""The plan of a run: what will happen, printed while it can still be stopped."""

from __future__ import annotations

from dataclasses import dataclass, field

import keras

from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.graphs.parameters import trainable_parameters
from dfad_tf.runs.records import Teacher
from dfad_tf.utils.formatting import format_bytes, format_macs, format_seconds

_LABELS = 4  # that the plan names
START = "start-up"  # the part of the seconds that are over when the plan is printed


@dataclass
class Plan:
    """What a run will do.

    Attributes:
        title: What is trained, by which method.
        teacher: The teacher, trained or not.
        networks: The networks by role, in the order of the plan.
        start: How the student is initialized.
        precision: Dtype policy of the training.
        work: Further rows by name, such as the number of images.
        seconds: Estimated seconds by part of the run.
        device: The device, where the plan names it.
        disk: Estimated bytes that the run writes; 0 where the plan does not say.
        memory: Bytes of memory that the first train steps took; 0 where they were not run.
    """

    title: str
    teacher: Teacher
    networks: dict[str, keras.Model]
    start: str
    precision: str
    work: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    device: str = ""
    disk: int = 0
    memory: int = 0

    @property
    def total_seconds(self) -> float:
        """Estimated seconds of all parts."""
        return sum(self.seconds.values())

    def text(self) -> str:
        """Return the plan as lines of text."""
        description = self.teacher.description
        height, width, channels = description.image_shape
        contract = description.contract
        rows = [
            ("teacher from", self.teacher.source),
            ("teacher input", f"{height}×{width}×{channels}, {contract.range} ({contract.source})"),
            (
                "teacher output",
                f"{description.num_classes} classes{_some(self.teacher.labels)}, "
                f"{description.head}; "
                f"features for R_m: {description.features or 'none found'}",
            ),
            *_statistics(self.teacher),
            *((role, _network(model)) for role, model in self.networks.items()),
            ("student starts", f"from {self.start}"),
            *self.work.items(),
            ("dtype policy", self.precision),
        ]
        if self.device:
            rows.append(("device", self.device))
        if self.seconds:
            parts = (f"{format_seconds(s)} of {part}" for part, s in self.seconds.items())
            detail = f": {', '.join(parts)}" if len(self.seconds) > 1 else ""
            rows.append(("time", f"about {format_seconds(self.total_seconds)}{detail}"))
        if self.memory:
            rows.append(("memory", f"about {format_bytes(self.memory)}"))
        if self.disk:
            rows.append(("disk", f"about {format_bytes(self.disk)}"))
        lines = [f"  {name:<16} {value}" for name, value in rows]
        return "\n".join(["", f"Plan: {self.title}", *lines, ""])


def _some(labels: tuple[str, ...]) -> str:
    """Return the first labels in parentheses."""
    more = [f"and {len(labels) - _LABELS} more"] if len(labels) > _LABELS else []
    return f" ({', '.join([*labels[:_LABELS], *more])})" if labels else ""


def _statistics(teacher: Teacher) -> list[tuple[str, str]]:
    """Return the row on moving statistics that are not those of the file."""
    if teacher.settled is None:
        return []
    return [
        (
            "teacher corrected",
            f"its batch normalizations had learned for {teacher.settled.steps} steps, and "
            f"{100 * teacher.settled.share:.2g} % of their initial values were left; "
            "--nosettle_batch_norm keeps them",
        )
    ]


def _network(model: keras.Model) -> str:
    return (
        f"{model.name}: {trainable_parameters(model):,} parameters, "
        f"{format_macs(multiply_adds(model))} multiply-adds per image"
    )
