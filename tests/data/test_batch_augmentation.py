"""Augmentation of drawn images inside a train step."""

import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.data.batch_augmentation import augment_batch, crop_batch, mix_batch

KEY = tf.constant([3, 4])


def numbered(count=64, height=16, width=24, channels=2):
    """Images whose pixels are all different, so that each can be found again."""
    pixels = np.arange(height * width, dtype="float32").reshape(1, height, width, 1)
    return tf.constant(np.tile(pixels, (count, 1, 1, channels)))


def shifts(images):
    """Row and column of the pixel in the middle of each image, and whether it is mirrored."""
    middle = images.numpy()[:, 8, 12, 0]
    right = images.numpy()[:, 8, 13, 0]
    return middle // 24 - 8, middle % 24 - 12, right < middle


def test_images_are_shifted_by_up_to_an_eighth_and_all_shifts_occur():
    rows, columns, mirrored = shifts(augment_batch(numbered(512), KEY, "shift"))
    assert set(rows) == set(range(-2, 3)) and set(columns) == set(range(-3, 4))
    assert not mirrored.any()
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.2


def test_every_second_image_is_mirrored_on_average():
    _, _, mirrored = shifts(augment_batch(numbered(512), KEY, "shift_flip"))
    assert 200 < mirrored.sum() < 312


def test_whole_rows_move_and_reflect_at_the_edge():
    images = numbered(512, channels=1)
    moved = augment_batch(images, KEY, "shift").numpy()[..., 0]
    original = images.numpy()[0, :, :, 0]
    rows, columns, _ = shifts(augment_batch(images, KEY, "shift"))
    for image, down, right in zip(moved, rows, columns, strict=True):
        padded = np.pad(original, ((2, 2), (3, 3)), "reflect")
        top, left = 2 + int(down), 3 + int(right)
        np.testing.assert_array_equal(image, padded[top : top + 16, left : left + 24])


@pytest.mark.parametrize("augmentation", ["none", "shift", "shift_flip"])
def test_values_channels_shape_and_type_are_kept(augmentation):
    images = tf.cast(tf.random.stateless_uniform((6, 9, 11, 3), KEY, -4, 9), tf.bfloat16)
    found = augment_batch(images, KEY, augmentation)
    assert found.shape == images.shape and found.dtype == images.dtype
    for before, after in zip(images.numpy(), found.numpy(), strict=True):
        known = {tuple(pixel) for pixel in before.reshape(-1, 3).astype("f4")}
        assert {tuple(pixel) for pixel in after.reshape(-1, 3).astype("f4")} <= known
    again = augment_batch(images, KEY, augmentation)
    np.testing.assert_array_equal(found.numpy(), again.numpy())
    if augmentation != "none":
        other = augment_batch(images, KEY + 1, augmentation)
        assert (found.numpy() != other.numpy()).any()


def test_images_of_less_than_eight_pixels_are_not_shifted():
    images = tf.random.stateless_uniform((4, 5, 7, 1), KEY)
    np.testing.assert_array_equal(augment_batch(images, KEY, "shift"), images)


def test_a_crop_fills_the_border_with_a_colour_and_equals_the_shift_elsewhere():
    images = numbered(256, channels=2) + 1.0
    fill = [-5.0, -7.0]
    for augmentation in ("shift", "shift_flip"):
        shifted = augment_batch(images, KEY, augmentation).numpy()
        cropped = crop_batch(images, KEY, augmentation, fill).numpy()
        border = cropped[..., 0] == -5.0
        np.testing.assert_array_equal(cropped[border][:, 1], -7.0)
        np.testing.assert_allclose(cropped[~border], shifted[~border], rtol=1e-5)
        rows, columns = border.all(2).sum(1), border.all(1).sum(1)
        assert set(rows) == {0, 1, 2} and set(columns) == {0, 1, 2, 3}
    assert crop_batch(images, KEY, "none", fill) is images


def test_gradients_pass_a_crop_to_the_pixels_that_are_left():
    images = tf.Variable(tf.ones((32, 16, 16, 1)))
    with tf.GradientTape() as tape:
        cropped = crop_batch(images, KEY, "shift", [0.0])
        total = tf.reduce_sum(cropped)
    gradient = tape.gradient(total, images).numpy()
    assert set(np.unique(gradient)) == {0.0, 1.0}
    np.testing.assert_allclose(gradient.sum((1, 2, 3)), cropped.numpy().sum((1, 2, 3)))


def test_a_share_of_the_images_is_blended_with_the_preceding_image():
    images = tf.constant(np.eye(8, dtype="float32")[:, :, None, None])
    found = mix_batch(images, KEY, 0.5).numpy()[..., 0, 0]
    np.testing.assert_array_equal(found[4:], np.eye(8)[4:])
    weight = np.diag(found)[:4]
    assert len(set(weight)) == 4 and (weight > 0).all() and (weight < 1).all()
    for index in range(4):
        np.testing.assert_allclose(found[index, index - 1], 1 - weight[index], rtol=1e-6)
    assert mix_batch(images, KEY, 0.0) is images
