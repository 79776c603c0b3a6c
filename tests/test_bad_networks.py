"""Whatever is written for a network: the page, the API, a bundle and the command line take it, or say what is wrong."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from streamlit.testing.v1 import AppTest

import digit_classification
from core.bundle import archive
from core.config import ConfigError, TrainingConfig, read
from core.runs import RunStore
from tests.support.network_texts import TEXTS
from tests.support.pages import as_seen
from tests.support.runs import files_of, fill_run, zip_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]
two_hundred = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
two_softmaxes = example("flatten, dense 10 softmax, dense 10 softmax")


def wrong_with(text: str) -> str:
    """Why a text is no network, "" where it is one."""
    try:
        read(text)
    except ConfigError as error:
        return str(error)
    return ""


@given(TEXTS)
@two_softmaxes
@two_hundred
def test_the_page_says_what_is_wrong_and_its_start_is_off(page, text):
    page.session_state["train_classic_network"] = text
    page.run()
    assert not page.exception
    wrong = wrong_with(text)
    assert page.button(key="start").disabled == bool(wrong)
    assert not wrong or wrong in "\n".join(as_seen(element.value) for element in page.sidebar.markdown)


@pytest.fixture(scope="module")
def page():
    """The sidebar of the Train page, which this module's tests share: the whole page takes far longer."""
    return AppTest.from_function(_sidebar, default_timeout=60).run()


def _sidebar():
    import streamlit as st

    from dashboard.components.session import dataset
    from dashboard.components.train.settings_form import training_settings

    with st.sidebar:
        training_settings(lambda: None, dataset())


@given(TEXTS)
@two_softmaxes
@two_hundred
def test_the_api_starts_it_or_answers_with_a_problem(client, text):
    response = client.post("/api/runs", json={"network": text})
    wrong = wrong_with(text) if text else ""
    assert (response.status_code, response.json().get("detail", "")) == ((422, wrong) if wrong else (201, ""))


@given(TEXTS)
@two_softmaxes
@two_hundred
def test_a_bundle_is_taken_or_refused(files, tmp_path_factory, text):
    config = json.loads(files["config.json"])
    packed = zip_of({**files, "config.json": json.dumps({**config, "network": text}).encode()})
    wrong = wrong_with(text) if text else ""
    store = RunStore(tmp_path_factory.mktemp("home"))
    if wrong:
        with pytest.raises(archive.BundleError, match=re.escape(wrong)):
            archive.unpack(packed, store)
    else:
        run = archive.unpack(packed, store)
        assert run.config == TrainingConfig.from_dict({**config, "network": text})


@pytest.fixture
def files(laboratory, digits, tmp_path_factory, monkeypatch):
    """The files of a bundle; its model is not tried out in a process of its own here."""
    monkeypatch.setattr(archive, "check_model", lambda model, classes: None)
    run = fill_run(RunStore(tmp_path_factory.mktemp("other")).create(TrainingConfig("dense", epochs=3)), digits)
    return files_of(archive.pack(run))


@given(TEXTS)
@two_softmaxes
@two_hundred
def test_the_command_line_says_what_is_wrong(capsys, tmp_path, text):
    missing = tmp_path / "no.npz"  # what is a network gets as far as the dataset
    assert digit_classification.main([f"--network={text}", "--data", str(missing)]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(wrong_with(text) or f"{missing} does not exist.")
