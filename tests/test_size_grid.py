"""Training on images of many sizes ends no process; `benchmarks/size_grid.py` draws many more."""

import itertools

import pytest

from benchmarks import size_grid
from benchmarks.size_grid import Cell

CELLS = (
    Cell(8, 8, 1, 7, "float32", "norm", "compact_4"),
    Cell(28, 28, 1, 16, "mixed_bfloat16", "norm", "auto"),
    Cell(33, 65, 3, 2, "float32", "norm", "mobilenet_v2_035"),
    Cell(96, 96, 3, 8, "mixed_bfloat16", "plain", "compact_8"),
    Cell(128, 128, 3, 8, "float32", "plain", "compact_4"),
    Cell(131, 97, 1, 8, "mixed_bfloat16", "plain", "resnet8"),
    Cell(160, 160, 3, 2, "float32", "plain", "auto"),
    Cell(224, 224, 3, 2, "mixed_bfloat16", "norm", "compact_8"),
)


def test_the_grid_has_every_value():
    drawn = list(itertools.islice(size_grid.cells(0), 400))
    for name in ("height", "width"):
        assert {getattr(cell, name) for cell in drawn} == set(size_grid.SIDES)
    assert {cell.student for cell in drawn} == set(size_grid.STUDENTS)
    assert {cell.precision for cell in drawn} == set(size_grid.PRECISIONS)
    assert {cell.batch for cell in drawn} == set(size_grid.BATCHES)
    assert {cell.teacher for cell in drawn} == set(size_grid.TEACHERS)
    assert {cell.channels for cell in drawn} == {1, 3}


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_no_size_ends_the_process(cell, tmp_path):
    assert not size_grid.run(cell, tmp_path)
