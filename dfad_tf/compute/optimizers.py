"""SGD whose weight decay is that of the papers."""

from __future__ import annotations

from typing import Any

import keras

from dfad_tf.compute import replicas
from dfad_tf.compute.keras_internals import learning_rate_or_schedule
from dfad_tf.utils import names
from dfad_tf.utils.errors import InputError


@keras.saving.register_keras_serializable("dfad_tf")
class CoupledSGD(keras.optimizers.SGD):
    """SGD with weight decay as an L2 gradient, before the momentum.

    The field's published rates and decays belong to this form. Keras's own
    `weight_decay` is decoupled from momentum and learning rate, and gives
    another result for the same number.

    Args:
        learning_rate: Rate or schedule.
        momentum: Momentum, in [0, 1].
        coupled_weight_decay: Added to every gradient as this times the variable.
        **arguments: As for `keras.optimizers.SGD`.

    Example:

    >>> CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=5e-4)
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        coupled_weight_decay: float = 0.0,
        name: str = "coupled_sgd",
        **arguments: Any,
    ) -> None:
        super().__init__(learning_rate, momentum=momentum, name=name, **arguments)
        self.coupled_weight_decay = coupled_weight_decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        decay = keras.ops.cast(self.coupled_weight_decay, variable.dtype)
        gradient = keras.ops.cast(gradient, variable.dtype) + decay * variable
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "coupled_weight_decay": self.coupled_weight_decay}


def with_loss_scaling(optimizer: Any, wanted: bool) -> keras.optimizers.Optimizer:
    """Return an optimizer, by name or as an object, that scales its loss where that is wanted."""
    optimizer = keras.optimizers.get(optimizer)
    scaling = keras.optimizers.LossScaleOptimizer
    return scaling(optimizer) if wanted and not isinstance(optimizer, scaling) else optimizer


def apply_gradients(optimizer: Any, gradients: Any, variables: Any) -> None:
    """Move variables once, by the gradients of this replica's share of the loss.

    Keras adds the replicas' gradients up, but clips them and looks for infinities before that:
    it then needs the sum in the place of one share, and nothing in that of the others.

    Args:
        optimizer: A Keras optimizer.
        gradients: One for each variable, or None.
        variables: What it moves.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    clips = any((inner.clipnorm, inner.global_clipnorm, inner.clipvalue))
    if replicas.count() > 1 and (clips or inner is not optimizer):
        gradients = replicas.on_first(gradients)
    optimizer.apply(gradients, variables)


@keras.saving.register_keras_serializable("dfad_tf")
class ScaledSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Another schedule's rates, times a factor.

    Args:
        schedule: The other schedule.
        factor: The factor.
    """

    def __init__(self, schedule: Any, factor: float) -> None:
        super().__init__()
        self.schedule, self.factor = schedule, factor

    def __call__(self, step: Any) -> Any:
        return self.schedule(step) * self.factor

    def get_config(self) -> dict[str, Any]:
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "factor": self.factor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ScaledSchedule:
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["factor"])


def slow_down(optimizer: Any, factor: float, since: float) -> None:
    """Make an optimizer's rate smaller, whether it is a number or a schedule.

    Args:
        optimizer: A Keras optimizer.
        factor: Of a schedule's rates as they were at first.
        since: Of the number that the rate is now.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rate = learning_rate_or_schedule(inner)
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        at_first = rate.schedule if isinstance(rate, ScaledSchedule) else rate
        inner.learning_rate = ScaledSchedule(at_first, factor)
    else:
        rate.assign(rate * since)


def make_optimizer(name: str, learning_rate: Any, weight_decay: float = 0.0, **more: Any) -> Any:
    """Return the optimizer that a flag names: Adam, or the papers' SGD.

    Args:
        name: `"adam"` or `"sgd"` (momentum 0.9).
        learning_rate: Rate or schedule.
        weight_decay: Coupled decay; only for `"sgd"`.
        **more: Further arguments of the Keras optimizer.

    Raises:
        InputError: If the name is unknown, or a decay is asked of Adam.
    """
    if name == "adam" and weight_decay:
        raise InputError(
            "Expected --weight_decay (and --teacher_weight_decay) with the optimizer sgd, whose "
            f"decay is coupled. Received: {weight_decay} with adam"
        )
    table = {
        "adam": lambda: keras.optimizers.Adam(learning_rate, **more),
        "sgd": lambda: CoupledSGD(learning_rate, 0.9, weight_decay, **more),
    }
    return names.look_up(table, name, "optimizer")()
