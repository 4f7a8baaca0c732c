"""The cost of a train step: counted by hand, and timed without side effects."""

import dataclasses
import json
import os
import time

import keras
import numpy as np
import pytest

from dfad_tf import methods
from dfad_tf.compute import process
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.experiments import step_benchmark
from dfad_tf.experiments.step_benchmark import benchmark_step, multiply_adds_per_step
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.method import Method
from dfad_tf.methods.table import Settings
from dfad_tf.synthesis.objectives import AdversarialDiscrepancy, LogitsActivation
from tests.conftest import small_classifier, small_generator
from tests.helpers.distiller_state import changed, state

SHAPE = (4, 4, 1)
PARTS = [
    "generator forward",
    "teacher forward",
    "student forward",
    "student backward",
    "generator step",
    "rest",
]


def dense(*units):
    hidden = [keras.layers.Dense(size) for size in units]
    return keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), *hidden])


def tiny(method, **arguments):
    generator = [keras.Input((5,)), keras.layers.Dense(16), keras.layers.Reshape(SHAPE)]
    networks = dense(5, 3), dense(2, 3), keras.Sequential(generator)
    distiller = DataFreeDistiller(*networks, contract=PixelContract("zero_one", (60.0,), (70.0,)))
    distiller.compile("adam", "adam", method, **arguments)
    return distiller


# Multiply-adds of one image: each network's matrices.
TEACHER, STUDENT, GENERATOR = 16 * 5 + 5 * 3, 16 * 2 + 2 * 3, 5 * 16
# The generator's step at batch 8: itself forward and backward, and through both classifiers
# forward and back to the image.
GENERATOR_STEP = 8 * (3 * GENERATOR + 2 * TEACHER + 2 * STUDENT)


def count(row="dfad", **settings):
    method = methods.get(row, Settings(student_steps=5, **settings))
    return multiply_adds_per_step(tiny(method), 8)


def student_steps(images):
    """Five steps forward and backward."""
    return 5 * images * 3 * STUDENT


def fresh(images):
    """Five batches generated and shown to the teacher."""
    return 5 * images * (GENERATOR + TEACHER)


def test_a_plain_step_is_counted_by_hand():
    assert (TEACHER, STUDENT, GENERATOR, GENERATOR_STEP) == (95, 38, 80, 4048)
    assert count() == student_steps(8) + fresh(8) + GENERATOR_STEP == 15_608


@pytest.mark.parametrize(
    ("interpolation", "seen", "partners"),
    [
        ({}, 16, 0),
        ({"share": 0.5}, 12, 0),
        ({"share": 0.5, "partner": "fresh"}, 12, 4),
        ({"mode": "replace"}, 8, 0),
        ({"mode": "replace", "partner": "fresh"}, 8, 8),
    ],
)
def test_virtual_images_are_counted(interpolation, seen, partners):
    counted = count("dfad+interpolation", interpolation=VirtualInterpolation(**interpolation))
    assert counted == student_steps(seen) + fresh(8 + partners) + GENERATOR_STEP


def test_queries_of_the_teacher_with_virtual_images_are_counted():
    blend = VirtualInterpolation(share=0.5, labels="teacher")
    counted = count("dfad+interpolation", interpolation=blend)
    assert counted == student_steps(12) + fresh(8) + 5 * 4 * TEACHER + GENERATOR_STEP


@pytest.mark.parametrize(("share", "generated"), [(1.0, 0), (0.5, 4), (0.25, 6), (0.01, 7)])
def test_images_that_a_memory_saves_are_not_counted(share, generated):
    counted = count(memory_size=16, memory_share=share)
    assert counted == student_steps(8) + fresh(generated) + GENERATOR_STEP


def test_a_memory_does_not_save_fresh_partners():
    blend = VirtualInterpolation(share=0.5, partner="fresh")
    counted = count("dfad+interpolation", memory_size=16, interpolation=blend)
    assert counted == student_steps(12) + fresh(4) + GENERATOR_STEP


