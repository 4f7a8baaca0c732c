"""Layers inside networks: the ends of groups, and layers by name."""

import keras
import numpy as np
import pytest

from dfad_tf import models
from dfad_tf.compute.keras_internals import producing_layer
from dfad_tf.graphs.layer_outputs import group_ends, layer_outputs, pair_layers
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier

layers = keras.layers


def shapes(network):
    return [network.get_layer(name).output.shape[1:] for name in group_ends(network)]


def kinds(network):
    return [type(network.get_layer(name)).__name__ for name in group_ends(network)]


def test_group_ends_of_a_lenet_are_its_convolutions():
    network = models.build("lenet5", (32, 32, 1), 10, [1.0], [2.0])
    assert shapes(network) == [(28, 28, 6), (10, 10, 16), (1, 1, 120)]
    assert kinds(network) == ["Conv2D"] * 3


def test_group_ends_of_a_resnet_follow_the_addition():
    network = models.build("resnet34", (32, 32, 3), 10, [1.0] * 3, [2.0] * 3)
    assert shapes(network) == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512)]
    assert kinds(network) == ["ReLU"] * 4
    assert all(isinstance(_source(network, name), layers.Add) for name in group_ends(network))


def test_group_ends_of_a_wide_resnet():
    network = models.build("wrn_16_1", (32, 32, 3), 10, [1.0] * 3, [2.0] * 3)
    assert shapes(network) == [(32, 32, 16), (16, 16, 32), (8, 8, 64)]
    # The normalization of the next group has the same resolution, and is not the end.
    assert group_ends(network) == ["group1", "group2", "group3"]


@pytest.mark.parametrize("name", ["resnet20", "compact_8"])
def test_a_network_of_three_groups_has_three_ends(name):
    network = models.build(name, (32, 32, 3), 10)
    assert [shape[:2] for shape in shapes(network)] == [(32, 32), (16, 16), (8, 8)]


def _source(network, name):
    return producing_layer(network.get_layer(name).input)


def test_nested_networks_and_layers_called_twice_are_skipped():
    inputs = keras.Input((8, 8, 1))
    twice = layers.Conv2D(1, 3, padding="same")
    inner = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3)])
    x = inner(twice(twice(layers.Conv2D(1, 1, name="own")(inputs))))
    network = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    assert group_ends(network) == ["own"]


def test_group_ends_of_a_network_that_was_extended_or_loaded(tmp_path):
    plain = small_classifier(batch_norm=True)
    grown = keras.Sequential([keras.Input((8, 8, 1))])
    for layer in plain.layers:
        grown.add(layer)
    plain.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    extended = keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(2.0), *plain.layers])
    for network in (plain, grown, loaded, extended):
        assert group_ends(network) == [network.get_layer(plain.layers[1].name).name]
        tensors = layer_outputs(network, group_ends(network), "student_layers")
        inner = keras.Model(network.inputs[0], tensors)
        images = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("f4")
        scaled = 2 * images if network is extended else images
        expected = plain.layers[1](plain.layers[0](scaled))
        np.testing.assert_allclose(inner(images), expected, rtol=1e-5)


def test_a_layer_that_is_called_twice_cannot_be_named():
    inputs = keras.Input((8, 8, 1))
    twice = layers.Conv2D(1, 3, padding="same", name="twice")
    network = keras.Model(inputs, layers.Flatten()(twice(twice(inputs))))
    with pytest.raises(InputError, match="`teacher_layers`.*'twice', called 2 times"):
        layer_outputs(network, ["twice"], "teacher_layers")


def test_outputs_are_those_of_the_named_layers():
    network = small_classifier(batch_norm=True)
    convolution = network.layers[0]
    tensors = layer_outputs(network, [convolution.name, "hidden"], "teacher_layers")
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("f4")
    maps, hidden = keras.Model(network.inputs[0], tensors)(images)
    np.testing.assert_allclose(maps, convolution(images), rtol=1e-6)
    assert hidden.shape == (2, 8)


def test_layers_are_paired_by_group_or_by_name():
    teacher, student = (models.build(f"lenet5{end}", (32, 32, 1), 10) for end in ("", "_half"))
    of_teacher, of_student = pair_layers(teacher, student)
    assert of_teacher == group_ends(teacher) and of_student == group_ends(student)
    assert len(of_student) == 3
    names = of_teacher[2:0:-1], of_student[:2]
    assert pair_layers(teacher, student, *names) == names


def test_the_layers_of_one_network_alone_can_be_named():
    teacher = models.build("resnet34", (32, 32, 3), 10)
    student = models.build("compact_4", (32, 32, 3), 10)
    ends = group_ends(teacher)
    assert pair_layers(teacher, student, ends[:3]) == (ends[:3], group_ends(student))


class Subclassed(keras.Model):
    def call(self, inputs, training=False):
        return inputs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["nothing"], []), "`teacher_layers` to name layers of .*Received: 'nothing'"),
        (([], ["nothing"]), "`student_layers` to name layers of .*Received: 'nothing'"),
        ((["conv", "wide"], []), "as many layers.*conv, wide and conv.*`teacher_layers`"),
        (([], ["conv", "wide"]), "as many layers.*conv and conv, wide.*`student_layers`"),
        (
            (["hidden"], []),
            "`teacher_layers` to name layers with feature maps.*'hidden' with \\(8,\\)",
        ),
        (
            ([], ["hidden"]),
            "`student_layers` to name layers with feature maps.*'hidden' with \\(8,\\)",
        ),
    ],
)
def test_an_error_names_the_argument(arguments, message):
    network = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(2, 3, padding="same", name="wide"),
            layers.Conv2D(4, 3, padding="same", name="conv"),
            layers.Flatten(),
            layers.Dense(8, name="hidden"),
        ]
    )
    with pytest.raises(InputError, match=message) as caught:
        pair_layers(network, keras.models.clone_model(network), *arguments)
    assert "\n" not in str(caught.value)


def test_a_network_without_feature_maps_has_no_layers_to_pair():
    dense = models.build("mlp", (8, 8, 1), 3)
    assert group_ends(dense) == []
    with pytest.raises(InputError, match="none and .*`teacher_layers` and `student_layers`"):
        pair_layers(dense, small_classifier())
    with pytest.raises(InputError, match="Received: none and none"):
        pair_layers(dense, dense)


def test_a_network_that_is_not_a_graph_has_no_layers_to_name():
    with pytest.raises(InputError, match="`student_layers`.*none that can be read.*'hidden'"):
        layer_outputs(Subclassed(), ["hidden"], "student_layers")
    with pytest.raises(InputError, match="functional or sequential.*Subclassed"):
        pair_layers(small_classifier(), Subclassed())
