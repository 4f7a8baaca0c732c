"""The command that times a step: its flags, its output, and runs of another program."""

import json
import shlex
import socket
import subprocess
import sys

import pytest
import tensorflow_datasets as tfds

from dfad_tf import benchmark
from dfad_tf.distillation import step_timing
from dfad_tf.experiments import step_benchmark
from dfad_tf.utils.errors import InputError
from tests.conftest import small_classifier
from tests.helpers.command import parse, run

NETWORKS = ("--teacher_model=lenet5", "--student=mlp", "--precision=float32")
SMALL = (*NETWORKS, "--batch_size=8", "--student_steps=1", "--iterations=2")


def benchmarked(*arguments):
    run(*arguments, main=benchmark.main)


@pytest.fixture
def small_product(monkeypatch):
    monkeypatch.setattr(
        step_benchmark, "seconds_of_product", lambda dtype, side, rounds: 2 * side**3 / 1e12
    )


@pytest.fixture
def canned(monkeypatch):
    """A benchmark without any work, of 2 s per step; the benchmarked distillers are returned."""
    asked = []

    def step_seconds(distiller, batch_size, steps):
        asked.append(distiller)
        return [9.0, 8.0] + [2.0] * steps

    monkeypatch.setattr(step_benchmark, "step_seconds", step_seconds)
    monkeypatch.setattr(step_benchmark, "timed_parts", lambda *_: {})
    monkeypatch.setattr(step_benchmark, "seconds_of_product", lambda *_: 1.0)
    return asked


@pytest.mark.slow
def test_a_benchmark_prints_a_table_and_writes_its_numbers(small_product, tmp_path, capsys):
    file = tmp_path / "result.json"
    benchmarked(
        *SMALL, "--dataset=digits", f"--json={file}", "--rounds=2",
        "--compare=echo '1.5 s an iteration'",
    )  # fmt: skip
    output, result = capsys.readouterr().out, json.loads(file.read_text())
    for words in (
        "lenet5 → mlp",
        "batch 8, float32, graph",
        "generator step",
        "1.500 s the other program",
    ):
        assert words in output
    assert (result["teacher"], result["student"], result["method"]) == (
        "lenet5", "mlp", "proposed",
    )  # fmt: skip
    assert result["batch_size"] == 8 and result["iterations"] == len(result["seconds"]) == 2
    assert 0 < result["share_of_peak"] < 2
    assert result["seconds_to_first_step"] < result["seconds_to_compiled_step"]
    assert {"tensorflow", "keras", "processor"} <= result["versions"].keys()
    compare = result["compare"]
    assert compare["other_seconds"] == [1.5, 1.5] and len(compare["seconds"]) == 2
    assert compare["seconds"][0] == result["seconds_per_iteration"]
    assert compare["ratio"] == pytest.approx(1.5 / (sum(compare["seconds"]) / 2))


def test_with_a_dash_only_the_numbers_are_printed(canned, capsys):
    benchmarked(*SMALL, "--json=-")
    result = json.loads(capsys.readouterr().out)
    assert result["seconds_per_iteration"] == 2.0 and "compare" not in result


@pytest.mark.slow
def test_the_flags_of_a_run_reach_the_step(canned):
    benchmarked(
        "--teacher_model=lenet5", "--student=lenet5_half", "--generator=dense",
        "--method=dfad+interpolation", "--precision=mixed_bfloat16", "--seed=5", "--jit_compile",
        "--memory_size=30", "--memory_share=0.5", "--student_steps=2", "--steps_per_execution=2",
        "--image_shape=32,32,3",
    )  # fmt: skip
    (distiller,) = canned
    assert distiller.teacher.input_shape == (None, 32, 32, 3)
    assert (distiller.teacher.name, distiller.student.name) == ("lenet5", "lenet5_half")
    assert distiller.generator.name == "dense"
    assert distiller.method.name == "dfad+interpolation+memory"
    assert distiller.student_form.compute_dtype == "bfloat16"
    assert (distiller.seed, distiller.jit_compile, distiller.steps_per_execution) == (5, True, 2)
    assert distiller.sampler.memory.size == 30 and distiller.sampler.method.memory_share == 0.5
    assert distiller.method.student_steps == 2


def test_the_generator_has_the_name_of_its_flag(canned, capsys):
    benchmarked(*SMALL, "--generator=Compact-32")
    assert "generator 'compact_32'" in capsys.readouterr().out


