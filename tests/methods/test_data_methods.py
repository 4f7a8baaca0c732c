"""The baselines with data: which terms, on which layers, in which order."""

import pytest

from dfad_tf import models
from dfad_tf.graphs.layer_outputs import group_ends
from dfad_tf.losses import AttentionTransfer
from dfad_tf.methods import data_methods
from dfad_tf.methods.data_methods import DataSettings
from dfad_tf.utils.errors import InputError


@pytest.fixture(scope="module")
def networks():
    return tuple(models.build(name, (16, 16, 3), 10) for name in ("compact_8", "compact_4"))


def stages(networks, method, **settings):
    return data_methods.stages(method, *networks, DataSettings(**settings))


def terms(stage):
    return {term.name: term.weight for term in stage.objectives}


def test_labels_alone_need_no_teacher(networks):
    (stage,) = data_methods.stages("labels", *networks)
    assert terms(stage) == {"label_loss": 1.0}
    assert stage.teacher_layers == stage.student_layers == ()


def test_knowledge_distillation_shares_its_loss_out(networks):
    (stage,) = stages(networks, "kd", temperature=2.0, logits_weight=0.75)
    assert terms(stage) == {"label_loss": 0.25, "logits_loss": 0.75}
    assert stage.objectives[1].temperature == 2.0


def test_attention_transfer_compares_the_ends_of_all_groups(networks):
    teacher, student = networks
    (stage,) = stages(networks, "at")
    assert terms(stage) == {"label_loss": 1.0, "attention_loss": 1000.0}
    assert stage.teacher_layers == tuple(group_ends(teacher))
    assert stage.student_layers == tuple(group_ends(student))
    assert not stage.objectives[1].attention.squared


def test_the_first_stage_of_fitnet_is_the_hint_in_the_middle_and_the_second_is_kd(networks):
    teacher, student = networks
    first, second = stages(networks, "fitnet", temperature=2.0, logits_weight=0.75)
    assert terms(first) == {"hint_loss": 1.0} and first.objectives[0].halved
    assert first.teacher_layers == (group_ends(teacher)[1],)
    assert first.student_layers == (group_ends(student)[1],)
    assert terms(second) == {"label_loss": 0.25, "logits_loss": 0.75}
    assert second.teacher_layers == second.student_layers == ()


def test_factor_transfer_prepares_its_paraphraser_on_the_last_pair(networks):
    teacher, student = networks
    first, second = stages(networks, "ft", factor_weight=20.0, factor_rate=0.25)
    assert terms(first) == {"reconstruction_loss": 1.0}
    assert terms(second) == {"label_loss": 1.0, "factor_loss": 20.0}
    assert first.teacher_layers == second.teacher_layers == (group_ends(teacher)[-1],)
    assert first.student_layers == () and second.student_layers == (group_ends(student)[-1],)
    assert second.objectives[1].paraphraser is first.objectives[0].paraphraser
    assert first.objectives[0].paraphraser.output_shape == (None, 4, 4, 8)
    assert first.objectives[0].squared


def test_the_forms_of_the_reference_implementations(networks):
    (hint,) = stages(networks, "fitnet", reference_forms=True, hint_weight=30.0)
    assert terms(hint) == {"label_loss": 1.0, "hint_loss": 30.0}
    assert not hint.objectives[1].halved
    (attention,) = stages(networks, "at", reference_forms=True)
    assert attention.objectives[1].attention.squared
    assert not stages(networks, "ft", reference_forms=True)[0].objectives[0].squared


def test_named_layers_are_taken(networks):
    theirs, ours = (group_ends(network)[:2] for network in networks)
    named = {"teacher_layers": tuple(theirs), "student_layers": tuple(ours)}
    attention = AttentionTransfer(5.0)
    (stage,) = stages(networks, "at", attention=attention, **named)
    assert (stage.teacher_layers, stage.student_layers) == (tuple(theirs), tuple(ours))
    assert stage.objectives[1].weight == 5.0
    assert stages(networks, "ft", **named)[0].teacher_layers == (theirs[-1],)
    one = {"teacher_layers": (theirs[0],), "student_layers": (ours[0],)}
    assert stages(networks, "fitnet", **one)[0].teacher_layers == (theirs[0],)


@pytest.mark.parametrize("method", ["fitnet", "at", "ft"])
def test_layers_that_do_not_exist_or_do_not_match_are_refused(networks, method):
    with pytest.raises(InputError, match="teacher_layers.* to name.*'nothing'"):
        stages(networks, method, teacher_layers=("nothing",))
    with pytest.raises(InputError, match="as many layers"):
        stages(networks, method, student_layers=(group_ends(networks[1])[0],))


def test_factors_of_maps_that_differ_in_size(networks):
    theirs, ours = (tuple(group_ends(network)) for network in networks)
    with pytest.raises(InputError, match="the same size, for factor transfer"):
        stages(networks, "ft", teacher_layers=theirs[:2], student_layers=ours[1:])


def test_an_unknown_method(networks):
    with pytest.raises(InputError, match="Unknown method.*Did you mean 'fitnet'"):
        data_methods.stages("fitnets", *networks)
