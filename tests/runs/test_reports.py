"""What a run says and draws; the pictures are looked at by their pixels."""

import keras
import numpy as np
import pytest
from matplotlib import image as reader

from dfad_tf import models
from dfad_tf.callbacks import SampleImages
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.distillation import step_timing
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.exporting.model_card import provenance_of
from dfad_tf.graphs import parameters
from dfad_tf.graphs.multiply_adds import multiply_adds
from dfad_tf.runs import plots, summary
from dfad_tf.runs.run_folder import create_run_folder
from dfad_tf.synthesis.generators.convolutional import BilinearResize
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.files import write_json
from tests.conftest import same, small_classifier, small_generator, weights


def test_a_student_that_is_dearer_is_called_so():
    assert summary._ratio(392, 100) == "3.9 times fewer"
    assert summary._ratio(100, 744) == "7.4 times more"
    # A frozen graph, whose weights are constants, or one without any.
    assert summary._ratio(0, 100) == "not comparable"


def test_parameters_are_the_trainable_ones_also_of_a_frozen_model():
    model = models.build("compact_4", (16, 16, 3), 5, [1.0] * 3, [2.0] * 3)
    expected = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    model.trainable = False
    assert parameters.trainable_parameters(model) == expected


def test_multiply_adds_of_every_kind_of_layer():
    inputs = keras.Input((8, 8, 2))
    x = keras.layers.DepthwiseConv2D(3, padding="same")(inputs)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    x = keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same")(x)
    x = keras.layers.Dense(5)(keras.layers.Flatten()(x))
    assert multiply_adds(keras.Sequential([keras.Input((4, 4, 3)), BilinearResize(8, 6)])) > 0
    expected = 8 * 8 * 2 * 9 + 4 * 4 * 4 * 2 * 9 + 4 * 4 * 4 * 3 * 16 + 8 * 8 * 3 * 5
    assert multiply_adds(keras.Model(inputs, x)) == expected


def test_learning_curves(tmp_path):
    history = {"loss": [2.0, 1.0], "class_entropy": [0.5, 0.9]}
    plots.draw_learning_curves(history, tmp_path / "two.png", "two panels")
    history |= {"val_accuracy": [0.4, 0.8], "val_agreement": [0.4, 0.9]}
    plots.draw_learning_curves(history, tmp_path / "three.png", "three", 1, 0.95)
    two, three = (reader.imread(tmp_path / f"{name}.png") for name in ("two", "three"))
    assert three.shape[1] > two.shape[1]
    assert two[..., :3].std() > 0.05


def test_learning_curves_of_a_run_with_data_have_no_class_coverage(tmp_path):
    history = {"loss": [2.0, 1.0], "label_loss": [2.0, 1.0]}
    plots.draw_learning_curves(history, tmp_path / "one.png", "one panel")
    history |= {"val_accuracy": [0.4, 0.8]}  # and no agreement
    plots.draw_learning_curves(history, tmp_path / "two.png", "two", 1, 0.95)
    one, two = (reader.imread(tmp_path / f"{name}.png") for name in ("one", "two"))
    assert two.shape[1] == 2 * one.shape[1]
    assert one[..., :3].std() > 0.05


def test_a_card_says_whether_there_was_data():
    with_data = {"method": "kd", "seed": 1, "real_images": 60_000}
    assert "with 60,000 labelled images" in provenance_of(with_data)["distilled by"]
    for without in ({"real_images": 0}, {}):
        text = provenance_of({"method": "dafl", "seed": 1, **without})["distilled by"]
        assert "without data" in text and "labelled" not in text


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_samples_show_their_images(tmp_path, channels):
    images = np.zeros((5, 8, 8, channels), np.float32)
    dark = tmp_path / "dark.png"
    plots.draw_samples(images, list("abcde"), dark, "black", columns=3)
    images += 400  # out of range: shown as white
    bright = tmp_path / "bright.png"
    plots.draw_samples(images, list("abcde"), bright, "white", columns=3)
    assert reader.imread(bright).mean() > reader.imread(dark).mean() + 0.1


def test_sample_images(tmp_path):
    distiller = DataFreeDistiller(small_classifier(), small_classifier(), small_generator())
    distiller.compile()
    callbacks = [SampleImages(str(tmp_path), PixelContract("pixels"), 2)]
    distiller.fit(batch_size=4, epochs=4, steps_per_epoch=1, verbose=0, callbacks=callbacks)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*tfevents*")) > 500


def test_timing_steps_leaves_no_trace():
    distiller = DataFreeDistiller(small_classifier(), small_classifier(), small_generator())
    distiller.compile()
    before = weights(distiller), [v.numpy() for v in distiller.optimizer.variables]
    assert step_timing.seconds_per_step(distiller, 4) > 0
    assert same(before[0], weights(distiller))
    assert same(before[1], [v.numpy() for v in distiller.optimizer.variables])


def test_dated_folders_never_meet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = {create_run_folder(None, "digits") for _ in range(3)}
    assert len(folders) == 3 and all(folder.is_dir() for folder in folders)
    with pytest.raises(InputError, match="already holds"):
        write_json(folders.copy().pop() / "x.json", {})
        for folder in folders:
            create_run_folder(str(folder), "digits")
