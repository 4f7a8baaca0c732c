"""Modules import only from packages below their own, and in no cycle."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "dfad_tf"
# From top to bottom: a module imports from its own package and from those further down. The
# commands, which alone lie at the top level of the package, stand above all of them.
PACKAGES = (
    "command_line",
    "experiments",
    "runs",
    "trust",
    "exporting",
    "distillation",
    "methods",
    "synthesis",
    "students",
    "teachers",
    "callbacks",
    "models",
    "losses",
    "data",
    "graphs",
    "compute",
    "utils",
)
COMMANDS = ("benchmark", "compare", "evaluate", "figures", "to_saved_model", "to_tflite", "train")
HEIGHT = {name: place for place, name in enumerate(reversed(PACKAGES))}
HEIGHT.update(dict.fromkeys(COMMANDS, len(PACKAGES)))
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
LIBRARIES = {
    "absl": {"command_line", *COMMANDS},
    "tensorflow_datasets": {"data"},
    "sklearn": {"data"},
    "matplotlib": {"runs", "experiments"},
}


def module(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path):
    """Names of modules that a file imports, also inside functions; dfad_tf's in full."""
    known = {module(file) for file in FILES}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in known else node.module


def unit(name):
    return name.split(".")[1] if name.startswith("dfad_tf.") else None


def test_the_top_level_holds_the_commands_and_the_packages():
    assert {path.stem for path in PACKAGE.glob("*.py")} == {"__init__", *COMMANDS}
    folders = {path.parent.relative_to(PACKAGE).parts[0] for path in PACKAGE.glob("*/*.py")}
    assert folders == set(PACKAGES)


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_go_down(path):
    own = unit(module(path))
    for name in imported(path):
        other = unit(name)
        if other and other != own:
            assert HEIGHT[other] < HEIGHT[own], f"{module(path)} imports {name} from above"


def test_there_is_no_cycle():
    graph = {module(path): set(imported(path)) for path in FILES}
    done, open_ = set(), []

    def visit(name):
        if name in done or name not in graph:
            return
        assert name not in open_, " → ".join([*open_, name])
        open_.append(name)
        for other in graph[name] - {name}:
            visit(other)
        done.add(open_.pop())

    for name in graph:
        visit(name)


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_which_packages_know_a_library(library):
    users = {module(p) for p in FILES if any(n.split(".")[0] == library for n in imported(p))}
    assert users
    assert {unit(name) for name in users} <= LIBRARIES[library], users
    if library == "tensorflow_datasets":
        assert users == {"dfad_tf.data.datasets"}


@pytest.mark.parametrize("path", FILES, ids=module)
def test_no_assert_and_no_long_file(path):
    text = path.read_text(encoding="utf-8")
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text)))
    assert len(text.splitlines()) <= (150 if unit(module(path)) in COMMANDS else 300)


def test_tests_mirror_the_packages():
    tests = pathlib.Path(__file__).parent
    known = {*PACKAGES, "commands", "docs", "export", "helpers", "data_files"}
    assert {path.parent.name for path in tests.glob("*/test_*.py")} <= known
