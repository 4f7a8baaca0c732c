"""The recipes in flags/: valid flag files with a description."""

import pathlib

import pytest

from dfad_tf.command_line import arguments as command_arguments
from dfad_tf.command_line import flag_checks, flag_groups
from tests.helpers.command import parse

FOLDER = pathlib.Path(__file__).parent.parent.parent / "flags"
RECIPES = sorted(FOLDER.glob("*.flags"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_can_be_parsed_and_its_names_exist(path):
    parse(f"--flagfile={path}")
    flag_checks.check_names()
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#") and "python -m dfad_tf.train" in text


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_sets_no_flag_twice(path):
    lines = [line.split("=")[0] for line in path.read_text().splitlines() if line[:2] == "--"]
    assert len(lines) == len(set(lines))


def test_the_command_line_overrides_the_recipe_of_the_data_set():
    values = parse("--dataset=cifar10", "--epochs=3")
    assert (values.teacher_model, values.student, values.epochs) == ("resnet34", "resnet18", 3)
    assert values.optimizer == "sgd" and values.weight_decay == 5e-4


def test_the_recipe_of_dfad_has_no_setting_of_the_proposed_method():
    values = parse(f"--flagfile={FOLDER / 'mnist_dfad.flags'}")
    assert values.information_entropy_weight == 0 and values.interpolation_weight == 1
    assert values.student_initialization == "random" and values.optimizer == "sgd"


def test_without_flags_the_data_set_is_digits():
    assert parse().dataset == "digits"


def test_a_supplied_teacher_has_its_recipe_also_beside_a_data_set():
    values = parse("--teacher=mine.keras", "--dataset=cifar10")
    assert values.student == "auto" and values.dataset == "cifar10"
    plain = parse("--teacher=mine.keras", f"--flagfile={FOLDER / 'own_teacher_paper.flags'}")
    assert plain.student == "compact" and not plain.procedural_share and not plain.label_weight


def test_a_data_set_without_a_recipe_has_the_general_one():
    assert parse("--dataset", "beans").student == "compact"


def test_the_data_set_in_a_flag_file_selects_the_recipe(tmp_path):
    (tmp_path / "mine.flags").write_text("--dataset=cifar100\n--epochs=2\n")
    values = parse(f"--flagfile={tmp_path / 'mine.flags'}")
    assert (values.student, values.epochs) == ("resnet18", 2)


def test_the_recorded_flags_of_a_run_set_the_same_values(tmp_path):
    values = parse("--dataset=cifar10", "--seed=4", "--input_mean=1,2,3", "--workdir=x")
    found = flag_groups.defined_in(flag_groups.RUN)
    text = command_arguments.flags_text(found, skip=["workdir"])
    assert "workdir" not in text
    (tmp_path / "flags.flags").write_text(text)
    before = {f.name: values[f.name].value for f in found if f.name != "workdir"}
    again = parse(f"--flagfile={tmp_path / 'flags.flags'}")
    assert before == {name: again[name].value for name in before}


def test_with_data_the_student_of_a_supplied_teacher_is_trained_by_the_data_sets_recipe():
    values = parse("--teacher=mine.keras", "--dataset=cifar10", "--method=kd")
    assert values.teacher_epochs == 200 and values.teacher_optimizer == "sgd"
    assert values.student == "compact"  # as without data
    assert parse("--teacher=mine.keras", "--dataset=cifar10").teacher_epochs == 10
