"""Two replicas compute the results of one device with the same global batch, within rounding."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.compute import replicas
from dfad_tf.compute.optimizers import apply_gradients
from dfad_tf.distillation.distiller import DataFreeDistiller
from dfad_tf.methods.interpolation import VirtualInterpolation
from dfad_tf.methods.table import Settings
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier, small_generator, weights
from tests.helpers.distiller_state import state
from tests.helpers.small_distiller import POOLED, SHAPE, fit, labelled, make_inversion, make_pooled

# A hundredth of the effect of the smallest mistake that these tests were seen to find.
TOLERANCE = 3e-6


def make(method, wrap=lambda optimizer: optimizer, **sgd):
    """A distiller with plain SGD: Adam takes a full step even if a gradient is only rounding."""
    keras.utils.set_random_seed(7)
    distiller = DataFreeDistiller(
        small_classifier(batch_norm=True), small_classifier(batch_norm=True), small_generator()
    )
    optimizers = [wrap(keras.optimizers.SGD(1e-2, 0.9, **sgd)) for _ in range(2)]
    distiller.compile(*optimizers, dataclasses.replace(methods.get(method), student_steps=2))
    return distiller


def check_same(strategy, *arguments, make=make, tolerance=TOLERANCE, **sgd):
    """Check that a run on two replicas equals that on one device, and return both."""
    one = make(*arguments, **sgd)
    start = weights(one.student) + weights(one.generator)
    with strategy.scope():
        two = make(*arguments, **sgd)
    logs = [fit(d, steps=3, validation_data=labelled()).history for d in (one, two)]
    ends = [weights(d.student) + weights(d.generator) for d in (one, two)]
    assert max(np.abs(a - b).max() for a, b in zip(start, ends[0], strict=True)) > 0.05
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(a, b, atol=tolerance, rtol=0)
    for name, values in logs[0].items():
        np.testing.assert_allclose(values, logs[1][name], atol=tolerance, err_msg=name)
    return one, two


def generator_without_bias():
    generator = small_generator()
    layers = [layer for layer in generator.layers if not isinstance(layer, keras.layers.Dense)]
    dense = keras.layers.Dense(generator.layers[0].units, use_bias=False)
    return keras.Sequential([keras.Input(generator.input_shape[1:]), dense, *layers])


def run(strategy, function):
    """The results of a function on each replica."""
    return strategy.experimental_local_results(strategy.run(tf.function(function, autograph=False)))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["proposed", "dafl", "zskt", "dfq"])
def test_two_replicas_equal_one_device_with_the_same_global_batch(two_replicas, method):
    check_same(two_replicas, method)


@pytest.mark.slow
def test_two_replicas_equal_one_device_with_images_tied_to_the_teachers_statistics(two_replicas):
    def make_slowly():
        return make_inversion(optimizer=lambda _: keras.optimizers.SGD(4e-3, 0.9))

    check_same(two_replicas, make=make_slowly)


@pytest.mark.slow
@pytest.mark.parametrize("name", POOLED)
def test_two_replicas_equal_one_device_in_a_search_for_images(two_replicas, name):
    """Adam divides by the size of a gradient, so rounding has more effect than in the others.

    The generator has no bias before a batch norm: where a gradient is nothing but rounding, Adam
    takes a full step.
    """
    make_one = functools.partial(
        make_pooled,
        optimizer=lambda rate: keras.optimizers.SGD(rate, 0.9),
        rate=4e-3,
        generator=generator_without_bias,
    )
    check_same(two_replicas, name, make=make_one, tolerance=3e-5)


@pytest.mark.slow
def test_the_memory_of_each_replica_equals_that_of_one_device(two_replicas):
    settings = Settings(memory_size=20, memory_share=0.5)
    one, two = check_same(two_replicas, methods.get("proposed", settings))
    for a, b in zip(one.sampler.memory.variables, two.sampler.memory.variables, strict=True):
        first, second = two_replicas.experimental_local_results(b)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(a, first, atol=TOLERANCE)


@pytest.mark.slow
def test_a_memory_under_a_strategy_is_read_and_restored_from_outside(two_replicas):
    with two_replicas.scope():
        distiller = make("proposed+memory")
    fit(distiller)
    before, kept = state(distiller), [v.numpy() for v in distiller.sampler.memory.variables]
    fit(distiller)
    for variable, value in zip(distiller.sampler.memory.variables, kept, strict=True):
        variable.assign(value)
    after = state(distiller)
    assert all(np.array_equal(before[k], after[k]) for k in before if k.startswith("memory"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "interpolation",
    [
        VirtualInterpolation(per_sample=True, share=0.5),
        VirtualInterpolation(partner="fresh", mode="replace", share=0.75, alpha=0.4),
        VirtualInterpolation(labels="teacher", mode="replace"),
    ],
)
def test_every_form_of_interpolation_uses_the_global_batch(two_replicas, interpolation):
    check_same(two_replicas, methods.get("proposed", Settings(interpolation=interpolation)))


@pytest.mark.slow
@pytest.mark.parametrize("clip", [{"global_clipnorm": 0.1}, {"clipnorm": 0.05}])
def test_the_gradients_of_the_global_batch_are_clipped(two_replicas, clip):
    check_same(two_replicas, "dfad", **clip)


@pytest.mark.slow
def test_loss_scaling_on_replicas(two_replicas):
    check_same(two_replicas, "dfad", keras.optimizers.LossScaleOptimizer)


def test_infinite_gradients_on_one_replica_skip_the_step_on_all(two_replicas):
    with two_replicas.scope():
        variable = keras.Variable([1.0, 2.0])
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), 8.0)
        optimizer.build([variable])

    def step(last):
        def on_replica():
            index = tf.distribute.get_replica_context().replica_id_in_sync_group
            gradient = tf.stack([8.0, tf.where(tf.equal(index, 1), last, 8.0)])
            apply_gradients(optimizer, [gradient], [variable])

        two_replicas.run(tf.function(on_replica, autograph=False))

    step(np.inf)
    np.testing.assert_array_equal(variable, [1.0, 2.0])
    assert optimizer.dynamic_scale.numpy() == 4.0
    step(16.0)
    np.testing.assert_array_equal(variable, [1.0 - 4.0, 2.0 - 6.0])
    for copy in two_replicas.experimental_local_results(variable.value):
        np.testing.assert_array_equal(copy, variable)


@pytest.mark.slow
def test_compile_may_be_called_outside_of_the_scope(two_replicas):
    with two_replicas.scope():
        distiller = make("dfad")
    distiller.compile("sgd", "sgd", "dfad+memory")
    assert all(
        layer.synchronized
        for layer in distiller.student_form.clone.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    )
    assert np.isfinite(fit(distiller).history["loss"]).all()


def test_batch_normalization_that_cannot_be_synchronized_is_an_error(two_replicas):
    class Own(keras.layers.BatchNormalization):
        pass

    layers = [keras.Input(SHAPE), keras.layers.Flatten(), Own(name="own"), keras.layers.Dense(3)]
    keras.utils.set_random_seed(7)
    with two_replicas.scope():
        distiller = DataFreeDistiller(
            small_classifier(), keras.Sequential(layers), small_generator()
        )
        distiller.compile(method="dfad")
    with pytest.raises(InputError, match=r"synchronized=True.*own \(Own\)"):
        fit(distiller)


def test_shares_are_interleaved_and_gathered_in_order(two_replicas):
    numbers = tf.reshape(tf.range(12.0), (6, 2))
    shares = run(two_replicas, lambda: replicas.own(numbers))
    assert [share[:, 0].numpy().tolist() for share in shares] == [[0, 4, 8], [2, 6, 10]]
    for gathered in run(two_replicas, lambda: replicas.gathered(replicas.own(numbers))):
        np.testing.assert_array_equal(gathered, numbers)


def test_weighted_places_are_shares_of_one_draw(two_replicas):
    weights, key = tf.constant([0.0, 3.0, 0.0, 1.0, 0.0]), tf.constant([1, 2])
    places = replicas.weighted_places(weights, 4000, key).numpy()
    counts = np.bincount(places, minlength=5)
    assert counts[[0, 2, 4]].sum() == 0 and abs(counts[1] / 4000 - 0.75) < 0.03
    shares = run(two_replicas, lambda: replicas.weighted_places(weights, 2000, key))
    np.testing.assert_array_equal(np.stack(shares, 1).ravel(), places)


def test_weighted_places_stay_where_weight_is_for_the_largest_draw(monkeypatch):
    monkeypatch.setattr(tf.random, "stateless_uniform", lambda shape, key: tf.ones(shape))
    places = replicas.weighted_places(tf.constant([1.0, 1.0, 0.0]), 3, tf.constant([0, 0]))
    assert places.numpy().tolist() == [1, 1, 1]


def test_gradients_of_means_and_moments_are_those_of_the_global_batch(two_replicas):
    numbers = tf.constant(np.random.default_rng(0).normal(3.0, 1.0, (6, 2)).astype("float32"))

    def step():
        values = replicas.own(numbers)
        with tf.GradientTape() as tape:
            tape.watch(values)
            middle, variance = replicas.moments(values, (0,))
            third = replicas.mean(tf.reduce_mean(values**3))
            loss = tf.reduce_sum(tf.exp(middle / 3) * variance) + tf.sqrt(third)
            share = loss / replicas.count()
        gradient = tape.gradient(share, values)
        return loss, middle, variance, replicas.gathered(gradient)

    expected = step()
    for results in zip(
        *(
            two_replicas.experimental_local_results(r)
            for r in two_replicas.run(tf.function(step, autograph=False))
        ),
        strict=True,
    ):
        for found, wanted in zip(results, expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_batches_that_replicas_cannot_share_are_an_error_before_any_work(two_replicas):
    with two_replicas.scope():
        distiller = make("proposed")
    with pytest.raises(
        InputError, match="`batch_size` to be a multiple of 2.*2 replicas. Received: 7"
    ):
        distiller.fit(batch_size=7, verbose=0)
    blend = VirtualInterpolation(share=0.4)
    with two_replicas.scope():
        distiller = make(methods.get("proposed", Settings(interpolation=blend)))
    with pytest.raises(InputError, match="`share` of.* multiple of 2.*Received: 3 images"):
        fit(distiller)
    with two_replicas.scope():
        distiller = make(methods.get("dfad", Settings(memory_size=20, memory_share=0.4)))
    with pytest.raises(InputError, match="memory_share.* multiple of 2.*Received: 3 images"):
        fit(distiller)
