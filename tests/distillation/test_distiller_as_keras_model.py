"""The distiller works like other Keras models: callbacks, saving, backups, validation."""

import keras
import numpy as np
import pytest

from tests.conftest import same, weights
from tests.helpers.small_distiller import fit, labelled, make


@pytest.mark.slow
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
    assert len(history.epoch) == 2  # The student does not change, so that patience stops training.
    assert (tmp_path / "best.keras").exists() and any((tmp_path / "logs").rglob("*tfevents*"))
    assert "generator_loss" in (tmp_path / "log.csv").read_text()


@pytest.mark.slow
def test_terminate_on_nan_stops_a_diverged_student():
    distiller = make()
    distiller.optimizer.learning_rate = 1e30
    callbacks = [keras.callbacks.TerminateOnNaN()]
    assert len(fit(distiller, epochs=9, steps=5, callbacks=callbacks).epoch) < 9


@pytest.mark.slow
def test_a_saved_distiller_resumes_with_the_same_result(tmp_path):
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_averaged_weights_are_the_students():
    distiller = make()
    optimizer = keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.5)
    distiller.compile(optimizer, "adam", "proposed")
    fit(distiller)
    averages = [v.numpy() for v in optimizer._model_variables_moving_average]
    assert same(averages, [v.numpy() for v in distiller.student.trainable_variables])


@pytest.mark.slow
def test_the_student_is_a_plain_keras_model(tmp_path):
    distiller = make()
    fit(distiller)
    distiller.student.save(tmp_path / "student.keras")
    images, _ = labelled()
    again = keras.models.load_model(tmp_path / "student.keras").predict(images, verbose=0)
    np.testing.assert_array_equal(again, distiller.predict(images, verbose=0))


@pytest.mark.slow
def test_validation_measures_the_student_and_the_agreement():
    images, labels = labelled()
    distiller = make()
    logs = fit(distiller, validation_data=(images, labels)).history
    students = distiller.student.predict(images, verbose=0).argmax(-1)
    teachers = distiller.teacher.predict(images, verbose=0).argmax(-1)
    assert logs["val_accuracy"][0] == pytest.approx(np.mean(students == labels))
    assert logs["val_test_agreement"][0] == pytest.approx(np.mean(students == teachers))
