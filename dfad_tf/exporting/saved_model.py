"""The SavedModel format, for TensorFlow Serving and as the source of other formats."""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf

from dfad_tf.exporting.agreement import Agreement, AgreementBounds
from dfad_tf.exporting.exporter import ExportedModel, Exporter, ExportInputs, size_of
from dfad_tf.exporting.model_card import ModelCard
from dfad_tf.exporting.serving import INPUT, LOGITS, SIGNATURE, serving_function
from dfad_tf.utils.native_messages import no_native_messages

_BATCH = 200  # images per call; bounds the memory of a comparison


class SavedModelExporter(Exporter):
    """Write a SavedModel that takes any number of images."""

    format = "saved_model"
    file_name = "saved_model"
    use = "TensorFlow Serving"
    bounds = AgreementBounds(logit_error=1e-3, changed=0.0)

    def write(self, inputs: ExportInputs, path: pathlib.Path) -> ExportedModel:
        write_saved_model(serving_function(inputs.student, inputs.contract), path)
        return ReopenedSavedModel(path)

    def describe(
        self, card: ModelCard, inputs: ExportInputs, path: pathlib.Path, agreement: Agreement
    ) -> None:
        size = size_of(path)
        weights = sum(4 * int(np.prod(variable.shape)) for variable in inputs.student.variables)
        card["saved_model"] = {
            "bytes": size,
            "times_the_weights": size / weights,
            "agreement": agreement.same_class,
            "accuracy": agreement.accuracy,
        }


class ReopenedSavedModel(ExportedModel):
    """A SavedModel that was loaded from disk.

    Args:
        path: The folder of the SavedModel.
    """

    def __init__(self, path: pathlib.Path) -> None:
        # The attribute keeps the loaded object alive, because its functions need its variables.
        self._loaded = tf.saved_model.load(str(path))

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        run = self._loaded.signatures[SIGNATURE]
        batches = np.array_split(pixels, max(1, len(pixels) // _BATCH))
        return np.concatenate([run(**{INPUT: tf.constant(b)})[LOGITS].numpy() for b in batches])


def write_saved_model(
    function: tf.types.experimental.PolymorphicFunction, path: pathlib.Path
) -> None:
    """Write one function as a SavedModel with one signature.

    Args:
        function: The function that `serving_function` returns.
        path: The folder to create.
    """
    module = tf.Module()
    module.serve = function
    # Serving needs no gradients, and TensorFlow cannot save swish's custom gradient when the
    # weights are constants.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with no_native_messages():
        tf.saved_model.save(module, str(path), {SIGNATURE: function}, options)
