"""Modules import only from layers below their own, and in no circle."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parent.parent / "dfad_tf"
LAYERS = {
    0: "errors names method_names randomness interpolation optimizers pixel_contract losses "
    "objectives "
    "native_messages pipelines supervised_objectives graphs fast_layers training_form process "
    "layer_outputs replicas strategies",
    1: "models generators datasets moons multiply_adds",
    2: "teacher_signals saved_model_teacher pixel_detection teacher_loading methods distiller "
    "compatibility training_metrics image_memory training_images watched_layers data_methods "
    "supervised_distiller precision inheritance training_state distillation_model "
    "teacher_training",
    3: "run_folder teacher_cache pictures measurement callbacks report report_benchmark comparison "
    "comparison_runs comparison_pictures moons_experiment figure_data figure_pictures "
    "step_benchmark exporting interrupted_run",
    4: "command_line data_flags train_flags pixel_flags precision_flag from_flags train evaluate "
    "model_flags json_flag benchmark export_flags export_command training_export "
    "training_with_data training_without_data method_flags compare compare_flags figures "
    "flag_checks workers to_tflite to_saved_model",
}
LAYER = {name: layer for layer, names in LAYERS.items() for name in names.split()}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


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


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_go_down(path):
    own = unit(module(path))
    assert own in LAYER, f"{own} stands in no layer: add it above"
    for name in imported(path):
        other = unit(name)
        if other and other != own:
            assert LAYER[other] <= LAYER[own], f"{module(path)} imports {name} from above"


def test_there_is_no_circle():
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


@pytest.mark.parametrize(
    ("package", "allowed"),
    [("absl", {4}), ("tensorflow_datasets", {1}), ("sklearn", {1}), ("matplotlib", {3})],
)
def test_who_knows_what(package, allowed):
    users = {module(p) for p in FILES if any(n.split(".")[0] == package for n in imported(p))}
    assert users
    assert {LAYER[unit(name)] for name in users} <= allowed, users
    if package == "tensorflow_datasets":
        assert users == {"dfad_tf.datasets"}


@pytest.mark.parametrize("path", FILES, ids=module)
def test_no_assert_and_no_long_file(path):
    text = path.read_text(encoding="utf-8")
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text)))
    assert len(text.splitlines()) <= 300
