"""SavedModels whose objects do not load, or run other operations, are read by their signature."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf.teachers.loading import load_teacher
from dfad_tf.teachers.saved_model_graph import load_signature
from dfad_tf.utils.errors import InputError

SPEC = tf.TensorSpec((None, 8, 8, 3), tf.float32)
IMAGES = np.random.default_rng(0).uniform(0, 1, (3, 8, 8, 3)).astype("float32")


class Network(tf.Module):
    """A small classifier, with the optimizer that has trained it."""

    def __init__(self):
        self.kernel = tf.Variable(tf.random.stateless_normal((3, 3, 3, 4), (1, 2)) * 0.3)
        self.dense = tf.Variable(tf.random.stateless_normal((4, 5), (3, 4)))
        self.optimizer = tf.compat.v1.train.AdamOptimizer(1e-3)

    @tf.function(input_signature=[SPEC])
    def __call__(self, image):
        x = tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "SAME"))
        return tf.nn.softmax(tf.reduce_mean(x, (1, 2)) @ self.dense)

    @tf.function(input_signature=[tf.TensorSpec((), tf.string)])
    def write(self, path):
        tf.io.write_file(path, "written")

    def trained(self):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self(IMAGES)[:, 0])
        weights = [self.kernel, self.dense]
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return self


@pytest.fixture(scope="module")
def slots(tmp_path_factory):
    network, path = Network().trained(), str(tmp_path_factory.mktemp("slots"))
    tf.saved_model.save(network, path, signatures=network.__call__)
    return network, path


def test_tensorflow_cannot_load_the_slots_of_the_optimizer(slots):
    """The reason for the other way; when this fails, the way may be of no use any more."""
    with pytest.raises(AttributeError, match="add_slot"):
        tf.saved_model.load(slots[1])


def test_the_signature_has_the_answers_and_the_parameters(slots):
    network, path = slots
    signature = load_signature(path)
    found = signature.function(tf.constant(IMAGES))
    np.testing.assert_allclose(tf.nest.flatten(found)[0], network(IMAGES), rtol=1e-5)
    assert signature.parameter_count == 3 * 3 * 3 * 4 + 4 * 5


def test_such_a_teacher_loads(slots):
    network, path = slots
    np.testing.assert_allclose(load_teacher(path)(IMAGES), network(IMAGES), rtol=1e-5)


def test_a_function_beside_the_signature_is_not_run(tmp_path):
    """A layer that adapts to data reads an iterator, which inference does not."""
    network = Network().trained()
    del network.optimizer
    tf.saved_model.save(network, str(tmp_path), signatures=network.__call__)
    found = load_teacher(str(tmp_path))(IMAGES)
    np.testing.assert_allclose(found, network(IMAGES), rtol=1e-5)


def test_a_function_of_the_signature_is_refused(tmp_path):
    network = Network().trained()

    @tf.function(input_signature=[SPEC])
    def spying(image):
        tf.io.write_file(str(tmp_path / "written"), "x")
        return network(image)

    del network.optimizer
    network.spying = spying
    tf.saved_model.save(network, str(tmp_path / "model"), signatures=spying)
    (tmp_path / "written").unlink(missing_ok=True)
    with pytest.raises(InputError, match="WriteFile"):
        load_teacher(str(tmp_path / "model"))
    assert not (tmp_path / "written").exists()


def test_custom_gradients_of_the_process_that_saved_are_not_needed(tmp_path):
    """The one of swish is unknown to every other process: the objects beside it define it."""
    network = Network().trained()

    @tf.custom_gradient
    def twice(x):
        return 2 * x, lambda gradient: 2 * gradient

    @tf.function(input_signature=[SPEC])
    def swishing(image):
        return network(twice(image))

    network.swishing = swishing
    path = str(tmp_path / "model")
    tf.saved_model.save(network, path, signatures=swishing)
    teacher = load_teacher(path)
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(teacher(images)[:, 0])
    assert np.abs(tape.gradient(total, images)).max() > 0


def test_a_node_that_freezing_reads_is_refused_as_well(tmp_path):
    """Variables are frozen through nodes beside the signature, found by their names alone."""
    from tensorflow.core.protobuf import saved_model_pb2

    network, path = Network().trained(), tmp_path / "model"
    tf.saved_model.save(network, str(path), signatures=network.__call__)
    (path / "fingerprint.pb").unlink()  # it would reject the change
    content = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    graph = content.meta_graphs[0].graph_def
    with tf.Graph().as_default() as other:
        tf.io.write_file(str(tmp_path / "written"), "x", name="evil")
    graph.node.extend(other.as_graph_def().node)
    reads = [node for node in graph.node if node.name.endswith("/Read/ReadVariableOp")]
    for node in reads:
        node.input.append("^evil")
    (path / "saved_model.pb").write_bytes(content.SerializeToString())
    with pytest.raises(InputError, match="WriteFile"):
        load_teacher(str(path))
    assert reads and not (tmp_path / "written").exists()


def test_a_signature_that_changes_its_variables_is_refused_in_words(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.RandomTranslation(0.1, 0.1)(inputs)  # exported as it is in training
    x = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    keras.Model(inputs, x).export(tmp_path / "teacher", verbose=False)
    with pytest.raises(InputError, match="only reads its variables.*augmentation layers"):
        load_teacher(str(tmp_path / "teacher"))
