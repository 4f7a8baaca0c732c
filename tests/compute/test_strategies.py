"""Strategies by name, and errors of one line if their devices are not available."""

import json

import pytest
import tensorflow as tf

from dfad_tf.compute import strategies
from dfad_tf.utils.errors import InputError


def cluster(monkeypatch, workers, kind="worker", index=0, **jobs):
    content = {"cluster": {**jobs, "worker": workers}, "task": {"type": kind, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(content))


def test_one_device_has_the_default_strategy():
    assert strategies.get() is tf.distribute.get_strategy()
    assert strategies.get().num_replicas_in_sync == 1
    assert strategies.is_chief(strategies.get())
    assert not strategies.has_several_workers(strategies.get())


@pytest.mark.parametrize("arguments", [("mirrored",), ("mirrored", 2), ("auto", 2)])
def test_logical_cpus_can_be_replicas(arguments):
    strategy = strategies.get(*arguments)
    assert isinstance(strategy, tf.distribute.MirroredStrategy)
    assert strategy.num_replicas_in_sync == 2 and strategies.is_chief(strategy)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mirored",), "Did you mean 'mirrored'"),
        (("mirrored", 1), "several devices for `strategy=mirrored`.*and replicas=1"),
        (("mirrored", 3), "`replicas=3` before TensorFlow"),
        (("tpu",), "Expected a TPU for `strategy=tpu`"),
        (("tpu", 2), "no `replicas` with `strategy=tpu`"),
        (("multi_worker",), "TF_CONFIG to name at least two workers.*Received: none"),
    ],
)
def test_missing_devices_are_an_error(arguments, message, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match=message):
        strategies.get(*arguments)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1", "b:2"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 2}}',
        '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "ps", "index": 0}}',
    ],
)
def test_an_invalid_cluster_is_an_error_before_any_waiting(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG"):
        strategies.get("multi_worker")


def test_several_workers_are_detected(monkeypatch):
    made = []
    monkeypatch.setattr(
        tf.distribute, "MultiWorkerMirroredStrategy", lambda: made.append("workers")
    )
    cluster(monkeypatch, ["a:1", "b:2"], index=1)
    strategies.get()
    cluster(monkeypatch, ["b:2"], chief=["a:1"])
    strategies.get("multi_worker")
    assert made == ["workers"] * 2
    cluster(monkeypatch, ["a:1"])
    assert strategies.get() is tf.distribute.get_strategy()
