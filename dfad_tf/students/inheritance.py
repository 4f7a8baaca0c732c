"""Initialize a student from its teacher, without data, where the two pair."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from dfad_tf.compute.keras_internals import all_layers
from dfad_tf.graphs.layer_graph import is_graph
from dfad_tf.students.depth_inheritance import DepthSettings, inherit_blocks
from dfad_tf.students.graph_width_inheritance import inherit_channels
from dfad_tf.students.pairing import NotPairedError
from dfad_tf.students.units import parse_network
from dfad_tf.students.width_inheritance import inherit_filters


@dataclass(frozen=True)
class Inheritance:
    """How a student starts. It is true where the student inherits weights of its teacher.

    Attributes:
        inherited: Whether it does.
        how: What it inherits, in words; empty if it does not inherit.
        reason: Why it does not; empty if it does.
    """

    inherited: bool
    how: str = ""
    reason: str = ""

    def __bool__(self) -> bool:
        return self.inherited

    @property
    def start(self) -> str:
        """What the student starts from, in words."""
        return self.how if self.inherited else f"random weights ({self.reason})"


def inherit_weights(
    teacher: keras.Model,
    student: keras.Model,
    images: np.ndarray | Callable[[], np.ndarray],
    settings: DepthSettings | None = None,
) -> Inheritance:
    """Set the weights of a narrower or shallower student from its teacher, where the two pair.

    A student of the teacher's layers may be narrower: in each layer, it keeps the filters that
    best span those of the teacher. A residual student may have fewer blocks: it keeps some of the
    teacher's blocks, and each takes up the effect of those that it replaces. No data is used. The
    teacher's weights, however, were trained on its data and contain information that no generator
    can recover.

    Args:
        teacher: A classifier of images.
        student: A smaller one. Its weights are changed in place.
        images: `(n, height, width, channels)` in the input range of both networks; or a function
            that returns them, which is not called for networks with blocks that do not pair.
        settings: How blocks are chosen and merged; None for the defaults.

    Returns:
        Whether the networks pair, and how or why not. If they do not, the student is unchanged.

    Example:

    >>> images = np.random.default_rng(0).normal(size=(64, 32, 32, 1))
    >>> teacher = models.build("lenet5", (32, 32, 1), 10)
    >>> inherit_weights(teacher, models.build("lenet5_half", (32, 32, 1), 10), images).start
    "the teacher's filters"
    """
    if not (_can_be_read(teacher) and _can_be_read(student)):
        return Inheritance(False, reason="the layers of one of the networks cannot be read")
    draw = functools.cache(images if callable(images) else lambda: images)
    without_blocks = not (parse_network(teacher).blocks or parse_network(student).blocks)
    if without_blocks and inherit_filters(teacher, student, draw()):
        return Inheritance(True, "the teacher's filters")
    reason = "its layers do not pair with the teacher's"
    if not without_blocks:
        try:
            return Inheritance(True, inherit_blocks(teacher, student, draw, settings))
        except NotPairedError as error:
            reason = str(error)
    try:
        return Inheritance(True, inherit_channels(teacher, student, draw))
    except NotPairedError:
        return Inheritance(False, reason=reason)


def has_blocks(network: keras.Model) -> bool:
    """Return whether a network has residual blocks, which it may inherit.

    Args:
        network: A classifier.

    Example:

    >>> has_blocks(models.build("resnet20", (32, 32, 3), 10))
    True
    """
    return _can_be_read(network) and bool(parse_network(network).blocks)


def has_batch_norm(network: keras.Model) -> bool:
    """Return whether a network has batch normalizations, for whose statistics images matter.

    Args:
        network: A network.
    """
    kind = keras.layers.BatchNormalization
    return any(isinstance(layer, kind) for layer in all_layers(network))


def _can_be_read(network: keras.Model) -> bool:
    return is_graph(network) and len(network.inputs) == len(network.outputs) == 1
