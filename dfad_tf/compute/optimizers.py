"""SGD with the weight decay of the published methods, and loss scaling and clipping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule

from dfad_tf.compute import replicas
from dfad_tf.compute.keras_internals import learning_rate_or_schedule
from dfad_tf.utils import names
from dfad_tf.utils.errors import InputError


@keras.saving.register_keras_serializable("dfad_tf")
class CoupledSGD(keras.optimizers.SGD):
    """SGD with weight decay as an L2 gradient, before the momentum.

    Published learning rates and weight decays are for this form. Keras's own
    `weight_decay` is decoupled from momentum and learning rate, and has
    a different effect for the same number.

    Args:
        learning_rate: A number or a schedule.
        momentum: Momentum, in [0, 1].
        coupled_weight_decay: The product of this factor and the variable is added to each
            gradient.
        name: Name of the optimizer.
        **arguments: Further arguments of `keras.optimizers.SGD`.

    Example:

    >>> CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=5e-4)
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        coupled_weight_decay: float = 0.0,
        name: str = "coupled_sgd",
        **arguments: Any,
    ) -> None:
        super().__init__(learning_rate, momentum=momentum, name=name, **arguments)
        self.coupled_weight_decay = coupled_weight_decay

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        decay = keras.ops.cast(self.coupled_weight_decay, variable.dtype)
        gradient = keras.ops.cast(gradient, variable.dtype) + decay * variable
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "coupled_weight_decay": self.coupled_weight_decay}


def with_loss_scaling(
    optimizer: str | keras.optimizers.Optimizer, wanted: bool
) -> keras.optimizers.Optimizer:
    """Return an optimizer that scales the loss, as float16 needs.

    Args:
        optimizer: A Keras optimizer, or its name.
        wanted: Whether to scale; if not, the optimizer is returned unchanged.

    Example:

    >>> type(with_loss_scaling("adam", wanted=True)).__name__
    'LossScaleOptimizer'
    """
    optimizer = keras.optimizers.get(optimizer)
    scaling = keras.optimizers.LossScaleOptimizer
    return scaling(optimizer) if wanted and not isinstance(optimizer, scaling) else optimizer


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor | None],
    variables: Sequence[keras.Variable],
) -> None:
    """Update variables once, by the gradients of this replica's share of the loss.

    Keras sums the gradients of the replicas, but clips them and checks them for infinities
    before. In these cases the first replica passes the sum, and the others pass zeros.

    Args:
        optimizer: A Keras optimizer.
        gradients: A gradient, or None, for each variable.
        variables: The variables.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    clips = any((inner.clipnorm, inner.global_clipnorm, inner.clipvalue))
    if replicas.count() > 1 and (clips or inner is not optimizer):
        gradients = replicas.on_first(gradients)
    optimizer.apply(gradients, variables)


@keras.saving.register_keras_serializable("dfad_tf")
class ScaledSchedule(LearningRateSchedule):
    """The learning rates of a schedule, multiplied by a factor.

    Args:
        schedule: The schedule.
        factor: The factor.

    Example:

    >>> cosine = keras.optimizers.schedules.CosineDecay(0.4, 10)
    >>> float(ScaledSchedule(cosine, 0.5)(0))
    0.2...
    """

    def __init__(self, schedule: LearningRateSchedule, factor: float) -> None:
        super().__init__()
        self.schedule, self.factor = schedule, factor

    def __call__(self, step: int | tf.Tensor) -> tf.Tensor:
        return self.schedule(step) * self.factor

    def get_config(self) -> dict[str, Any]:
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "factor": self.factor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ScaledSchedule:
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["factor"])


def slow_down(optimizer: keras.optimizers.Optimizer, factor: float, since: float) -> None:
    """Reduce the learning rate of an optimizer, whether it is a number or a schedule.

    Args:
        optimizer: A Keras optimizer.
        factor: Factor of a schedule's original learning rates.
        since: Factor of a learning rate that is a number, relative to its current value.

    Example:

    >>> optimizer = keras.optimizers.SGD(0.5)
    >>> slow_down(optimizer, factor=0.25, since=0.5)
    >>> float(optimizer.learning_rate)
    0.25
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = learning_rate_or_schedule(inner)
    if isinstance(rate, LearningRateSchedule):
        original = rate.schedule if isinstance(rate, ScaledSchedule) else rate
        inner.learning_rate = ScaledSchedule(original, factor)
    else:
        rate.assign(rate * since)


def make_optimizer(
    optimizer: str,
    learning_rate: float | LearningRateSchedule,
    weight_decay: float = 0.0,
    **more: Any,
) -> keras.optimizers.Optimizer:
    """Return an optimizer by name: Adam, or SGD as in the published methods.

    Args:
        optimizer: `"adam"` or `"sgd"` (momentum 0.9).
        learning_rate: A number or a schedule.
        weight_decay: Coupled weight decay; only for `"sgd"`.
        **more: Further arguments of the Keras optimizer.

    Raises:
        InputError: If the name is unknown, or a weight decay is given for Adam.

    Example:

    >>> make_optimizer("sgd", 0.1, weight_decay=5e-4).momentum
    0.9
    """
    if optimizer == "adam" and weight_decay:
        raise InputError(
            "Expected `weight_decay` with the optimizer sgd, whose weight decay is coupled. "
            f"Received: weight_decay={weight_decay} with adam"
        )
    table = {
        "adam": lambda: keras.optimizers.Adam(learning_rate, **more),
        "sgd": lambda: CoupledSGD(learning_rate, 0.9, weight_decay, **more),
    }
    return names.look_up(table, optimizer, "`optimizer`")()
