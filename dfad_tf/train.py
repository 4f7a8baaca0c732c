"""Distil a student from a teacher, without data or with it: `python -m dfad_tf.train`.

Keras and TensorFlow are imported once the flags are read, so that a slip in one
is answered at once.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
import time
from typing import Any

from absl import flags

from dfad_tf.command_line import application, data_flags, precision_flag, train_flags
from dfad_tf.utils.errors import InputError

FLAGS = flags.FLAGS
for module in (data_flags, precision_flag, train_flags):
    flags.adopt_module_key_flags(module)  # so that --helpshort shows them
# What a run that goes on may be told otherwise than the one that was cut.
_FREE_FLAGS = (
    *("resume", "backup_every", "verbose", "data_dir", "teacher_cache"),
    *("strategy", "replicas"),
)
_FILES = {
    "student.keras": "the student: a plain Keras model, the teacher's input to logits",
    "generator.keras": "the generator: noise to images in the teacher's input range",
    "teacher.keras": "the teacher that was trained here",
    "curves.png": "losses, class coverage and accuracy against epochs",
    "samples.png": "generated images, each under the teacher's label",
    "history.csv": "what fit logged, epoch by epoch, and the images and seconds spent",
    "tensorboard": "the same and sample images, for `tensorboard --logdir`",
    "export": "the student for a phone, with a model card: start at card.md",
    "result.json": "this summary as data, with versions",
    "flags.flags": "the settings: run again with --flagfile=…/flags.flags",
}


def main(arguments: list[str]) -> None:
    """Flags → teacher, student → a distillation → evaluate → export → a folder."""
    del arguments
    begin = time.monotonic()
    from dfad_tf.runs import workers

    # First of all: TensorFlow takes devices and other workers only before it has done anything.
    strategy = workers.strategy_from_flags()
    with workers.part_of(strategy):
        _run(strategy, begin)


def _run(strategy: Any, begin: float) -> None:
    import keras

    from dfad_tf.command_line import builders, flag_checks
    from dfad_tf.compute import strategies
    from dfad_tf.runs import deployable_files, interrupted_run, run_folder, workers
    from dfad_tf.utils import files

    flag_checks.check_names()
    flag_checks.check_shares(strategy.num_replicas_in_sync)
    interrupted = _interrupted_run()
    if interrupted is None:
        run_folder.check_run_folder(FLAGS.workdir)
    dataset = builders.dataset_from_flags()
    if not FLAGS.teacher:  # which may be trained for hours
        flag_checks.check_method_fits()
    with workers.chief_first(strategy):
        # Trained on one device, so that its recipe names one teacher whatever the devices.
        teacher = builders.teacher_from_flags(dataset, builders.verbosity())
    # Named from here on, so that flags.flags makes the same run on another device.
    precision = builders.precision_from_flags()
    FLAGS["precision"].value = precision
    with strategy.scope():
        everywhere = teacher
        if strategy.num_replicas_in_sync > 1:  # once more, now on all devices
            everywhere = builders.teacher_from_flags(dataset, 0)
        keras.utils.set_random_seed(FLAGS.seed)
        distillation = _distillation(strategy, dataset, everywhere, precision)
    test = _test_images(dataset, teacher)
    label = f"{dataset.name if dataset else 'own'}_{distillation.name}_seed{FLAGS.seed}"
    folder = interrupted
    if folder is None:
        folder = run_folder.create_run_folder(FLAGS.workdir, label.replace("/", "_"))
    with interrupted_run.locked(folder, goes_on=interrupted is not None):
        files.write_text(folder / interrupted_run.FLAG_FILE, _flags_text())
        done = distillation.run(folder, test)
        exports: dict[str, Any] = {}
        with workers.chief_first(strategy):
            if strategies.is_chief(strategy):
                exports = _leave(folder, distillation, done, teacher, dataset, test, begin)
        interrupted_run.finish(folder)
    deployable_files.check_complete(exports, folder)


def _distillation(strategy: Any, dataset: Any, teacher: Any, precision: str) -> Any:
    """The networks and what trains them, by the flags; called in the strategy's scope."""
    from dfad_tf.command_line import builders, flag_checks, method_flags
    from dfad_tf.runs import deployable_files, workers

    student = builders.student_from_flags(teacher)
    if FLAGS.student.endswith(builders.MODEL_FILES):
        deployable_files.check_deployable(student, teacher, flag_checks.export_formats())
    distillation: Any
    if dataset and method_flags.needs_data():
        from dfad_tf.runs.supervised_run import DistillationWithData

        distillation = DistillationWithData(dataset, teacher, student, precision)
    else:
        from dfad_tf.runs.data_free_run import DistillationWithoutData

        distillation = DistillationWithoutData(teacher, student, precision)
    workers.agree(strategy, distillation)
    return distillation


