"""A run leaves a Digit Lab by a button on its Train page, and is dropped into another one there."""

import tomllib

import pytest
import streamlit as st

from core.bundle.archive import MOST_ZIPPED, pack, unpack
from core.config import TrainingConfig
from core.data.adding import MOST_SENT
from core.runs import RunStore
from dashboard.components.train import import_run
from tests.support.pages import as_seen, open_page, words
from tests.support.paths import ROOT
from tests.support.runs import fill_run, zip_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]


@pytest.fixture
def packed(tmp_path, digits):
    """A bundle from elsewhere."""
    elsewhere = RunStore(tmp_path / "elsewhere")
    return pack(fill_run(elsewhere.create(TrainingConfig("dense", epochs=3), "From afar"), digits))


def drop(at, data, name="afar.zip"):
    """Drop a file on the page."""
    return at.get("file_uploader")[0].upload(name, data, "application/zip").run()


def test_a_zip_dropped_on_the_empty_page_becomes_the_run_that_is_shown(store, packed):
    at = drop(open_page("train"), packed)
    assert not at.exception
    [run] = store.runs()
    assert at.query_params["run"] in (run.id, [run.id])
    assert at.title[0].value == "Train · From afar"
    assert "Imported from afar.zip" in words(at)
    assert "Verified: on this machine, all 397 predictions match" in words(at)
    assert "no checkpoint" in words(at)
    assert not {"extend", "resume"} & {button.key for button in at.button}
    again = drop(at, packed)
    assert len(store.runs()) == 2
    assert not again.exception


def test_a_stopped_import_cannot_be_resumed_either(store, packed):
    drop(open_page("train"), packed)
    [run] = store.runs()
    run.set_state("stopped", target_epochs=9)
    assert "resume" not in {button.key for button in open_page("train").button}


def test_what_is_no_bundle_is_refused_once_and_stays_so(store, packed, monkeypatch):
    at = drop(open_page("train"), packed[:-30])
    assert "afar.zip was not imported: it is cut off" in as_seen(at.error[0].value)
    assert store.runs() == []
    monkeypatch.setattr(import_run, "unpack", lambda *arguments: pytest.fail("it was checked again"))
    assert "was not imported" in at.run().error[0].value


def test_the_wrong_zip_is_told_what_it_is_and_what_is_wanted(store):
    said = drop(open_page("train"), zip_of({"1/saved_model.pb": b"x"}), "model-savedmodel.zip").error[0].value
    assert "model-savedmodel.zip was not imported: it is a TensorFlow SavedModel, not a run" in as_seen(said)
    assert "Download run.zip" in said


def test_a_disk_that_is_full_is_said(store, packed, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(import_run, "unpack", full)
    assert "No space is left on the disk" in drop(open_page("train"), packed).error[0].value


def test_a_run_is_offered_as_a_zip_when_it_has_all_that_is_needed(store, digits, make_run):
    whole = fill_run(store.create(TrainingConfig("dense", epochs=3)), digits)
    bare = make_run()
    for run, disabled in ((whole, False), (bare, True)):
        at = open_page("train", run=run.id)
        [button] = [one for one in at.get("download_button") if one.proto.label == "Download run.zip"]
        assert button.proto.disabled is disabled
    assert "It has no summary.json" in button.proto.help


@pytest.mark.parametrize("page", ["predictions", "confidence", "compare", "map", "robustness", "draw"])
def test_every_page_shows_an_imported_run(page, store, packed):
    run = unpack(packed, store, "afar.zip")
    at = open_page(page, run=run.id)
    assert not at.error
    assert "cannot be shown" not in words(at)


def test_the_server_takes_what_the_page_asks_for():
    server = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]
    assert server["maxUploadSize"] * 2**20 > max(MOST_ZIPPED, MOST_SENT)


def test_the_browser_refuses_in_words_what_the_server_would_refuse_with_a_bare_error():
    at = open_page("train")
    sizes = [uploader.proto.max_upload_size_mb * 2**20 for uploader in at.get("file_uploader")]
    assert sorted(sizes) == [MOST_ZIPPED, MOST_SENT]
    assert max(sizes) + 2**16 < st.get_option("server.maxUploadSize") * 2**20
