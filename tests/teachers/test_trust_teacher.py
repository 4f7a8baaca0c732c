"""With `--trust_teacher`, every command loads models that contain code. Errors name the flag."""

import json

import keras
import pytest
import tensorflow as tf

from dfad_tf import evaluate, to_saved_model
from dfad_tf.utils.errors import InputError
from tests.helpers.command import run
from tests.helpers.odd_models import SHAPE, with_lambda, write_saved_model

SMALL = (
    "--procedural_size=64",
    "--epochs=1", "--steps_per_epoch=1", "--batch_size=8", "--verbose=0", "--precision=float32",
    "--student_steps=1", "--input_range=zero_one",
)  # fmt: skip


@pytest.fixture
def code(tmp_path):
    with_lambda().save(tmp_path / "code.keras")
    return tmp_path / "code.keras"


@pytest.mark.slow
def test_distillation_of_a_teacher_and_a_student_with_code(code, tmp_path):
    arguments = (*SMALL, f"--teacher={code}", f"--student={code}", f"--workdir={tmp_path / 'run'}")
    with pytest.raises(InputError, match="--trust_teacher"):
        run(*arguments)
    run(*arguments, "--trust_teacher")
    assert "--trust_teacher" in (tmp_path / "run" / "flags.flags").read_text().splitlines()
    assert json.loads((tmp_path / "run" / "result.json").read_text())["method"] == "proposed+memory"


def test_evaluation_and_export_of_a_model_with_code(tmp_path, capsys):
    inputs = keras.Input((32, 32, 1))
    twice = keras.layers.Lambda(lambda x: x * 2, output_shape=(32, 32, 1))(inputs)
    outputs = keras.layers.Dense(10)(keras.layers.Flatten()(twice))
    keras.Model(inputs, outputs).save(tmp_path / "code.keras")
    model = f"--model={tmp_path / 'code.keras'}"
    for command, arguments in ((evaluate, ["--dataset=digits"]), (to_saved_model, [])):
        with pytest.raises(InputError, match="--trust_teacher"):
            run(model, *arguments, main=command.main)
        run(model, "--input_range=zero_one", *arguments, "--trust_teacher", main=command.main)
    assert "accuracy" in capsys.readouterr().out
    assert (tmp_path / "code_saved_model" / "saved_model").is_dir()


@pytest.mark.slow
def test_distillation_of_a_saved_model_that_reads_a_file(tmp_path):
    (tmp_path / "scale").write_text("2.0")

    def read(images):
        scale = tf.strings.to_number(tf.io.read_file(str(tmp_path / "scale")))
        return tf.ensure_shape(tf.reshape(images * scale, (-1, 64))[:, :3], (None, 3))

    path = write_saved_model(tmp_path / "reading", read)
    # This graph has no features.
    without_features = "--representation_activation_weight=0"
    arguments = (*SMALL, without_features, f"--teacher={path}", f"--workdir={tmp_path / 'run'}")
    with pytest.raises(InputError, match="ReadFile.*--trust_teacher"):
        run(*arguments)
    run(*arguments, "--trust_teacher")
    student = keras.models.load_model(tmp_path / "run" / "student.keras")
    assert student.input_shape == (None, *SHAPE)
