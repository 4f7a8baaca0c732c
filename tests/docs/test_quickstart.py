"""The notebook runs from top to bottom.

`python -m tests.docs.test_quickstart` executes it and stores its outputs.
"""

import pathlib
import re

import pytest

NOTEBOOK = pathlib.Path(__file__).parents[2] / "docs" / "quickstart.ipynb"
TIMEOUT = 300  # seconds a cell


def executed():
    """Return the notebook with fresh outputs; an error in a cell is raised."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=TIMEOUT, kernel_name="python3", record_timing=False
    )
    return client.execute()


def printed(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


def accuracies(text, name):
    """Every accuracy that the notebook prints for a name, as a share."""
    return [float(share) / 100 for share in re.findall(rf"{name}.*?accuracy ([\d.]+)%", text)]


@pytest.mark.slow
def test_it_runs_from_top_to_bottom():
    text = printed(executed())
    (teacher,) = accuracies(text, "Teacher:")
    before, after = accuracies(text, r"Student: ")
    (random,) = accuracies(text, "Student initialized at random:")
    (inherited,) = accuracies(text, "Student initialized from the teacher's filters:")
    files = accuracies(text, r"student_\w+\.tflite:")
    assert teacher > 0.95
    assert before < 0.3  # initialized at random
    assert after == random > 0.8
    assert inherited > 0.9
    assert len(files) == 2 and max(abs(share - inherited) for share in files) < 0.02


@pytest.mark.slow
def test_the_stored_outputs_are_complete_and_name_no_machine():
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in cells]
    assert counts == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} == {"stream", "display_data"}
    assert {output.name for output in outputs if output.output_type == "stream"} == {"stdout"}
    assert not re.search(r"/(home|Users|tmp|work|root)/", printed(notebook))
    assert NOTEBOOK.stat().st_size < 200_000


def store():
    """Execute the notebook and write it back, without messages on standard error."""
    import nbformat

    notebook = executed()
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    store()
