"""Initialize a narrower copy of a teacher with branches from the teacher's filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.graphs.layer_table import is_softmax, kind_of
from dfad_tf.graphs.steps import Step, list_steps, run_steps
from dfad_tf.students.channel_groups import ChannelGroups, channel_groups, is_depthwise, is_kernel
from dfad_tf.students.input_forms import can_fold, compare_inputs, fold_input_map
from dfad_tf.students.pairing import NotPairedError
from dfad_tf.students.signatures import canonical_name
from dfad_tf.students.units import ParsedNetwork, parse_network

_CHUNK = 32  # images
_ROWS = 20_000  # maximum number of rows of activations in one regression
_READERS = 3  # tensors of a group whose activations choose its channels


def inherit_channels(
    teacher: keras.Model, student: keras.Model, images: np.ndarray | Callable[[], np.ndarray]
) -> str:
    """Set the weights of a narrower network with the teacher's structure.

    The channels of tensors that an addition joins are kept together. Of each group, those are kept
    that best span the activations of all (pivoted QR). Each kernel is rewritten for the channels
    that its input has left, by a regression of all channels on those.

    Args:
        teacher: The teacher.
        student: A network of the same layers with at most as many filters. Its weights are changed
            in place.
        images: `(n, height, width, channels)` in the input range of both networks; or a function
            that returns them, which is not called for networks that do not pair.

    Returns:
        What the student inherits, in words.

    Raises:
        NotPairedError: If the networks do not pair. The student is then unchanged.

    Reference:
        Channel pruning with reconstruction: He, Zhang and Sun, arXiv 1707.06168.
    """
    wide, (big, small) = list_steps(teacher), (parse_network(n) for n in (teacher, student))
    groups = channel_groups(wide)
    pairs = _paired(wide.steps[_depth(big) :], list_steps(student).steps[_depth(small) :])
    widths = _widths(groups, pairs)
    inputs = [step.inputs[0] for step, _ in pairs if is_kernel(step)]
    read = {groups.flattened.get(number, number) for number in inputs}
    inputs_of_both = np.asarray(images() if callable(images) else images, np.float32)
    few = [tf.constant(inputs_of_both[:_CHUNK])]
    input_map, *_ = compare_inputs(big.preprocessing, small.preprocessing, few)
    if not can_fold(small.units, input_map):
        raise NotPairedError("the student prepares pixels in another form than the teacher")
    rows = _activations(wide.steps, wide.input, inputs_of_both, sorted(read - {wide.input}))
    chosen = _chosen_channels(groups, widths, rows)
    for step, partner in pairs:
        weights = [np.asarray(weight) for weight in step.operation.get_weights()]
        kept = chosen.get(groups.group(step.outputs[0]))
        if is_kernel(step):
            weights[0] = _rewritten(step, weights[0], groups, chosen, rows)
        elif is_depthwise(step) and kept is not None:
            weights[0] = weights[0][:, :, kept]
        if kept is not None:
            first = 1 if is_kernel(step) or is_depthwise(step) else 0
            weights[first:] = [weight[kept] for weight in weights[first:]]
            if is_kernel(step):
                weights[0] = weights[0][..., kept]
        partner.operation.set_weights(weights)
    fold_input_map(small.units, input_map)
    share = sum(widths.values()) / max(1, sum(_all_widths(groups, pairs).values()))
    return f"{100 * share:.0f} % of the teacher's filters, fitted to stand for all of them"


def _depth(network: ParsedNetwork) -> int:
    """Return the number of steps that prepare pixels."""
    return sum(len(unit.steps) for unit in network.preprocessing)


def _computing(steps: Sequence[Step]) -> tuple[list[Step], dict[int, int]]:
    """Return the steps that matter, and the tensors that others only pass on, by their source.

    Dropout passes on its input, and distillation compares logits.
    """
    found: list[Step] = []
    passed_on: dict[int, int] = {}
    for step in steps:
        if kind_of(step.operation).identity_in_inference:
            source = step.inputs[0]
            passed_on[step.outputs[0]] = passed_on.get(source, source)
        else:
            found.append(step)
    while found and (is_softmax(found[-1].operation) or _is_linear(found[-1])):
        found.pop()
    return found, passed_on


def _entry(steps: Sequence[Step]) -> int:
    return steps[0].inputs[0]


def _is_linear(step: Step) -> bool:
    activation = getattr(step.operation, "activation", None)
    return not step.has_weights and activation is keras.activations.linear


def _paired(wide: Sequence[Step], narrow: Sequence[Step]) -> list[tuple[Step, Step]]:
    """Return the steps with weights of both networks, which differ in their widths alone."""
    (wide, of_wide), (narrow, of_narrow) = _computing(wide), _computing(narrow)
    if [canonical_name(step.operation) for step in wide] != [
        canonical_name(step.operation) for step in narrow
    ]:
        raise NotPairedError("the student's layers are not those of the teacher")
    for steps in (wide, narrow):
        weighted = [id(step.operation) for step in steps if step.has_weights]
        if len(set(weighted)) < len(weighted):
            raise NotPairedError("a layer is called several times")
    # Both begin with what prepares their pixels, maybe in different forms.
    numbers = {of_narrow.get(n, n): of_wide.get(m, m) for n, m in [(_entry(narrow), _entry(wide))]}
    for first, second in zip(wide, narrow, strict=True):
        numbers.update(zip(second.outputs, first.outputs, strict=True))
    pairs = []
    for first, second in zip(wide, narrow, strict=True):
        read = [numbers[of_narrow.get(n, n)] for n in second.inputs]
        if read != [of_wide.get(n, n) for n in first.inputs] or (
            len(first.shape) != len(second.shape)
        ):
            raise NotPairedError("the student's layers are connected in another way")
        if len(first.shape) == 3 and first.shape[:2] != second.shape[:2]:
            raise NotPairedError("the student's feature maps have other sizes than the teacher's")
        if not first.has_weights:
            continue
        shapes = [[w.shape for w in s.operation.get_weights()] for s in (first, second)]
        kernels = [getattr(s.operation, "kernel_size", None) for s in (first, second)]
        if list(map(len, shapes[0])) != list(map(len, shapes[1])) or kernels[0] != kernels[1]:
            raise NotPairedError("the student's layers have other settings than the teacher's")
        if not isinstance(first.operation, keras.layers.Normalization):
            pairs.append((first, second))
    return pairs


def _all_widths(groups: ChannelGroups, pairs: Sequence[tuple[Step, Step]]) -> dict[int, int]:
    return {groups.group(w.outputs[0]): int(w.shape[-1] or 0) for w, _ in pairs if is_kernel(w)}


def _widths(groups: ChannelGroups, pairs: Sequence[tuple[Step, Step]]) -> dict[int, int]:
    """Return how many channels the student keeps of each group; all groups need to agree."""
    widths: dict[int, int] = {}
    for first, second in pairs:
        if not is_kernel(first):
            continue
        group, width = groups.group(first.outputs[0]), int(second.shape[-1] or 0)
        if widths.setdefault(group, width) != width or width > int(first.shape[-1] or 0):
            raise NotPairedError("the student is wider than the teacher, or not evenly narrower")
    return widths


def _activations(
    steps: Sequence[Step], entry: int, images: np.ndarray, tensors: Sequence[int]
) -> dict[int, np.ndarray]:
    """Return rows of channels of each tensor, `(rows, channels)`."""
    collected: dict[int, list[np.ndarray]] = {number: [] for number in tensors}
    chunks = range(0, len(images), _CHUNK)
    limit = max(1, _ROWS // len(chunks))
    for first in chunks:
        chunk = tf.constant(images[first : first + _CHUNK], tf.float32)
        for number, value in run_steps(steps, {entry: chunk}, tensors).items():
            rows = np.asarray(value).reshape(-1, value.shape[-1])
            collected[number].append(rows[:: max(1, len(rows) // limit)].astype(np.float64))
    return {number: np.concatenate(rows) for number, rows in collected.items()}


def _chosen_channels(
    groups: ChannelGroups, widths: dict[int, int], rows: dict[int, np.ndarray]
) -> dict[int, np.ndarray]:
    """Return the places of the channels that the student keeps, by group."""
    from scipy import linalg  # slow to import, and used here only

    chosen = {}
    for group, width in widths.items():
        readers = [number for number in rows if groups.group(number) == group]
        if not readers:  # the logits
            continue
        stacked = np.concatenate([rows[number] for number in readers[:_READERS]])
        order = linalg.qr(stacked - stacked.mean(0), mode="r", pivoting=True)[1]
        chosen[group] = np.sort(order[:width])
    return chosen


def _rewritten(
    step: Step,
    kernel: np.ndarray,
    groups: ChannelGroups,
    chosen: dict[int, np.ndarray],
    rows: dict[int, np.ndarray],
) -> np.ndarray:
    """Return a kernel for the channels that its input has left."""
    source = step.inputs[0]
    kept = chosen.get(groups.group(source))
    if kept is None:
        return kernel
    maps = rows[groups.flattened.get(source, source)]
    matrix = np.linalg.lstsq(maps[:, kept], maps, rcond=None)[0]
    if kernel.ndim == 2:
        # Behind a Flatten layer, a dense kernel has a row for each pixel and channel.
        by_pixel = kernel.reshape(-1, maps.shape[1], kernel.shape[-1])
        folded = np.einsum("pio,ji->pjo", by_pixel, matrix)
        return folded.reshape(-1, kernel.shape[-1]).astype(np.float32)
    return np.einsum("hwio,ji->hwjo", kernel, matrix).astype(np.float32)
