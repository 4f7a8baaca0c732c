"""The examples in docstrings run as they stand, on small networks."""

import doctest
import importlib
import os
import pathlib
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import dfad_tf
from dfad_tf.data.pixel_contract import PixelContract
from tests.conftest import small_classifier, small_generator

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(dfad_tf.__path__, "dfad_tf.")
    if not module.name.startswith("dfad_tf.flags")
)  # fmt: skip
FINDER = doctest.DocTestFinder(exclude_empty=True)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def names():
    """What an example may use without making it: networks of 8×8×1 images and 3 classes."""
    images = tf.random.stateless_uniform((4, 8, 8, 1), (1, 2))
    teacher, student = small_classifier(batch_norm=True), small_classifier(filters=2)
    distiller = dfad_tf.DataFreeDistiller(teacher, student, small_generator())
    distiller.compile("adam", "adam")
    maps = (tf.random.stateless_uniform((4, 6, 6, 3), (3, 4)),)
    return {
        **{name: getattr(dfad_tf, name) for name in dfad_tf.__all__},
        "contract": PixelContract("zero_one"),
        "distiller": distiller,
        "generator": distiller.generator,
        "images": images,
        "keras": keras,
        "labels": np.array([0, 1, 2, 0]),
        "logits": teacher(images),
        "np": np,
        "student": student,
        "student_logits": student(images),
        "student_maps": maps,
        "teacher": teacher,
        "teacher_logits": teacher(images),
        "teacher_maps": maps,
        "tf": tf,
    }


def examples(name):
    return [test for test in FINDER.find(importlib.import_module(name)) if test.examples]


def test_there_are_examples():
    assert sum(len(examples(name)) for name in MODULES) > 30


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch, capsys):
    found = examples(name)
    if not found:
        return
    monkeypatch.chdir(tmp_path)
    small_classifier().save("my_model.keras")
    os.makedirs(pathlib.Path("runs"))
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    for test in found:
        # What an example returns is shown only where it says so.
        for example in test.examples:
            if not example.want:
                example.options = {**example.options, doctest.SKIP: False}
                example.source = _quiet(example.source)
        test.globs = {**names(), **test.globs, "__name__": name}
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0, capsys.readouterr().out


def _quiet(source):
    """Let an expression whose value the docstring does not show print nothing."""
    try:
        compile(source, "example", "eval")
    except SyntaxError:
        return source
    return f"_ = ({source.strip()})\n"
