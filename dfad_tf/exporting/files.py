"""The files that an export can write, and what each is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dfad_tf.utils.errors import InputError
from dfad_tf.utils.names import look_up

SAVED_MODEL = "saved_model"


@dataclass(frozen=True)
class LiteFile:
    """One precision of a LiteRT file.

    Attributes:
        precision: Its name.
        use: Whom it suits, in words for the model card.
        most_error: Largest root mean square of the logits' difference to the Keras
            student, in units of the logits' own spread; None sets no bound, since
            full integers clip logits beyond the calibrated range, which rarely
            changes the class.
        most_changed: Largest share of images whose class may change although the
            Keras student was decided on it.
    """

    precision: str
    use: str
    most_error: float | None
    most_changed: float

    @property
    def name(self) -> str:
        """Its file name."""
        return f"student_{self.precision}.tflite"


LITE_FILES = {
    file.precision: file
    for file in (
        LiteFile("float32", "the reference: the Keras student's own answers", 1e-3, 0.0),
        LiteFile("float16", "half the size; for GPUs", 0.02, 0.005),
        LiteFile("dynamic_int8", "recommended: small and fast on CPUs, no calibration", 0.2, 0.05),
        LiteFile("int8", "for NPUs and microcontrollers, which take integers only", None, 0.1),
    )
}
EXPORTS = (SAVED_MODEL, *LITE_FILES)


def check_exports(
    names: Sequence[str], argument: str, known: Sequence[str] = (*EXPORTS, "none")
) -> list[str]:
    """Check names of exports, of which `"all"` is every one and `"none"` nothing.

    Args:
        names: Names out of `known`, or one of these two alone.
        argument: What gave them, for errors.
        known: The names that may be given, beside `"all"`.

    Returns:
        The names that are wanted, each once and in the order of `EXPORTS`.

    Raises:
        InputError: If a name is unknown, or one of the two stands beside others.
    """
    table = {name: name for name in ("all", *known)}
    wanted = [look_up(table, name, f"export for {argument}") for name in names]
    if wanted == ["all"]:
        return [name for name in EXPORTS if name in known]
    if wanted == ["none"]:
        return []
    if not wanted or {"all", "none"} & set(wanted):
        raise InputError(
            f"Expected {argument} to be all, or names out of {', '.join(known)}. "
            f"Received: {','.join(names)!r}"
        )
    return [name for name in EXPORTS if name in wanted]
