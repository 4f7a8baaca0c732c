"""Generated images in TensorBoard."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.callbacks import SampleImages
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.distillation.distiller import DataFreeDistiller
from tests.conftest import small_classifier, small_generator


def written(folder):
    """The images of each step in the event files of a folder."""
    found = {}
    for path in sorted(folder.rglob("*tfevents*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found[event.step] = [
                    tf.io.decode_png(image).numpy() for image in value.tensor.string_val[2:]
                ]
    return found


@pytest.mark.slow
def test_the_images_of_fixed_latents_are_written_every_few_epochs(tmp_path):
    distiller = DataFreeDistiller(small_classifier(), small_classifier(), small_generator())
    distiller.compile(optimizer="adam", generator_optimizer=keras.optimizers.SGD(0.0))
    images = SampleImages(str(tmp_path), PixelContract("zero_one"), every=2, count=3)
    distiller.fit(batch_size=4, epochs=4, steps_per_epoch=1, verbose=0, callbacks=[images])
    found = written(tmp_path)
    assert sorted(found) == [1, 3]  # of epochs 2 and 4
    assert [image.shape for image in found[1]] == [(8, 8, 1)] * 3
    assert np.ptp([image.mean() for image in found[1]]) > 1  # images differ from each other