def _interrupted_run() -> pathlib.Path | None:
    """The unfinished run that this command goes on with, in the precision that it had."""
    from dfad_tf.runs import interrupted_run

    free = [*_FREE_FLAGS, *(["precision"] if precision_flag.policy_name() == "auto" else [])]
    folder = interrupted_run.find_interrupted(FLAGS.workdir, FLAGS.resume, _flags_text(), free)
    if folder is not None:
        print(f"Goes on with the unfinished run in {folder}", flush=True)
        FLAGS["precision"].value = interrupted_run.recorded_flag(folder, "precision")
    return folder


def _flags_text() -> str:
    modules = [module.__name__ for module in (data_flags, precision_flag, train_flags)]
    return application.flags_text(modules, skip=["workdir", "resume"])


def _leave(
    folder: pathlib.Path,
    distillation: Any,
    done: Any,
    teacher: Any,
    dataset: Any,
    test: Any,
    begin: float,
) -> dict[str, Any]:
    """Save, measure, draw, export and report; return what was exported."""
    from dfad_tf.command_line import flag_checks
    from dfad_tf.compute import process
    from dfad_tf.graphs.multiply_adds import multiply_adds
    from dfad_tf.runs import deployable_files, summary
    from dfad_tf.teachers import loading
    from dfad_tf.utils import files, versions

    student = distillation.student
    replicas = student.distribute_strategy.num_replicas_in_sync
    # Saved before anything is measured: hours lie in these files.
    files.write_atomically(folder / "student.keras", student.save)
    if done.generator is not None:
        files.write_atomically(folder / "generator.keras", done.generator.save)
    if replicas > 1:
        # What follows takes one device, and one worker.
        student = loading.load_keras_file(str(folder / "student.keras"), "--workdir", True)
        if done.generator is not None:
            saved = str(folder / "generator.keras")
            done.generator = loading.load_keras_file(saved, "--workdir", True)
    if teacher.trained_here:
        files.write_atomically(folder / "teacher.keras", teacher.model.save)
    _check_healthy(done, folder)

    result = {
        "dataset": dataset.name if dataset else None,
        "method": done.method,
        "seed": FLAGS.seed,
        "teacher": teacher.source,
        "student": student.name,
        "student_start": done.start,
        "generator": done.generator.name if done.generator else None,
        **_measure(student, done.generator, teacher, test),
        "images_generated": done.images_generated,
        "real_images": done.real_images,
        "precision": distillation.precision,
        "replicas": replicas,
        "compute_dtype": done.compute_dtype,
        "seconds_to_first_step": done.seconds_to_first_step,
        "distillation_seconds": done.seconds,
        "backups": done.record.count,
        "backup_seconds": done.record.seconds_of_backups,
        "resumed": done.record.resumed,
        "restored": done.record.events,
        "val_agreement": done.history.get("val_agreement", [None])[-1],
        "val_divergence": done.history.get("val_divergence", [None])[-1],
        "peak_memory_bytes": process.peak_memory_bytes(),
        **summary.costs("teacher", teacher.model),
        **summary.costs("student", student),
        **({"generator_macs": multiply_adds(done.generator)} if done.generator else {}),
        "pixels": dataclasses.asdict(teacher.description.contract),
        "labels": list(dataset.label_names) if dataset else None,
        "versions": versions.versions(),
    }
    _draw(folder, done, teacher, dataset, result)
    # What was measured is safe before anything is exported.
    files.write_json(folder / "result.json", result)
    source = deployable_files.DeployableStudent(student, teacher, done.generator, dataset, test)
    result["exports"] = deployable_files.write_deployable_files(
        folder, flag_checks.export_formats(), source, result
    )
    result["total_seconds"] = time.monotonic() - begin
    files.write_json(folder / "result.json", result)
    present = {name: text for name, text in _FILES.items() if (folder / name).exists()}
    print(summary.summary(result, str(folder), present))
    exported: dict[str, Any] = result["exports"]
    return exported


