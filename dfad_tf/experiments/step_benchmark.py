"""Seconds of a train step and of its parts, and its share of the device's peak performance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dfad_tf.compute.precision import seconds_of_product
from dfad_tf.compute.process import (
    available_cores,
    device_name,
    peak_memory_bytes,
    seconds_since_start,
)
from dfad_tf.compute.timing import seconds_of_calls
from dfad_tf.compute.training_state import unchanged
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.distillation.step_counts import step_cost, step_counts
from dfad_tf.distillation.step_timing import step_seconds
from dfad_tf.graphs.multiply_adds import multiply_adds

REST = "rest"


@dataclass(frozen=True)
class _Part:
    """A part of the train step: how often it occurs in one, and a function that runs it."""

    times: int
    run: Callable[[], Any]


def multiply_adds_per_step(distiller: DataFreeDistiller, batch_size: int) -> int:
    """Count the multiply-adds of a train step, a backward pass as two forward ones.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.

    Returns:
        Multiply-adds of all student steps and the generator's step.

    Example:

    >>> multiply_adds_per_step(distiller, 16) > 0
    True
    """
    networks = {"teacher": distiller.teacher, "student": distiller.student}
    networks["generator"] = distiller.generator
    forward = {role: multiply_adds(network) for role, network in networks.items()}
    return int(step_cost(distiller.method, forward, batch_size))


def benchmark_step(
    distiller: DataFreeDistiller, batch_size: int, iterations: int = 5
) -> dict[str, Any]:
    """Time a distiller's train step and its parts; the distiller's state does not change.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.
        iterations: Number of runs of each measurement, of which the median is taken.

    Returns:
        `seconds_per_iteration`; `parts`, each with `seconds` and the `times` that it occurs in an
        iteration, the last of which is the `rest` (see `timed_parts`); `images_per_second`
        generated; `share_of_peak`, the fraction of the performance of a large matrix product in
        the same precision; `peak_memory_bytes` of the process or of the GPU; and
        `seconds_to_first_step` and `seconds_to_compiled_step` since the start of the process.

    Example:

    >>> benchmark_step(distiller, batch_size=8, iterations=1)["batch_size"]
    8
    """
    first, compiled, *seconds = step_seconds(distiller, batch_size, iterations)
    elapsed, memory = seconds_since_start(), peak_memory_bytes()
    each = distiller.steps_per_execution
    seconds_to_compiled = elapsed - sum(seconds) * each
    median = float(np.median(seconds))
    images = distiller.method.images_per_step(batch_size)
    dtype = distiller.student_form.compute_dtype
    # Large enough that the overhead of the call is negligible.
    side = 16384 if tf.config.list_physical_devices("GPU") else 4096
    peak = 2 * side**3 / seconds_of_product(dtype, side, 3)
    flops = 2 * multiply_adds_per_step(distiller, batch_size)
    return {
        "batch_size": batch_size,
        "iterations": iterations,
        "compute_dtype": dtype,
        "seconds_per_iteration": median,
        "seconds": seconds,
        "student_steps": distiller.method.student_steps,
        "images_per_iteration": images,
        "images_per_second": images / median,
        "parts": timed_parts(distiller, batch_size, iterations, median),
        "flops_per_iteration": flops,
        "flops_per_second": flops / median,
        "matrix_flops_per_second": peak,
        "share_of_peak": flops / median / peak,
        "peak_memory_bytes": memory,
        "seconds_to_first_step": seconds_to_compiled - compiled * each,
        "seconds_to_compiled_step": seconds_to_compiled,
        "cores": available_cores(),
        "device": device_name(),
    }


def timed_parts(
    distiller: DataFreeDistiller, batch_size: int, iterations: int, step: float
) -> dict[str, dict[str, float]]:
    """Time the parts of a train step, each compiled and run alone.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.
        iterations: Number of runs of each part, of which the median is taken.
        step: Seconds of the whole train step.

    Returns:
        `seconds` of each part and how many `times` it occurs in a train step. The `rest` is the
        time of the step that the parts do not account for: the student's loss and optimizer, the
        image memory, interpolation, metrics and data movement. It is negative if the parts take
        longer alone than in the step, where operations of several parts run at the same time.
    """
    parts = _parts(distiller, batch_size)
    with unchanged(distiller):
        seconds = {
            name: _median_seconds(part.run, iterations, distiller.jit_compile)
            for name, part in parts.items()
        }
    # The difference of two measurements, which noise can make negative for tiny networks.
    forward = seconds["student forward"]
    seconds["student backward"] = max(0.0, seconds["student backward"] - forward)
    timed = {name: {"seconds": seconds[name], "times": part.times} for name, part in parts.items()}
    rest = step - sum(part["seconds"] * part["times"] for part in timed.values())
    return {**timed, REST: {"seconds": rest, "times": 1}}


def _parts(distiller: DataFreeDistiller, batch_size: int) -> dict[str, _Part]:
    """Return the parts; the student's backward pass includes its forward pass here."""
    sampler, counts = distiller.sampler, step_counts(distiller.method, batch_size)
    generated = counts.generated_images or batch_size
    variables = distiller.student.trainable_variables
    with unchanged(distiller):
        images = sampler.generate(counts.student_images, "student", 0)
        logits = sampler.signals(images)[0]

    def forward_and_backward() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(_float(distiller.student_form(images, True)) - logits))
        return tape.gradient(loss, variables)

    passes, steps = counts.generation_passes, counts.student_steps
    found = {
        "generator forward": _Part(passes, lambda: sampler.generate(generated, "student", 0)),
        "teacher forward": _Part(passes, lambda: sampler.signals(images[:generated])[0]),
        "student forward": _Part(steps, lambda: distiller.student_form(images, True)),
        "student backward": _Part(steps, forward_and_backward),
        "generator step": _Part(1, lambda: distiller.generator_step(batch_size)),
    }
    drawn = counts.teacher_images
    if drawn:  # kept, procedural or virtual images, which the teacher answers in each student step
        found["teacher on drawn"] = _Part(steps, lambda: sampler.signals(images[:drawn])[0])
    return found


def _float(tensor: tf.Tensor) -> tf.Tensor:
    return tf.cast(tensor, tf.float32)


def _median_seconds(run: Callable[[], Any], iterations: int, jit_compile: bool) -> float:
    @tf.function(autograph=False, jit_compile=jit_compile)
    def compiled() -> tf.Tensor:
        # One number of every result: nothing is optimized away, and little is copied.
        results = [r for r in tf.nest.flatten(run()) if r is not None]
        return tf.add_n([_float(tf.reshape(r, (-1,))[0]) for r in results] or [tf.constant(0.0)])

    traced = compiled.get_concrete_function()  # TensorFlow warns about functions created in a loop
    return float(np.median(seconds_of_calls(lambda: traced().numpy(), iterations)))
