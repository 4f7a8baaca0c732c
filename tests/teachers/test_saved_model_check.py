"""A SavedModel is checked before it runs: only operations on tensors are accepted."""

import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from dfad_tf.teachers.description import describe_teacher
from dfad_tf.teachers.loading import load_teacher
from dfad_tf.teachers.saved_model_check import check_graph, check_saved_model
from dfad_tf.teachers.saved_model_teacher import load_saved_model
from dfad_tf.teachers.tensor_operations import only_computes_on_tensors
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier

SHAPE = (None, 8, 8, 1)


def linear(images):
    return tf.reshape(images, (-1, 64))[:, :4] * 3.0


def save(folder, extra=lambda images: [], initialize=None, shape=SHAPE):
    """Save a classifier that runs additional operations at inference or at initialization."""
    module = tf.Module()

    def call(images):
        with tf.control_dependencies(extra(images)):
            return tf.ensure_shape(linear(images), (None, 4))

    module.call = tf.function(call, input_signature=[tf.TensorSpec(shape, tf.float32)])
    if initialize:
        module.resource = WithInitializer(initialize)
    tf.saved_model.save(module, str(folder), signatures=module.call)
    return str(folder)


class WithInitializer(tf.saved_model.experimental.TrackableResource):
    """A resource that runs a function when a SavedModel is loaded."""

    def __init__(self, initialize):
        super().__init__()
        self._start = initialize

    def _create_resource(self):
        return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[])

    def _initialize(self):
        self._start()


def test_inference_that_writes_a_file_is_rejected_and_not_run(tmp_path):
    written = tmp_path / "written"
    path = save(tmp_path / "model", lambda _: [tf.io.write_file(str(written), "x")])
    with pytest.raises(InputError, match="WriteFile.*`trust=True`") as caught:
        load_teacher(path)
    assert "\n" not in str(caught.value) and not written.exists()
    describe_teacher(load_teacher(path, trust=True))
    assert written.read_text() == "x"  # without the check, the file is written


def test_initialization_that_writes_a_file_is_rejected_and_not_run(tmp_path):
    written = tmp_path / "written"
    path = save(
        tmp_path / "model", initialize=lambda: tf.io.write_file(str(written), tf.constant("x"))
    )
    written.unlink(missing_ok=True)
    with pytest.raises(InputError, match="WriteFile in its function __inference__initializer"):
        load_teacher(path)
    assert not written.exists()
    load_teacher(path, trust=True)
    assert written.read_text() == "x"


def python(images):
    return [tf.py_function(lambda x: x, [images], tf.float32)]


def branch(images):
    return [tf.cond(tf.reduce_sum(images) > 0, lambda: tf.io.read_file("x"), lambda: "")]


def checkpoint(images):
    return [
        tf.raw_ops.SaveV2(prefix="x", tensor_names=["a"], shape_and_slices=[""], tensors=[images])
    ]


def other_checkpoint(images):
    return tf.raw_ops.RestoreV2(
        prefix="x", tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32]
    )


def lines(images):
    table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
    return [
        tf.raw_ops.InitializeTableFromTextFileV2(
            table_handle=table, filename="/etc/passwd", key_index=-2, value_index=-1
        )
    ]


def mapped_memory(images):
    return [tf.raw_ops.ImmutableConst(dtype=tf.float32, shape=[1], memory_region_name="x")]


def dataset(images):
    return [tf.data.TextLineDataset("x").reduce(0, lambda count, _: count + 1)]


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        (python, "EagerPyFunc"),
        (lambda x: [tf.numpy_function(abs, [x], tf.float32)], "PyFunc"),
        (branch, "ReadFile"),
        (lambda _: [tf.io.matching_files("*")], "MatchingFiles"),
        (lambda x: [tf.print(x, output_stream="file:///tmp/never")], "PrintV2"),
        (checkpoint, "SaveV2"),
        (other_checkpoint, "RestoreV2"),
        (lines, "InitializeTableFromTextFileV2"),
        (dataset, "[A-Za-z]*Dataset"),
        (lambda x: [tf.raw_ops.DebugIdentity(input=x, debug_urls=["file:///x"])], "DebugIdentity"),
        (mapped_memory, "ImmutableConst"),
    ],
)  # fmt: skip
def test_other_operations_are_rejected_by_name(tmp_path, extra, name):
    path = save(tmp_path / "model", extra)
    with pytest.raises(InputError, match=f"Received: ({name}) in its function"):
        check_saved_model(path)
    check_saved_model(path, trust=True)


def test_unknown_operations_are_rejected_and_harmless_ones_are_not():
    for name in ("Abort", "PyFuncStateless", "_Send", "XlaCallModule", "NobodyKnowsThis"):
        assert not only_computes_on_tensors(name)
    harmless = "Conv2D FusedBatchNormV3 StatefulPartitionedCall If While HashTableV2 Assert "
    harmless += "InitializeTableV2 LookupTableImportV2 RandomUniform RngReadAndSkip TensorArrayV3"
    for name in harmless.split():
        assert only_computes_on_tensors(name)


