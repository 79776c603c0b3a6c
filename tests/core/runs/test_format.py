"""The format of a run's folder: the one before is read and trained for ever, a newer one is left as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from core import background
from core.bundle import __main__ as bundle
from core.bundle.archive import BundleError, pack, unpack
from core.config import TrainingConfig
from core.export import __main__ as export
from core.runs import Run, RunError, RunView, files
from core.runs.starter import Starter
from tests.support.pages import open_page, words
from tests.support.runs import fill_run, zip_of

FORMAT_0 = Path(__file__).with_name("folder_of_format_0")
NEWER = "was made by a newer version of Digit Lab"


@pytest.fixture
def newer(make_run, digits):
    """A finished run of the next format, with all that a run has."""
    run = fill_run(make_run(), digits)
    raise_format(run.path / files.CONFIG)
    return run


def raise_format(config: Path) -> None:
    config.write_text(json.dumps({**json.loads(config.read_text()), "format": files.FORMAT + 1}))


def contents(run: RunView) -> dict[str, bytes]:
    return {str(path.relative_to(run.path)): path.read_bytes() for path in run.path.rglob("*") if path.is_file()}


def test_a_new_folder_has_the_number_of_its_format(store):
    run = store.create(TrainingConfig())
    assert json.loads((run.path / files.CONFIG).read_text())["format"] == files.FIRST_FORMAT
    assert run.config == TrainingConfig()
    other = store.create(TrainingConfig(network="flatten, dense 30, output softmax"))
    assert json.loads((other.path / files.CONFIG).read_text())["format"] == files.FORMAT_OF_EXPERIMENTS
    assert other.config.layers.text == "flatten, dense 30, output softmax"


def test_a_folder_of_the_version_before_opens_and_can_be_trained_further(tmp_path):
    run = Run(shutil.copytree(FORMAT_0, tmp_path / "runs" / "20261126-120000-dense-0000"))
    assert run.config == TrainingConfig("dense", epochs=2, hidden_layers=(16,))
    assert (run.name, run.state.name, run.too_new, run.damage()) == ("Dense 1", "finished", "", ())
    assert (run.test_accuracy, run.threshold, run.control) == (1.0, 0.5, {"learning_rate": 0.002})
    assert [epoch["epoch"] for epoch in run.history().epochs] == run.predicted_epochs() == [1, 2]
    assert [row["name"] for row in run.architecture] == ["hidden_1", "output"]
    labels, probabilities = run.validation()
    assert np.array_equal(run.probabilities().argmax(axis=1), labels)
    assert np.array_equal(probabilities, run.probabilities(2))
    assert run.dataset["fingerprint"] == "0123456789abcdef"
    assert run.checkpoint_flaw == ""
    run.extend(3)
    assert (run.state.name, run.state.target_epochs) == ("queued", 5)


def test_a_newer_folder_is_neither_trained_nor_written_to(newer):
    before = contents(newer)
    assert newer.state.name == "newer"
    assert NEWER in newer.state.message
    nothing = np.full((2, 10), 0.1)
    for write in (
        lambda: newer.rename("x"),
        lambda: newer.set_state("queued"),
        lambda: newer.append_event("epoch"),
        lambda: newer.request(learning_rate=0.1),
        lambda: newer.set_threshold(0.5),
        lambda: newer.write_summary({}),
        lambda: newer.write_probabilities(nothing),
        lambda: newer.write_validation(np.zeros(2), nothing),
        newer.lock,
        newer.pause,
        newer.stop,
        newer.discard,
        newer.resume,
        lambda: newer.extend(1),
    ):
        with pytest.raises(RunError, match=NEWER):
            write()
    assert contents(newer) == before


def test_commands_say_that_a_folder_is_newer_and_leave_it(newer, capsys):
    before = contents(newer)
    for command in (
        lambda: background.main([str(newer.path), "robustness"]),
        lambda: export.main([str(newer.path)]),
        lambda: bundle.main(["pack", str(newer.path)]),
    ):
        assert command() != 0
        assert NEWER in capsys.readouterr().err
    assert contents(newer) == before


@pytest.mark.slow
def test_pages_and_api_say_that_a_folder_is_newer_and_leave_it(newer, make_run, client):
    make_run().rename("Other")
    before = contents(newer)
    for page in ("train", "predictions", "confidence", "map", "robustness", "draw", "export"):
        assert NEWER in words(open_page(page, run=newer.id)), page
    assert "a newer version of Digit Lab made it" in words(open_page("compare", a=newer.id))
    address = f"/api/runs/{newer.id}"
    assert NEWER in client.get(address).json()["message"]
    pixels = {"pixels": [[0] * 28] * 28}
    answers = [client.post(f"{address}/{done}", json=pixels) for done in ("predict", "pause", "stop", "resume")]
    for answer in (*answers, client.get(f"{address}/predictions")):
        assert answer.status_code == 409
        assert NEWER in answer.json()["detail"]
    assert contents(newer) == before


def test_a_zip_tells_its_format_and_one_of_a_newer_version_is_not_imported(make_run, store, digits):
    run = fill_run(make_run(optimizer="sgd"), digits)
    imported = unpack(pack(run), store)
    for folder in (run, imported):
        assert json.loads((folder.path / files.CONFIG).read_text())["format"] == files.FORMAT_OF_EXPERIMENTS
    with_parts = {name: (run.path / name).read_bytes() for name in (files.SUMMARY, files.LITERT_MODEL)}
    newer = {files.CONFIG: json.dumps({"format": files.FORMAT + 1}).encode(), **with_parts}
    with pytest.raises(BundleError, match=NEWER):
        unpack(zip_of(newer), store)


def test_nothing_that_writes_or_requests_can_be_called_on_the_starter():
    changing = {name for name in vars(Run) if not name.startswith("_")}
    assert {"request", "set_state", "rename", "extend", "target"} <= changing
    assert not [name for name in changing if hasattr(Starter(), name)]
