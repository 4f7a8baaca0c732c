"""The devices and workers that the flags ask for."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import tempfile
from collections.abc import Iterator

import tensorflow as tf
from absl import flags

from dfad_tf.compute import strategies
from dfad_tf.runs import interrupted_run
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
# What TensorFlow raises in the remaining workers when one is lost.
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


def strategy_from_flags() -> tf.distribute.Strategy:
    """Return the strategy that the flags ask for; call it before any TensorFlow operation.

    Raises:
        InputError: If its devices are not available.
    """
    tf.get_logger().setLevel("ERROR")  # it logs every all-reduce of the workers
    return strategies.get(FLAGS.strategy, FLAGS.replicas)


@contextlib.contextmanager
def as_worker(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Take part in a training whose chief alone writes the run's folder and prints.

    A lost worker ends the collective operations of all. The remaining workers then start the same
    command again, wait for the lost one, and resume with it from the last backup.

    Args:
        strategy: The strategy; with one worker nothing is done.
    """
    if not strategies.has_several_workers(strategy):
        yield
        return
    if FLAGS.precision in (None, "auto"):
        FLAGS["precision"].value = "float32"  # each worker might measure another one as faster
    try:
        with contextlib.ExitStack() as stack:
            if not FLAGS.workdir:
                raise InputError(
                    "Expected `workdir`, a folder that all workers can access, for a training on "
                    "several workers. Received: none"
                )
            if not strategies.is_chief(strategy):
                temporary = stack.enter_context(tempfile.TemporaryDirectory())
                interrupted_run.copy_interrupted(
                    pathlib.Path(FLAGS.workdir), pathlib.Path(temporary)
                )
                FLAGS["workdir"].value = temporary
                FLAGS["verbose"].value = "0"
                null = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(contextlib.redirect_stdout(null))
            yield
    except _LOST as error:
        print(
            "A worker, or the connection to it, was lost. This worker starts again and waits for "
            f"it ({type(error).__name__}).",
            file=sys.stderr,
            flush=True,
        )
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
