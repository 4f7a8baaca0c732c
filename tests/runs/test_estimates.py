"""Estimates of seconds and bytes before a run."""

import numpy as np
import pytest

from dfad_tf import methods, models
from dfad_tf.runs import estimates
from dfad_tf.teachers.training import TeacherRecipe
from tests.conftest import same, small_classifier, small_generator, weights


def test_timing_a_network_changes_neither_weights_nor_statistics():
    network = small_classifier(batch_norm=True)
    before = weights(network)
    assert estimates.seconds_per_image(network) > 0
    assert same(before, weights(network))


def test_a_frozen_teacher_is_timed_as_well():
    network = small_classifier()
    network.trainable = False
    assert estimates.seconds_per_image(network) > 0


@pytest.mark.slow
def test_a_larger_network_takes_longer():
    small, large = (models.build(name, (32, 32, 3), 10) for name in ("compact_4", "compact_32"))
    assert estimates.seconds_per_image(large) > 2 * estimates.seconds_per_image(small)


def test_the_training_of_a_teacher_takes_images_times_epochs():
    recipe = TeacherRecipe("mlp", 7, 32, "adam", 1e-3)
    assert estimates.teacher_seconds(0.5, recipe, 100) == 350


def test_a_distillation_takes_the_passes_of_its_networks_in_each_step():
    per_image = {"teacher": 3.0, "student": 3.0, "generator": 3.0}
    one = estimates.distillation_seconds(per_image, methods.get("dfad"), 8, 1)
    # Five student steps (3 + 1 + 1 passes) and one of the generator (3 + 2 + 2), of 8 images.
    assert one == pytest.approx(8 * (5 * 5 + 7))
    assert estimates.distillation_seconds(per_image, methods.get("dfad"), 8, 10) == 10 * one
    slower = {**per_image, "student": 6.0}
    assert estimates.distillation_seconds(slower, methods.get("dfad"), 8, 1) > one


def test_the_image_memory_adds_to_the_bytes_on_disk():
    networks = {
        "teacher": small_classifier(), "student": small_classifier(filters=2),
        "generator": small_generator(),
    }  # fmt: skip
    without = estimates.disk_bytes(networks)
    assert estimates.disk_bytes(networks, 100) - without == 2 * 100 * 4 * np.prod((8, 8, 1))
