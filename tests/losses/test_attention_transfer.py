"""Attention maps and their distance, compared with NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.losses import AttentionTransfer
from dfad_tf.losses.attention_transfer import attention_map


def maps(height, width, channels, seed=0, batch=3):
    return np.random.default_rng(seed).normal(size=(batch, height, width, channels)).astype("f4")


def pooled(image, size):
    """Adaptive average pooling: bin i of n spans floor(i·h/n) to ceil((i+1)·h/n)."""
    (large, wide), (small, narrow) = image.shape, size
    rows = [slice(i * large // small, -(-(i + 1) * large // small)) for i in range(small)]
    columns = [slice(j * wide // narrow, -(-(j + 1) * wide // narrow)) for j in range(narrow)]
    return np.array([[image[r, c].mean() for c in columns] for r in rows])


def normalized(activations, size):
    images = [pooled((image.astype("f8") ** 2).mean(-1), size).ravel() for image in activations]
    return np.array([image / np.linalg.norm(image) for image in images])


def test_a_map_is_the_mean_square_over_channels_scaled_to_norm_one():
    activations = np.array([[[[3.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [2.0, 0.0]]]])
    squares = np.array([5.0, 0.0, 1.0, 2.0])
    np.testing.assert_allclose(
        attention_map(activations, (2, 2))[0], squares / np.sqrt(30), rtol=1e-6
    )
    assert attention_map(tf.cast(activations, tf.bfloat16), (2, 2)).dtype == tf.float32


@pytest.mark.parametrize("size", [(4, 4), (2, 2), (1, 4), (3, 3), (3, 2), (2, 3)])
def test_a_larger_map_is_averaged_down_to_the_smaller_size(size):
    activations = maps(4, 4, 2)
    np.testing.assert_allclose(
        attention_map(activations, size), normalized(activations, size), rtol=1e-5
    )


def test_bins_overlap_if_the_sizes_do_not_divide():
    # The three bins of five rows are the rows 0-1, 1-3 and 3-4.
    activations = np.zeros((1, 5, 1, 1), "f4")
    activations[0, :, 0, 0] = np.sqrt([1.0, 3.0, 5.0, 7.0, 9.0])
    expected = np.array([2.0, 5.0, 8.0])
    np.testing.assert_allclose(
        attention_map(activations, (3, 1))[0], expected / np.linalg.norm(expected), rtol=1e-6
    )


SIZES = [((4, 4), (4, 4)), ((8, 8), (4, 4)), ((3, 3), (5, 5)), ((7, 5), (4, 6))]


@pytest.mark.parametrize("squared", [False, True])
def test_the_distance_is_summed_over_pairs_and_averaged_over_images(squared):
    teacher = [maps(*size, 3, seed) for seed, (size, _) in enumerate(SIZES)]
    student = [maps(*size, 2, seed + 9) for seed, (_, size) in enumerate(SIZES)]
    expected = 0.0
    for a, b in zip(teacher, student, strict=True):
        size = tuple(np.minimum(a.shape[1:3], b.shape[1:3]))
        distances = np.linalg.norm(normalized(a, size) - normalized(b, size), axis=-1)
        form = distances**2 if squared else distances / 2
        expected += form.mean() / (size[0] * size[1])
    received = AttentionTransfer(squared=squared)(teacher, student)
    assert float(received) == pytest.approx(expected, rel=1e-4)


def test_the_distance_is_unweighted():
    pair = [maps(4, 4, 3)], [maps(4, 4, 2, 1)]
    assert float(AttentionTransfer(7.0)(*pair)) == float(AttentionTransfer(1.0)(*pair)) > 0


def test_maps_of_a_single_pixel_are_skipped():
    loss = AttentionTransfer()
    large, single = [maps(4, 4, 3), maps(4, 4, 3)], [maps(4, 4, 2, 1), maps(1, 1, 2, 2)]
    assert float(loss(large, single)) == float(loss(large[:1], single[:1]))
    assert float(loss(large[1:], single[1:])) == 0.0
    narrow = maps(4, 1, 3), maps(4, 1, 3, 5)
    assert float(loss([narrow[0]], [narrow[1]])) > 0  # four pixels


def test_teacher_and_student_have_the_same_number_of_maps():
    with pytest.raises(ValueError, match="shorter"):
        AttentionTransfer()([maps(4, 4, 1)] * 2, [maps(4, 4, 1)])


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("values", [maps(4, 4, 2), np.zeros((3, 4, 4, 2), "f4")])
def test_the_gradient_is_finite_for_equal_and_for_zero_maps(squared, values):
    student = tf.Variable(values)
    with tf.GradientTape() as tape:
        loss = AttentionTransfer(squared=squared)([values], [student])
    assert float(loss) < 1e-6
    np.testing.assert_allclose(tape.gradient(loss, student), np.zeros_like(values), atol=1e-3)


def test_gradient_descent_reduces_the_distance():
    student, teacher = tf.Variable(maps(4, 4, 2, 1)), maps(4, 4, 3)
    values = []
    for _ in range(40):
        with tf.GradientTape() as tape:
            loss = AttentionTransfer(squared=True)([teacher], [student])
        student.assign_sub(20 * tape.gradient(loss, student))
        values.append(float(loss))
    assert values[-1] < values[0] / 5


def test_serialization():
    loss = AttentionTransfer(3.0, ["a", "b"], ["c", "d"], squared=True)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()
    assert (again.weight, again.teacher_layers, again.student_layers) == (
        3.0, ("a", "b"), ("c", "d"),
    )  # fmt: skip
    assert again.squared and not AttentionTransfer().squared
