"""Units of a student paired with those of a deeper teacher."""

import keras
import numpy as np
import pytest

from dfad_tf import models
from dfad_tf.students.pairing import NotPairedError, corresponding_layers, pair_units
from dfad_tf.students.units import parse_network
from tests.helpers.residual_networks import deep

layers = keras.layers


def pair(teacher, student):
    return pair_units(parse_network(teacher), parse_network(student))


def lengths(runs):
    """Blocks of the teacher and of the student in each run of blocks."""
    return [(len(r.teacher), len(r.student)) for r in runs if r.teacher[0].is_block]


def named(name):
    return models.build(name, (8, 8, 3), 10)


@pytest.mark.parametrize(
    ("teacher", "student", "expected"),
    [
        ("resnet56", "resnet20", [(9, 3), (1, 1), (8, 2), (1, 1), (8, 2)]),
        (
            "resnet34",
            "resnet18",
            [(3, 2), (1, 1), (3, 1), (1, 1), (5, 1), (1, 1), (2, 1)],
        ),
        ("wrn_40_1", "wrn_16_1", [(6, 2), (1, 1), (5, 1), (1, 1), (5, 1)]),
        ("resnet20", "resnet20", [(3, 3), (1, 1), (2, 2), (1, 1), (2, 2)]),
    ],
)
def test_fewer_blocks_pair(teacher, student, expected):
    assert lengths(pair(named(teacher), named(student))) == expected


def test_each_unit_is_in_one_run():
    teacher, student = parse_network(named("resnet56")), parse_network(named("resnet20"))
    runs = pair_units(teacher, student)
    assert [unit for run in runs for unit in run.teacher] == list(teacher.units)
    assert [unit for run in runs for unit in run.student] == list(student.units)


def without_block(network, place):
    """Build a new network of the same layers without one of its residual blocks."""
    parsed = parse_network(network)
    inputs = keras.Input(network.input_shape[1:])
    values = {0: inputs}
    for unit in parsed.units:
        if unit is parsed.blocks[place]:
            values[unit.output] = values[unit.input]
            continue
        for step in unit.steps:
            layer = type(step.operation).from_config(step.operation.get_config())
            received = [values[number] for number in step.inputs]
            values[step.outputs[0]] = layer(received if len(received) > 1 else received[0])
    return keras.Model(inputs, values[parsed.units[-1].output])


@pytest.mark.parametrize("place", [2, 5, 9])
def test_a_mobile_network_pairs_with_one_of_fewer_inverted_residuals(place):
    teacher = keras.applications.MobileNetV2((96, 96, 3), 0.35, weights=None, classes=7)
    runs = lengths(pair(teacher, without_block(teacher, place)))
    assert sum(big for big, _ in runs) == 10 and sum(small for _, small in runs) == 9
    with pytest.raises(NotPairedError, match="more blocks"):
        pair(without_block(teacher, place), teacher)


def test_a_softmax_and_names_do_not_matter():
    core = deep()
    for head in ("layer", "activation"):
        if head == "layer":
            teacher = keras.Model(core.inputs, layers.Softmax()(core.outputs[0]))
        else:
            dense = layers.Dense(3, activation="softmax", name="answers")
            teacher = keras.Model(core.inputs, dense(core.layers[-2].output))
        assert lengths(pair(teacher, deep((2, 1)))) == [(3, 2), (1, 1), (1, 0)]


def test_a_group_may_lose_all_blocks_that_keep_the_shape():
    runs = pair(deep((3, 3)), deep((3, 1)))
    assert lengths(runs) == [(3, 3), (1, 1), (2, 0)]


