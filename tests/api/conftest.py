"""What the tests of the HTTP API share: a client, and a run that it can ask."""

import pytest
from starlette.testclient import TestClient

from core.runs.starter import FOLDER
from dashboard.api import app


@pytest.fixture
def client():
    """A client on this machine; the server trains nothing."""
    return TestClient(app, base_url="http://127.0.0.1:8501", client=("127.0.0.1", 50000), raise_server_exceptions=False)


@pytest.fixture
def run(store, make_run):
    """A finished run that the starter's model reads for."""
    run = make_run()
    (run.path / "model.tflite").write_bytes((FOLDER / "model.tflite").read_bytes())
    return run
