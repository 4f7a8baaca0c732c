"""LiteRT files in four precisions, with built-in operations only."""

from __future__ import annotations

import contextlib
import io
import pathlib
import re
import tempfile
import warnings
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from dfad_tf.exporting.agreement import AgreementBounds
from dfad_tf.exporting.exporter import Exporter, ExportInputs
from dfad_tf.exporting.lite_metadata import with_metadata
from dfad_tf.exporting.lite_model import LiteModel
from dfad_tf.exporting.lite_operations import float_operations
from dfad_tf.exporting.microcontrollers import MicroEntry, micro_entry
from dfad_tf.exporting.saved_model import write_saved_model
from dfad_tf.exporting.serving import INPUT, serving_function
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.native_messages import no_native_messages


class LiteExporter(Exporter):
    """Write a LiteRT file. All precisions take uint8 pixels and return float32.

    Attributes:
        traced_dtype: The input's dtype in the graph that is converted.
    """

    traced_dtype = "uint8"

    @property
    def file_name(self) -> str:
        return f"student_{self.format}.tflite"

    def write(self, inputs: ExportInputs, path: pathlib.Path) -> LiteModel:
        metadata = {**(inputs.metadata or {}), "precision": self.format}
        content = with_metadata(self.convert(inputs), inputs.labels, metadata)
        model = LiteModel(content, self.file_name)
        path.write_bytes(content)
        return model

    def convert(self, inputs: ExportInputs) -> bytes:
        """Convert a student, without labels and metadata.

        Args:
            inputs: The student, and what its file contains.

        Returns:
            The content of the LiteRT file.

        Raises:
            InputError: If the student needs operations that LiteRT does not provide.
        """
        function = serving_function(
            inputs.student, inputs.contract, inputs.batch_size, self.traced_dtype
        )
        # `from_concrete_functions` writes a SavedModel with custom gradients, which fails for
        # swish. Therefore the SavedModel is written here.
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "saved_model"
            write_saved_model(function, path)
            converter = tf.lite.TFLiteConverter.from_saved_model(str(path))
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            self.configure(converter, inputs)
            try:
                with _without_messages():
                    return bytes(converter.convert())
            except Exception as error:  # TensorFlow documents no common class for these errors
                raise _conversion_error(inputs.student, error) from error

    def configure(self, converter: tf.lite.TFLiteConverter, inputs: ExportInputs) -> None:
        """Set the precision of a converter.

        Args:
            converter: A converter to float32, which is changed.
            inputs: The student, and what its file contains.
        """


class Float32Exporter(LiteExporter):
    """Float32 weights and operations."""

    format = "float32"
    use = "comparisons: the answers of the Keras student"
    bounds = AgreementBounds(logit_error=1e-3, changed=0.0)


class Float16Exporter(LiteExporter):
    """Float16 weights."""

    format = "float16"
    use = "GPUs; half the size of float32"
    bounds = AgreementBounds(logit_error=0.02, changed=0.005)

    def configure(self, converter: tf.lite.TFLiteConverter, inputs: ExportInputs) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]


class DynamicInt8Exporter(LiteExporter):
    """Int8 weights; the runtime quantizes activations."""

    format = "dynamic_int8"
    use = "CPUs (recommended): small and fast, without calibration"
    bounds = AgreementBounds(logit_error=0.2, changed=0.05)

    def configure(self, converter: tf.lite.TFLiteConverter, inputs: ExportInputs) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]


class Int8Exporter(LiteExporter):
    """Int8 weights and activations, with ranges from calibration images."""

    format = "int8"
    use = "NPUs and microcontrollers, which support integers only"
    # Full-integer quantization clips logits outside the calibrated range, which rarely changes
    # the class. Therefore the error of the logits has no bound.
    bounds = AgreementBounds(logit_error=None, changed=0.1)
    needs_calibration = True
    # The converter replaces a float32 input by uint8 itself. A cast in the graph would remain as
    # the only operation in floating point.
    traced_dtype = "float32"

    def configure(self, converter: tf.lite.TFLiteConverter, inputs: ExportInputs) -> None:
        if inputs.calibration is None:
            raise InputError("Expected `calibration` images for the format int8. Received: None")
        images, batch_size = inputs.calibration.spanning(), inputs.batch_size

        def batches() -> Iterator[dict[str, np.ndarray]]:
            # The last batch repeats the first images if the batch size does not divide their
            # number, so that every image is used.
            for start in range(0, len(images), batch_size):
                chosen = np.arange(start, start + batch_size) % len(images)
                yield {INPUT: images[chosen].astype(np.float32)}

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = batches
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32

    def float_operations(self, path: pathlib.Path) -> list[str]:
        return float_operations(path.read_bytes())

    def microcontrollers(self, path: pathlib.Path) -> MicroEntry:
        return micro_entry(path.read_bytes())


@contextlib.contextmanager
def _without_messages() -> Iterator[None]:
    with warnings.catch_warnings(), no_native_messages(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the converter's calibrator uses a deprecated interpreter
        yield


def _conversion_error(student: keras.Model, error: Exception) -> InputError:
    text = str(error)
    found = re.search(r"(?:TF Select ops|Flex ops|Custom ops): ([\w, ]+)", text)
    if found:
        return InputError(
            "Expected a student whose operations are built into LiteRT. Received: "
            f"{student.name}, which needs {found[1].strip()}"
        )
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return InputError(
        f"Expected a student that can be converted to LiteRT. Received: {student.name}, for which "
        f"the converter reports: {first[:200]}"
    )
