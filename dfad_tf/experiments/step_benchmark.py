"""How fast a train step is, where its time goes, and how near that is to the device's limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import tensorflow as tf

from dfad_tf.compute.precision import seconds_of_product
from dfad_tf.compute.process import peak_memory_bytes, seconds_since_start
from dfad_tf.compute.training_state import unchanged
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.distillation.step_timing import step_seconds
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.methods.method import memory_count


def multiply_adds_per_step(distiller: DataFreeDistiller, batch_size: int) -> int:
    """Count the multiply-adds of a train step, a backward pass as two forward ones.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.

    Returns:
        Multiply-adds of all student steps and the generator's step. What is not
        computed is not counted: gradients of the teacher's weights, of the student's
        in the generator's step, and what a memory of images saves.
    """
    method = distiller.method
    teacher, student, generator = (
        multiply_adds(network)
        for network in (distiller.teacher, distiller.student, distiller.generator)
    )
    seen, asked = batch_size, 0
    if method.interpolation:
        virtual = method.interpolation.count(batch_size)
        seen += virtual if method.interpolation.mode == "join" else 0
        asked = virtual if method.interpolation.labels == "teacher" else 0
    if method.attention and method.memory_size:  # which keeps no maps
        asked += memory_count(batch_size, method.memory_share)
    fresh = method.images_per_step(batch_size) - batch_size
    count = method.student_steps * seen * 3 * student + fresh * (generator + teacher)
    count += method.student_steps * asked * teacher
    adversarial = any(term.needs_student for term in method.generator_objectives)
    return count + batch_size * (3 * generator + 2 * teacher + 2 * student * adversarial)


def benchmark_step(
    distiller: DataFreeDistiller, batch_size: int, iterations: int = 5
) -> dict[str, Any]:
    """Time a distiller's train step and its parts; its weights stay as they are.

    Args:
        distiller: A compiled distiller.
        batch_size: Images in a batch.
        iterations: Runs of each measurement, whose median is taken.

    Returns:
        `seconds_per_iteration` and its parts, `images_per_second` generated,
        `share_of_peak` of what a large matrix product reaches in the same precision,
        `peak_memory_bytes` of the process or of the GPU, and
        `seconds_to_first_step` and `seconds_to_compiled_step` since the process began.
    """
    first, compiled, *seconds = step_seconds(distiller, batch_size, iterations)
    reached, memory = seconds_since_start(), peak_memory_bytes()
    each = distiller.steps_per_execution
    seconds_to_compiled = reached - sum(seconds) * each
    median = float(np.median(seconds))
    images = distiller.method.images_per_step(batch_size)
    parts = _timed_parts(distiller, batch_size, iterations)
    dtype = distiller.student_form.compute_dtype
    # Large enough that the call itself takes no time beside the product.
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
        "parts": parts,
        "flops_per_iteration": flops,
        "flops_per_second": flops / median,
        "matrix_flops_per_second": peak,
        "share_of_peak": flops / median / peak,
        "peak_memory_bytes": memory,
        "seconds_to_first_step": seconds_to_compiled - compiled * each,
        "seconds_to_compiled_step": seconds_to_compiled,
        "cores": _cores(),
        "device": _device(),
    }


def _timed_parts(
    distiller: DataFreeDistiller, batch_size: int, iterations: int
) -> dict[str, dict[str, float]]:
    """Seconds of each part and how often a train step does it, compiled one by one."""
    images = distiller.sampler
    steps = distiller.method.student_steps
    variables = distiller.student.trainable_variables
    method = distiller.method
    passes = 1 if method.image_source == "same_latents" else steps
    seen, fresh = batch_size, (method.images_per_step(batch_size) - batch_size) // passes
    if method.interpolation and method.interpolation.mode == "join":
        seen += method.interpolation.count(batch_size)
    with unchanged(distiller):
        batch = images.generate(seen, "student", 0)
        logits = images.signals(batch)[0]

    def student_backward() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(_float(distiller.student_form(batch, True)) - logits))
        return tape.gradient(loss, variables)

    generated, made = (passes, fresh) if fresh else (0, batch_size)
    runs: dict[str, tuple[int, Callable[[], Any]]] = {
        "generator forward": (generated, lambda: images.generate(made, "student", 0)),
        "teacher forward": (generated, lambda: images.signals(batch[:made])[0]),
        "student forward": (steps, lambda: distiller.student_form(batch, True)),
        "student forward and backward": (steps, student_backward),
        "generator step": (1, lambda: distiller.generator_step(batch_size)),
    }
    with unchanged(distiller):
        seconds = {
            name: _median_seconds(run, iterations, distiller.jit_compile)
            for name, (_, run) in runs.items()
        }
    both = seconds.pop("student forward and backward")
    # A difference of two timings, which noise may turn round on tiny networks.
    seconds["student backward"] = max(0.0, both - seconds["student forward"])
    often = {name: count for name, (count, _) in runs.items()}
    often["student backward"] = steps
    order = [
        "generator forward",
        "teacher forward",
        "student forward",
        "student backward",
        "generator step",
    ]
    return {name: {"seconds": seconds[name], "times": often[name]} for name in order}


def _float(tensor: Any) -> Any:
    return tf.cast(tensor, tf.float32)


def _median_seconds(run: Callable[[], Any], iterations: int, jit_compile: bool) -> float:
    @tf.function(autograph=False, jit_compile=jit_compile)
    def compiled() -> Any:
        # One number of every result: nothing is left out, and little is copied.
        results = [r for r in tf.nest.flatten(run()) if r is not None]
        return tf.add_n([_float(tf.reshape(r, (-1,))[0]) for r in results] or [tf.constant(0.0)])

    traced = compiled.get_concrete_function()  # TensorFlow warns of functions made in a loop
    times = []
    for _ in range(iterations + 1):
        start = time.monotonic()
        traced().numpy()
        times.append(time.monotonic() - start)
    return float(np.median(times[1:]))


def _cores() -> int:
    """Processors that this process may use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        return len(process.cpu_affinity())
    return psutil.cpu_count() or 1


def _device() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU"))
    return "CPU"
