"""Distillation on images that are tied to the teacher's statistics and to even labels."""

import keras
import numpy as np
import pytest

from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier, weights
from tests.helpers.small_distiller import conditional_generator, fit, inversion, make_inversion


@pytest.mark.slow
def test_the_student_learns_from_altered_stored_images_that_the_teacher_answers():
    distiller = make_inversion()
    seen = []
    step = distiller.student_step
    distiller.student_step = lambda *batch: (seen.append(batch), step(*batch))
    distiller.run_eagerly = True
    fit(distiller, steps=3)
    stored = {image.tobytes() for image in np.array(distiller.sampler.memory.images)}
    assert len(seen) == 3 * 2
    for images, logits, maps in seen:
        assert images.shape[0] == 8
        assert not any(image.tobytes() in stored for image in images.numpy()[:4])  # blended
        np.testing.assert_allclose(logits, distiller.signals(images)[0], atol=1e-4)
        np.testing.assert_allclose(
            maps[0], distiller.watched.signals.observe(images).activations[0], atol=1e-4
        )


@pytest.mark.slow
def test_images_are_synthesized_for_even_labels():
    distiller = make_inversion(generator_lifetime=0, batch_norm_weight=0.0, adversarial_weight=0.0)
    for _ in range(60):
        distiller.generator_step(9)
    _, logits, _ = distiller.generator_step(9)
    wanted = distiller.sampler.labels(9, distiller.generator_optimizer.iterations - 1)
    assert np.mean(np.argmax(logits, -1) == np.array(wanted)) > 0.7


@pytest.mark.slow
def test_statistics_of_the_images_approach_those_of_the_teacher():
    distiller = make_inversion(label_weight=0.0, adversarial_weight=0.0, generator_lifetime=0)
    name = "batch_norm_statistics"

    def distance(steps):
        return fit(distiller, steps=steps).history[name][0]

    first = distance(1)
    fit(distiller, steps=150)
    assert distance(1) < 0.8 * first


@pytest.mark.slow
def test_the_generator_starts_again_and_the_student_does_not():
    distiller = make_inversion(generator_lifetime=2)
    distiller.generator_optimizer.learning_rate = 0.0
    distiller.optimizer.learning_rate = 0.0
    student, before = weights(distiller.student), weights(distiller.generator)
    kernel = max(range(len(before)), key=lambda index: before[index].size)
    fit(distiller, steps=2)
    assert np.array_equal(before[kernel], weights(distiller.generator)[kernel])
    fit(distiller, steps=1)
    assert not np.array_equal(before[kernel], weights(distiller.generator)[kernel])
    trained = distiller.student.trainable_variables
    assert same([v.numpy() for v in trained], [student[0], student[1], *student[2:4], *student[6:]])


@pytest.mark.slow
def test_a_saved_distiller_keeps_its_method(tmp_path):
    distiller = make_inversion()
    fit(distiller)
    distiller.save(tmp_path / "distiller.keras")
    again = keras.saving.load_model(tmp_path / "distiller.keras")
    assert again.method.get_config() == distiller.method.get_config()
    assert same(weights(distiller.generator), weights(again.generator))


def test_feature_matching_needs_equal_widths():
    distiller = DataFreeDistiller(
        small_classifier(batch_norm=True), small_classifier(filters=2), conditional_generator()
    )
    with pytest.raises(InputError, match=r"`feature_weight=0`.*Received: \(6, 6, 2\) for \(6"):
        distiller.compile(method=inversion())
