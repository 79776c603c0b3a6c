"""The page Export in its states: nothing yet, running, finished, failed, out of date, packages missing, the starter."""

import shutil

import numpy as np
import pytest
from filelock import FileLock

from core import background
from core.compute import job
from core.export import verify
from core.export.formats import FORMATS
from core.export.verify import Exports, Verification
from core.predictor import fingerprint, model_fingerprint
from core.runs import Run, RunError
from core.runs.starter import Starter
from core.storage import write_json
from tests.support.html import Page
from tests.support.pages import as_seen, open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]


@pytest.fixture
def run(make_run) -> Run:
    """A run with the starter's network."""
    run = make_run()
    shutil.copyfile(Starter().path / "model.tflite", run.path / "model.tflite")
    (run.path / "model.keras").write_bytes(b"never read by a page")
    return run


@pytest.fixture
def exported(run, digits):
    """Files that stand for exports, with their proofs: int8 differs, ONNX failed."""
    proofs = []
    for number, (name, format) in enumerate(FORMATS.items()):
        if name != "litert":
            format.path(run).parent.mkdir(exist_ok=True)
            format.path(run).write_bytes(name.encode())
        content = format.path(run).read_bytes()
        found = Verification(
            name, "", len(content), fingerprint(content), 0.0, 0, 0.9, 300, 0.001, 0.1 * number, 0.001, 0.2
        )
        proofs.append(found)
    proofs[1] = Verification("int8", "", 4, proofs[1].fingerprint, 0.03, 7, 0.89, 299, 0.001, 0.1, 0.001, 0.2)
    proofs[3] = Verification("onnx", "ValueError: not this time")
    kept = Exports(model_fingerprint(run.path), digits.fingerprint, 397, "drawn by somebody", 400, tuple(proofs))
    kept.save(run)
    return kept


def downloads(at):
    """What can be downloaded, without the zip of the whole run."""
    buttons = [button.proto for button in at.get("download_button")]
    return [
        button.id.rsplit("-", 1)[-1] for button in buttons if button.label != "Download run.zip" and not button.disabled
    ]


def exporting(at):
    """The buttons that export; the one that makes a report is always there."""
    return [button.label for button in at.button if button.label != "Make the report"]


def codes(at):
    return [code.value for code in at.code]


def test_a_run_without_exports_offers_them(run):
    at = open_page("export", run=run.id)
    assert "verified on all 397 test images" in words(at)
    assert exporting(at) == ["Export and verify"]
    assert all(format.sentence in words(at) for format in FORMATS.values())
    assert downloads(at) == ["download_litert", "download_digit"]  # the run's own model is there already
    assert words(at).count("not exported yet") == 4
    assert codes(at) == [format.snippet.rstrip() for format in FORMATS.values()]


def test_a_run_with_curves_says_how_other_programs_get_them(run):
    run.append_event("batch", step=1, epoch=1, loss=0.5, accuracy=0.9, position=0.1, training_seconds=1.0)
    assert codes(open_page("export", run=run.id))[-1] == f"python -m core.export {run.id} --format tensorboard mlflow"


def test_without_any_run_the_starter_is_there_as_litert_only():
    at = open_page("export")
    assert "shipped as LiteRT only" in at.info[0].value
    assert downloads(at) == ["download_litert", "download_digit"]
    assert codes(at) == [FORMATS["litert"].snippet.rstrip()]
    assert exporting(at) == []


def test_exports_are_shown_with_their_proof_and_what_failed_can_be_tried_again(run, exported):
    at = open_page("export", run=run.id)
    table = at.dataframe[0].value
    assert list(table["Format"]) == [FORMATS[name].title for name in ("litert", "int8", "keras", "savedmodel")]
    assert np.isnan(table["difference"][0])
    assert list(table["different"][1:]) == [7, 0, 0]
    assert list(table["speed"]) == ["reference", "2.0 × faster", "as fast", "2.0 × slower"]
    assert "7 of 397 predictions differ" in words(at)
    assert "It reads 7 of 397 test images otherwise than LiteRT. Accuracy: " in words(at)
    assert words(at).count("verified]") == 2
    assert "Of 400 drawings (drawn by somebody), it reads 299 correctly, and LiteRT 300." in words(at)
    assert "not this time" in at.error[0].value
    assert exporting(at) == ["Export again"]
    assert downloads(at) == [*(f"download_{name}" for name in FORMATS if name != "onnx"), "download_digit"]


