"""Digits of one's own, as the pages say what they are, what looks wrong in them, and why they cannot be used."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from streamlit.delta_generator import DeltaGenerator

from core.data import loader
from core.data.files import DatasetError
from core.data.forms import file
from core.data.loader import DatasetLoader
from dashboard.components import session
from tests.support.pages import as_seen, open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]


def test_what_looks_wrong_is_in_sight_and_what_was_done_is_in_the_note(digits, tmp_path, monkeypatch):
    images = np.concatenate([digits.x_train, digits.x_test]).swapaxes(1, 2)
    labels = np.concatenate([digits.y_train, digits.y_test])
    np.savez(tmp_path / "own.npz", images=images / 255, labels=labels)
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path / "own.npz"))
    for page in ("train", "learn", "predictions", "compare", "tune"):
        at = open_page(page)
        [warning] = [as_seen(element.value) for element in at.main.warning]
        assert warning.startswith("The images look transposed")
        assert "x.transpose(0, 2, 1)" in warning
        [about] = [expander for expander in at.main.expander if "not MNIST" in expander.label]
        said = as_seen(about.markdown[0].value)
        assert "256 of its 1797 images" in said.replace(",", "")
        assert "were multiplied by 255" in said


def test_a_pickle_is_refused_with_the_program_that_makes_an_npz_of_it(tmp_path, monkeypatch):
    pd.to_pickle([1, 2], tmp_path / "mnist.pkl")
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path / "mnist.pkl"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("core.data.download.MNIST_URL", "http://127.0.0.1:9/mnist.npz")
    at = open_page("train")
    [warning] = [as_seen(element.value) for element in at.main.warning]
    assert "mnist.pkl is a pickle" in warning
    assert warning.endswith("make an npz of it. The dataset in use is Embedded digits.")
    assert "pickle.load" in at.main.code[0].value
    assert len(at.main.code[0].value.splitlines()) == 3


def test_an_error_shows_its_program_as_code(monkeypatch):
    def fail(**options):
        raise DatasetError("It is a pickle:\nimport numpy")

    monkeypatch.setattr(loader, "load_dataset", fail)
    at = open_page("train")
    assert [as_seen(error.value) for error in at.error] == ["It is a pickle:"]
    assert [code.value for code in at.code] == ["import numpy"]


def test_a_fault_that_nobody_thought_of_while_a_file_is_read_is_an_error_in_words(monkeypatch, client, make_run):
    run = make_run()

    def fail(path, progress):
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(file, "read", fail)
    assert "could not be loaded: nobody thought of this" in words(open_page("train"))
    reply = client.get(f"/api/runs/{run.id}/predictions")
    assert reply.status_code == 503
    assert "could not be loaded: nobody thought of this" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("progress", "said", "share"),
    [
        ((40, 100), "Loading the dataset, 40 %", 0.4),
        ((3_200_000, 0), "Loading the dataset, 3.2 MB", 0),
        ((0, 0), "Loading the dataset", 0),
    ],
)
def test_a_bar_tells_how_much_of_the_digits_is_loaded(monkeypatch, digits, progress, said, share):
    class Loading(DatasetLoader):
        asked = 0

        def outcome(self, seconds):
            self.asked += 1
            return digits if self.asked > 2 else None

    shown = []
    monkeypatch.setattr(DeltaGenerator, "progress", lambda self, value, text: shown.append((value, text)))
    session.services().dataset_loader = Loading()
    session.services().dataset_loader.progress = progress
    open_page("tune")
    assert (share, said) in shown
