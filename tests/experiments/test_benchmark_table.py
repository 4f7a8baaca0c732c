"""The table of a benchmark shows its numbers."""

import pytest

from dfad_tf.experiments.benchmark_table import table


@pytest.fixture
def result():
    return {
        "teacher": "lenet5",
        "student": "lenet5_half",
        "generator": "compact_32",
        "method": "proposed",
        "jit_compile": False,
        "batch_size": 64,
        "iterations": 3,
        "compute_dtype": "bfloat16",
        "seconds_per_iteration": 0.5,
        "seconds": [0.625, 0.5, 0.375],
        "student_steps": 5,
        "images_per_iteration": 6173,
        "images_per_second": 12345.6,
        "parts": {
            "student forward": {"seconds": 0.05, "times": 5},
            "generator step": {"seconds": 0.1275, "times": 1},
            "rest": {"seconds": 0.1225, "times": 1},
        },
        "flops_per_iteration": 10**11,
        "flops_per_second": 2e11,
        "matrix_flops_per_second": 8e11,
        "share_of_peak": 0.25,
        "peak_memory_bytes": 1500 * 2**20,
        "seconds_to_first_step": 9.25,
        "seconds_to_compiled_step": 9.75,
        "cores": 2,
        "device": "CPU",
    }


def test_the_table_has_every_number(result):
    lines = table(result).splitlines()
    text = "\n".join(" ".join(line.split()) for line in lines)
    for words in (
        "lenet5 → lenet5_half, generator 'compact_32', method 'proposed'",
        "batch 64, bfloat16, graph",
        "2 cores",
        "one iteration 5 student steps and 1 generator step, 6,173 images generated",
        "seconds per iteration 0.500 (median of 3, 0.375 to 0.625)",
        "images per second 12,346 generated",
        "FLOP/s 200 G, 25 % of a large matrix product's 800 G on this CPU",
        "peak memory 1,500 MiB",
        "first step 9.2 s after the start of the process, second step after 9.8 s",
        "student forward 0.050 5 50 %",
        "generator step 0.128 1 26 %",
        "rest 0.122 1 24 %",
    ):
        assert words in text
    assert "alternating" not in text
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize(
    ("seconds", "printed"),
    [
        ([1 / 6, 1 / 6, 1 / 6], ["33 %", "33 %", "34 %"]),  # the rounded shares leave 1 % over
        ([0.3, 0.25, -0.05], ["60 %", "50 %", "-10 %"]),  # the parts overlap in the step
    ],
)
def test_shares_add_up_to_one_hundred(result, seconds, printed):
    names = ("student forward", "generator step", "rest")
    parts = {n: {"seconds": s, "times": 1} for n, s in zip(names, seconds, strict=True)}
    lines = table({**result, "parts": parts}).splitlines()
    shares = [line.split()[-2:] for line in lines if line.endswith(" %")]
    assert [" ".join(share) for share in shares] == printed
    assert sum(int(number) for number, _ in shares) == 100


def test_the_table_reports_xla(result):
    assert ", XLA, 2 cores" in table({**result, "jit_compile": True})


def test_rounds_with_another_program_are_listed_last(result):
    compare = {
        "command": "python other.py",
        "seconds": [0.5, 0.25],
        "other_seconds": [1.0, 2.0],
        "ratio": 4.0,
    }
    lines = [" ".join(line.split()) for line in table({**result, "compare": compare}).splitlines()]
    assert lines[-4:] == [
        "alternating with python other.py",
        "0.500 s this program, 1.000 s the other program",
        "0.250 s this program, 2.000 s the other program",
        "4.00 times as fast as the other program (medians of 2 rounds)",
    ]