def _check_healthy(done: Any, folder: pathlib.Path) -> None:
    from dfad_tf.runs import interrupted_run

    losses = done.history["loss"]
    if done.stopped is None and math.isfinite(losses[-1]):
        return
    # To go on would end in the same way.
    interrupted_run.finish(folder)
    raise InputError(
        (done.stopped or f"The student's loss became {losses[-1]} in epoch {len(losses)}.")
        + f" Expected smaller rates. Received: --learning_rate={FLAGS.learning_rate} and "
        f"--generator_learning_rate={FLAGS.generator_learning_rate} (with data, "
        f"--teacher_learning_rate={FLAGS.teacher_learning_rate}). What there is lies in {folder}"
    )


def _test_images(dataset: Any, teacher: Any) -> Any:
    """The held-out images, in raw pixels and in the teacher's input range."""
    if dataset is None:
        return None
    from dfad_tf.data.test_images import TestImages

    pixels, labels = dataset.load("test", teacher.description.image_shape)
    return TestImages(pixels, labels, teacher.description.contract)


def _measure(student: Any, generator: Any, teacher: Any, test: Any) -> dict[str, Any]:
    """Accuracy of both networks on real images where there are any, and their agreement."""
    from dfad_tf.compute import prediction
    from dfad_tf.synthesis import generated_images

    kinds = ("teacher_accuracy", "student_accuracy", "agreement", "generated_agreement")
    measured: dict[str, Any] = dict.fromkeys(kinds)

    def answers(images: Any) -> list[Any]:
        return [prediction.predict_classes(network, images) for network in (teacher.model, student)]

    if test:
        teachers, students = answers(test.inputs)
        measured["teacher_accuracy"] = float((teachers == test.labels).mean())
        measured["student_accuracy"] = float((students == test.labels).mean())
        measured["agreement"] = float((teachers == students).mean())
    if generator is not None:
        teachers, students = answers(generated_images.generated_images(generator, 2000))
        measured["generated_agreement"] = float((teachers == students).mean())
    return {**measured, "test_images": len(test.labels) if test else 0}


def _draw(
    folder: pathlib.Path, done: Any, teacher: Any, dataset: Any, result: dict[str, Any]
) -> None:
    from dfad_tf.compute import prediction
    from dfad_tf.runs import plots
    from dfad_tf.synthesis import generated_images

    data = "with data" if done.real_images else "without data"
    title = f"{result['student']} by '{result['method']}', {data}, seed {FLAGS.seed}"
    plots.draw_learning_curves(
        done.history,
        folder / "curves.png",
        title,
        FLAGS.validation_freq,
        result["teacher_accuracy"],
    )
    if done.generator is None:
        return
    images = generated_images.generated_images(done.generator, 40)
    classes = prediction.predict_classes(teacher.model, images)
    names = dataset.label_names if dataset else [str(i) for i in range(max(classes) + 1)]
    pixels = teacher.description.contract.to_pixels(images)
    labels = [names[index] for index in classes]
    plots.draw_samples(
        pixels, labels, folder / "samples.png", "Generated images, under the teacher's label"
    )


def run() -> None:
    """Entry point of the command `dfad-train`."""
    application.run(main)


if __name__ == "__main__":
    run()