class Tables(tf.Module):
    """Tables from a file and from tensors, a mutable table, and an assertion."""

    def __init__(self, file):
        super().__init__()
        lines = tf.lookup.TextFileIndex
        self.words = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                str(file), tf.string, lines.WHOLE_LINE, tf.int64, lines.LINE_NUMBER
            ),
            -1,
        )
        pairs = tf.lookup.KeyValueTensorInitializer(tf.constant([1, 2]), tf.constant([3.0, 4.0]))
        self.numbers = tf.lookup.StaticHashTable(pairs, 0.0)
        self.changing = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, 0.0)
        self.kernel = tf.Variable(tf.random.normal((64, 4)))

    @tf.function(input_signature=[tf.TensorSpec(SHAPE, tf.float32)])
    def __call__(self, images):
        tf.debugging.assert_non_negative(tf.reduce_sum(images**2))
        line = tf.cast(self.words.lookup(tf.constant("bee")), tf.float32)
        number = self.numbers.lookup(tf.constant(2))
        logits = tf.reshape(images, (-1, 64)) @ self.kernel + line + number
        return tf.ensure_shape(logits + self.changing.lookup(tf.constant(1, tf.int64)), (None, 4))


def test_tables_and_their_assets_are_accepted(tmp_path):
    (tmp_path / "words.txt").write_text("ape\nbee\ncat\n")
    module = Tables(tmp_path / "words.txt")
    tf.saved_model.save(module, str(tmp_path / "model"))
    (tmp_path / "words.txt").unlink()
    check_saved_model(str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    images = tf.ones((2, 8, 8, 1))
    np.testing.assert_allclose(loaded(images), module(images), rtol=1e-6)


def change(path, edit):
    """Edit the graph of a SavedModel, as its author could, and remove its fingerprint."""
    file = pathlib.Path(path) / "saved_model.pb"
    content = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    edit(content.meta_graphs[0])
    file.write_bytes(content.SerializeToString())
    (pathlib.Path(path) / "fingerprint.pb").unlink()


def test_an_asset_outside_the_folder_is_rejected(tmp_path):
    (tmp_path / "words.txt").write_text("ape\nbee\ncat\n")
    path = str(tmp_path / "model")
    tf.saved_model.save(Tables(tmp_path / "words.txt"), path)

    def move(meta_graph):
        meta_graph.asset_file_def[0].filename = "../../../etc/passwd"

    change(path, move)
    with pytest.raises(InputError, match="assets in the folder"):
        check_saved_model(path)


def test_a_table_from_a_file_that_is_not_an_asset_is_rejected(tmp_path):
    (tmp_path / "words.txt").write_text("ape\nbee\ncat\n")
    path = str(tmp_path / "model")
    tf.saved_model.save(Tables(tmp_path / "words.txt"), path)

    def swap(meta_graph):
        for node in meta_graph.object_graph_def.nodes:
            if node.WhichOneof("kind") == "asset":
                node.constant.operation = "asset_path_initializer"

    change(path, swap)
    with pytest.raises(InputError, match="InitializeTableFromTextFileV2"):
        check_saved_model(path)


def saved_by_tensorflow_1(folder, extra=None, name="w"):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        images = tf.compat.v1.placeholder(tf.float32, SHAPE)
        kernel = tf.compat.v1.get_variable(name, initializer=tf.ones((64, 3)), use_resource=False)
        with tf.control_dependencies([extra()] if extra else []):
            logits = tf.matmul(tf.reshape(images, (-1, 64)), kernel)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.saved_model.simple_save(session, str(folder), {"x": images}, {"y": logits})
    return str(folder)


def test_saved_models_of_tensorflow_1(tmp_path):
    assert load_teacher(saved_by_tensorflow_1(tmp_path / "one")).output_shape == (None, 3)
    writing = saved_by_tensorflow_1(
        tmp_path / "two", lambda: tf.io.write_file(str(tmp_path / "written"), "x")
    )
    with pytest.raises(InputError, match="WriteFile in its graph"):
        load_teacher(writing)
    saving = saved_by_tensorflow_1(
        tmp_path / "three", lambda: tf.raw_ops.SaveV2(
            prefix=str(tmp_path / "written"), tensor_names=["a"], shape_and_slices=[""],
            tensors=[tf.ones(1)],
        ),
    )  # fmt: skip
    with pytest.raises(InputError, match="SaveV2 in its graph"):
        load_teacher(saving)
    assert not list(tmp_path.glob("written*"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model"
    small_classifier(batch_norm=True, softmax=True).export(path, verbose=False)
    return path


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index", "fingerprint.pb"])
def test_a_changed_byte_does_not_match_the_fingerprint(exported, tmp_path, file):
    path = tmp_path / "model"
    shutil.copytree(exported, path)
    content = bytearray((path / file).read_bytes())
    place = content.find(b"sequential") if file == "saved_model.pb" else 5
    content[place] ^= 1
    (path / file).write_bytes(content)
    with pytest.raises(InputError, match="match its fingerprint.pb|complete SavedModel"):
        check_saved_model(str(path))


def test_a_saved_model_without_a_fingerprint_is_loaded(exported, tmp_path):
    path = tmp_path / "model"
    shutil.copytree(exported, path)
    (path / "fingerprint.pb").unlink()
    assert load_teacher(str(path)).output_shape == (None, 3)


def test_a_graph_in_a_keras_file_is_checked_too(exported, tmp_path):
    teacher = load_saved_model(str(exported))
    teacher.save(tmp_path / "teacher.keras")
    keras.models.load_model(tmp_path / "teacher.keras")
    definition = tf.compat.v1.GraphDef.FromString(teacher.graph_bytes)
    definition.node.add(name="more", op="WriteFile")
    with pytest.raises(InputError, match="WriteFile in its graph"):
        check_graph(definition, "graph.pb")
    teacher.graph_bytes = definition.SerializeToString()
    teacher.save(tmp_path / "teacher.keras")
    with pytest.raises(Exception, match="WriteFile in its graph"):
        keras.models.load_model(tmp_path / "teacher.keras")
