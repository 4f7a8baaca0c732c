"""The accuracies of Table 1 of arXiv 2102.11638, in percent, for comparison with measured ones."""

from __future__ import annotations

import pathlib

_METHODS = ("teacher", "kd", "fitnet", "at", "ft", "dafl", "dfad", "proposed")
# The table has no value of FitNet for MNIST.
PAPER: dict[str, dict[str, float | None]] = {
    name: dict(zip(_METHODS, figures, strict=True))
    for name, figures in {
        "mnist": (98.89, 98.67, None, 98.42, 97.84, 98.20, 98.30, 98.41),
        "cifar10": (97.20, 95.55, 96.24, 96.30, 95.29, 88.5, 93.5, 95.42),
        "cifar100": (81.13, 77.61, 80.49, 78.54, 76.93, 61.4, 67.7, 77.05),
    }.items()
}
# Teacher and student of each data set.
PAIRS = {
    "mnist": ("lenet5", "lenet5_half"),
    "cifar10": ("resnet34", "resnet18"),
    "cifar100": ("resnet34", "resnet18"),
}


def published_accuracies(
    dataset: str | None, teacher: str, student: str
) -> dict[str, float | None]:
    """Return the published accuracies for a data set and a pair of networks.

    Args:
        dataset: Name of the data set.
        teacher: File of the teacher. A teacher in the cache is named by data set, network and a
            digest of its recipe.
        student: Name of the student's network.

    Returns:
        Accuracies in percent by method, and of the `"teacher"`; nothing for any other pair.
    """
    pair = PAIRS.get(dataset or "")
    network = pathlib.PurePath(teacher).stem.rpartition("_")[0]
    if pair is None or (network, student) != (f"{dataset}_{pair[0]}", pair[1]):
        return {}
    return PAPER[dataset or ""]
