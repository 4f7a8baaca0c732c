"""What a SavedModel would run, looked at before TensorFlow loads and runs it."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import fingerprint_pb2, saved_model_pb2
from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

from dfad_tf.teachers.tensor_operations import touches_tensors_alone
from dfad_tf.utils.errors import InputError

# They read and write checkpoints: what a SavedModel's saver is made of, and nothing else.
_WRITES = ("SaveV2", "MergeV2Checkpoints", "Save", "SaveSlices")
_CHECKPOINTS = (*_WRITES, "RestoreV2", "Restore", "RestoreSlice")
_TEXT_TABLES = ("InitializeTableFromTextFileV2", "InitializeTableFromTextFile")


def check_saved_model(path: str, trust: bool = False) -> None:
    """Check a SavedModel's checksums, and that all it runs touches tensors alone.

    Args:
        path: Its folder.
        trust: Whether it may run anything, and differ from its own checksums.

    Raises:
        InputError: If it is damaged, or not trusted with an operation that it has.
    """
    try:
        content = saved_model_pb2.SavedModel.FromString(
            (pathlib.Path(path) / "saved_model.pb").read_bytes()
        )
    except DecodeError as error:
        raise InputError(f"Expected a whole SavedModel in {path}. {error}") from error
    if trust:
        return
    for meta_graph in content.meta_graphs:
        _Inspection(meta_graph, path).check()
    _check_fingerprint(path)


def check_graph(definition: Any, path: str) -> None:
    """Check that a graph touches tensors alone: no files, not even checkpoints.

    Args:
        definition: A `GraphDef`.
        path: Where it comes from, for the error.

    Raises:
        InputError: If it has another operation.
    """
    functions = {function.signature.name for function in definition.library.function}
    for place, node in _nodes(definition):
        if not touches_tensors_alone(node.op) and node.op not in functions:
            raise _refusal(node.op, place, path)


def _refusal(operation: str, place: str, path: str) -> InputError:
    return InputError(
        f"Expected operations that touch tensors alone in {path}. Received: {operation} in "
        f"{place}; add --trust_teacher if you trust who made it."
    )


def _nodes(definition: Any) -> Iterator[tuple[str, Any]]:
    for node in definition.node:
        yield "its graph", node
    for function in definition.library.function:
        for node in function.node_def:
            yield f"its function {function.signature.name}", node


def _called(node: Any) -> Iterator[str]:
    yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        for function in value.list.func:
            yield function.name


class _Inspection:
    """Looks for operations in one graph with its functions.

    Args:
        meta_graph: A `MetaGraphDef`.
        path: The SavedModel, for errors.
    """

    def __init__(self, meta_graph: Any, path: str) -> None:
        self._meta_graph, self._path = meta_graph, path
        self._graph = meta_graph.graph_def
        self._functions = {f.signature.name: f for f in self._graph.library.function}

    def check(self) -> None:
        """Refuse what touches more than tensors."""
        for place, node in _nodes(self._graph):
            known = node.op in self._functions or node.op in (*_CHECKPOINTS, *_TEXT_TABLES)
            if not known and not touches_tensors_alone(node.op):
                raise _refusal(node.op, place, self._path)
        if self._meta_graph.HasField("object_graph_def"):
            # Its functions alone are run, and none of them is its saver.
            for name in self._meta_graph.object_graph_def.concrete_functions:
                self._check_run(self._reached([name]), f"its function {name}", _CHECKPOINTS)
            self._check_function_tables()
        else:
            restored = [self._meta_graph.saver_def.restore_op_name]
            for names, refused in ((self._run_nodes(), _CHECKPOINTS), (restored, _WRITES)):
                nodes = list(self._ancestors(names))
                called = {name for node in nodes for name in _called(node)}
                self._check_run([*nodes, *self._reached(called)], "its graph", refused)
            self._check_graph_tables()
        for asset in self._meta_graph.asset_file_def:
            if pathlib.PurePath(asset.filename).name != asset.filename:
                raise InputError(
                    f"Expected assets in the folder of {self._path}. Received: {asset.filename}"
                )

    def _check_run(self, nodes: Iterable[Any], place: str, refused: Iterable[str]) -> None:
        for node in nodes:
            if node.op in refused:
                raise _refusal(node.op, place, self._path)

    def _reached(self, names: Iterable[str]) -> Iterator[Any]:
        """All nodes of functions, and of those that they call."""
        waiting, seen = list(names), set()
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self._functions:
                continue
            seen.add(name)
            for node in self._functions[name].node_def:
                yield node
                waiting += _called(node)

    def _run_nodes(self) -> list[str]:
        """Names of the nodes that a SavedModel of TensorFlow 1 runs, but for its saver."""
        found = [
            tensor.name
            for signature in self._meta_graph.signature_def.values()
            for tensor in signature.outputs.values()
        ]
        for collection in self._meta_graph.collection_def.values():
            found += collection.node_list.value
        return found

    def _ancestors(self, names: Iterable[str]) -> Iterator[Any]:
        by_name = {node.name: node for node in self._graph.node}
        waiting, seen = list(names), set()
        while waiting:
            name = waiting.pop().lstrip("^").split(":")[0]
            if name not in seen and name in by_name:
                seen.add(name)
                yield by_name[name]
                waiting += by_name[name].input

    def _check_function_tables(self) -> None:
        """A table may be filled from an asset of the SavedModel, and from no other file."""
        objects = self._meta_graph.object_graph_def
        allowed = set()
        for name, concrete in objects.concrete_functions.items():
            kinds = [
                objects.nodes[index].WhichOneof("kind")
                for index in concrete.bound_inputs
                if 0 <= index < len(objects.nodes)
            ]
            if "constant" not in kinds:
                allowed.add(name)
        for name, function in self._functions.items():
            arguments = {argument.name for argument in function.signature.input_arg}
            for node in function.node_def:
                if node.op not in _TEXT_TABLES:
                    continue
                given = node.input[1].split(":")[0] if len(node.input) > 1 else ""
                if name not in allowed or given not in arguments:
                    raise _refusal(node.op, f"its function {name}", self._path)

    def _check_graph_tables(self) -> None:
        assets = {asset.tensor_info.name.split(":")[0] for asset in self._meta_graph.asset_file_def}
        for place, node in _nodes(self._graph):
            if node.op in _TEXT_TABLES and (
                len(node.input) < 2 or node.input[1].split(":")[0] not in assets
            ):
                raise _refusal(node.op, place, self._path)


def _check_fingerprint(path: str) -> None:
    """TensorFlow 2.11 and later write checksums beside a SavedModel, and check them nowhere."""
    file = pathlib.Path(path) / "fingerprint.pb"
    if not file.exists():
        return
    try:
        written = fingerprint_pb2.FingerprintDef.FromString(file.read_bytes())
        found = fingerprint_pb2.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(path))
    except (DecodeError, tf.errors.OpError, RuntimeError, ValueError) as error:
        raise InputError(f"Expected a whole SavedModel in {path}. {error}") from error
    if written.version.producer != found.version.producer:
        return  # summed in another way
    for name, part in (("saved_model_checksum", "graph"), ("checkpoint_hash", "variables")):
        if getattr(written, name) != getattr(found, name):
            raise InputError(
                f"Expected the SavedModel in {path} as it was written. Received: another {part} "
                "than its fingerprint.pb tells; add --trust_teacher if it was changed on purpose."
            )
