"""A round of an inversion: what it changes, what it keeps, and what it gives back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.compute.training_state import read_state
from dfad_tf.data.pixel_tensors import StoredPixels
from dfad_tf.synthesis.inversion import Inversion
from dfad_tf.utils.errors import InputError
from tests.conftest import same, weights
from tests.helpers.small_distiller import fit, make_pooled

BATCH = 6


def objective(distiller, images, labels):
    return float(distiller.synthesizer.scoring(images, labels, tf.constant([0, 0])).loss)


@pytest.mark.parametrize("name", ["nayer", "deepinversion"])
def test_a_round_lowers_the_objective(name):
    distiller = make_pooled(
        name, inversion_steps=40, synthesis_augmentation="none", batch_norm_momentum=0.0,
        adversarial_weight=0.0,
    )  # fmt: skip
    labels = distiller.sampler.labels(BATCH, 0)
    before = distiller.sampler.generate(BATCH, "generator", 0, labels)
    after, score = distiller.synthesizer.update(BATCH)
    found = objective(distiller, after, labels)
    assert found == pytest.approx(float(score.loss), rel=1e-4)
    assert found < 0.8 * objective(distiller, before, labels)


def test_the_best_batch_of_a_round_is_kept():
    """With a rate that is far too large, the first batch is the best."""
    distiller = make_pooled(
        "nayer", inversion_steps=4, inversion_learning_rate=1e3, synthesis_augmentation="none",
        batch_norm_momentum=0.0,
    )  # fmt: skip
    first = distiller.sampler.generate(BATCH, "generator", 0, distiller.sampler.labels(BATCH, 0))
    kept, _ = distiller.synthesizer.update(BATCH)
    np.testing.assert_allclose(kept, first, atol=1e-5)


def test_rates_fall_in_a_round_with_decay():
    def moved(decay):
        distiller = make_pooled(
            "deepinversion", inversion_steps=3, inversion_decay=decay, latent_learning_rate=0.01,
            synthesis_augmentation="none", batch_norm_momentum=0.0, adversarial_weight=0.0,
        )  # fmt: skip
        labels = distiller.sampler.labels(BATCH, 0)
        drawn = distiller.sampler.generate(BATCH, "generator", 0, labels)
        return np.abs(distiller.synthesizer.update(BATCH)[0] - drawn).mean()

    shares = [float(Inversion(4, 0.1, decay=True).rate_share(step)) for step in range(5)]
    np.testing.assert_allclose(shares, [1, 0.8536, 0.5, 0.1464, 0], atol=1e-4)
    assert float(Inversion(4, 0.1).rate_share(3)) == 1
    # The third batch, the best, has moved by 1 + 0.75 of the rate in the place of 2.
    assert 0.8 < moved(True) / moved(False) < 0.95


def test_with_meta_the_weights_take_one_step_of_the_generators_optimizer():
    def moved(steps, optimizer):
        distiller = make_pooled(
            "fastdfkd", optimizer=optimizer, rate=0.5, inversion_steps=steps, batch_norm_momentum=0
        )
        before = weights(distiller.generator)
        distiller.generator_step(BATCH)
        assert int(distiller.generator_optimizer.iterations) == 1
        trained = [v.path for v in distiller.generator.trainable_variables]
        return [
            a - b
            for a, b, v in zip(
                weights(distiller.generator), before, distiller.generator.weights, strict=True
            )
            if v.path in trained
        ]

    # A step of SGD is the sum of the gradients: after a round of one step, the gradient itself.
    one, two = (moved(steps, keras.optimizers.SGD) for steps in (1, 2))
    assert max(np.abs(delta).max() for delta in one) > 0
    assert not same(one, two)
    frozen = moved(3, lambda _: keras.optimizers.SGD(0.0))
    assert all(np.array_equal(delta, np.zeros_like(delta)) for delta in frozen)


def test_without_meta_the_weights_stay_where_the_round_ended():
    distiller = make_pooled("nayer")
    before = weights(distiller.generator)
    distiller.generator_step(BATCH)
    assert not same(before, weights(distiller.generator))
    assert int(distiller.generator_optimizer.iterations) == 1


def test_latents_alone_may_be_searched_for():
    distiller = make_pooled("nayer", inversion_learning_rate=0.0, latent_learning_rate=0.1)
    before = [v.numpy() for v in distiller.generator.trainable_variables]
    images, _ = distiller.synthesizer.update(BATCH)
    assert same(before, [v.numpy() for v in distiller.generator.trainable_variables])
    labels = distiller.sampler.labels(BATCH, 0)
    drawn = distiller.sampler.generate(BATCH, "generator", 0, labels)
    assert np.abs(images - drawn).max() > 1e-3


def test_the_student_learns_from_the_stored_images_of_all_rounds():
    distiller = make_pooled("deepinversion", memory_size=64)
    history = fit(distiller, epochs=2, steps=3).history
    assert int(distiller.sampler.memory.seen) == 6 * 8
    assert distiller.sampler.memory.images.dtype == tf.uint8
    assert np.isfinite(history["loss"]).all() and "total_variation" in history
    assert int(distiller.optimizer.iterations) == 6 * 2


def test_examples_of_a_generator_without_weights_are_stored_images():
    distiller = make_pooled("deepinversion", memory_size=64)
    fit(distiller, steps=3)
    kept = {image.tobytes() for image in distiller.sampler.memory.images.numpy()}

    def in_bytes(shown):
        pixels = StoredPixels(distiller.sampler.contract).to_bytes(shown)
        return {image.tobytes() for image in pixels.numpy()}

    shown = distiller.example_images(5, tf.constant([0, 1]))
    assert shown.shape == (5, 8, 8, 1) and in_bytes(shown) <= kept
    assert not in_bytes(make_pooled("nayer").example_images(5, tf.constant([0, 1]))) & kept


def test_the_loop_of_student_steps_equals_single_steps():
    """Steps without fresh images are a loop of the graph, except on several replicas."""
    states = []
    for unrolled in (False, True):
        distiller = make_pooled("nayer", student_steps=3)
        if unrolled:
            distiller._student_loop = lambda size, count, d=distiller: [
                d._learn(batch) for batch in d.sampler.batches(size, count, d.optimizer.iterations)
            ]
        fit(distiller, steps=2)
        states.append(read_state(distiller))
    for name, value in states[0].items():
        np.testing.assert_allclose(value, states[1][name], atol=1e-5, err_msg=name)


def test_impossible_values():
    for values, received in (
        ({"steps": 0}, "steps=0"),
        ({"learning_rate": 0.0}, "0 for both"),
        ({"learning_rate": -1.0}, "learning_rate=-1"),
        ({"learning_rate": 0.0, "latent_learning_rate": 0.1, "meta": True}, "learning_rate=0"),
    ):
        with pytest.raises(InputError, match=received):
            Inversion(**values)