def test_it_needs_no_data(canned, tmp_path, monkeypatch):
    def refuse(*arguments, **_):
        raise AssertionError("a benchmark loads data")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    benchmarked(*SMALL, "--dataset=cifar100", f"--data_dir={tmp_path}")
    assert canned[0].teacher.output_shape == (None, 100)
    assert canned[0].teacher.input_shape == (None, 32, 32, 3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_user_supplied_teacher_is_timed(canned, tmp_path):
    small_classifier((9, 10, 2), classes=4, batch_norm=True).save(tmp_path / "mine.keras")
    benchmarked(f"--teacher={tmp_path / 'mine.keras'}", "--student=compact_4")
    assert canned[0].teacher.input_shape == (None, 9, 10, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json=missing/result.json"], "--json.*missing"),
        (["--compare="], "--compare to be a command. Received an empty one"),
        (["--compare=  "], "--compare to be a command"),
        (["--method=proposd"], "Did you mean 'proposed'"),
        (["--dataset=cifr10"], "Did you mean 'cifar10'"),
        (["--precision=half"], "--precision"),
        (["--teacher=absent.keras"], "--teacher.*absent"),
    ],
)
def test_invalid_flags_are_reported_before_any_work(
    canned, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message) as caught:
        benchmarked(*SMALL, *arguments)
    assert "\n" not in str(caught.value)
    assert canned == [] and list(tmp_path.iterdir()) == []


def shell(script):
    """A command of the shell, as one argument of --compare."""
    return f"--compare={shlex.join(['sh', '-c', script])}"


def test_both_programs_run_in_turn(canned, monkeypatch, tmp_path):
    log, here = tmp_path / "log", iter([4.0, 0.5])

    def seconds_per_step(distiller, batch_size, steps):
        assert (distiller, batch_size, steps) == (canned[0], 8, 2)
        log.write_text(log.read_text() + "here\n")
        return next(here)

    monkeypatch.setattr(step_timing, "seconds_per_step", seconds_per_step)
    file = tmp_path / "result.json"
    script = f"echo there >> {log}; echo 9 s an iteration; echo $(wc -l < {log}).5 s an iteration"
    benchmarked(*SMALL, "--rounds=3", f"--json={file}", shell(script))
    assert log.read_text().split() == ["there", "here", "there", "here", "there"]
    compare = json.loads(file.read_text())["compare"]
    assert compare["seconds"] == [2.0, 4.0, 0.5]
    # Its last such line counts.
    assert compare["other_seconds"] == [1.5, 3.5, 5.5]
    assert compare["ratio"] == 3.5 / 2.0
    assert compare["command"] == shlex.join(["sh", "-c", script])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("compare", "message"),
    [
        (shell("echo 1.5 s an iteration; echo out of memory >&2; exit 3"), "3.*out of memory"),
        (shell("true"), "status 0, and at the end: nothing"),
        (shell("echo 1.5 seconds; echo done"), "status 0, and at the end: done"),
        (shell("echo 1.5 s an iteration >&2"), "status 0"),
        ("--compare=/no/such/program --fast", "--compare could not be run.*/no/such/program"),
    ],
)
def test_a_failure_of_the_other_program_is_reported_in_one_line(canned, compare, message):
    with pytest.raises(InputError, match=message) as caught:
        benchmarked(*SMALL, compare)
    assert "\n" not in str(caught.value) and "--compare" in str(caught.value)


def test_an_unclosed_quotation_mark_is_reported_in_one_line(canned):
    with pytest.raises(InputError, match="--compare"):
        benchmarked(*SMALL, "--compare=echo 'a")


def test_the_other_programs_output_may_have_any_encoding(canned, tmp_path):
    file = tmp_path / "result.json"
    script = r"printf '\377\n1.5 s an iteration\n'"
    benchmarked(*SMALL, "--rounds=1", f"--json={file}", shell(script))
    assert json.loads(file.read_text())["compare"]["other_seconds"] == [1.5]


@pytest.mark.parametrize(("printed", "seconds"), [("8e-05", 8e-5), (".5", 0.5)])
def test_every_notation_of_a_number_is_read(canned, tmp_path, printed, seconds):
    file = tmp_path / "result.json"
    benchmarked(*SMALL, "--rounds=1", f"--json={file}", shell(f"echo {printed} s an iteration"))
    assert json.loads(file.read_text())["compare"]["other_seconds"] == [seconds]


@pytest.mark.slow
def test_the_shell_receives_only_json():
    # In float32, because a device that emulates bfloat16 takes minutes for the matrix product.
    command = [sys.executable, "-m", "dfad_tf.benchmark", *SMALL, "--json=-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["student"] == "mlp" and done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--json=missing/result.json", "Expected --json"),
        ("--compare=", "Expected --compare"),
        (shell("exit 3"), "Expected the command of --compare"),
        ("--compare=/no/such/program", "--compare could not be run"),
        ("--memory_share=2", "flag --memory_share"),
        ("--method=kd", "Expected --method to be a method without data"),
    ],
)
def test_errors_are_one_line_and_a_status(canned, monkeypatch, capsys, argument, message):
    parse(recipe=False)
    monkeypatch.setattr(sys, "argv", ["benchmark", *SMALL, argument])
    with pytest.raises(SystemExit) as left:
        benchmark.run()
    assert left.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith(f"benchmark: error: {message}")
    assert len(printed.err.splitlines()) == 1
