"""The wheel, the versions, the flags in the documentation, and the import of the package."""

import pathlib
import re
import subprocess
import sys
import zipfile

import keras
import pytest

from tests.conftest import small_classifier

ROOT = pathlib.Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel, built from a copy so that the checkout has no build folder."""
    folder = tmp_path_factory.mktemp("wheel")
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    for name in files:
        if (ROOT / name).is_file():
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "tree" / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder)]
    subprocess.run(command, cwd=folder / "tree", check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_contains_the_package_and_the_recipes(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    recipes = {f"dfad_tf/flags/{path.name}" for path in (ROOT / "flags").glob("*.flags")}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "dfad_tf").rglob("*.py")}
    assert recipes and recipes | modules <= names
    assert not any(name.startswith("tests") for name in names)


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder into which the wheel is installed."""
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel]
    subprocess.run(pip, check=True, capture_output=True)
    return site


def run_installed(site, folder, code, *arguments):
    """Run code in another process and folder, where the installed package is imported."""
    code = f"import sys; sys.path.insert(0, sys.argv.pop(1))\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code, str(site), *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_the_installed_package_distils_outside_the_checkout(site, tmp_path):
    done = run_installed(
        site, tmp_path, "from dfad_tf import train; train.run()",
        "--epochs=1", "--steps_per_epoch=2", "--teacher_epochs=1", "--verbose=0",
        f"--teacher_cache={tmp_path}", "--workdir=run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Result" in done.stdout and (tmp_path / "run" / "student.keras").exists()


@pytest.mark.slow
def test_the_installed_package_finds_a_recipe_by_its_name(site, tmp_path):
    code = """
from dfad_tf import train
from dfad_tf.command_line import arguments, recipes
arguments.parse(["train", *sys.argv[1:]], recipes=True)
print(recipes.recipe_path("cifar10_smoke.flags"))
print(train.FLAGS.teacher_model, train.FLAGS.student, train.FLAGS.images, train.FLAGS.batch_size)
"""
    done = run_installed(site, tmp_path, code, "--flagfile=cifar10_smoke.flags", "--batch_size=9")
    assert done.returncode == 0, done.stderr
    path, values = done.stdout.splitlines()
    assert pathlib.Path(path) == site / "dfad_tf" / "flags" / "cifar10_smoke.flags"
    assert values == "compact_8 compact_4 23040 9"


def test_all_files_name_one_version():
    package = re.search(r'__version__ = "(.+)"', (ROOT / "dfad_tf" / "__init__.py").read_text())
    setup = re.search(r'version="(.+)"', (ROOT / "setup.py").read_text())
    # The newest release: the title of an unreleased entry has more than a version.
    changelog = re.search(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    citation = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert package[1] == setup[1] == changelog[1] == citation[1]


def test_the_documentation_names_only_flags_that_exist():
    from dfad_tf import benchmark, compare, evaluate, figures, to_saved_model, to_tflite
    from tests.helpers.command import FLAGS

    commands = (benchmark, compare, evaluate, figures, to_saved_model, to_tflite)
    assert all(command.main for command in commands)  # and their flags
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "export" / "README.md"]
    files = [*pages, *ROOT.glob("docs/*.md"), *ROOT.glob("flags/*")]
    texts = [file.read_text() for file in files]
    texts = [re.sub(r"torch_dfad\.py[^`\"]*", "", text) for text in texts]  # another program
    named = {name for text in texts for name in re.findall(r"--([a-z_0-9]+)[=` \n]", text)}
    assert named
    assert {name for name in named if not {name, name.removeprefix("no")} & set(FLAGS)} <= {
        "check",
        "cov",
        "dist",
        "invert",
        "flagfile",
        "help",
        "list",
        "logdir",
    }


@pytest.mark.slow
def test_the_example_of_the_readme_runs(tmp_path, monkeypatch):
    block = re.search(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    shorter = block.replace("epochs=20, steps_per_epoch=50", "epochs=1, steps_per_epoch=2")
    assert shorter != block
    # Its preprocessing says which pixels it expects: its random weights do not.
    entrance = [keras.Input((12, 12, 3)), keras.layers.Rescaling(1 / 255)]
    teacher = keras.Sequential([*entrance, *small_classifier((12, 12, 3)).layers])
    teacher.save(tmp_path / "my_model.keras")
    monkeypatch.chdir(tmp_path)
    exec(compile(shorter, "README.md", "exec"), {})
    assert (tmp_path / "student.keras").exists()


@pytest.mark.parametrize("command", ["train", "evaluate", "to_tflite", "to_saved_model"])
def test_help_of_a_command_shows_its_flags(command):
    code = f"from dfad_tf import {command}; {command}.run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--helpshort"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"Usage: python -m dfad_tf.{command} " in done.stdout and "\n  --dataset" in done.stdout


def test_the_package_imports_neither_keras_nor_tensorflow():
    code = "import sys, dfad_tf; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_every_public_name_can_be_imported():
    import dfad_tf

    assert all(getattr(dfad_tf, name) is not None for name in dfad_tf.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = dfad_tf.nothing
