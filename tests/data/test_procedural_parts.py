"""Shapes are closed and of radius about 1, textures lie in their range, places repeat."""

import numpy as np
import pytest

from dfad_tf.data.procedural.camera import photograph
from dfad_tf.data.procedural.placement import Placement, anywhere, attached
from dfad_tf.data.procedural.shapes import (
    SCENE_SHARES,
    SHAPES,
    SYMBOL_SHARES,
    band,
    distances,
    ellipse,
    rectangle,
    star,
    stroke,
)
from dfad_tf.data.procedural.textures import NOISE, TEXTURE_SHARES, noise_fields, textures

COUNT, SIDE = 40, 65


def random(seed=0):
    return np.random.default_rng(seed)


def grid(count=COUNT, reach=2.0):
    line = np.linspace(-reach, reach, SIDE, dtype=np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    return np.repeat(x[None], count, 0), np.repeat(y[None], count, 0)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_shape_has_radius_one_and_smooth_edges(shape):
    distance = shape(*grid(), random())
    assert distance.shape == (COUNT, SIDE, SIDE) and distance.dtype == np.float32
    area = (distance < 0).mean((1, 2))
    assert (area > 0.002).all() and (area < 0.8).all()
    if shape is not band:
        edge = np.concatenate([distance[:, 0], distance[:, -1], distance[:, :, 0]], 1)
        assert (edge > 0).all(), "the shape is larger than its place"
    # Masks are one pixel wide at the edge, so neighbouring distances differ by about one pixel.
    near = np.abs(distance[:, :, 1:]) < 0.1
    steps = np.abs(np.diff(distance, axis=2))[near]
    assert np.quantile(steps, 0.99) < 2 * 4 / (SIDE - 1)


@pytest.mark.parametrize(
    "shape", [s for s in SHAPES if s is not ellipse], ids=lambda shape: shape.__name__
)
def test_shapes_of_one_kind_differ(shape):
    masks = (shape(*grid(), random()) < 0).reshape(COUNT, -1)
    assert len(np.unique(masks, axis=0)) >= 8


def test_a_stroke_is_thin_and_connected():
    inside = stroke(*grid(reach=1.3), random()) < 0
    assert (inside.mean((1, 2)) < 0.5).all()
    rows = inside.any(2)
    starts = (np.diff(rows.astype(int), axis=1) == 1).sum(1)
    assert (starts == 1).all(), "a stroke without rows between its top and its bottom"


def test_the_points_of_a_star_have_radius_one():
    x, y = grid()
    reach = np.where(star(x, y, random()) < 0, np.hypot(x, y), 0).max((1, 2))
    assert (reach > 0.8).all() and (reach < 1.01).all()


def test_kinds_are_computed_in_batches_and_returned_in_order():
    kinds = np.array([1, 0, 1, 0])
    x, y = grid(4)
    result = distances(kinds, x, y, random(), (ellipse, rectangle))
    circle = ellipse(x, y, random())
    np.testing.assert_array_equal(result[[1, 3]], circle[[1, 3]])
    assert not np.array_equal(result[0], circle[0])
    assert star(x, y, random()).shape == x.shape


def test_shares_are_given_for_all_shapes():
    assert len(SCENE_SHARES) == len(SYMBOL_SHARES) == len(SHAPES)
    assert len(TEXTURE_SHARES) == NOISE + 1


@pytest.mark.parametrize("kind", range(len(TEXTURE_SHARES)))
def test_a_texture_lies_between_its_two_colours(kind):
    noise = noise_fields(COUNT, SIDE, SIDE, random(1))
    field = textures(np.full(COUNT, kind), *grid(reach=1), noise, random())
    assert field.min() >= 0 and field.max() <= 1
    if kind == 0:
        assert not field.any()
    else:
        assert (field.std((1, 2)) > 0.02).all()


@pytest.mark.parametrize("height, width", [(32, 32), (15, 28), (40, 9)])
def test_noise_is_standardized_and_differs_in_smoothness(height, width):
    fields = noise_fields(200, height, width, random())
    assert fields.shape == (200, height, width) and fields.dtype == np.float32
    np.testing.assert_allclose(fields.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(fields.std((1, 2)), 1, atol=1e-4)
    steps = np.abs(np.diff(fields, axis=1)).mean((1, 2))
    assert steps.max() > 4 * steps.min()


def test_a_place_moves_stretches_and_repeats_a_shape():
    one = np.ones(1, np.float32)
    place = Placement(0.5 * one, 0 * one, 0.4 * one, 0.2 * one, 0 * one, 3 * one, 1.0 * one)
    x = np.array([[[-0.5, 0.5, 1.5, 2.5, 0.9]]], np.float32)
    local_x, local_y = place.local(x, np.full_like(x, 0.2))
    # Copies at -0.5, 0.5 and 1.5; the fourth place is beyond the last copy.
    np.testing.assert_allclose(local_x[0, 0], [0, 0, 0, 2.5, 1.0], atol=1e-5)
    np.testing.assert_allclose(local_y[0, 0], 1.0)


def test_a_place_turns_a_shape():
    one = np.ones(1, np.float32)
    place = Placement(0 * one, 0 * one, one, 2 * one, one * np.float32(np.pi / 2), one, one)
    local_x, local_y = place.local(np.full((1, 1, 1), 1.0), np.full((1, 1, 1), 0.5))
    np.testing.assert_allclose([local_x.item(), local_y.item()], [0.5, -0.5], atol=1e-6)


def test_parts_lie_on_their_body():
    size = np.full(500, 0.6, np.float32)
    no = np.zeros(500, bool)
    body = anywhere(size, 0.3 * size, no, ~no, random())
    assert not body.angle.any() and (body.copies == 1).all()
    part = attached(body, random(1))
    assert (np.abs(part.center_x - body.center_x) <= body.half_width).all()
    assert (np.abs(part.center_y - body.center_y) <= body.half_height * 1.0001).all()
    assert (part.copies > 1).mean() > 0.3
    assert body.chosen(np.array([3])).center_x == body.center_x[3]


def test_the_camera_exposes_scenes_and_keeps_drawings_as_dark_as_they_are():
    scenes = np.full((200, 1, 16, 16), 0.02, np.float32)
    scenes[:, :, 5:9, 5:9] = 0.1
    symbol = np.arange(200) < 100
    pixels = photograph(scenes, symbol, random())
    assert np.median(pixels[symbol], axis=(1, 2, 3)).max() < 30
    lit = pixels[~symbol].mean((1, 2, 3))
    assert abs(lit.mean() - 120) < 15 and 20 < lit.std() < 50
