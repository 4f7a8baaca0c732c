"""`--help` groups the flags and shows the values in effect; `--list` prints names."""

import re

import pytest

from dfad_tf import benchmark, compare, evaluate, train
from dfad_tf.command_line import application, help_text
from dfad_tf.methods import METHODS
from tests.helpers.command import FLAGS, parse

TITLES = ["Data", "Teacher", "Student", "Method", "Training", "Trust", "Output"]


def groups(text):
    return re.findall(r"^(\w[\w ]*):$", text, re.MULTILINE)


def test_the_flags_of_train_are_in_groups_and_each_is_described():
    parse()
    text = help_text.help_text(train)
    assert groups(text) == TITLES
    entries = re.findall(
        r"^  --(?:\[no\])?(\w+)(?: \[.*?\])?(?: <.*>)?\n((?:      .*\n)+)", text, re.MULTILINE
    )
    described = {name: " ".join(body.split()) for name, body in entries}
    expected = {f.name for f in FLAGS.get_key_flags_for_module("dfad_tf.train")}
    assert set(described) == expected and len(expected) > 60
    assert all(sentence.endswith(".") for sentence in described.values())


def test_help_shows_the_values_of_the_recipe():
    parse("--dataset=cifar10")
    assert "--teacher_model [resnet34]" in help_text.help_text(train)
    parse("--dataset=mnist")
    assert "--teacher_model [lenet5]" in help_text.help_text(train)


def test_another_command_shows_its_own_flags_alone():
    assert "--model" in help_text.help_text(evaluate)
    assert "--teacher_epochs" not in help_text.help_text(evaluate)
    assert "--batch_size" in help_text.help_text(benchmark)
    assert "--backup_every" not in help_text.help_text(benchmark)
    assert "--methods" in help_text.help_text(compare)
    assert "  --method " not in help_text.help_text(compare)


@pytest.mark.parametrize("switch", ["--help", "-h", "--helpshort"])
def test_help_ends_the_command_with_status_0(switch, capsys):
    with pytest.raises(SystemExit) as end:
        application._parse(["train.py", switch, "--dataset=mnist"], train)
    assert end.value.code == 0 and "--dataset [mnist]" in capsys.readouterr().out


def test_a_mistake_beside_help_is_still_reported(capsys):
    with pytest.raises(SystemExit) as end:
        application._parse(["train.py", "--help", "--lerning_rate=1"], train)
    assert end.value.code == 2 and "learning_rate" in capsys.readouterr().err


def test_list_names_every_method_and_recipe():
    text = help_text.list_text()
    for name in (*METHODS, "kd", "cifar10_smoke", "lenet5_half", "digits", "compact_32"):
        assert name in text