def test_a_generator_objective_without_the_student_is_cheaper():
    method = Method(keras.losses.MeanAbsoluteError(), (LogitsActivation(0.1),), student_steps=2)
    counted = multiply_adds_per_step(tiny(method), 8)
    passes = 2 * 8 * (3 * STUDENT + GENERATOR + TEACHER)
    assert counted == passes + GENERATOR_STEP - 8 * 2 * STUDENT


def test_images_that_all_student_steps_share_are_generated_once():
    parts = keras.losses.MeanAbsoluteError(), (AdversarialDiscrepancy(),)
    shared = Method(*parts, student_steps=5, image_source="same_latents")
    counted = multiply_adds_per_step(tiny(shared), 8)
    assert counted == student_steps(8) + fresh(8) // 5 + GENERATOR_STEP
    counted = multiply_adds_per_step(
        tiny(Method(*parts, student_steps=1, image_source="same_images")), 8
    )
    assert counted == student_steps(8) // 5 + GENERATOR_STEP


def test_attention_maps_of_remembered_images_are_counted():
    method = dataclasses.replace(methods.get("zskt+memory"), memory_share=0.5)
    counted = []
    for attention in (method.feature_loss, None):
        distiller = DataFreeDistiller(small_classifier(), small_classifier(), small_generator())
        distiller.compile(method=dataclasses.replace(method, feature_loss=attention))
        counted.append(multiply_adds_per_step(distiller, 8))
    teacher = 36 * 9 * 4 + 144 * 8 + 8 * 3
    assert counted[0] - counted[1] == 10 * 4 * teacher


@pytest.fixture
def quick(monkeypatch):
    """A matrix product that takes a second; the requested types and sizes are returned."""
    asked = []

    def seconds_of_product(dtype, side, rounds):
        asked.append((dtype, side))
        return 1.0

    monkeypatch.setattr(step_benchmark, "seconds_of_product", seconds_of_product)
    return asked


def convolutional(generator=None, **arguments):
    settings = Settings(student_steps=2, **arguments.pop("settings", {}))
    distiller = DataFreeDistiller(
        small_classifier(batch_norm=True),
        small_classifier(batch_norm=True),
        generator or small_generator(),
    )
    distiller.compile("adam", "adam", methods.get("dfad", settings), **arguments)
    distiller.fit(batch_size=8, steps_per_epoch=1, verbose=0)
    return distiller


def plain_generator():
    return keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {"settings": {"memory_size": 20, "memory_share": 0.5}},
        {"precision": "mixed_float16"},
    ],
)
def test_a_benchmark_changes_no_network_optimizer_metric_or_memory(quick, arguments):
    distiller = convolutional(plain_generator(), **arguments)
    before = state(distiller)
    benchmark_step(distiller, 8, 1)
    assert changed(before, state(distiller)) == set()


@pytest.mark.slow
def test_a_benchmark_does_not_change_the_generators_statistics(quick):
    distiller = convolutional()
    before = state(distiller)
    benchmark_step(distiller, 8, 1)
    assert changed(before, state(distiller)) == set()


