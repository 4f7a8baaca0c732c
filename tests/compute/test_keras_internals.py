"""Keras's private attributes are as the package expects, and one module alone uses them."""

import ast
import pathlib

import keras
import numpy as np
import pytest

import dfad_tf
from dfad_tf.compute import keras_internals
from dfad_tf.distillation.distillation_model import DistillationModel
from dfad_tf.distillation.distiller import DataFreeDistiller
from tests.conftest import small_classifier, small_generator

layers = keras.layers
PACKAGE = pathlib.Path(dfad_tf.__file__).parent
IMAGES = np.zeros((8, 8, 8, 1), "float32")
LABELS = np.zeros(8, "int64")


def compiled_classifier():
    model = small_classifier()
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def test_a_symbolic_tensor_is_the_output_of_a_layer():
    model = small_classifier()
    assert keras_internals.is_symbolic(model.outputs[0])
    assert not keras_internals.is_symbolic(keras.ops.zeros((1, 3)))
    assert not keras_internals.is_symbolic(None)


def test_the_producing_layer_is_the_layer_the_model_or_the_operation():
    inputs = keras.Input((8, 8, 1))
    inner, flatten = small_classifier(), layers.Flatten()
    assert keras_internals.producing_layer(flatten(inputs)) is flatten
    assert keras_internals.producing_layer(inner(inputs)) is inner
    assert keras_internals.producing_layer(inputs + 1.0).name.startswith("add")


def test_the_producing_call_is_that_of_the_tensor_and_not_another_call_of_the_layer():
    inputs, layer = keras.Input((4,)), layers.Dense(4)
    first = layer(inputs)
    second = layer(first)
    for tensor, source in ((first, inputs), (second, first)):
        call = keras_internals.producing_call(tensor)
        assert call.output_tensors[0] is tensor
        assert call.input_tensors[0] is source
        assert keras_internals.call_inputs(tensor)[0] is source
    assert keras_internals.producing_call(first) is not keras_internals.producing_call(second)


def test_the_inputs_of_a_call_are_in_their_order():
    first, second = keras.Input((3,)), keras.Input((3,))
    tensor = layers.Subtract()([first, second])
    assert [id(source) for source in keras_internals.call_inputs(tensor)] == [
        id(first),
        id(second),
    ]


def test_the_arguments_of_a_call_are_its_tensors_and_constants():
    inputs = keras.Input((3,))
    call = keras_internals.producing_call(keras.ops.multiply(inputs, 2.5))
    args, kwargs = keras_internals.call_arguments(call)
    assert args[0] is inputs and args[1] == 2.5 and kwargs == {}
    inner = small_classifier()
    pixels = keras.Input((8, 8, 1))
    call = keras_internals.producing_call(inner(pixels, training=True))
    assert call.operation is inner
    assert keras_internals.call_arguments(call)[1]["training"] is True


def test_a_call_can_be_repeated_with_values_in_inference_mode():
    first, second = keras.Input((3,)), keras.Input((3,))
    call = keras_internals.producing_call(layers.Subtract()([first, second]))
    ones = np.ones((2, 3), "float32")
    result = keras_internals.call_again(call, [3 * ones, ones])
    np.testing.assert_array_equal(result, 2 * ones)
    dropout = layers.Dropout(0.5)
    call = keras_internals.producing_call(dropout(first, training=True))
    np.testing.assert_array_equal(keras_internals.call_again(call, [ones]), ones)
    call = keras_internals.producing_call(keras.ops.multiply(first, 2.5))
    np.testing.assert_array_equal(keras_internals.call_again(call, [ones]), 2.5 * ones)


def test_all_layers_are_those_of_nested_models_too_in_the_order_of_a_clone():
    inner = keras.Sequential([keras.Input((8, 8, 1)), layers.BatchNormalization(name="norm")])
    outer = keras.Sequential([keras.Input((8, 8, 1)), inner, layers.Flatten(name="flat")])
    names = [layer.name for layer in keras_internals.all_layers(outer)]
    assert names[0] == outer.name and {inner.name, "norm", "flat"} < set(names)
    assert (
        keras_internals.all_layers(outer, include_self=False)
        == (keras_internals.all_layers(outer)[1:])
    )
    clone = keras.models.clone_model(outer, clone_function=lambda x: type(x).from_config(
        x.get_config()), recursive=True)  # fmt: skip
    assert names == [layer.name for layer in keras_internals.all_layers(clone)]


def test_the_learning_rate_is_a_variable_that_can_be_assigned_or_the_schedule():
    optimizer = keras.optimizers.SGD(0.5)
    keras_internals.learning_rate_or_schedule(optimizer).assign(0.25)
    assert float(optimizer.learning_rate) == 0.25
    schedule = keras.optimizers.schedules.CosineDecay(0.5, 10)
    optimizer = keras.optimizers.SGD(schedule)
    assert keras_internals.learning_rate_or_schedule(optimizer) is schedule


