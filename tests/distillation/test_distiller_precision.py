"""The distiller in lower precisions."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.methods.table import Settings
from tests.conftest import same, weights
from tests.helpers.small_distiller import fit, labelled, make


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_scales_both_losses(policy):
    keras.config.set_dtype_policy(policy)
    try:
        distiller = make()
    finally:
        keras.config.set_dtype_policy("float32")
    history = fit(distiller, epochs=2)
    assert np.isfinite(history.history["loss"]).all()
    scaled = isinstance(distiller.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_precision_of_the_run_alone_trains_and_scales_both_losses(precision):
    method = methods.get("proposed", Settings(student_steps=1))
    distiller = make(method, precision=precision)
    student, generator = weights(distiller.student), weights(distiller.generator)
    history = fit(distiller)
    assert all(np.isfinite(values).all() for values in history.history.values())
    assert not same(student, weights(distiller.student))
    assert not same(generator, weights(distiller.generator))
    for optimizer in (distiller.optimizer, distiller.generator_optimizer):
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        assert scaled == (precision == "mixed_float16")
    for network in (distiller.teacher, distiller.student, distiller.generator):
        assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}
    # Not measured in it either.
    assert distiller.predict(labelled()[0], verbose=0).dtype == np.float32


def test_auto_is_the_precision_that_the_device_is_faster_in(monkeypatch):
    monkeypatch.setattr("dfad_tf.compute.precision.fastest_precision", lambda: "mixed_float16")
    distiller = make(precision="auto")
    assert distiller.student_form.compute_dtype == "float16"
    assert isinstance(distiller.optimizer, keras.optimizers.LossScaleOptimizer)


def test_optimizers_that_scale_already_are_left_as_they_are():
    distiller = make()
    scaling = keras.optimizers.LossScaleOptimizer
    optimizers = [scaling(keras.optimizers.Adam()) for _ in range(2)]
    distiller.compile(*optimizers, "dfad", precision="mixed_float16")
    assert [distiller.optimizer, distiller.generator_optimizer] == optimizers


def test_the_three_networks_compute_in_the_precision_of_the_run():
    distiller = make(precision="mixed_bfloat16")
    exact = make()
    images, logits = distiller.sampler.observe(distiller.sampler.generate(8, "student", 0))[:2]
    expected = exact.sampler.observe(exact.sampler.generate(8, "student", 0))[:2]
    for ours, theirs in zip((images, logits), expected, strict=True):
        assert ours.dtype == tf.float32 and not np.array_equal(ours, theirs)
        np.testing.assert_allclose(ours, theirs, atol=0.1)
    # The same images, so that the teacher alone differs.
    assert not np.array_equal(distiller.sampler.signals(images)[0], distiller.signals(images)[0])
    assert distiller.student_form.compute_dtype == "bfloat16"
    assert distiller.sampler.generator.compute_dtype == "bfloat16"


@pytest.mark.slow
def test_a_saved_distiller_resumes_with_its_precision_and_its_memory(tmp_path):
    method = methods.get("dfad", Settings(student_steps=1, memory_size=16, memory_share=0.5))
    distiller = make(method, precision="mixed_float16")
    fit(distiller)
    distiller.save(tmp_path / "distiller.keras")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    assert again.student_form.compute_dtype == "float16"
    assert again.method.get_config() == method.get_config()
    assert int(again.optimizer.iterations) == int(distiller.optimizer.iterations)
    assert np.isfinite(fit(again).history["loss"]).all()
