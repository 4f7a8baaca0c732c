"""One of several processes that train together, each on a machine of its own."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from absl import flags

from dfad_tf.compute import replicas, strategies
from dfad_tf.runs import interrupted_run
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
# What TensorFlow raises in those that are left, as the way goes on which they waited.
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


def strategy_from_flags() -> tf.distribute.Strategy:
    """Return the strategy that the flags ask for; call it before TensorFlow has done anything.

    Raises:
        InputError: If its devices are not there.
    """
    tf.get_logger().setLevel("WARNING")  # it tells of every sum of workers
    return strategies.get(FLAGS.strategy, FLAGS.replicas)


@contextlib.contextmanager
def part_of(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Take part in a training, of which the chief alone leaves a folder and prints.

    A worker that is lost ends the sums of all. Those that are left begin anew as the same
    command, wait for it to be started again, and go on with it from the last backup.

    Args:
        strategy: The strategy; with one worker nothing is done.
    """
    if not strategies.has_several_workers(strategy):
        yield
        return
    if FLAGS.precision in (None, "auto"):
        FLAGS["precision"].value = "float32"  # which is faster each worker would find for itself
    try:
        with contextlib.ExitStack() as stack:
            if not FLAGS.workdir:
                raise InputError(
                    "Expected --workdir, a folder that all workers see, with several of them. "
                    "Received none."
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
            "A worker was lost, or the way to it; this one begins anew and waits for it "
            f"({type(error).__name__}).",
            file=sys.stderr,
            flush=True,
        )
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def agree(strategy: tf.distribute.Strategy, distillation: Any) -> None:
    """Give all workers the networks that the chief has loaded and made."""
    if not strategies.has_several_workers(strategy):
        return
    networks = [distillation.teacher.model, distillation.student]
    networks += [distillation.generator] if hasattr(distillation, "generator") else []
    variables = [variable for network in networks for variable in network.variables]
    real = [variable for variable in variables if "float" in variable.dtype]
    replicas.from_first(strategy, real)


@contextlib.contextmanager
def chief_first(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Let the chief do something while the others wait, and them when it has done so."""
    chief = strategies.is_chief(strategy)
    if not chief:
        wait_for_all(strategy)
    try:
        yield
    finally:
        if chief:
            wait_for_all(strategy)


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Return when all workers have called this."""
    if strategies.has_several_workers(strategy):

        @tf.function(autograph=False)
        def meet() -> None:
            strategy.run(
                lambda: tf.distribute.get_replica_context().all_reduce(
                    tf.distribute.ReduceOp.SUM, tf.constant(1.0)
                )
            )

        meet()