def test_fit_starts_from_the_initial_epoch_that_a_callback_sets():
    model, epochs = compiled_classifier(), []
    assert keras_internals.initial_epoch(model) is None

    class Recorder(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            keras_internals.set_initial_epoch(self.model, 2)

        def on_epoch_begin(self, epoch, logs=None):
            epochs.append(epoch)

    model.fit(IMAGES, LABELS, epochs=4, verbose=0, callbacks=[Recorder()])
    assert epochs == [2, 3]
    assert keras_internals.initial_epoch(model) == 2
    keras_internals.set_initial_epoch(model, None)
    model.fit(IMAGES, LABELS, epochs=1, verbose=0, initial_epoch=0)
    assert epochs == [2, 3]  # the second call had no recorder, and no epoch was left over


def test_the_loss_tracker_is_the_metric_that_fit_logs():
    model = compiled_classifier()
    logs = model.fit(IMAGES, LABELS, verbose=0).history
    tracker = keras_internals.loss_tracker(model)
    assert tracker.name == "loss" and float(tracker.result()) == pytest.approx(logs["loss"][0])


def test_compiled_metrics_return_their_results_by_name():
    model = compiled_classifier()
    metrics = keras_internals.compiled_metrics(model)
    assert not metrics.built
    model.fit(IMAGES, LABELS, verbose=0)
    assert metrics.built
    metrics.reset_state()
    metrics.update_state(LABELS, np.eye(3, dtype="float32")[[0] * 6 + [1] * 2])
    assert float(metrics.result()["accuracy"]) == pytest.approx(0.75)
    plain = small_classifier()
    plain.compile("sgd", "mse")
    assert keras_internals.compiled_metrics(plain) is None


def test_compiled_metrics_are_built_from_a_batch_without_a_step():
    model = compiled_classifier()
    before = model.get_weights()
    keras_internals.build_compiled_metrics(model, (IMAGES, LABELS))
    assert keras_internals.compiled_metrics(model).built
    assert {"loss", "accuracy"} <= set(model.get_metrics_result())
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_fit_calls_the_symbolic_build_that_the_distiller_overrides(monkeypatch):
    calls = []
    for name in ("_symbolic_build", "_maybe_symbolic_build"):
        assert hasattr(keras.Model, name), f"Keras has no {name}, so the override has no effect"
        monkeypatch.setattr(
            DistillationModel, name, lambda self, *args, name=name, **kwargs: calls.append(name)
        )
    distiller = DataFreeDistiller(small_classifier(), small_classifier(), small_generator())
    distiller.compile("sgd", "sgd")
    distiller.fit(batch_size=4, steps_per_epoch=1, verbose=0)
    assert calls


# Methods of Keras that a subclass overrides, and private attributes of other libraries.
OVERRIDES = {"distillation/distillation_model.py": {"_symbolic_build", "_maybe_symbolic_build"}}
OTHER_LIBRARIES = {
    "_exit",  # of the operating system
    "_get_function",  # of a TensorFlow graph
    "_get_ops_details",  # of a LiteRT interpreter
    "_replace",  # of a named tuple
}


def attributes(tree):
    """The attributes that a module reads or sets: the object's source, and the name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node.value), node.attr
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("getattr", "hasattr", "setattr", "delattr")
            and isinstance(node.args[1], ast.Constant)
        ):
            yield ast.unparse(node.args[0]), node.args[1].value


def defined_names(tree):
    """Names of functions, classes and variables that a module defines, and attributes it sets."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def keras_subclasses(trees):
    """The names of the package's classes that inherit a class of Keras."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found, before = set(), None
    while found != before:
        before = set(found)
        for node in classes:
            bases = [ast.unparse(base) for base in node.bases]
            if any(base.startswith("keras.") or base in found for base in bases):
                found.add(node.name)
    return found


def suspicious_names(tree, subclasses, own, of_keras):
    """Private names that a module uses on objects which are, or may be, Keras's."""
    for owner, name in attributes(tree):
        if is_private(name) and (
            name not in own or (owner not in ("self", "cls", "super()") and name in of_keras)
        ):
            yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name in subclasses:
            names = [*defined_names(node), *(name for _, name in attributes(node))]
            yield from (name for name in names if is_private(name) and name in of_keras)


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def keras_names():
    """Private attributes of Keras objects that the package could meet."""
    model = compiled_classifier()
    model.fit(IMAGES, LABELS, verbose=0)
    callback = keras.callbacks.CSVLogger("unused.csv")
    found = [model, model.optimizer, model.layers[0], model.outputs[0], callback, model.loss]
    found += [keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()), model.metrics[0]]
    return {name for thing in found for name in dir(thing) if is_private(name)}


@pytest.mark.slow
def test_no_other_module_uses_a_private_attribute_of_a_keras_object():
    trees = {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in PACKAGE.rglob("*.py")
    }
    internals = {name for _, name in attributes(trees.pop("compute/keras_internals.py"))}
    of_keras = keras_names() | set(filter(is_private, internals))
    own = {name for tree in trees.values() for name in defined_names(tree)}
    subclasses = keras_subclasses(trees.values())
    assert {"DataFreeDistiller", "Backup", "CoupledSGD"} <= subclasses
    for path, tree in trees.items():
        used = set(suspicious_names(tree, subclasses, own, of_keras))
        used -= OTHER_LIBRARIES | OVERRIDES.get(path, set())
        assert not used, f"{path} uses {sorted(used)}: see keras_internals"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class A(keras.Model):\n  def f(self):\n    self._initial_epoch = 1", "_initial_epoch"),
        ("class A(keras.Model):\n  def f(self):\n    self._loss_tracker", "_loss_tracker"),
        ("def f(tensor):\n  return hasattr(tensor, '_keras_history')", "_keras_history"),
        ("def f(model):\n  model._initial_epoch = 1", "_initial_epoch"),
        ("class A:\n  def f(self):\n    self._path = 1", None),
    ],
)
def test_a_private_attribute_in_a_module_would_be_found(source, expected):
    tree, of_keras = ast.parse(source), keras_names() | {"_path", "_initial_epoch"}
    found = suspicious_names(tree, keras_subclasses([tree]), set(defined_names(tree)), of_keras)
    assert set(found) == ({expected} if expected else set())
