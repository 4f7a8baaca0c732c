"""Time a train step, optionally alternating with another program: `python -m dfad_tf.benchmark`.

Takes the flags of `dfad_tf.train`. It needs neither data nor a trained teacher, because networks
with random weights cost the same.
"""

from __future__ import annotations

import re
import shlex
import statistics
import subprocess
from typing import TYPE_CHECKING, Any

from absl import flags

from dfad_tf.command_line import all_training_flags, application, json_flag
from dfad_tf.utils.errors import InputError

if TYPE_CHECKING:
    from dfad_tf.distillation.distiller import DataFreeDistiller

FLAGS = flags.FLAGS
for module in (*all_training_flags.MODULES, json_flag):
    flags.adopt_module_key_flags(module)  # --help shows the flags of a command's own modules
# It writes no files, and trains for a few steps only.
HIDDEN_FLAGS = (
    "workdir", "resume", "backup_every", "on_collapse", "max_restores", "validation_freq",
    "export", "plots", "verbose", "yes", "trust", "on_distrust", "probe_images",
)  # fmt: skip

flags.DEFINE_integer("iterations", 5, "Train steps timed in each round.", lower_bound=1)
flags.DEFINE_integer(
    "rounds", 3, "With --compare: number of rounds, in each of which both programs run.",
    lower_bound=1,
)  # fmt: skip
flags.DEFINE_string(
    "compare",
    None,
    "Command of another program, with which this one alternates. It must print 'X s an iteration'.",
)
_SECONDS = re.compile(r"(?<![\w.])(\d*\.?\d+(?:[eE][+-]?\d+)?) s an iteration")


def main(arguments: list[str]) -> None:
    """Flags → networks → distiller → seconds, parts and shares → table."""
    del arguments
    json_flag.check()
    command = _command()
    from dfad_tf.command_line import flag_checks, method_builder, run_builder
    from dfad_tf.experiments import benchmark_table, step_benchmark
    from dfad_tf.utils import versions

    flag_checks.check_names()
    if method_builder.needs_data():
        raise InputError(
            "Expected --method to be a method without data, whose train step is timed here. "
            f"Received: {FLAGS.method}"
        )
    distiller = _distiller()
    batch_size = run_builder.batch_size_for(distiller.teacher.input_shape[1:])
    result = {
        "teacher": distiller.teacher.name,
        "student": distiller.student.name,
        "generator": FLAGS.generator.lower().replace("-", "_"),
        "method": distiller.method.name,
        "jit_compile": FLAGS.jit_compile,
        **step_benchmark.benchmark_step(distiller, batch_size, FLAGS.iterations),
        "versions": versions.versions(),
    }
    if command:
        result["compare"] = _compare(
            distiller, command, batch_size, result["seconds_per_iteration"]
        )
    if not json_flag.write_result(result):
        print(benchmark_table.table(result))


def _distiller() -> DataFreeDistiller:
    """Return the distiller that the flags describe, with a teacher that need not be trained."""
    from dfad_tf.command_line import network_builder, run_builder, teacher_builder

    run_builder.fix_precision()
    teacher = teacher_builder.untrained_teacher_from_flags()
    student = network_builder.student_from_flags(teacher)
    FLAGS["student_initialization"].value = "random"  # weights do not change what a step costs
    return run_builder.data_free_run_from_flags(teacher, student).distiller


def _command() -> list[str] | None:
    if FLAGS.compare is None:
        return None
    try:
        command = shlex.split(FLAGS.compare)
    except ValueError as error:  # an unclosed quotation mark
        raise InputError(
            f"Expected --compare to be a command ({error}). Received: {FLAGS.compare}"
        ) from error
    if not command:
        raise InputError("Expected --compare to be a command. Received an empty one.")
    return command


def _compare(
    distiller: DataFreeDistiller, command: list[str], batch_size: int, seconds: float
) -> dict[str, Any]:
    """Alternate between both programs; `seconds` is the first round of this one."""
    from dfad_tf.distillation import step_timing

    here, there = [seconds], [_seconds_of(command)]
    for _ in range(FLAGS.rounds - 1):
        here.append(step_timing.seconds_per_step(distiller, batch_size, FLAGS.iterations))
        there.append(_seconds_of(command))
    return {
        "command": shlex.join(command),
        "seconds": here,
        "other_seconds": there,
        "ratio": statistics.median(there) / statistics.median(here),
    }


def _seconds_of(command: list[str]) -> float:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise InputError(f"--compare could not be run: {error}") from error
    found = _SECONDS.findall(ran.stdout)
    if ran.returncode or not found:
        last = (ran.stderr or ran.stdout).strip().splitlines() or ["nothing"]
        raise InputError(
            "Expected the command of --compare to end with status 0 and to print 'X s an "
            f"iteration'. Received status {ran.returncode}, and at the end: {last[-1][:200]}"
        )
    return float(found[-1])


def run() -> None:
    """Entry point of the command `dfad-benchmark`."""
    application.run(main)


if __name__ == "__main__":
    run()
