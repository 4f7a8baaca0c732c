"""Noise is a function of seed, stream, step and attempt only."""

import numpy as np
import tensorflow as tf

from dfad_tf.compute.randomness import STREAMS, stateless_latent, stateless_seed


def test_seed_stream_and_step_each_change_the_key():
    keys = {
        tuple(stateless_seed(seed, stream, step).numpy())
        for seed in (0, 1)
        for stream in STREAMS
        for step in (0, 1, 2)
    }
    assert len(keys) == 2 * len(STREAMS) * 3


def test_a_key_draws_the_same_noise_in_a_graph():
    key = stateless_seed(5, "student", 7)
    graph = tf.function(lambda step: stateless_latent(4, 3, stateless_seed(5, "student", step)))
    np.testing.assert_array_equal(stateless_latent(4, 3, key), graph(tf.constant(7)))


def test_all_replicas_have_the_same_key(two_replicas):
    keys = two_replicas.run(lambda: stateless_seed(0, "student", 0))
    drawn = {tuple(key.numpy()) for key in two_replicas.experimental_local_results(keys)}
    assert drawn == {tuple(stateless_seed(0, "student", 0).numpy())}


def test_each_attempt_after_a_roll_back_draws_different_noise():
    keys = [tuple(stateless_seed(5, "student", 7, attempt).numpy()) for attempt in range(6)]
    assert len(set(keys)) == 6 and keys[0] == tuple(stateless_seed(5, "student", 7).numpy())
    drawn = [stateless_latent(64, 8, key).numpy() for key in keys]
    assert all(abs(np.corrcoef(drawn[0].ravel(), d.ravel())[0, 1]) < 0.2 for d in drawn[1:])


def test_keys_equal_those_of_earlier_versions():
    assert stateless_seed(3, "partner", 11).numpy().tolist() == [-69448831, 0]