def with_shortcut(kind, trained=False):
    """A network with one block that doubles the channels and halves the resolution."""
    inputs = keras.Input((8, 8, 4))
    if kind == "operations":
        shortcut = keras.ops.pad(inputs[:, ::2, ::2], [[0, 0], [0, 0], [0, 0], [2, 2]])
    elif kind == "pooling":
        shortcut = layers.AveragePooling2D(1, 2)(inputs)
        shortcut = keras.ops.pad(shortcut, [[0, 0], [0, 0], [0, 0], [2, 2]])
    else:
        convolution = layers.Conv2D(8, 1, 2, use_bias=False)
        shortcut = convolution(inputs)
        if not trained:
            convolution.set_weights([np.eye(4, 8, 2).reshape(1, 1, 4, 8)])
    path = layers.Conv2D(8, 3, 2, padding="same")(inputs)
    x = layers.ReLU()(layers.Add()([path, shortcut]))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))


@pytest.mark.parametrize("teacher", ["operations", "pooling", "convolution"])
@pytest.mark.parametrize("student", ["operations", "pooling", "convolution"])
def test_a_shortcut_without_trained_weights_is_known_by_its_effect(teacher, student):
    runs = pair(with_shortcut(teacher), with_shortcut(student))
    (block,) = [run for run in runs if run.teacher[0].is_block]
    pairs = corresponding_layers(block.teacher[0], block.student[0])
    assert {type(big) for big, _ in pairs} == {layers.Conv2D}
    assert all(big.weights[0].shape == small.weights[0].shape for big, small in pairs)


def test_a_trained_shortcut_is_not_one_without_weights():
    with pytest.raises(NotPairedError):
        pair(with_shortcut("convolution", trained=True), with_shortcut("operations"))
    runs = pair(with_shortcut("convolution", trained=True), with_shortcut("convolution", True))
    assert lengths(runs) == [(1, 1)]


def test_the_order_of_the_inputs_of_an_addition_does_not_matter():
    def network(turned):
        inputs = keras.Input((8, 8, 3))
        path = layers.Conv2D(3, 3, padding="same", activation="relu")(inputs)
        parts = [path, inputs][:: -1 if turned else 1]
        x = layers.Add()(parts) if turned else keras.ops.add(*parts)
        x = layers.Activation("relu")(x) if turned else layers.ReLU()(x)
        return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))

    assert lengths(pair(network(False), network(True))) == [(1, 1)]


def settings_differ(**changes):
    """A residual network whose blocks have other settings than those of `deep`."""

    def change(layer):
        config = layer.get_config()
        kind = changes["kind"]
        if isinstance(layer, kind):
            config.update({key: value for key, value in changes.items() if key != "kind"})
        return type(layer).from_config(config)

    return keras.models.clone_model(deep((2, 2)), clone_function=change)


@pytest.mark.parametrize(
    ("student", "words"),
    [
        (lambda: deep((2, 2), widths=(8, 12)), "other widths"),
        (lambda: deep((4, 2)), "more blocks"),
        (lambda: deep((2, 2), classes=4), "last layer"),
        (lambda: deep((2, 2), projection=True), "other layers"),
        (lambda: named("compact_4"), "other"),
        (lambda: deep((2, 2), shape=(16, 16, 3)), "other widths or settings"),
        (lambda: settings_differ(kind=layers.BatchNormalization, epsilon=1e-2), "settings"),
        (lambda: settings_differ(kind=layers.ReLU, negative_slope=0.1), "settings"),
        (lambda: keras.Sequential([keras.Input((8, 8, 3)), layers.Dense(3)]), "only one"),
    ],
    ids=[
        "widths",
        "deeper",
        "classes",
        "projection",
        "compact",
        "size",
        "epsilon",
        "relu",
        "chain",
    ],
)
def test_the_reason_is_named(student, words):
    with pytest.raises(NotPairedError, match=words):
        pair(deep((3, 2)), student())


def test_other_first_layers_are_named():
    inputs = keras.Input((8, 8, 3))
    core = deep((2, 2))
    student = keras.Model(inputs, core(layers.Conv2D(3, 1)(inputs)))
    with pytest.raises(NotPairedError, match="first layers"):
        pair(deep((3, 2)), student)
