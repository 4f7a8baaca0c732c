"""The distiller: what each step may change, and that it is a Keras model like others."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dfad_tf import methods
from dfad_tf.distiller import DataFreeDistiller
from dfad_tf.errors import InputError
from dfad_tf.interpolation import VirtualInterpolation
from dfad_tf.methods import METHODS, Settings
from tests.conftest import same, small_classifier, small_generator, weights

SHAPE = (8, 8, 1)


def make(method="proposed", student=None, seed=0, **compile_arguments):
    keras.utils.set_random_seed(7)
    distiller = DataFreeDistiller(
        small_classifier(batch_norm=True), student or small_classifier(), small_generator()
    )
    optimizers = (keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2))
    distiller.compile(*optimizers, method, seed=seed, **compile_arguments)
    return distiller


def fit(distiller, epochs=1, steps=2, **arguments):
    return distiller.fit(batch_size=8, epochs=epochs, steps_per_epoch=steps, verbose=0, **arguments)


def labelled(count=32):
    random = np.random.default_rng(0)
    return random.normal(size=(count, *SHAPE)).astype("float32"), random.integers(0, 3, count)


@pytest.mark.parametrize("method", METHODS)
def test_the_teacher_is_untouched_to_the_last_bit(method):
    distiller = make(method)
    before = weights(distiller.teacher)
    student, generator = weights(distiller.student), weights(distiller.generator)
    fit(distiller)
    assert same(before, weights(distiller.teacher))
    assert not same(student, weights(distiller.student))
    assert not same(generator, weights(distiller.generator))


def test_a_student_step_changes_no_weight_of_the_generator():
    distiller = make()
    images, logits = distiller.images.observe(distiller.images.generate(8, "student", 0))[:2]
    before = [v.numpy() for v in distiller.generator.trainable_variables]
    student = [v.numpy() for v in distiller.student.trainable_variables]
    distiller.student_step(images, logits)
    assert same(before, [v.numpy() for v in distiller.generator.trainable_variables])
    assert not same(student, [v.numpy() for v in distiller.student.trainable_variables])


def test_a_generator_step_changes_no_weight_of_the_student_but_its_statistics():
    distiller = make(student=small_classifier(batch_norm=True))
    before = [v.numpy() for v in distiller.student.trainable_variables]
    statistics = [v.numpy() for v in distiller.student.non_trainable_variables]
    generator = [v.numpy() for v in distiller.generator.trainable_variables]
    distiller.generator_step(8)
    assert same(before, [v.numpy() for v in distiller.student.trainable_variables])
    # Batch norm runs in training mode in both steps, as in the published code.
    assert not same(statistics, [v.numpy() for v in distiller.student.non_trainable_variables])
    assert not same(generator, [v.numpy() for v in distiller.generator.trainable_variables])


def test_the_student_descends_and_the_generator_ascends():
    distiller = make("dfad")
    distiller.optimizer.learning_rate = 1e-3
    distiller.generator_optimizer.learning_rate = 1e-3
    images, logits = distiller.images.observe(distiller.images.generate(64, "student", 1))[:2]

    def discrepancy():
        return float(tf.reduce_mean(tf.abs(distiller.student(images) - logits)))

    before = discrepancy()
    for _ in range(10):
        distiller.student_step(images, logits)
    assert discrepancy() < before

    def on_generated():
        images, logits = distiller.images.observe(distiller.images.generate(256, "student", 2))[:2]
        return float(tf.reduce_mean(tf.abs(distiller.student(images) - logits)))

    before = on_generated()
    for _ in range(10):
        distiller.generator_step(64)
    assert on_generated() > before


def test_the_logged_losses_are_equation_1_and_its_additions():
    distiller = make(methods.get("dfad+activation", Settings("mae", None, 1, 0.3, 0.2)))
    distiller.generator_optimizer.learning_rate = 0.0
    logs = {k: v[0] for k, v in fit(distiller, steps=1).history.items()}
    total = logs["adversarial_discrepancy"] + 0.3 * logs["logits_activation"]
    total += 0.2 * logs["representation_activation"]
    assert logs["generator_loss"] == pytest.approx(total, rel=1e-5)
    assert 0 < logs["class_entropy"] <= 1


def test_student_steps_are_counted():
    distiller = make(methods.get("proposed", Settings(student_steps=3)))
    fit(distiller, epochs=2, steps=4)
    assert int(distiller.optimizer.iterations) == 24
    assert int(distiller.generator_optimizer.iterations) == 8


@pytest.mark.parametrize(
    "interpolation",
    [
        VirtualInterpolation(partner="fresh", per_sample=True),
        VirtualInterpolation(mode="replace"),
        VirtualInterpolation(mode="replace", share=0.5),
        VirtualInterpolation(share=0.25, weight=0.1),
        VirtualInterpolation(labels="probabilities"),
        VirtualInterpolation(labels="teacher", alpha=0.4),
    ],
)
def test_every_form_of_interpolation_trains(interpolation):
    method = methods.get("proposed", Settings(student_steps=2, interpolation=interpolation))
    history = fit(make(method))
    assert np.isfinite(history.history["loss"]).all()


def test_interpolated_parts_are_equation_9():
    blend = VirtualInterpolation(weight=0.5, share=0.5)
    distiller = make(methods.get("dfad+interpolation", Settings(interpolation=blend)))
    images, logits = distiller.images.observe(distiller.images.generate(8, "student", 0))[:2]
    plain, virtual = distiller.images.parts(images, logits, blend, 0)
    assert [plain[2], virtual[2]] == [1.0, 0.5]
    assert virtual[0].shape == (4, *SHAPE)
    # One λ explains every image and every target of the batch.
    a, b = images[:4] - tf.roll(images, 1, 0)[:4], virtual[0] - tf.roll(images, 1, 0)[:4]
    coefficient = float(tf.reduce_sum(a * b) / tf.reduce_sum(a * a))
    np.testing.assert_allclose(b, coefficient * a, atol=1e-4)
    expected = coefficient * logits[:4] + (1 - coefficient) * tf.roll(logits, 1, 0)[:4]
    np.testing.assert_allclose(virtual[1], expected, atol=1e-4)


def test_a_seed_gives_the_same_run_to_the_last_bit_and_another_seed_does_not():
    first, again, other = make(seed=3), make(seed=3), make(seed=4)
    for distiller in (first, again, other):
        fit(distiller, epochs=2)
    assert same(weights(first.student), weights(again.student))
    assert same(weights(first.generator), weights(again.generator))
    assert not same(weights(first.student), weights(other.student))


def test_every_step_draws_fresh_noise():
    distiller = make(run_eagerly=True)
    generate, drawn = distiller.images.generate, []

    def recorded(batch_size, stream, step):
        drawn.append((stream, int(step)))
        return generate(batch_size, stream, step)

    distiller.images.generate = recorded
    fit(distiller, steps=3)
    assert len(drawn) == len(set(drawn)) == 6  # the student's and the generator's


def test_steps_per_execution_changes_nothing():
    one, four = make(), make(steps_per_execution=4)
    fit(one, steps=4)
    fit(four, steps=4)
    for a, b in zip(weights(one.student), weights(four.student), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_replicas_share_the_batch():
    """Two logical CPUs train and measure; weights stay the same on both."""
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    with tf.distribute.MirroredStrategy(devices).scope():
        distiller = make(student=small_classifier(batch_norm=True))
    history = fit(distiller, validation_data=labelled())
    assert len(devices) == 2 and np.isfinite(history.history["loss"]).all()
    assert 0 <= history.history["val_accuracy"][0] <= 1
    with pytest.raises(InputError, match="in 2s. Received: 7"):
        distiller.fit(batch_size=7, verbose=0)


def test_it_compiles_with_xla():
    history = fit(make(jit_compile=True))
    assert np.isfinite(history.history["loss"]).all()


def test_validation_measures_the_student_and_the_agreement():
    images, labels = labelled()
    distiller = make()
    logs = fit(distiller, validation_data=(images, labels)).history
    students = distiller.student.predict(images, verbose=0).argmax(-1)
    teachers = distiller.teacher.predict(images, verbose=0).argmax(-1)
    assert logs["val_accuracy"][0] == pytest.approx(np.mean(students == labels))
    assert logs["val_agreement"][0] == pytest.approx(np.mean(students == teachers))


def test_callbacks_of_keras_work(tmp_path):
    distiller = make()
    distiller.optimizer.learning_rate = 0.0
    callbacks = [
        keras.callbacks.EarlyStopping("val_accuracy", patience=1),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_accuracy"),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TensorBoard(tmp_path / "logs"),
        keras.callbacks.TerminateOnNaN(),
    ]
    history = fit(distiller, epochs=9, validation_data=labelled(), callbacks=callbacks)
    assert len(history.epoch) == 2  # the student stands still: stopped by patience
    assert (tmp_path / "best.keras").exists() and any((tmp_path / "logs").rglob("*tfevents*"))
    assert "generator_loss" in (tmp_path / "log.csv").read_text()


def test_terminate_on_nan_sees_the_student():
    distiller = make()
    distiller.optimizer.learning_rate = 1e30
    callbacks = [keras.callbacks.TerminateOnNaN()]
    assert len(fit(distiller, epochs=9, steps=5, callbacks=callbacks).epoch) < 9


def test_a_saved_distiller_goes_on_as_if_it_had_never_stopped(tmp_path):
    straight, stopped = make(), make()
    fit(straight, epochs=2)
    fit(stopped)
    stopped.save(tmp_path / "distiller.keras")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    assert not again.teacher.trainable
    assert again.method.get_config() == stopped.method.get_config()
    fit(again)
    assert same(weights(straight.student), weights(again.student))
    assert same(weights(straight.generator), weights(again.generator))


def test_backup_and_restore_restores_both_optimizers(tmp_path):
    straight = make()
    fit(straight, epochs=4)

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(KeyboardInterrupt):
        fit(make(), epochs=4, callbacks=[backup(), Stop()])
    resumed = make()
    fit(resumed, epochs=4, callbacks=[backup()])
    assert int(resumed.generator_optimizer.iterations) == 8
    assert same(weights(straight.student), weights(resumed.student))


def test_averaged_weights_are_the_students():
    distiller = make()
    optimizer = keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.5)
    distiller.compile(optimizer, "adam", "proposed")
    fit(distiller)
    averages = [v.numpy() for v in optimizer._model_variables_moving_average]
    assert same(averages, [v.numpy() for v in distiller.student.trainable_variables])


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_scales_both_losses(policy):
    keras.config.set_dtype_policy(policy)
    try:
        distiller = make()
    finally:
        keras.config.set_dtype_policy("float32")
    history = fit(distiller, epochs=2)
    assert np.isfinite(history.history["loss"]).all()
    scaled = isinstance(distiller.generator_optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_precision_of_the_run_alone_trains_and_scales_both_losses(precision):
    method = methods.get("proposed", Settings(student_steps=1))
    distiller = make(method, precision=precision)
    student, generator = weights(distiller.student), weights(distiller.generator)
    history = fit(distiller)
    assert all(np.isfinite(values).all() for values in history.history.values())
    assert not same(student, weights(distiller.student))
    assert not same(generator, weights(distiller.generator))
    for optimizer in (distiller.optimizer, distiller.generator_optimizer):
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        assert scaled == (precision == "mixed_float16")
    for network in (distiller.teacher, distiller.student, distiller.generator):
        assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}
    # Not measured in it either.
    assert distiller.predict(labelled()[0], verbose=0).dtype == np.float32


def test_auto_is_the_precision_that_the_device_is_faster_in(monkeypatch):
    monkeypatch.setattr("dfad_tf.precision.fastest_precision", lambda: "mixed_float16")
    distiller = make(precision="auto")
    assert distiller.student_form.compute_dtype == "float16"
    assert isinstance(distiller.optimizer, keras.optimizers.LossScaleOptimizer)


def test_optimizers_that_scale_already_are_left_as_they_are():
    distiller = make()
    scaling = keras.optimizers.LossScaleOptimizer
    optimizers = [scaling(keras.optimizers.Adam()) for _ in range(2)]
    distiller.compile(*optimizers, "dfad", precision="mixed_float16")
    assert [distiller.optimizer, distiller.generator_optimizer] == optimizers


def test_the_three_networks_compute_in_the_precision_of_the_run():
    distiller = make(precision="mixed_bfloat16")
    exact = make()
    images, logits = distiller.images.observe(distiller.images.generate(8, "student", 0))[:2]
    expected = exact.images.observe(exact.images.generate(8, "student", 0))[:2]
    for ours, theirs in zip((images, logits), expected, strict=True):
        assert ours.dtype == tf.float32 and not np.array_equal(ours, theirs)
        np.testing.assert_allclose(ours, theirs, atol=0.1)
    # The same images, so that the teacher alone differs.
    assert not np.array_equal(distiller.images.signals(images)[0], distiller.signals(images)[0])
    assert distiller.student_form.compute_dtype == "bfloat16"
    assert distiller.images.generator.compute_dtype == "bfloat16"


def test_a_saved_distiller_goes_on_in_its_precision_and_with_its_memory(tmp_path):
    method = methods.get("dfad", Settings(student_steps=1, memory_size=16, memory_share=0.5))
    distiller = make(method, precision="mixed_float16")
    fit(distiller)
    distiller.save(tmp_path / "distiller.keras")
    again = keras.models.load_model(tmp_path / "distiller.keras")
    assert again.student_form.compute_dtype == "float16"
    assert again.method.get_config() == method.get_config()
    assert int(again.optimizer.iterations) == int(distiller.optimizer.iterations)
    assert np.isfinite(fit(again).history["loss"]).all()


def test_the_student_is_a_plain_keras_model(tmp_path):
    distiller = make()
    fit(distiller)
    distiller.student.save(tmp_path / "student.keras")
    images, _ = labelled()
    again = keras.models.load_model(tmp_path / "student.keras").predict(images, verbose=0)
    np.testing.assert_array_equal(again, distiller.predict(images, verbose=0))


def test_errors():
    with pytest.raises(InputError, match="Did you mean 'proposed'"):
        make("proposd")
    with pytest.raises(TypeError):
        make().fit(np.zeros((4, *SHAPE)))
