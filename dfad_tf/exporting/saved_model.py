"""Write the student as a SavedModel, for TensorFlow Serving and for conversion."""

from __future__ import annotations

import pathlib
from typing import Any

import tensorflow as tf

from dfad_tf.utils.native_messages import no_native_messages

SIGNATURE = "serving_default"


def write_saved_model(function: Any, path: pathlib.Path) -> None:
    """Write one function as a SavedModel with one signature.

    Args:
        function: What `serving_function` returns.
        path: The folder, which is made.
    """
    module = tf.Module()
    module.serve = function
    # Serving asks for no gradients, and those of swish cannot be saved beside constants.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with no_native_messages():
        tf.saved_model.save(module, str(path), {SIGNATURE: function}, options)
