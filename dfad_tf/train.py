"""Distill a student from a teacher, without data or with it: `python -m dfad_tf.train`.

Without --teacher, a teacher of the data set's recipe is trained first and kept for later runs.
"""

# Keras and TensorFlow are imported inside the functions: a mistake among the flags is reported
# before they load.

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from absl import flags

from dfad_tf.command_line import all_training_flags, application

if TYPE_CHECKING:
    import pathlib

    import tensorflow as tf

    from dfad_tf.runs.data_free_run import DataFreeRun
    from dfad_tf.runs.records import DistillationResult, RunData
    from dfad_tf.runs.supervised_run import SupervisedRun

FLAGS = flags.FLAGS
for module in all_training_flags.MODULES:
    flags.adopt_module_key_flags(module)  # --help shows the flags of a command's own modules


def main(arguments: list[str]) -> None:
    """Flags → teacher, student, method → distillation → evaluation → export → run folder."""
    del arguments
    begin = time.monotonic()
    from dfad_tf.command_line import distributed

    # First, since TensorFlow configures devices and workers only before its first operation.
    strategy = distributed.strategy_from_flags()
    with distributed.as_worker(strategy):
        _run(strategy, begin)


def _run(strategy: tf.distribute.Strategy, begin: float) -> None:
    import keras

    from dfad_tf.command_line import flag_checks, planning, run_builder, teacher_builder
    from dfad_tf.compute import strategies
    from dfad_tf.runs import deployable_files, interrupted_run, run_folder, workers
    from dfad_tf.runs.records import RunData
    from dfad_tf.utils.files import write_text

    flag_checks.check_names()
    flag_checks.check_shares(strategy.num_replicas_in_sync)
    interrupted = run_builder.find_interrupted_run()
    if interrupted is None:
        run_folder.check_run_folder(FLAGS.workdir)
    dataset = teacher_builder.dataset_from_flags()
    if not FLAGS.teacher:  # it may be trained for hours
        flag_checks.check_method_fits()
    if dataset and teacher_builder.teacher_is_missing(dataset):
        planning.announce_teacher_training(dataset)
    with workers.chief_first(strategy):
        # On one device, so that its recipe stands for one teacher whatever the devices are.
        teacher = teacher_builder.teacher_from_flags(dataset, run_builder.verbosity())
    run_builder.fix_precision()
    with strategy.scope():
        replicated = teacher
        if strategy.num_replicas_in_sync > 1:  # loaded once more, on all devices
            replicated = teacher_builder.teacher_from_flags(dataset, 0)
        keras.utils.set_random_seed(FLAGS.seed)
        run = run_builder.run_from_flags(strategy, dataset, replicated)
    planning.announce(planning.whole(run.plan()), resumes=interrupted is not None)
    test = teacher_builder.measuring_images(dataset, teacher)
    data = RunData(teacher, dataset, test, teacher_builder.probe_pixels(teacher))
    label = f"{dataset.name if dataset else 'own'}_{run.name}_seed{FLAGS.seed}"
    folder = interrupted
    if folder is None:
        folder = run_folder.create_run_folder(FLAGS.workdir, label.replace("/", "_"))
    with interrupted_run.locked(folder, resumes=interrupted is not None):
        write_text(folder / interrupted_run.FLAG_FILE, run_builder.flags_text())
        done = run.run(folder, data.test)
        exports = None
        with workers.chief_first(strategy):
            if strategies.is_chief(strategy):
                result = _finish(folder, run, done, data)
                _report(folder, result, begin)
                exports = result["exports"]
        interrupted_run.finish(folder)
    deployable_files.check_complete(exports, folder)


def _finish(
    folder: pathlib.Path, run: DataFreeRun | SupervisedRun, done: DistillationResult, data: RunData
) -> dict[str, Any]:
    """Save, evaluate, draw and export; return the content of `result.json`."""
    from dfad_tf.command_line import run_builder
    from dfad_tf.runs import deployable_files, measurements, run_plots, saved_networks
    from dfad_tf.runs import trust_of_run as trust
    from dfad_tf.runs.stage_clock import StageClock
    from dfad_tf.utils.files import write_json

    student, replicas = run.student, run.student.distribute_strategy.num_replicas_in_sync
    # Saved before anything is measured: these files are the result of hours.
    saved_networks.save_networks(folder, student, done, data.teacher)
    if replicas > 1:  # what follows runs on one device, and on one worker
        student = saved_networks.on_one_device(folder, done)
    measurements.check_healthy(done, folder)
    clock = StageClock(done)
    measured = measurements.measure(student, done.generator, data)
    clock.end("measuring")
    result = measurements.record(student, done, data, run.settings, measured)
    result["replicas"] = replicas
    write_json(folder / "result.json", result)  # what was measured is safe
    result["trust"] = trust.examine(
        folder, student, done, data, run.settings, run_builder.second_run_from_flags
    )
    clock.end("trust report")
    if run.settings.plots:
        run_plots.draw(folder, done, data, run.settings, result)
        clock.end("pictures")
    write_json(folder / "result.json", result)
    source = deployable_files.DeployableStudent(student, done.generator, data)
    result["exports"] = deployable_files.write_deployable_files(
        folder, run_builder.export_formats(), source, result
    )
    clock.end("export")
    result["stage_seconds"] = clock.seconds
    return result


def _report(folder: pathlib.Path, result: dict[str, Any], begin: float) -> None:
    """Write `result.json` with the total time, and print the summary."""
    from dfad_tf.runs import summary
    from dfad_tf.utils.files import write_json

    result["total_seconds"] = time.monotonic() - begin
    write_json(folder / "result.json", result)
    present = {name: text for name, text in summary.FILES.items() if (folder / name).exists()}
    print(summary.summary(result, str(folder), present))


def run() -> None:
    """Entry point of the command `dfad-train`."""
    application.run(main)


if __name__ == "__main__":
    run()