def test_exports_of_an_earlier_model_are_not_given_out(run, exported):
    (run.path / "model.tflite").write_bytes((run.path / "model.tflite").read_bytes() + b"\0" * 16)
    at = open_page("export", run=run.id)
    assert "model has changed" in words(at)
    assert exporting(at) == ["Export again"]
    assert downloads(at) == ["download_litert", "download_digit"]


def test_an_exported_file_that_is_damaged_is_named_and_not_given_out(run, exported):
    FORMATS["int8"].path(run).write_bytes(b"in")
    at = open_page("export", run=run.id)
    assert "download_int8" not in downloads(at)
    assert [warning.value for warning in at.warning].count("The file is missing or damaged. Export again.") == 1
    assert exporting(at) == ["Export again"]


def test_missing_packages_are_told_and_the_rest_can_be_had(run, exported, monkeypatch):
    monkeypatch.setattr("core.export.formats.find_spec", lambda name: None)
    at = open_page("export", run=run.id)
    assert "onnx, onnxruntime, tf2onnx" in at.info[0].value
    assert "pip install -r requirements-export.txt" in at.info[0].value
    assert exporting(at) == []


def test_a_run_from_elsewhere_has_litert_only(run, digits):
    (run.path / "model.keras").unlink()
    at = open_page("export", run=run.id)
    assert words(at).count("Needs a Keras model") == 4
    assert job.execute(run, "export", background.TASKS["export"], digits)
    assert verify.load(run).of("litert").different == 0
    at = open_page("export", run=run.id)
    assert downloads(at) == ["download_litert", "download_digit"]
    assert exporting(at) == []


def test_running_failed_and_foreign_are_told(run):
    with FileLock(run.path / "analysis-export.lock").acquire():
        write_json(run.path / "analysis-export.json", {"state": "running", "fraction": 0.4, "words": "Keras"})
        at = open_page("export", run=run.id)
        assert exporting(at) == []
        assert "Keeps running if you leave this page." in words(at)
    write_json(run.path / "analysis-export.json", {"state": "failed", "words": "The disk is full."})
    at = open_page("export", run=run.id)
    assert at.error[0].value == "The disk is full."
    assert exporting(at) == ["Export and verify"]
    write_json(run.path / "dataset.json", {"name": "MNIST", "source": "elsewhere", "fingerprint": "x"})
    at = open_page("export", run=run.id)
    assert "MNIST (elsewhere)" in as_seen(at.error[0].value)
    assert exporting(at) == []


def test_a_click_starts_the_process(run, monkeypatch):
    started = []
    monkeypatch.setattr(job.Jobs, "start", lambda self, run, kind: started.append((run.id, kind)))
    open_page("export", run=run.id).button(key="export").click().run()
    assert started == [(run.id, "export")]


# The report


def test_a_report_is_made_when_it_is_asked_for_and_has_what_was_typed(run):
    at = open_page("export", run=run.id)
    assert "download_report" not in downloads(at)
    at.text_input(key="report_name").set_value("Ann")
    at.text_area(key="report_words").set_value("It <b>reads</b> well.")
    at.button(key="make_report").click().run()
    assert not at.exception
    assert not at.error
    assert "download_report" in downloads(at)
    page = Page(at.session_state["report_made"][1])
    assert "by Ann" in page.words
    assert "It <b>reads</b> well." in page.words
    assert len(page.pictures("digit")) == 10  # all mistakes
    at.text_area(key="report_words").set_value("It reads badly.").run()
    assert "download_report" not in downloads(at)  # what was typed since is not in it


def test_why_a_report_cannot_be_made_is_said(run, monkeypatch):
    def fails(*arguments):
        raise RunError("It <b>cannot</b> be made.")

    at = open_page("export", run=run.id)
    monkeypatch.setattr("core.report.run_report", fails)
    at.button(key="make_report").click().run()
    assert as_seen(at.error[0].value) == "It <b>cannot</b> be made."
    assert "download_report" not in downloads(at)
