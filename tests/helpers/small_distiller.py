"""A compiled distiller of small networks."""

import dataclasses

import keras
import numpy as np

from dfad_tf import methods
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.methods.method import Method
from dfad_tf.methods.table import Settings
from dfad_tf.synthesis import generators
from tests.conftest import small_classifier, small_generator

CONTRACT = PixelContract("minus_one_one")  # random weights do not indicate one
SHAPE = (8, 8, 1)
POOLED = ["cmi", "fastdfkd", "nayer", "deepinversion"]


def inversion(**settings) -> Method:
    """The paper's method on images that are tied to the teacher's statistics, with all state."""
    given = {
        "discrepancy": "kl", "temperature": 2.0, "batch_norm_weight": 1.0,
        "batch_norm_momentum": 0.5, "label_weight": 0.5, "where_they_agree": True,
        "feature_weight": 1.0, "memory_size": 24, "image_augmentation": "shift_flip",
        "mixed_share": 0.5, "generator_lifetime": 3, "student_steps": 2, **settings,
    }  # fmt: skip
    return methods.get("proposed", Settings(**given))


def conditional_generator():
    """A compact generator that is conditioned on the three classes."""
    return generators.build("compact", 5, SHAPE, [0.0], [1.0], num_classes=3)


def make_inversion(seed=0, optimizer=keras.optimizers.Adam, **settings):
    keras.utils.set_random_seed(7)
    networks = (small_classifier(batch_norm=True) for _ in range(2))
    distiller = DataFreeDistiller(*networks, conditional_generator(), contract=CONTRACT)
    distiller.compile(optimizer(1e-2), optimizer(1e-2), inversion(**settings), seed=seed)
    return distiller


def pooled(name: str, **settings) -> Method:
    """A method that searches for its images, with few of them and short rounds."""
    given = {"inversion_steps": 3, "memory_size": 24, "student_steps": 2, **settings}
    return methods.get(name, dataclasses.replace(methods.METHODS[name].defaults, **given))


def make_pooled(
    name, seed=0, optimizer=keras.optimizers.Adam, rate=1e-2, generator=None, **settings
):
    keras.utils.set_random_seed(7)
    teacher, student = (small_classifier(batch_norm=True) for _ in range(2))
    if name == "deepinversion":
        made = generators.build("pixels", 5, SHAPE, [0.0], [1.0])
    else:
        made = generator() if generator else conditional_generator()
    distiller = DataFreeDistiller(teacher, student, made, contract=CONTRACT)
    distiller.compile(optimizer(rate), optimizer(rate), pooled(name, **settings), seed=seed)
    return distiller


def make(method="proposed", student=None, seed=0, **compile_arguments):
    keras.utils.set_random_seed(7)
    distiller = DataFreeDistiller(
        small_classifier(batch_norm=True), student or small_classifier(), small_generator()
    )
    optimizers = (keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2))
    distiller.compile(*optimizers, method, seed=seed, **compile_arguments)
    return distiller


def fit(distiller, epochs=1, steps=2, **arguments):
    return distiller.fit(batch_size=8, epochs=epochs, steps_per_epoch=steps, verbose=0, **arguments)


def labelled(count=32):
    random = np.random.default_rng(0)
    return random.normal(size=(count, *SHAPE)).astype("float32"), random.integers(0, 3, count)