def test_a_result_is_plausible_and_consistent(quick):
    distiller, begin = tiny(methods.get("dfad", Settings(student_steps=3))), time.time()
    result = benchmark_step(distiller, 8, 4)
    took = time.time() - begin
    assert set(result) == {
        "batch_size", "iterations", "compute_dtype", "seconds_per_iteration", "seconds",
        "student_steps", "images_per_iteration", "images_per_second", "parts",
        "flops_per_iteration", "flops_per_second", "matrix_flops_per_second", "share_of_peak",
        "peak_memory_bytes",
        "seconds_to_first_step", "seconds_to_compiled_step", "cores", "device",
    }  # fmt: skip
    assert json.loads(json.dumps(result)) == result
    assert (result["batch_size"], result["iterations"]) == (8, 4)
    assert (result["compute_dtype"], result["device"]) == ("float32", "CPU")
    assert result["cores"] == len(os.sched_getaffinity(0))
    seconds = result["seconds_per_iteration"]
    assert len(result["seconds"]) == 4 and min(result["seconds"]) > 0
    assert seconds == np.median(result["seconds"]) < took
    assert (result["student_steps"], result["images_per_iteration"]) == (3, 4 * 8)
    assert result["images_per_second"] == pytest.approx(4 * 8 / seconds)
    flops = result["flops_per_iteration"]
    assert flops == 2 * multiply_adds_per_step(distiller, 8)
    assert result["flops_per_second"] == pytest.approx(flops / seconds)
    assert quick == [("float32", 4096)]
    assert result["matrix_flops_per_second"] == 2 * 4096**3
    assert result["share_of_peak"] == pytest.approx(flops / seconds / (2 * 4096**3))
    first, compiled = result["seconds_to_first_step"], result["seconds_to_compiled_step"]
    # The step that compiles is part of this test, and a compiled step is shorter.
    assert 0 < compiled - first < took
    assert process.seconds_since_start() - took - 1 < first < process.seconds_since_start()
    assert 2**26 < result["peak_memory_bytes"] < 2**40
    assert list(result["parts"]) == PARTS
    assert [part["times"] for part in result["parts"].values()] == [3, 3, 3, 3, 1, 1]
    for name, part in result["parts"].items():
        if name not in ("student backward", "rest"):  # differences of measurements
            assert 0 < part["seconds"] < took
    total = sum(part["seconds"] * part["times"] for part in result["parts"].values())
    assert total == pytest.approx(seconds)


def test_the_share_of_the_peak_is_that_of_a_real_product(monkeypatch):
    product = step_benchmark.seconds_of_product
    scale = (4096 / 128) ** 3  # a small product in place of a large one
    monkeypatch.setattr(
        step_benchmark,
        "seconds_of_product",
        lambda dtype, side, rounds: scale * product(dtype, 128, rounds),
    )
    result = benchmark_step(tiny("dfad"), 8, 1)
    assert 1e6 < result["matrix_flops_per_second"] < 1e15
    assert 0 < result["share_of_peak"] < 2


@pytest.mark.slow
def test_the_peak_is_that_of_the_training_precision(quick):
    result = benchmark_step(tiny("dfad", precision="mixed_bfloat16"), 8, 1)
    assert result["compute_dtype"] == "bfloat16" and quick == [("bfloat16", 4096)]


@pytest.mark.slow
def test_with_a_memory_nothing_is_generated_for_the_student(quick):
    distiller = tiny(methods.get("dfad", Settings(memory_size=16)))
    result = benchmark_step(distiller, 8, 1)
    assert [part["times"] for part in result["parts"].values()] == [0, 0, 5, 5, 1, 1]
    assert result["images_per_iteration"] == 8
    assert result["images_per_second"] == pytest.approx(8 / result["seconds_per_iteration"])


@pytest.mark.slow
def test_the_teacher_answers_altered_images_in_each_student_step(quick):
    settings = Settings(memory_size=16, image_augmentation="shift")
    result = benchmark_step(tiny(methods.get("dfad", settings)), 8, 1)
    assert [part["times"] for part in result["parts"].values()] == [0, 0, 5, 5, 1, 5, 1]
    assert result["parts"]["teacher on drawn"]["seconds"] > 0


@pytest.mark.slow
def test_shared_images_are_generated_once_in_a_step(quick):
    method = Method(
        keras.losses.MeanAbsoluteError(), (AdversarialDiscrepancy(),), image_source="same_latents"
    )
    result = benchmark_step(tiny(method), 8, 1)
    assert [part["times"] for part in result["parts"].values()] == [1, 1, 5, 5, 1, 1]
    assert result["images_per_iteration"] == 16


@pytest.mark.slow
def test_several_steps_per_execution_are_counted(quick):
    """Seconds are those of one step; the first step ends before the first whole execution."""
    begin = process.seconds_since_start()
    distiller = tiny("dfad", steps_per_execution=3)
    result = benchmark_step(distiller, 8, 2)
    assert int(distiller.optimizer.iterations) == 0
    assert begin < result["seconds_to_first_step"] < result["seconds_to_compiled_step"]
    assert result["seconds_to_compiled_step"] < process.seconds_since_start()
