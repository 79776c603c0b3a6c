"""The notebooks in examples: each runs from its top to its end, as somebody who opens it would run it."""

import pytest

from core.config import TrainingConfig
from core.runs import RunStore
from tests.support.paths import ROOT
from tests.support.runs import fill_run

INSTALL = "pip install -r requirements-notebook.txt"
nbclient = pytest.importorskip("nbclient", reason=INSTALL)
pytest.importorskip("ipykernel", reason=INSTALL)

pytestmark = pytest.mark.slow


@pytest.fixture
def run_all(digits_file, tmp_path, monkeypatch):
    """Run all cells of a notebook in a kernel; returns the notebook with what they printed and showed."""
    import nbformat

    for name in ("DIGITLAB_HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))

    def run(name):
        folder = ROOT / "examples"
        book = nbformat.read(folder / name, as_version=4)
        assert not any(cell.get("outputs") for cell in book.cells)  # what it shows is of whoever runs it
        return nbclient.NotebookClient(book, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()

    return run


def printed(book):
    """All that the cells printed."""
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    return "".join(output.text for output in outputs if output.output_type == "stream")


def pictures(book):
    """How many pictures the cells show."""
    return sum("image/png" in output.get("data", ()) for cell in book.cells for output in cell.get("outputs", ()))


def test_a_run_is_opened_asked_and_its_mistakes_are_shown(run_all, digits, tmp_path):
    run = fill_run(RunStore(tmp_path / "digitlab_home").create(TrainingConfig("dense", epochs=3), "Mine"), digits)
    book = run_all("look_at_a_run.ipynb")
    assert printed(book).startswith("Mine: flatten, dense 128, relu, output softmax\n")
    assert f"397 test images, {100 * run.test_accuracy:.2f} % read right" in printed(book)
    assert "Starter: 7, " in printed(book)
    assert f"{397 - round(397 * run.test_accuracy)} of 397 test images are read wrong" in printed(book)
    assert pictures(book) == 3


def test_two_runs_are_trained_and_compared(run_all, tmp_path):
    book = run_all("train_and_compare.ipynb")
    second, first = RunStore(tmp_path / "digitlab_home").runs()
    assert [first.state.name, second.state.name, len(second.history().epochs)] == ["finished", "finished", 3]
    for run in (first, second):
        assert f"{run.name}: {100 * run.test_accuracy:.2f} % of 397 test images" in printed(book)
    assert "'fixed': " in printed(book)
    assert pictures(book) >= 2
