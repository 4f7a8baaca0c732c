"""The interface of an export format."""

from __future__ import annotations

import abc
import pathlib
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting.agreement import Agreement, AgreementBounds
from dfad_tf.exporting.calibration import Calibration
from dfad_tf.exporting.microcontrollers import MicroEntry
from dfad_tf.exporting.model_card import ModelCard


@dataclass(frozen=True)
class ExportInputs:
    """Everything that an exporter converts or writes into a file.

    Attributes:
        student: A classifier in float32.
        contract: The pixels that the student expects.
        labels: Names of the classes, in order.
        calibration: Images that calibrate full-integer quantization; None without them.
        batch_size: Number of images per call, in formats with a fixed batch size.
        metadata: Plain data that a file carries, in formats that hold metadata.
    """

    student: keras.Model
    contract: PixelContract
    labels: tuple[str, ...] = ()
    calibration: Calibration | None = None
    batch_size: int = 1
    metadata: dict[str, Any] | None = None


class ExportedModel(abc.ABC):
    """An exported file that was reopened with the runtime of its format."""

    @abc.abstractmethod
    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Classify images.

        Args:
            pixels: Raw pixels, uint8 `(n, height, width, channels)`.

        Returns:
            Logits, float32 `(n, classes)`.
        """


class TimedModel(ExportedModel):
    """An exported file whose latency is measured."""

    @abc.abstractmethod
    def seconds(self, pixels: np.ndarray) -> float:
        """Measure the latency on one thread.

        Args:
            pixels: Raw pixels, uint8 `(n, height, width, channels)`.

        Returns:
            Seconds per image.
        """


class Exporter(abc.ABC):
    """One export format: how a file is written, reopened and described.

    To add a format, write a subclass in a module of this package and add an instance
    to `dfad_tf.exporting.formats.EXPORTERS`.

    Attributes:
        format: Name of the format, as users give it.
        use: What the format is suited to, for the model card.
        bounds: How far the answers may be from the Keras student's.
        needs_calibration: Whether `ExportInputs.calibration` is required.
    """

    format: str
    use: str
    bounds: AgreementBounds
    needs_calibration: bool = False

    @property
    @abc.abstractmethod
    def file_name(self) -> str:
        """Name of the file or folder in the export folder."""

    @abc.abstractmethod
    def write(self, inputs: ExportInputs, path: pathlib.Path) -> ExportedModel:
        """Convert the student, write the result and reopen it.

        Args:
            inputs: The student, and what its file contains.
            path: The file or folder to create.

        Returns:
            The reopened file.

        Raises:
            InputError: If the student cannot be converted.
        """

    def describe(
        self, card: ModelCard, inputs: ExportInputs, path: pathlib.Path, agreement: Agreement
    ) -> None:
        """Add the format's file to the model card.

        Args:
            card: The card, which is changed.
            inputs: As passed to `write`.
            path: As passed to `write`.
            agreement: How far the file's answers are from the Keras student's.
        """
        del inputs
        card["files"][self.file_name] = {
            "precision": self.format,
            "use": self.use,
            "bytes": size_of(path),
            "agreement": agreement.same_class,
            "logit_error": agreement.logit_error,
            "accuracy": agreement.accuracy,
            "float_operations": self.float_operations(path),
            "milliseconds": None,
            "microcontrollers": self.microcontrollers(path),
        }

    def float_operations(self, path: pathlib.Path) -> list[str] | None:
        """Name the operations in floating point of a file that should contain integers only.

        Args:
            path: The file.

        Returns:
            The names, sorted; None for a format that computes in floating point anyway.
        """
        del path
        return None

    def microcontrollers(self, path: pathlib.Path) -> MicroEntry | None:
        """Describe a file for microcontrollers; None for other formats.

        Args:
            path: The file.
        """
        del path
        return None


def size_of(path: pathlib.Path) -> int:
    """Return the size of a file, or of all files in a folder, in bytes."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
