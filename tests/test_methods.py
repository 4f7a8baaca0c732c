"""Each row of the table is the composition that its paper describes."""

import keras
import numpy as np
import pytest

from dfad_tf import methods, names
from dfad_tf.errors import InputError
from dfad_tf.interpolation import VirtualInterpolation
from dfad_tf.methods import METHODS, Method, Settings
from dfad_tf.objectives import AdversarialDiscrepancy

SETTINGS = Settings(logits_activation_weight=0.3, representation_activation_weight=0.2)
ADDITIONS = {
    "dfad": (set(), False),
    "dfad+activation": ({"logits_activation", "representation_activation"}, False),
    "dfad+interpolation": (set(), True),
    "proposed": ({"logits_activation", "representation_activation"}, True),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_row_has_its_additions_and_no_others(name):
    method = methods.get(name, SETTINGS)
    terms = {term.name: term.weight for term in method.generator_objectives}
    additions, interpolated = ADDITIONS[name]
    assert set(terms) == {"adversarial_discrepancy"} | additions
    assert terms.get("logits_activation", 0.3) == 0.3
    assert terms.get("representation_activation", 0.2) == 0.2
    assert (method.interpolation is not None) == interpolated
    assert method.needs_features == bool(additions)


def test_a_weight_of_zero_leaves_its_term_out():
    method = methods.get("proposed", Settings(representation_activation_weight=0.0))
    assert not method.needs_features
    balanced = Settings(information_entropy_weight=0.5)
    terms = methods.get("proposed", balanced).generator_objectives
    assert terms[-1].name == "information_entropy" and terms[-1].weight == 0.5
    assert len(methods.get("dfad", balanced).generator_objectives) == 1  # Eq. 1 and no more


def test_the_generator_may_ascend_another_discrepancy():
    method = methods.get("dfad", Settings(discrepancy="mae", generator_discrepancy="kl"))
    assert isinstance(method.discrepancy, keras.losses.MeanAbsoluteError)
    assert method.generator_objectives[0].discrepancy.name == "kullback_leibler_discrepancy"


@pytest.mark.parametrize("name", METHODS)
def test_serialization(name):
    method = methods.get(name, SETTINGS)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(method))
    assert again.get_config() == method.get_config()


@pytest.mark.parametrize("name", METHODS)
def test_any_row_may_have_a_memory_and_its_configuration_has_it(name):
    assert (methods.get(name).memory_size, methods.get(name).memory_share) == (0, 1.0)
    method = methods.get(name, Settings(memory_size=64, memory_share=0.25))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(method))
    for each in (method, again):
        assert (each.memory_size, each.memory_share) == (64, 0.25)


@pytest.mark.parametrize(
    ("settings", "images"),
    [
        ({}, 8 + 3 * 8),
        ({"memory_size": 9}, 8),
        ({"memory_size": 9, "memory_share": 0.5}, 8 + 3 * 4),
        ({"memory_size": 9, "memory_share": 0.3}, 8 + 3 * 6),  # 2.4 of 8 are 2
        ({"memory_share": 0.5}, 8 + 3 * 8),  # of no memory
        ({"interpolation": VirtualInterpolation(share=0.5)}, 8 + 3 * 8),
        ({"interpolation": VirtualInterpolation(partner="fresh")}, 8 + 3 * 16),
        (
            {"interpolation": VirtualInterpolation(partner="fresh", share=0.25), "memory_size": 9},
            8 + 3 * 2,
        ),
    ],
)
def test_the_images_of_a_step_are_the_students_and_the_generators_own(settings, images):
    method = methods.get("proposed", Settings(student_steps=3, **settings))
    assert method.images_per_step(8) == images


@pytest.mark.parametrize(
    "arguments",
    [
        {"memory_size": -1},
        {"memory_size": 9, "memory_share": 0.0},
        {"memory_size": 9, "memory_share": 1.5},
        {"memory_size": 9, "memory_share": np.nan},
    ],
)
def test_a_memory_that_cannot_be_is_refused(arguments):
    given = ", ".join(f"{name}={value}" for name, value in arguments.items())
    with pytest.raises(ValueError, match=given):
        methods.get("dfad", Settings(**arguments))


def test_errors():
    with pytest.raises(InputError, match="Did you mean 'dfad\\+activation'"):
        methods.get("dfad+activatin")
    with pytest.raises(ValueError, match="student_steps=0"):
        methods.get("dfad", Settings(student_steps=0))
    with pytest.raises(ValueError, match="at least one generator objective"):
        Method(keras.losses.MeanAbsoluteError(), ())
    own = Method(keras.losses.MeanSquaredError(), (AdversarialDiscrepancy("mse"),))
    assert methods.get(own) is own


def test_names_do_not_mind_dashes_and_capitals():
    assert names.look_up({"wrn_16_1": 1}, "WRN-16-1", "network") == 1
    with pytest.raises(InputError, match="expected one of a, b. Received: 'zzz'.$"):
        names.look_up({"b": 1, "a": 2}, "zzz", "thing")
