"""The memory of images: a ring, whose images keep the teacher's answers."""

import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.distillation.image_memory import ImageMemory

SHAPE = (2, 3, 1)


def numbered(*numbers):
    """Images and logits whose values are the index of the image."""
    images = np.stack([np.full(SHAPE, number, "float32") for number in numbers])
    return tf.constant(images), tf.constant([[float(n), -n, 10.0 * n] for n in numbers])


def numbers(images):
    return [int(image[0, 0, 0]) for image in images]


def key(number):
    return tf.constant([7, number])


def check_pairs(images, logits):
    expected = [[number, -number, 10 * number] for number in numbers(images)]
    np.testing.assert_array_equal(logits, expected)
    np.testing.assert_array_equal(np.ptp(images, axis=(1, 2, 3)), 0)


def test_the_oldest_images_make_room():
    memory = ImageMemory(5, SHAPE, 3)
    contents = []
    for first in (1, 3, 5, 7, 9, 11):
        memory.add(*numbered(first, first + 1))
        contents.append(numbers(memory.images))
        check_pairs(memory.images, memory.logits)
    assert contents == [
        [1, 2, 0, 0, 0],
        [1, 2, 3, 4, 0],
        [6, 2, 3, 4, 5],
        [6, 7, 8, 4, 5],
        [6, 7, 8, 9, 10],
        [11, 12, 8, 9, 10],
    ]


def test_a_memory_that_is_not_full_gives_only_what_was_added():
    memory = ImageMemory(100, SHAPE, 3)
    memory.add(*numbered(4, 5, 6))
    images, logits = memory.draw(300, key(0))
    check_pairs(images, logits)
    # Each about a hundred times.
    counts = np.bincount(numbers(images), minlength=7)
    assert counts[:4].sum() == 0 and counts[4:].min() > 60


def test_a_full_memory_gives_all_of_its_images_evenly():
    memory = ImageMemory(4, SHAPE, 3)
    for first in (1, 4):
        memory.add(*numbered(first, first + 1, first + 2))
    images, logits = memory.draw(400, key(1))
    check_pairs(images, logits)
    counts = np.bincount(numbers(images), minlength=7)
    assert counts[:3].sum() == 0 and counts[3:].min() > 60


def test_a_batch_larger_than_the_memory_fills_it():
    memory = ImageMemory(3, SHAPE, 3)
    memory.add(*numbered(1))
    memory.add(*numbered(*range(10, 17)))
    kept = numbers(memory.images)
    assert len(set(kept)) == 3 and min(kept) >= 10
    images, logits = memory.draw(60, key(2))
    check_pairs(images, logits)
    assert set(numbers(images)) == set(kept)


def test_a_draw_is_a_function_of_its_key():
    memory = ImageMemory(50, SHAPE, 3)
    memory.add(*numbered(*range(50)))
    first, again, other = (numbers(memory.draw(20, key(n))[0]) for n in (3, 3, 4))
    assert first == again != other


def test_it_works_in_a_compiled_step_and_with_half_precise_images():
    memory = ImageMemory(3, SHAPE, 3)

    @tf.function
    def step(images, logits):
        memory.add(tf.cast(images, tf.bfloat16), logits)
        return memory.draw(30, key(5))

    for first in (1, 3, 5):
        images, logits = step(*numbered(first, first + 1))
        check_pairs(images, logits)
    assert numbers(memory.images) == [4, 5, 6]
    assert images.dtype == logits.dtype == tf.float32


def test_no_gradient_goes_through_it():
    memory, factor = ImageMemory(2, SHAPE, 3), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        images, logits = numbered(1, 2)
        memory.add(factor * images, factor * logits)
        drawn = memory.draw(4, key(0))
        loss = tf.reduce_sum(drawn[0]) + tf.reduce_sum(drawn[1])
    assert float(loss) and tape.gradient(loss, factor) is None


@pytest.mark.parametrize("size", [1, 6])
def test_its_variables_are_all_of_its_state(size):
    memory = ImageMemory(size, SHAPE, 3)
    memory.add(*numbered(1, 2))
    before, drawn = [v.numpy() for v in memory.variables], memory.draw(9, key(0))
    memory.add(*numbered(3, 4))
    for variable, value in zip(memory.variables, before, strict=True):
        variable.assign(value)
    np.testing.assert_array_equal(memory.draw(9, key(0))[0], drawn[0])
    memory.add(*numbered(5))
    assert 5 in numbers(memory.images)


def labelled_memory(counts, size=64):
    """A memory with a number of images of each class; their values are the class."""
    memory = ImageMemory(size, SHAPE, len(counts))
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.broadcast_to(labels[:, None, None, None], (len(labels), *SHAPE))
    memory.add(tf.constant(images, tf.float32), tf.one_hot(labels, len(counts)) * 9.0)
    return memory


def test_all_stored_classes_are_drawn_equally_often():
    drawn = numbers(labelled_memory([40, 1, 5, 0]).draw_evenly(3000, key(1)))
    counts = np.bincount(drawn, minlength=4)
    assert counts[3] == 0 and counts[:3].min() > 900 and counts[:3].max() < 1100


def test_images_of_a_class_are_drawn_equally_often_and_only_stored_ones():
    memory = ImageMemory(100, SHAPE, 3)
    images, _ = numbered(4, 5, 6)
    memory.add(images, tf.constant([[0.0, 9.0, 0.0]] * 3))
    counts = np.bincount(numbers(memory.draw_evenly(3000, key(2))), minlength=7)
    assert counts[:4].sum() == 0 and counts[4:].min() > 900


def test_an_even_draw_depends_on_the_key_alone():
    memory = labelled_memory([10, 20, 30])
    first, again, other = (memory.draw_evenly(50, key(n)) for n in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first.numpy() != other.numpy()).any()


def test_large_images_are_fewer():
    """20,000 images of 224×224 pixels would take 3 GB, twice that in a backup."""
    assert ImageMemory(20_000, (32, 32, 3), 3).size == 20_000
    assert ImageMemory(20_000, (96, 96, 3), 3).size == 4854
    assert ImageMemory(300, (512, 512, 3), 3).size == 256
    assert ImageMemory(10, (512, 512, 3), 3).size == 10
