"""Students that the flags ask for, and how they start."""

import keras
import numpy as np
import pytest

from dfad_tf.command_line import network_builder
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.runs.records import Teacher
from dfad_tf.teachers.description import describe_teacher
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier, weights
from tests.helpers.command import parse
from tests.helpers.residual_networks import deep


def start(model, student, *flags, channels=3):
    """Initialize a student as `dfad-train` does; return how."""
    parse("--dataset=digits", "--generator=compact", *flags)
    contract = PixelContract("pixels", (120.0,) * channels, (60.0,) * channels)
    teacher = Teacher(model, describe_teacher(model, contract), "test", False)
    generator = network_builder.generator_from_flags(teacher)
    return network_builder.initialize_student(student, teacher, generator)


def residual(blocks, **settings):
    return deep(blocks, mean=[120.0] * 3, std=[60.0] * 3, **settings)


@pytest.mark.slow
def test_a_shallower_residual_student_starts_from_blocks():
    words = start(residual((3, 2)), residual((2, 2)))
    assert words == "4 of the teacher's 5 blocks, fitted to what they replace"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_start():
    teacher, students = residual((3, 2)), [residual((2, 2)), residual((2, 2))]
    for student in students:
        keras.utils.set_random_seed(3)  # as the command does, for the generator's weights
        start(teacher, student, "--seed=3")
    assert same(*map(weights, students))


@pytest.mark.parametrize(
    ("student", "flags", "words"),
    [
        ({"widths": (8, 12)}, [], "random weights (the student's blocks have other widths"),
        ({}, ["--student_initialization=random"], "random weights"),
    ],
)
def test_other_students_start_at_random(student, flags, words):
    network = residual((2, 2), **student)
    before = weights(network)
    assert start(residual((3, 2)), network, *flags).startswith(words)
    assert same(before, weights(network))


def test_no_images_are_drawn_for_a_student_that_does_not_pair(monkeypatch):
    drawn = []

    def procedural_images(teacher):
        drawn.append(teacher)
        raise RuntimeError("drawn")

    monkeypatch.setattr(network_builder, "_procedural_images", procedural_images)
    start(residual((3, 2)), residual((2, 2), widths=(8, 12)))
    start(small_classifier(residual((2, 2)).input_shape[1:]), residual((2, 2)))
    assert not drawn
    with pytest.raises(RuntimeError, match="drawn"):
        start(residual((3, 2)), residual((2, 2)))


def test_a_narrower_chain_starts_from_filters():
    teacher, student = small_classifier(filters=4), small_classifier(filters=3)
    assert start(teacher, student, channels=1) == "the teacher's filters"
    assert np.isfinite(np.concatenate([w.ravel() for w in weights(student)])).all()


def chosen(model, student):
    parse("--dataset=digits", f"--student={student}")
    shape = model.input_shape[1:]
    contract = PixelContract("pixels", (120.0,) * shape[-1], (60.0,) * shape[-1])
    teacher = Teacher(model, describe_teacher(model, contract), "test", False)
    return network_builder.student_from_flags(teacher)


def joined():
    """A network with a concatenation, whose filters cannot be told apart."""
    layers, inputs = keras.layers, keras.Input((32, 32, 3))
    x = layers.Conv2D(32, 3)(inputs)
    x = layers.Conv2D(32, 3)(layers.Concatenate()([x, x]))
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


def test_half_and_auto_are_the_teachers_own_architecture_with_half_of_its_filters():
    teacher = small_classifier((16, 16, 3), classes=4, filters=8, batch_norm=True)
    for name in ("half", "auto"):
        student = chosen(teacher, name)
        own = student.layers[1:]  # without the input
        assert [type(layer) for layer in own] == [type(layer) for layer in teacher.layers]
        assert own[0].filters == 4 and student.output_shape == (None, 4)


def test_where_the_teacher_cannot_be_narrowed_auto_is_compact_and_half_an_error():
    assert chosen(joined(), "auto").name.startswith("compact")
    with pytest.raises(InputError, match="--student.*concatenate.* may mix channels") as raised:
        chosen(joined(), "half")
    assert "`student`" not in str(raised.value)
