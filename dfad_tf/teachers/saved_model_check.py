"""Check the operations that a SavedModel runs, before TensorFlow loads and runs it."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable, Iterator

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf import fingerprint_pb2, saved_model_pb2
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

from dfad_tf.teachers.tensor_operations import only_computes_on_tensors
from dfad_tf.utils.errors import InputError

# Operations that read and write checkpoints. Only the saver of a SavedModel may contain them.
_WRITES = ("SaveV2", "MergeV2Checkpoints", "Save", "SaveSlices")
_CHECKPOINTS = (*_WRITES, "RestoreV2", "Restore", "RestoreSlice")
_VARIABLES, _READ = ("VarHandleOp", "Variable", "VariableV2"), "/Read/ReadVariableOp"
_TEXT_TABLES = ("InitializeTableFromTextFileV2", "InitializeTableFromTextFile")


def check_saved_model(path: str, trust: bool = False) -> None:
    """Check the checksums of a SavedModel, and that it runs only operations on tensors.

    Args:
        path: The folder of the SavedModel.
        trust: Whether it may run any operation, and differ from its checksums.

    Raises:
        InputError: If it is damaged, or runs other operations and is not trusted.
    """
    _check(path, trust, _Inspection.check)


def check_signature(path: str, trust: bool = False) -> None:
    """Check what loading a SavedModel as a graph runs: its signatures, and its saver.

    Args:
        path: The folder of the SavedModel.
        trust: Whether it may run any operation, and differ from its checksums.

    Raises:
        InputError: If it is damaged, or runs other operations and is not trusted.
    """
    _check(path, trust, _Inspection.check_graph_run)


def _check(path: str, trust: bool, inspect: Callable[[_Inspection], None]) -> None:
    meta_graphs = _meta_graphs(path)
    if trust:
        return
    for meta_graph in meta_graphs:
        inspect(_Inspection(meta_graph, path))
    _check_fingerprint(path)


def has_objects(path: str) -> bool:
    """Return whether a SavedModel contains objects beside its graph, as TensorFlow 2 saves them.

    Raises:
        InputError: If it is damaged.
    """
    return any(graph.HasField("object_graph_def") for graph in _meta_graphs(path))


def _meta_graphs(path: str) -> list[MetaGraphDef]:
    try:
        content = saved_model_pb2.SavedModel.FromString(
            (pathlib.Path(path) / "saved_model.pb").read_bytes()
        )
    except DecodeError as error:
        raise InputError(f"Expected a complete SavedModel in {path}. {error}") from error
    if not content.meta_graphs:
        raise InputError(f"Expected a complete SavedModel in {path}. Received: no graph")
    return list(content.meta_graphs)


def check_graph(definition: GraphDef, path: str) -> None:
    """Check that a graph contains only operations on tensors, and not even checkpoints.

    Args:
        definition: The graph.
        path: The file of the graph, for the error.

    Raises:
        InputError: If the graph contains another operation.
    """
    functions = {function.signature.name for function in definition.library.function}
    for place, node in _nodes(definition):
        if not only_computes_on_tensors(node.op) and node.op not in functions:
            raise InputError(
                f"Expected operations in {path} that only compute on tensors. Received: {node.op} "
                f"in {place}"
            )


def _refusal(operation: str, place: str, path: str) -> InputError:
    return InputError(
        f"Expected operations in {path} that only compute on tensors. Received: {operation} in "
        f"{place}; pass `trust=True` if you trust the author of the model."
    )


def _nodes(definition: GraphDef) -> Iterator[tuple[str, NodeDef]]:
    """Yield each node of a graph, and of its functions, with a description of its place."""
    for node in definition.node:
        yield "its graph", node
    for function in definition.library.function:
        for node in function.node_def:
            yield f"its function {function.signature.name}", node


def _called(node: NodeDef) -> Iterator[str]:
    """Yield the names of the functions that a node may call."""
    yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        for function in value.list.func:
            yield function.name


class _Inspection:
    """Checks the operations of one graph and its functions.

    Args:
        meta_graph: The graph with its signatures.
        path: The folder of the SavedModel, for errors.
    """

    def __init__(self, meta_graph: MetaGraphDef, path: str) -> None:
        self._meta_graph, self._path = meta_graph, path
        self._graph = meta_graph.graph_def
        self._functions = {f.signature.name: f for f in self._graph.library.function}

    def check(self) -> None:
        """Raise an `InputError` if an operation does more than compute on tensors."""
        for place, node in _nodes(self._graph):
            known = node.op in self._functions or node.op in (*_CHECKPOINTS, *_TEXT_TABLES)
            if not known and not only_computes_on_tensors(node.op):
                raise _refusal(node.op, place, self._path)
        if self._meta_graph.HasField("object_graph_def"):
            # TensorFlow runs only these functions, and none of them is the saver.
            for name in self._meta_graph.object_graph_def.concrete_functions:
                nodes = self._reachable([name])
                self._check_run(nodes, f"its function {name}", _CHECKPOINTS)
            self._check_function_tables()
        else:
            self._check_graph_nodes()
            self._check_graph_tables()
        self._check_assets()

    def check_graph_run(self) -> None:
        """Raise an `InputError` if the graph of a signature does more than compute on tensors."""
        # Freezing the variables runs these nodes, which it finds by their names alone.
        reads = [f"{node.name}{_READ}" for node in self._graph.node if node.op in _VARIABLES]
        for node in self._check_graph_nodes(reads):
            known = node.op in self._functions or node.op in _CHECKPOINTS
            if not known and not only_computes_on_tensors(node.op):
                raise _refusal(node.op, "its graph", self._path)
        self._check_assets()

    def _check_graph_nodes(self, further: Iterable[str] = ()) -> list[NodeDef]:
        """Check that only the saver uses checkpoints; return all nodes that are run.

        Args:
            further: Names of nodes that are run beside those of signatures and collections.
        """
        restored, run = [self._meta_graph.saver_def.restore_op_name], []
        used = [*self._run_nodes(), *further]
        for names, rejected in ((used, _CHECKPOINTS), (restored, _WRITES)):
            ancestors = list(self._ancestors(names))
            called = {name for node in ancestors for name in _called(node)}
            nodes = [*ancestors, *self._reachable(called)]
            self._check_run(nodes, "its graph", rejected)
            run += nodes
        return run

    def _check_assets(self) -> None:
        for asset in self._meta_graph.asset_file_def:
            if pathlib.PurePath(asset.filename).name != asset.filename:
                raise InputError(
                    f"Expected assets in the folder of {self._path}. Received: {asset.filename}"
                )

    def _check_run(self, nodes: Iterable[NodeDef], place: str, rejected: Iterable[str]) -> None:
        for node in nodes:
            if node.op in rejected:
                raise _refusal(node.op, place, self._path)

    def _reachable(self, names: Iterable[str]) -> Iterator[NodeDef]:
        """Yield the nodes of functions, and of the functions that they call."""
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
        """Return the nodes that a SavedModel of TensorFlow 1 runs, except those of its saver."""
        found = [
            tensor.name
            for signature in self._meta_graph.signature_def.values()
            for tensor in signature.outputs.values()
        ]
        for collection in self._meta_graph.collection_def.values():
            found += collection.node_list.value
        return found

    def _ancestors(self, names: Iterable[str]) -> Iterator[NodeDef]:
        """Yield nodes of the graph, and the nodes that they depend on."""
        by_name = {node.name: node for node in self._graph.node}
        waiting, seen = list(names), set()
        while waiting:
            name = waiting.pop().lstrip("^").split(":")[0]
            if name not in seen and name in by_name:
                seen.add(name)
                yield by_name[name]
                waiting += by_name[name].input

    def _check_function_tables(self) -> None:
        """Check that tables are initialized from assets of the SavedModel, not from other files."""
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
        """Check the same for a SavedModel of TensorFlow 1."""
        assets = {asset.tensor_info.name.split(":")[0] for asset in self._meta_graph.asset_file_def}
        for place, node in _nodes(self._graph):
            if node.op in _TEXT_TABLES and (
                len(node.input) < 2 or node.input[1].split(":")[0] not in assets
            ):
                raise _refusal(node.op, place, self._path)


def _check_fingerprint(path: str) -> None:
    """Check the checksums that TensorFlow 2.11 and later save, but never check."""
    file = pathlib.Path(path) / "fingerprint.pb"
    if not file.exists():
        return
    try:
        written = fingerprint_pb2.FingerprintDef.FromString(file.read_bytes())
        found = fingerprint_pb2.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(path))
    except (DecodeError, tf.errors.OpError, RuntimeError, ValueError) as error:
        raise InputError(f"Expected a complete SavedModel in {path}. {error}") from error
    if written.version.producer != found.version.producer:
        return  # the checksums were computed by another algorithm
    for name, part in (("saved_model_checksum", "graph"), ("checkpoint_hash", "variables")):
        if getattr(written, name) != getattr(found, name):
            raise InputError(
                f"Expected the SavedModel in {path} to match its fingerprint.pb. Received: another "
                f"{part}; pass `trust=True` if it was changed on purpose."
            )
