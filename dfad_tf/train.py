"""Distil a student from a teacher, without data: `python -m dfad_tf.train`.

Keras and TensorFlow are imported once the flags are read, so that a slip in one
is answered at once.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
import statistics
import time
from typing import Any

from absl import flags

from dfad_tf import command_line, data_flags, precision_flag, train_flags
from dfad_tf.errors import InputError

FLAGS = flags.FLAGS
for module in (data_flags, precision_flag, train_flags):
    flags.adopt_module_key_flags(module)  # so that --helpshort shows them
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
    """Flags → teacher, student, generator → distiller.fit → evaluate → a folder."""
    del arguments
    begin = time.monotonic()
    import keras

    from dfad_tf import from_flags, measurement, process, report, run_folder, training_export
    from dfad_tf.distiller import DataFreeDistiller

    from_flags.check_names()
    run_folder.check_run_folder(FLAGS.workdir)
    dataset = from_flags.dataset_from_flags()
    teacher = from_flags.teacher_from_flags(dataset, from_flags.verbosity())
    keras.utils.set_random_seed(FLAGS.seed)
    student = from_flags.student_from_flags(teacher)
    generator = from_flags.generator_from_flags(teacher)
    training_export.check_brought_student(student, teacher)
    start = from_flags.initialize_student(student, teacher, generator)
    method = from_flags.method_from_flags()
    distiller = DataFreeDistiller(teacher.model, student, generator, FLAGS.teacher_features)
    optimizer, generator_optimizer = from_flags.optimizers_from_flags()
    # Named from here on, so that flags.flags makes the same run on another device.
    precision = from_flags.precision_from_flags()
    FLAGS["precision"].value = precision
    distiller.compile(
        optimizer,
        generator_optimizer,
        method,
        seed=FLAGS.seed,
        precision=precision,
        jit_compile=FLAGS.jit_compile,
        steps_per_execution=FLAGS.steps_per_execution,
    )
    test = _test_images(dataset, teacher)
    label = f"{dataset.name if dataset else 'own'}_{method.name}_seed{FLAGS.seed}"
    folder = run_folder.create_run_folder(FLAGS.workdir, label.replace("/", "_"))
    text = command_line.flags_text(
        [m.__name__ for m in (data_flags, precision_flag, train_flags)], skip=["workdir"]
    )
    run_folder.write_whole(
        folder / "flags.flags", lambda name: pathlib.Path(name).write_text(text, encoding="utf-8")
    )

    steps = FLAGS.epochs * FLAGS.steps_per_epoch
    images = steps * method.images_per_step(FLAGS.batch_size)
    later = measurement.step_seconds(distiller, FLAGS.batch_size, 3)[1:]
    seconds_to_first_step = process.seconds_since_start() - (sum(later) * FLAGS.steps_per_execution)
    expected = steps * statistics.median(later[1:])
    networks = {"teacher": teacher.model, "student": student, "generator": generator}
    print(
        report.plan(
            teacher.description,
            teacher.source,
            networks,
            start,
            images,
            steps,
            expected,
            method.name,
            precision,
        ),
        flush=True,
    )

    started = time.monotonic()
    history = distiller.fit(
        batch_size=FLAGS.batch_size,
        epochs=FLAGS.epochs,
        steps_per_epoch=FLAGS.steps_per_epoch,
        validation_data=test and (test.inputs, test.labels),
        validation_freq=FLAGS.validation_freq,
        callbacks=_callbacks(folder, teacher, method, test is not None),
        verbose=from_flags.verbosity(),
    )
    distillation_seconds = time.monotonic() - started
    # Saved before anything is measured: hours lie in these files.
    run_folder.write_whole(folder / "student.keras", student.save)
    run_folder.write_whole(folder / "generator.keras", generator.save)
    if teacher.trained_here:
        run_folder.write_whole(folder / "teacher.keras", teacher.model.save)
    if not math.isfinite(history.history["loss"][-1]):
        raise InputError(
            f"The student's loss became {history.history['loss'][-1]} in epoch "
            f"{len(history.epoch)}: expected smaller --learning_rate or "
            f"--generator_learning_rate. Received: {FLAGS.learning_rate} and "
            f"{FLAGS.generator_learning_rate}. What there is lies in {folder}"
        )

    result = {
        "dataset": dataset.name if dataset else None,
        "method": method.name,
        "seed": FLAGS.seed,
        "teacher": teacher.source,
        "student": student.name,
        "student_start": start,
        "generator": generator.name,
        **_measure(distiller, teacher, test),
        "images_generated": images,
        "precision": precision,
        "compute_dtype": distiller.student_form.compute_dtype,
        "seconds_to_first_step": seconds_to_first_step,
        "distillation_seconds": distillation_seconds,
        "peak_memory_bytes": process.peak_memory_bytes(),
        **report.costs("teacher", teacher.model),
        **report.costs("student", student),
        "generator_macs": report.costs("generator", generator)["generator_macs"],
        "pixels": dataclasses.asdict(teacher.description.contract),
        "labels": list(dataset.label_names) if dataset else None,
        "versions": run_folder.versions(),
    }
    _draw(folder, history.history, distiller, teacher, dataset, result)
    # What was measured is safe before anything is exported.
    run_folder.write_json(folder / "result.json", result)
    result["exports"] = training_export.export(folder, distiller, teacher, test, result)
    result["total_seconds"] = time.monotonic() - begin
    run_folder.write_json(folder / "result.json", result)
    present = {name: text for name, text in _FILES.items() if (folder / name).exists()}
    print(report.summary(result, str(folder), present))
    training_export.check_whole(result["exports"], folder)


def _test_images(dataset: Any, teacher: Any) -> Any:
    """The held-out images, in raw pixels and in the teacher's input range."""
    if dataset is None:
        return None
    from dfad_tf.measurement import TestImages

    pixels, labels = dataset.load("test", teacher.description.image_shape)
    return TestImages(pixels, labels, teacher.description.contract)


