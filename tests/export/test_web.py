"""The page of export/web/ in headless Chromium, compared with the LiteRT interpreter."""

import functools
import http.server
import pathlib
import shutil
import subprocess
import threading
import zipfile

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from selenium import webdriver

from dfad_tf import exporting
from dfad_tf.data.pixel_contract import PixelContract
from dfad_tf.exporting import EXPORTERS, ExportInputs
from dfad_tf.exporting.lite_metadata import with_metadata
from tests.conftest import small_classifier
from tests.export.test_run_tflite import foreign
from tests.helpers.web_page import GRAY, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_MISSING = [
    name
    for name, path in {
        "chromium or google-chrome": CHROMIUM,
        "chromedriver": shutil.which("chromedriver"),
        "npm": shutil.which("npm"),
    }.items()
    if not path
]
pytestmark = [
    pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)}"),
    pytest.mark.xdist_group("browser"),  # one browser, one installation of the page
]

WEB = pathlib.Path(__file__).parent.parent.parent / "export" / "web"
# No GPU, no network except the page's own server, and no data from earlier sessions.
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --window-size=1000,1000"
)
COLOR = (16, 16, 3)
LABELS = ["zéro", *(f"label {i}" for i in range(1, 10))]
# In parts of the logits' range. WebAssembly may add in another order than the interpreter, which
# may round an integer to its neighbor.
TOLERANCE = {"float32": 1e-4, "dynamic_int8": 0.02, "int8": 0.02}


