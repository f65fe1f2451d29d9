"""The notebooks under examples/: they run, and they are stored without outputs, so that a change shows what changed."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
IN_A_KERNEL = ("derivation-by-hand",)
"""Notebooks that also the fast tests run in a kernel; the others run there with `make test-slow`."""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


@each_notebook
@pytest.mark.filterwarnings("ignore:no installed font has")
def test_the_cells_run_from_top_to_bottom(path, tmp_path, monkeypatch):
    """In this process, where a warning is an error."""
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("agg")
    names = {"__name__": "notebook"}
    for number, cell in enumerate(cells(path, "code"), start=1):
        exec(compile(cell.source, f"{path.name}, code cell {number}", "exec"), names)
    plt.close("all")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=() if path.stem in IN_A_KERNEL else pytest.mark.slow, id=path.stem)
        for path in NOTEBOOKS
    ],
)
def test_the_notebook_runs_in_a_kernel_and_shows_pictures(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    shown_errors = "".join(output["text"] for output in outputs if output.get("name") == "stderr")
    assert not shown_errors or "no installed font has" in shown_errors


@each_notebook
def test_outputs_are_stripped_and_the_file_is_as_nbformat_writes_it(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells(path, "code"))
    assert all(cell.metadata == {} for cell in notebook.cells)
    assert [cell.id for cell in notebook.cells] == [f"cell-{n:02}" for n in range(1, len(notebook.cells) + 1)]
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@each_notebook
def test_a_notebook_begins_with_a_title_and_ends_soon(path):
    assert cells(path, "markdown")[0].source.startswith("# ")
    assert nbformat.read(path, as_version=4).cells[0].cell_type == "markdown"
    assert all(len(cell.source.splitlines()) <= 30 for cell in cells(path, "code")), "a cell that is hard to read"
    assert any(cell.source.rstrip().endswith(";") for cell in cells(path, "code")), "a picture, without its text"


def test_every_notebook_is_listed():
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        assert f"({path.name})" in listed
    assert NOTEBOOKS
