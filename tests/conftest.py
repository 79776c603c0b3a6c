"""What tests share: a small dataset of real digits, a home for runs, and waiting for what will come true."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from sklearn.datasets import load_digits
from starlette.testclient import TestClient

from core.config import TrainingConfig
from core.data import Dataset, load_dataset
from core.runs import RunStore
from core.services import Services
from dashboard.components import loaded_models, session
from tests.support.digits import mostly_right

pytest_plugins = ["tests.support.browsing"]  # the fixtures of tests in a real browser

settings.register_profile("digitlab", deadline=None)  # a busy machine is no failure
settings.load_profile("digitlab")


@pytest.fixture(autouse=True, scope="module")
def heap():
    """Leave what is in memory so far out of garbage collections.

    Streamlit collects after each run of a page, which takes a quarter of a second where TensorFlow was imported before.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def digits_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An mnist.npz with scikit-learn's digits, three times as large in a 28×28 frame: 1,400 to train, 397 to test."""
    digits = load_digits()
    images = np.kron(digits.images, np.ones((3, 3))) * 255 / 16
    images = np.pad(images, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    path = tmp_path_factory.mktemp("digits") / "mnist.npz"
    np.savez(path, x_train=images[:1400], y_train=labels[:1400], x_test=images[1400:], y_test=labels[1400:])
    return path


@pytest.fixture(scope="session")
def digits(digits_file: Path) -> Dataset:
    """The same digits, loaded."""
    return load_dataset(digits_file)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """An empty home for runs."""
    return RunStore(tmp_path / "home")


@pytest.fixture(scope="session")
def wait_until() -> Callable:
    """Wait for a condition, however busy the machine is; returns what the condition returned."""

    def wait(condition: Callable, what: str, seconds: float = 120) -> object:
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
            time.sleep(0.02)
        return value

    return wait


@pytest.fixture
def laboratory(store, digits_file, monkeypatch):
    """Pages look at this test's home and at the small dataset, and start nothing in the background by themselves."""
    monkeypatch.setattr(loaded_models, "fit_ood_detector", lambda run: None)
    monkeypatch.setenv("DIGITLAB_HOME", str(store.home))
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    session.use(Services(store.home))


@pytest.fixture
def make_run(store, digits):
    """A run as the worker leaves it: three epochs with 40, 20 and 10 mistakes, the first images being wrong."""

    def make(state="finished", model="dense", *, end=True, **settings):
        run = store.create(TrainingConfig(model=model, epochs=3, **settings))
        for epoch, wrong in enumerate((40, 20, 10), start=1):
            run.write_probabilities(mostly_right(digits.y_test, slice(wrong)), epoch)
        if end:
            run.write_probabilities(mostly_right(digits.y_test, slice(10)))
        run.set_state(state)
        return run

    return make


@pytest.fixture
def served(laboratory):
    """The HTTP API, which looks at this test's home and trains nothing."""
    from dashboard.api import api, app  # takes half a second that most tests need not wait for

    api.state.services = session.services()
    return app


@pytest.fixture
def client(served):
    """A client of the HTTP API on this machine."""
    return TestClient(
        served, base_url="http://127.0.0.1:8501", client=("127.0.0.1", 50000), raise_server_exceptions=False
    )