def random_pixels(shape, *, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def lite_file(precision, shape=GRAY):
    """An exported classifier with random weights, without labels."""
    model = small_classifier(shape, len(LABELS))
    contract = PixelContract("pixels").for_channels(shape[2])
    calibration = exporting.from_noise(shape, 20)
    return EXPORTERS[precision].convert(ExportInputs(model, contract, calibration=calibration))


def interpreted(path, image):
    return Interpreter(str(path)).get_signature_runner()(image=image[None])["logits"][0]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two copies of the page: `bare`, and `site` with the npm packages and with models."""
    folder = tmp_path_factory.mktemp("web")
    for name in ("bare", "site"):
        shutil.copytree(
            WEB, folder / name, ignore=shutil.ignore_patterns("node_modules", "*.tflite")
        )
    command = ["npm", "install", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder / "site", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    keras.utils.set_random_seed(0)
    for precision in TOLERANCE:
        path = folder / "site" / f"{precision}.tflite"
        path.write_bytes(
            with_metadata(lite_file(precision), LABELS, {"provenance": {"data set": "mnist"}})
        )
    shutil.copy(folder / "site/float32.tflite", folder / "site/student.tflite")
    (folder / "site" / "color.tflite").write_bytes(lite_file("float32", COLOR))
    digits = with_metadata(lite_file("float32"), LABELS, {"provenance": {"data set": "digits"}})
    (folder / "site" / "digits.tflite").write_bytes(digits)
    foreign(folder / "site" / "foreign.tflite")
    return folder


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    # The driver is named, so that selenium does not download one.
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with webdriver.Chrome(options, service) as driver:
        yield driver


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def page(site, driver):
    handler = functools.partial(_Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Page(driver, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("precision", TOLERANCE)
def test_logits_are_those_of_the_interpreter(page, site, precision):
    page.open(f"site/?model={precision}.tflite")
    images = np.stack([random_pixels(GRAY, seed=seed) // (seed + 1) for seed in range(6)])
    found = np.stack([page.classify(image) for image in images])
    wanted = np.stack([interpreted(site / f"site/{precision}.tflite", image) for image in images])
    assert np.ptp(wanted, axis=0).max() > 1  # the model distinguishes the images
    np.testing.assert_allclose(found, wanted, rtol=0, atol=TOLERANCE[precision] * np.ptp(wanted))
    assert (found.argmax(1) == wanted.argmax(1)).all()


@pytest.mark.slow
def test_the_page_opens_its_student_and_loads_only_its_own_files(page, site):
    page.open("site/")
    model = page.element("model").text
    assert "student.tflite" in model and "32 × 32 × 1" in model and "named by the file" in model
    assert f"{(site / 'site/student.tflite').stat().st_size / 1000:.1f} kB" in model
    assert all(name.startswith((page.address, "data:")) for name in page.loaded())
    assert any(name.endswith(".wasm") for name in page.loaded())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_a_stroke_is_centered_as_in_mnist_and_classified(page, site, kind):
    page.open("site/")
    page.draw([(0.5, 0.1), (0.9, 0.1), (0.9, 0.3)], kind)
    page.wait(page.bars)
    seen = page.model_input()[..., :1]
    rows, columns = (np.flatnonzero(seen.max(axis)) for axis in ((1, 2), (0, 2)))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    mass = [np.average(np.arange(32) + 0.5, weights=seen.sum(axis)) for axis in ((1, 2), (0, 2))]
    np.testing.assert_allclose(mass, 16, atol=0.6)  # on whole pixels
    page.check_bars(interpreted(site / "site/student.tflite", seen), LABELS)

    page.element("center").click()  # not centered: in the upper right, where it was drawn
    page.wait(lambda: page.model_input()[2:6, 28].any())
    assert not page.model_input()[16:].any()
    page.element("clear").click()
    page.wait(lambda: not page.bars())


def image_cases():
    """Images, the expected input of the model, and whether to invert."""
    gray, color = random_pixels(GRAY[:2]), random_pixels(COLOR)
    small = random_pixels((28, 28))
    framed = np.pad(np.kron(gray, np.ones((2, 2), np.uint8)), ((0, 0), (22, 22)), constant_values=9)
    clear = random_pixels((*COLOR[:2], 1), seed=1) > 127
    half_clear = np.concatenate([color, np.where(clear, 0, 255).astype(np.uint8)], -1)
    luma = np.round(color.repeat(2, 0).repeat(2, 1) @ [0.299, 0.587, 0.114])
    return {
        "as large": (gray, gray[..., None], False),
        "28 for 32": (small, np.pad(small, 2)[..., None], False),
        "28 for 32, dark on white": (255 - small, np.pad(small, 2)[..., None], True),
        "larger and wider": (framed, gray[..., None], False),
        "color for gray": (color.repeat(2, 0).repeat(2, 1), luma[..., None], False),
        "color": (color, color, False),
        "transparent": (half_clear, np.where(clear, 255, color), False),
    }


@pytest.mark.slow
@pytest.mark.parametrize("case", image_cases())
def test_an_image_is_classified(page, site, tmp_path, case):
    image, wanted, invert = image_cases()[case]
    model, labels = "float32.tflite", LABELS
    if wanted.shape == COLOR:
        model, labels = "color.tflite", [f"class {i}" for i in range(len(LABELS))]
    page.open(f"site/?model={model}")
    if invert:
        page.element("invert").click()
    Image.fromarray(image).save(tmp_path / "photo.png")
    page.choose_file(tmp_path / "photo.png", "image-file")
    page.wait(page.bars)
    assert "photo.png" in page.element("run").text
    seen = page.model_input()[..., : wanted.shape[-1]]
    np.testing.assert_allclose(seen.astype(int), wanted, atol=1)
    page.check_bars(interpreted(site / "site" / model, seen), labels)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("text", 'not a LiteRT file: expected "TFL3" at byte 4; received " is "'),
        ("half", "is damaged or not supported: LiteRT reports “Failed to load model from buffer”"),
        ("junk", "is damaged: LiteRT crashed while loading it"),
        ("foreign", "expected one input “image”, uint8 (1, height, width, 1 to 4 channels)"),
    ],
)
def test_a_bad_file_is_reported_and_the_current_model_stays(page, site, tmp_path, name, sentence):
    page.open("site/?model=int8.tflite")
    good, image = site / "site/float32.tflite", random_pixels(GRAY)
    contents = {
        "text": b"this is no model",
        "half": good.read_bytes()[:5000],
        "junk": b"\x1c\0\0\0TFL3" + bytes(3000),
        "foreign": (site / "site/foreign.tflite").read_bytes(),
    }
    path = tmp_path / f"{name}.tflite"
    path.write_bytes(contents[name])
    page.choose_file(path, "model-file")
    page.wait(lambda: sentence in page.message)
    assert page.message.startswith(f"{name}.tflite ")
    wanted = interpreted(site / "site/int8.tflite", image)  # the current model stays
    np.testing.assert_allclose(page.classify(image), wanted, atol=0.02 * np.ptp(wanted))

    page.choose_file(good, "model-file")
    page.wait(lambda: "float32.tflite" in page.element("model").text and not page.message)
    np.testing.assert_allclose(page.classify(image), interpreted(good, image), atol=1e-3)
    # After a crash, another instance runs.
    runtimes = page.driver.find_elements("css selector", "script[src$='_internal.js']")
    assert len(runtimes) == (2 if name == "junk" else 1)


@pytest.mark.slow
def test_files_can_be_dropped(page, tmp_path):
    page.open("site/")
    Image.fromarray(random_pixels(GRAY[:2])).save(tmp_path / "photo.png")
    contents = {"photo.png": (tmp_path / "photo.png").read_bytes(), "broken.tflite": b"no"}
    for name, content in contents.items():
        page.driver.execute_script(
            "const [name, type, content] = arguments;"
            "const dataTransfer = new DataTransfer();"
            "dataTransfer.items.add(new File([new Uint8Array(content)], name, {type}));"
            "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer, bubbles: true}));",
            name,
            "image/png" if name.endswith("png") else "",
            list(content),
        )
    page.wait(lambda: page.message.startswith("broken.tflite is not a LiteRT file"))
    assert "photo.png" in page.element("run").text


def test_without_a_model_the_page_says_what_to_do(page, site):
    page.open("bare/")
    assert page.message.startswith("The folder of this page contains no student.tflite")
    assert "Copy a .tflite file from a run's export/ folder" in page.message
    page.choose_file(site / "site/float32.tflite", "model-file")
    page.wait(lambda: "Run “npm install” in the folder of this page" in page.message)


def test_labels_that_are_missing_or_do_not_fit(page, tmp_path):
    page.open("bare/")
    with zipfile.ZipFile(tmp_path / "archive", "w") as archive:
        archive.writestr("labels.txt", "\r\n".join(LABELS))
    plain = b"\x1c\0\0\0TFL3" + bytes(90)
    joined = plain + (tmp_path / "archive").read_bytes()  # offsets from the start of the archive
    assert labels_of(page, joined, 10) == [LABELS, "named by the file"]
    for content, reason in (
        (plain, "numbered: the file has no labels"),
        (joined, "expected 2 labels, received 10"),
        (joined.replace(b"PK\1\2", b"PK\1\3"), "expected 1 entries in the zip directory"),
    ):
        names, source = labels_of(page, content, 2)
        assert names == ["class 0", "class 1"] and reason in source


def labels_of(page, content, classes):
    return page.driver.execute_async_script(
        "const [bytes, classes, done] = arguments;"
        "import('./labels.js').then(({classNames}) => classNames(new Uint8Array(bytes), classes))"
        ".then(({names, source}) => done([names, source]));",
        list(content),
        classes,
    )


def test_centering_depends_on_the_data_set_of_the_file(page):
    for path, centered in (
        ("float32.tflite", True),  # MNIST
        ("digits.tflite", False),
        ("color.tflite", False),
    ):
        page.open(f"site/?model={path}")
        assert page.element("center").is_selected() is centered, path
