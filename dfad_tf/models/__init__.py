"""Classifiers by name: the pairs of the papers, compact students, and those of small devices."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras

from dfad_tf.models.lenet import lenet
from dfad_tf.models.mobile import mobile_network
from dfad_tf.models.multilayer_perceptron import multilayer_perceptron
from dfad_tf.models.resnet import compact_resnet, resnet
from dfad_tf.models.tiny import ds_cnn, resnet8
from dfad_tf.models.wide_resnet import wide_resnet
from dfad_tf.utils import names

_WIDE, _NARROW = (64, 128, 256, 512), (16, 32, 64)


def _mobile(application: str, **arguments: Any) -> Callable[..., keras.Model]:
    """Bind a function of `keras.applications`, which is imported when it is called."""

    def build_application(**given: Any) -> keras.Model:
        return getattr(keras.applications, application)(**given, **arguments)

    lite = application.startswith("EfficientNet")
    return functools.partial(mobile_network, application=build_application, lite=lite)


CLASSIFIERS: dict[str, Callable[..., keras.Model]] = {
    "lenet5": functools.partial(lenet, filters=(6, 16, 120, 84)),
    "lenet5_half": functools.partial(lenet, filters=(3, 8, 60, 42)),
    "mlp": multilayer_perceptron,
    "resnet18": functools.partial(resnet, blocks=(2, 2, 2, 2), widths=_WIDE),
    "resnet34": functools.partial(resnet, blocks=(3, 4, 6, 3), widths=_WIDE),
    "resnet20": functools.partial(resnet, blocks=(3, 3, 3), widths=_NARROW, projection=False),
    "resnet56": functools.partial(resnet, blocks=(9, 9, 9), widths=_NARROW, projection=False),
    "wrn_16_1": functools.partial(wide_resnet, depth=16, width=1),
    "wrn_16_2": functools.partial(wide_resnet, depth=16, width=2),
    "wrn_40_1": functools.partial(wide_resnet, depth=40, width=1),
    "wrn_40_2": functools.partial(wide_resnet, depth=40, width=2),
    "mobilenet_v1_025": _mobile("MobileNet", alpha=0.25),
    "mobilenet_v2_035": _mobile("MobileNetV2", alpha=0.35),
    "mobilenet_v3_small": _mobile("MobileNetV3Small", include_preprocessing=False),
    "efficientnet_lite0": _mobile("EfficientNetB0"),
    "resnet8": resnet8,
    "ds_cnn": ds_cnn,
    # One block in each group. Global average pooling keeps the head small for any image size.
    **{
        f"compact_{width}": functools.partial(compact_resnet, width=width)
        for width in (4, 8, 16, 32)
    },
}


def build(
    name: str,
    input_shape: tuple[int, ...],
    num_classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> keras.Model:
    """Build an untrained classifier by name.

    Args:
        name: A name of `CLASSIFIERS`.
        input_shape: `(height, width, channels)`, or `(features,)` for `"mlp"`.
        num_classes: Number of logits, at least 2.
        mean: Mean of each channel in the units of the input. The network subtracts it.
        std: Standard deviation of each channel. The network divides by it.

    Returns:
        A model from inputs to logits `(batch, num_classes)`.

    Raises:
        InputError: If the name is unknown or the shape does not fit the network.

    Example:

    >>> build("lenet5_half", (32, 32, 1), 10).count_params()
    15738
    """
    builder = names.look_up(CLASSIFIERS, name, "network")
    key = name.lower().replace("-", "_")
    return builder(tuple(input_shape), num_classes, mean=mean, std=std, name=key)


def check_name(name: str, argument: str) -> None:
    """Check a network's name without building it.

    Args:
        name: A name of `CLASSIFIERS`.
        argument: The argument that the name was passed to, for the error.

    Raises:
        InputError: If the name is unknown. The error suggests the nearest name.

    Example:

    >>> check_name("resnet18", "student")
    """
    names.look_up(CLASSIFIERS, name, f"network for `{argument}`")