def _callbacks(folder: pathlib.Path, teacher: Any, method: Any, measured: bool) -> list[Any]:
    import keras

    from dfad_tf.callbacks import HistoryFile, SampleImages, TimeLeft

    logs = folder / "tensorboard"
    every = max(1, FLAGS.epochs // 10)
    columns = ["loss", "generator_loss", *(term.name for term in method.generator_objectives)]
    columns += ["class_entropy", *(["val_accuracy", "val_agreement"] if measured else [])]
    return [
        HistoryFile(
            str(folder / "history.csv"),
            columns,
            FLAGS.steps_per_epoch * method.images_per_step(FLAGS.batch_size),
        ),
        keras.callbacks.TensorBoard(str(logs)),
        keras.callbacks.TerminateOnNaN(),
        SampleImages(str(logs / "samples"), teacher.description.contract, every),
        TimeLeft(),
    ]


def _measure(distiller: Any, teacher: Any, test: Any) -> dict[str, Any]:
    """Accuracy of both networks on real images where there are any, and their agreement."""
    from dfad_tf import measurement

    generated = measurement.generated_images(distiller.generator, 2000)
    same = measurement.predict_classes(teacher.model, generated) == measurement.predict_classes(
        distiller.student, generated
    )
    measured = dict.fromkeys(("teacher_accuracy", "student_accuracy", "agreement"))
    if test:
        teachers = measurement.predict_classes(teacher.model, test.inputs)
        students = measurement.predict_classes(distiller.student, test.inputs)
        measured["teacher_accuracy"] = float((teachers == test.labels).mean())
        measured["student_accuracy"] = float((students == test.labels).mean())
        measured["agreement"] = float((teachers == students).mean())
    return {
        **measured,
        "test_images": len(test.labels) if test else 0,
        "generated_agreement": float(same.mean()),
    }


def _draw(
    folder: pathlib.Path,
    history: dict[str, list[float]],
    distiller: Any,
    teacher: Any,
    dataset: Any,
    result: dict[str, Any],
) -> None:
    from dfad_tf import measurement, pictures

    title = f"{result['student']} by '{result['method']}', without data, seed {FLAGS.seed}"
    pictures.draw_learning_curves(
        history, folder / "curves.png", title, FLAGS.validation_freq, result["teacher_accuracy"]
    )
    images = measurement.generated_images(distiller.generator, 40)
    classes = measurement.predict_classes(teacher.model, images)
    names = dataset.label_names if dataset else [str(i) for i in range(max(classes) + 1)]
    pixels = teacher.description.contract.to_pixels(images)
    labels = [names[index] for index in classes]
    pictures.draw_samples(
        pixels, labels, folder / "samples.png", "Generated images, under the teacher's label"
    )


def run() -> None:
    """Entry point of the command `dfad-train`."""
    command_line.run(main)


if __name__ == "__main__":
    run()
