"""The devices that a training runs on, as a strategy of `tf.distribute`."""

from __future__ import annotations

import json
import os
from typing import Any

import tensorflow as tf

from dfad_tf.utils import names
from dfad_tf.utils.errors import InputError

STRATEGIES = ("auto", "mirrored", "multi_worker", "tpu")
_TPU_VARIABLES = ("TPU_NAME", "COLAB_TPU_ADDR", "KUBE_GOOGLE_CLOUD_TPU_ENDPOINTS")


def get(name: str = "auto", replicas: int | None = None) -> tf.distribute.Strategy:
    """Return a strategy by name; call it before anything else is asked of TensorFlow.

    Args:
        name: `"mirrored"`: the GPUs of this machine. `"multi_worker"`: the machines that the
            environment variable `TF_CONFIG` names. `"tpu"`: a TPU. `"auto"`: what of these is
            there, looked for from the last to the first, or else the one device as it is.
        replicas: GPUs to take of this machine, or logical devices to make of a CPU, on which
            training on several devices can be tried; None takes what is there.

    Returns:
        TensorFlow's default strategy where there is one device.

    Raises:
        InputError: If the name is unknown, or the devices are not there.

    Example:

    >>> strategy = get("mirrored")
    >>> with strategy.scope():
    ...     distiller = DataFreeDistiller(teacher, student, generator)
    """
    name = names.look_up({known: known for known in STRATEGIES}, name, "strategy (--strategy)")
    if name == "auto":
        name = _found(replicas)
    if replicas is not None and name in ("multi_worker", "tpu"):
        raise InputError(
            f"Expected no number of replicas (--replicas) with --strategy={name}, which takes all "
            f"devices. Received: {replicas}"
        )
    if name == "multi_worker":
        _check_cluster()
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "tpu":
        return _tpu()
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(_devices(replicas))
    return tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Return whether this process is the one that writes and prints: the only one, mostly."""
    if not has_several_workers(strategy):
        return True
    resolver = strategy.cluster_resolver
    if "chief" in resolver.cluster_spec().jobs:
        return resolver.task_type == "chief"
    return resolver.task_id == 0


def has_several_workers(strategy: tf.distribute.Strategy) -> bool:
    """Return whether other processes take part."""
    several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return several and bool(strategy.cluster_resolver.cluster_spec())


def _found(replicas: int | None) -> str:
    """What `"auto"` stands for here; `""` is one device."""
    if len(_workers()) > 1:
        return "multi_worker"
    if any(os.environ.get(variable) for variable in _TPU_VARIABLES):
        return "tpu"
    several = replicas if replicas is not None else len(tf.config.list_physical_devices("GPU"))
    return "mirrored" if several > 1 else ""


def _devices(replicas: int | None) -> list[str]:
    """Devices of this machine to mirror on."""
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU" and replicas is not None and replicas > 1:
        _divide_cpu(replicas)
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    wanted = len(devices) if replicas is None else replicas
    if wanted < 2 or wanted > len(devices):
        raise InputError(
            "Expected several devices for --strategy=mirrored: GPUs, at least as many as "
            "--replicas, or a CPU of which --replicas=2 makes two to try it on. Received: "
            f"{len(devices)} {kind}{'s' if len(devices) > 1 else ''}"
            + ("" if replicas is None else f" and --replicas={replicas}")
        )
    return devices[:wanted]


def _divide_cpu(count: int) -> None:
    """Make logical devices of the CPU, unless there are as many already."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    made = tf.config.get_logical_device_configuration(cpu)
    if made is None or len(made) < count:
        try:
            tf.config.set_logical_device_configuration(
                cpu, [tf.config.LogicalDeviceConfiguration()] * count
            )
        except RuntimeError as error:
            raise InputError(
                f"Expected --replicas={count} before TensorFlow has begun its work. {error}"
            ) from error


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise InputError(f"Expected a TPU for --strategy=tpu. Received none: {error}") from error


def _cluster() -> dict[str, Any]:
    """What `TF_CONFIG` says; nothing where it says nothing that can be read."""
    try:
        content = json.loads(os.environ.get("TF_CONFIG") or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _workers() -> list[str]:
    """Addresses of the processes that train."""
    cluster = _cluster().get("cluster")
    if not isinstance(cluster, dict):
        return []
    jobs = (cluster.get(job) for job in ("chief", "worker"))
    return [address for job in jobs if isinstance(job, list) for address in job]


def _check_cluster() -> None:
    """Check `TF_CONFIG` before a process waits in vain for others."""
    workers, cluster = _workers(), _cluster()
    task = cluster.get("task")
    task = task if isinstance(task, dict) else {}
    kind, index = task.get("type"), task.get("index")
    mine = cluster.get("cluster", {}).get(kind, []) if workers else []
    known = kind in ("chief", "worker") and isinstance(index, int) and 0 <= index < len(mine)
    if len(workers) < 2 or not known:
        raise InputError(
            "Expected the environment variable TF_CONFIG to name two workers or more and which of "
            'them this is, such as {"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
            '"task": {"type": "worker", "index": 0}}, for --strategy=multi_worker. Received: '
            f"{os.environ.get('TF_CONFIG') or 'none'}"
        )
