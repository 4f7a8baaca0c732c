"""The devices of a training, as a strategy of `tf.distribute`."""

from __future__ import annotations

import json
import os
from typing import Any

import tensorflow as tf

from dfad_tf.utils import names
from dfad_tf.utils.errors import InputError

STRATEGIES = ("auto", "mirrored", "multi_worker", "tpu")
_TPU_VARIABLES = ("TPU_NAME", "COLAB_TPU_ADDR", "KUBE_GOOGLE_CLOUD_TPU_ENDPOINTS")


def get(strategy: str = "auto", replicas: int | None = None) -> tf.distribute.Strategy:
    """Return a strategy by name. Call this before any other use of TensorFlow.

    Args:
        strategy: `"mirrored"`: the GPUs of this machine. `"multi_worker"`: the machines that the
            environment variable `TF_CONFIG` names. `"tpu"`: a TPU. `"auto"`: the first that is
            available of several workers, a TPU and several GPUs, or else the one device.
        replicas: Number of GPUs of this machine to use, or of logical devices to divide a CPU
            into, which is enough to try training on several devices. None uses all GPUs.

    Returns:
        A strategy; TensorFlow's default strategy if there is one device.

    Raises:
        InputError: If the name is unknown, or the devices are not available.

    Example:

    >>> strategy = get("mirrored", replicas=2)
    >>> with strategy.scope():
    ...     distiller = DataFreeDistiller(teacher, student, generator)
    """
    known = {known: known for known in STRATEGIES}
    name = names.look_up(known, strategy, "`strategy`")
    if name == "auto":
        name = _found(replicas)
    if replicas is not None and name in ("multi_worker", "tpu"):
        raise InputError(
            f"Expected no `replicas` with `strategy={name}`, which uses all devices. Received: "
            f"replicas={replicas}"
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
    """Return whether this process writes files and prints. With one process, it does."""
    if not has_several_workers(strategy):
        return True
    resolver = strategy.cluster_resolver
    if "chief" in resolver.cluster_spec().jobs:
        return resolver.task_type == "chief"
    return resolver.task_id == 0


def has_several_workers(strategy: tf.distribute.Strategy) -> bool:
    """Return whether other processes take part in the training."""
    several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return several and bool(strategy.cluster_resolver.cluster_spec())


def _found(replicas: int | None) -> str:
    """Return the name that `"auto"` stands for on this machine; `""` for one device."""
    if len(_workers()) > 1:
        return "multi_worker"
    if any(os.environ.get(variable) for variable in _TPU_VARIABLES):
        return "tpu"
    several = replicas if replicas is not None else len(tf.config.list_physical_devices("GPU"))
    return "mirrored" if several > 1 else ""


def _devices(replicas: int | None) -> list[str]:
    """Return the names of the devices of this machine to mirror on."""
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU" and replicas is not None and replicas > 1:
        _divide_cpu(replicas)
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    wanted = len(devices) if replicas is None else replicas
    if wanted < 2 or wanted > len(devices):
        raise InputError(
            "Expected several devices for `strategy=mirrored`: at least `replicas` GPUs, or a CPU, "
            "which `replicas=2` divides into two logical devices to try it on. Received: "
            f"{len(devices)} {kind}{'s' if len(devices) > 1 else ''}"
            + ("" if replicas is None else f" and replicas={replicas}")
        )
    return devices[:wanted]


def _divide_cpu(count: int) -> None:
    """Divide the CPU into logical devices, unless it has enough already."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    made = tf.config.get_logical_device_configuration(cpu)
    if made is None or len(made) < count:
        try:
            tf.config.set_logical_device_configuration(
                cpu, [tf.config.LogicalDeviceConfiguration()] * count
            )
        except RuntimeError as error:
            raise InputError(
                f"Expected `replicas={count}` before TensorFlow is initialized. Received: {error}"
            ) from error


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise InputError(f"Expected a TPU for `strategy=tpu`. Received none: {error}") from error


def _cluster() -> dict[str, Any]:
    """Return the content of `TF_CONFIG`; an empty dictionary if it cannot be read."""
    try:
        content = json.loads(os.environ.get("TF_CONFIG") or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _workers() -> list[str]:
    """Return the addresses of the processes that train."""
    cluster = _cluster().get("cluster")
    if not isinstance(cluster, dict):
        return []
    jobs = (cluster.get(job) for job in ("chief", "worker"))
    return [address for job in jobs if isinstance(job, list) for address in job]


def _check_cluster() -> None:
    """Check `TF_CONFIG` before a process waits for others that cannot come."""
    workers, cluster = _workers(), _cluster()
    task = cluster.get("task")
    task = task if isinstance(task, dict) else {}
    kind, index = task.get("type"), task.get("index")
    mine = cluster.get("cluster", {}).get(kind, []) if workers else []
    known = kind in ("chief", "worker") and isinstance(index, int) and 0 <= index < len(mine)
    if len(workers) < 2 or not known:
        raise InputError(
            "Expected the environment variable TF_CONFIG to name at least two workers and which of "
            'them this is, such as {"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
            '"task": {"type": "worker", "index": 0}}, for `strategy=multi_worker`. Received: '
            f"{os.environ.get('TF_CONFIG') or 'none'}"
        )
