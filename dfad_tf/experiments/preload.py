"""Import what every run needs; `run_process` imports this module once for many runs.

The imports take several seconds of a short run. None of them may start a thread or initialize
TensorFlow's runtime, because runs are forked from the process that has imported this module.
"""

from __future__ import annotations

import importlib

from dfad_tf.utils.native_messages import no_native_messages

with no_native_messages():
    importlib.import_module("tensorflow")
    importlib.import_module("keras")
importlib.import_module("dfad_tf.runs.data_free_run")
importlib.import_module("dfad_tf.runs.supervised_run")
