"""`run_tflite.py` needs only NumPy, Pillow and LiteRT."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dfad_tf import exporting
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting.calibration import noise_pixels
from dfad_tf.exporting.lite_model import LiteModel
from tests.conftest import small_classifier

SCRIPT = pathlib.Path(__file__).parent.parent.parent / "export" / "run_tflite.py"
LABELS = ["ape", "bée\u2028wasp", "cat"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("runner")
    student = small_classifier((8, 8, 3))
    contract = PixelContract("zero_one").for_channels(3)
    exporting.export_student(student, str(place / "out"), contract, LABELS, ["float32"])
    pixels = noise_pixels((8, 8, 3), 2, 5)
    for index, image in enumerate(pixels):
        Image.fromarray(image).save(place / f"{index}.png")
    expected = np.asarray(student(contract.to_input(pixels)))
    inverted = np.asarray(student(contract.to_input(255 - pixels)))
    np.savez(place / "expected.npz", plain=expected, inverted=inverted)
    return place


def call(folder, *arguments):
    """Run the script in a process in which dfad_tf, TensorFlow and Keras cannot be imported."""
    code = (
        "import runpy, sys\n"
        "for name in ('dfad_tf', 'tensorflow', 'keras'): sys.modules[name] = None\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", code, str(SCRIPT), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def shares(logits):
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def share(value):
    return "< 0.1 %" if value < 0.0005 else f"{100 * value:.1f} %"


def line(name, logits, top=3):
    found = shares(logits.astype(np.float64))
    best = np.argsort(-found)[:top]
    return f"{name}: " + ", ".join(f"{LABELS[i]} {share(found[i])}" for i in best)


@pytest.mark.slow
def test_it_predicts_what_keras_predicts(folder):
    done = call(folder, "out/student_float32.tflite", "0.png", "1.png")
    assert done.returncode == 0, done.stderr
    expected = np.load(folder / "expected.npz")["plain"]
    assert done.stdout.split("\n") == [
        line("0.png", expected[0]),
        line("1.png", expected[1]),
        "",
    ]


@pytest.mark.slow
def test_the_flags_invert_and_top(folder):
    done = call(folder, "out/student_float32.tflite", "0.png", "--invert", "--top=1")
    expected = np.load(folder / "expected.npz")["inverted"]
    assert done.stdout == line("0.png", expected[0], 1) + "\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "mode"), [((8, 8), "L"), ((7, 7), "RGB"), ((300, 200), "RGB"), ((20, 30), "RGBA")]
)
def test_images_of_any_size_and_mode(folder, size, mode):
    Image.new(mode, size, 120 if mode == "L" else (1, 2, 3, 4)[: len(mode)]).save(folder / "p.png")
    done = call(folder, "out/student_float32.tflite", "p.png")
    content = (folder / "out" / "student_float32.tflite").read_bytes()
    image = module().read_image(str(folder / "p.png"), (8, 8, 3))
    assert done.stdout == line("p.png", LiteModel(content, "x").predict(image)[0]) + "\n"


def module():
    import importlib.util

    spec = importlib.util.spec_from_file_location("run_tflite", SCRIPT)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_an_image_is_padded_or_cropped_to_the_students_size(tmp_path):
    Image.new("L", (28, 28), 200).save(tmp_path / "mnist.png")
    padded = module().read_image(str(tmp_path / "mnist.png"), (32, 32, 1))[0, :, :, 0]
    assert (padded[2:30, 2:30] == 200).all() and padded.sum() == 28 * 28 * 200
    wide = Image.new("L", (90, 30), 0)
    wide.paste(255, (30, 0, 60, 30))
    wide.save(tmp_path / "wide.png")
    cropped = module().read_image(str(tmp_path / "wide.png"), (10, 10, 1))
    assert cropped.min() > 200 and cropped[0, :, 1:-1].min() == 255
    pixels = noise_pixels((10, 10), 1, 0)[0]
    turned = Image.Exif()
    turned[0x0112] = 6  # as a phone records its orientation
    sideways = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90)
    sideways.save(tmp_path / "turned.png", exif=turned)
    read = module().read_image(str(tmp_path / "turned.png"), (10, 10, 1))
    np.testing.assert_array_equal(read[0, :, :, 0], pixels)
    clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    assert module().read_image(str(tmp_path / "clear.png"), (10, 10, 1)).min() == 255


def test_without_labels_classes_are_numbered(folder):
    content = (folder / "out" / "student_float32.tflite").read_bytes()
    (folder / "bare.tflite").write_bytes(content[: content.index(b"PK\x03\x04")])
    done = call(folder, "bare.tflite", "0.png")
    assert done.returncode == 0 and done.stdout.startswith("0.png: class "), done.stderr


def foreign(path):
    import tensorflow as tf

    function = tf.function(lambda x: x + 1, input_signature=[tf.TensorSpec((1, 2), tf.float32)])
    concrete = function.get_concrete_function()
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("absent.tflite", "0.png"), "absent.tflite (No such file"),
        (("0.png", "0.png"), "Expected a .tflite file. Received: 0.png"),
        (("cut.tflite", "0.png"), "cut.tflite, which LiteRT cannot run"),
        (("foreign.tflite", "0.png"), "Expected a student with the input 'image'"),
        (("out/student_float32.tflite", "0.png", "absent.png"), "absent.png, which does not exist"),
        (("out/student_float32.tflite", "0.png", "cut.png"), "cut.png, which cannot be read"),
        (
            ("out/student_float32.tflite", "0.png", "foreign.tflite"),
            "foreign.tflite, which cannot be read",
        ),
        (("out/student_float32.tflite", "0.png", "--top=0"), "Expected --top to be at least 1"),
        (("out/student_float32.tflite", "deep.png"), "8 bits per channel. Received: deep.png"),
    ],
)
def test_mistakes_are_one_line(folder, arguments, message):
    foreign(folder / "foreign.tflite")
    content = (folder / "out" / "student_float32.tflite").read_bytes()
    (folder / "cut.tflite").write_bytes(content[:1500])
    Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(folder / "deep.png")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:100])
    done = call(folder, *arguments)
    assert done.returncode == 2 and done.stdout == ""
    # LiteRT itself reports its delegate on standard error.
    lines = [text for text in done.stderr.splitlines() if not text.startswith("INFO")]
    assert len(lines) == 1 and message in lines[0], done.stderr
