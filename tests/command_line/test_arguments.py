"""Command lines are expanded before they are parsed: flag files, old names, empty values."""

import pytest

from dfad_tf.command_line import arguments as command_arguments
from dfad_tf.utils.errors import InputError
from tests.helpers.command import FLAGS, parse


def test_a_recipe_is_found_by_its_bare_name():
    values = parse("--flagfile=cifar10_smoke.flags")
    assert (values.teacher_model, values.student, values.images) == (
        "compact_8", "compact_4", 23040,
    )  # fmt: skip
    assert parse("--flagfile=cifar10_smoke").images == 23040


def test_a_file_of_that_name_takes_precedence_over_the_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cifar10_smoke.flags").write_text("--epochs=3\n")
    assert parse("--flagfile=cifar10_smoke.flags").epochs == 3


def test_an_old_flag_name_sets_the_new_flag_and_prints_its_name(tmp_path, capsys):
    assert parse("--most_restores=3").max_restores == 3
    assert capsys.readouterr().err == "--most_restores is an old name of --max_restores.\n"
    (tmp_path / "old.flags").write_text("--most_restores=2\n")  # as a run of 0.5.0 wrote it
    assert parse(f"--flagfile={tmp_path / 'old.flags'}").max_restores == 2


def test_precision_is_renamed_for_to_tflite_alone():
    arguments = ["to_tflite.py", "--precision=int8", "--model=x"]
    expanded = command_arguments.expanded(arguments, "to_tflite")
    assert expanded[1:] == ["--formats=int8", "--model=x"]
    assert command_arguments.expanded(["train.py", "--precision=float32"])[1:] == [
        "--precision=float32"
    ]


def test_a_flag_file_that_cannot_be_read_is_reported_by_its_flag():
    with pytest.raises(InputError, match="Expected --flagfile to be .*No such file.*absent.flags"):
        parse("--flagfile=absent.flags")


@pytest.mark.parametrize("name", ["teacher", "dataset", "student"])
def test_an_empty_value_is_reported_by_its_flag(name):
    with pytest.raises(InputError, match=f"Expected --{name} to have a value"):
        parse(f"--{name}=")


def test_no_value_remains_of_the_parse_that_finds_the_recipes():
    parse("--dataset=mnist", "--epochs=3")
    parse("--dataset=mnist")
    assert FLAGS.epochs == 8  # the recipe's
