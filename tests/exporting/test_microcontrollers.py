"""Whether an exported file runs on microcontrollers."""

import keras
import pytest

from dfad_tf.exporting import micro_arena, microcontrollers
from dfad_tf.exporting.model_card import _microcontrollers
from tests.conftest import small_classifier
from tests.exporting.test_lite_files import convert


def test_the_operators_of_a_file_are_named():
    entry = microcontrollers.micro_entry(convert(small_classifier((8, 8, 1)), "int8"))
    assert {"CONV_2D", "FULLY_CONNECTED", "SOFTMAX"} <= set(entry["operators"])
    assert entry["unsupported"] == []


def test_the_memory_is_that_of_the_interpreter_of_microcontrollers():
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    content = convert(small_classifier((8, 8, 1)), "int8")
    arena = microcontrollers.micro_entry(content)["arena_bytes"]
    runtime.Interpreter.from_bytes(content, arena_size=arena)
    with pytest.raises(RuntimeError, match="allocate"):
        runtime.Interpreter.from_bytes(content, arena_size=arena - 2048)


def test_a_file_that_ends_the_interpreter_has_no_memory():
    assert micro_arena.arena_bytes(b"no file of LiteRT") is None


def test_an_operator_without_a_kernel_is_unsupported():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.ops.flip(x, axis=1)
    student = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    entry = microcontrollers.micro_entry(convert(student, "int8"))
    assert entry["unsupported"] == ["REVERSE_V2"]
    assert entry["arena_bytes"] is None


def test_a_card_says_what_a_microcontroller_needs():
    micro = {"operators": ["ADD", "CONV_2D"], "unsupported": [], "arena_bytes": 32768}
    lines = _microcontrollers({"a.tflite": {"microcontrollers": micro}})
    assert lines[1] == (
        "`a.tflite` has only operators of LiteRT for Microcontrollers: ADD, CONV_2D. Its "
        "interpreter opened the file, with 33 kB of memory for tensors."
    )
    micro["unsupported"] = ["REVERSE_V2"]
    lines = _microcontrollers({"a.tflite": {"microcontrollers": micro}, "b": {}})
    assert "does not run" in lines[1] and "REVERSE_V2" in lines[1]
