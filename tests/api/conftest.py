"""What the tests of the HTTP API share: a run that reads."""

import pytest

from core.runs.starter import FOLDER


@pytest.fixture
def run(store, make_run):
    """A finished run that the starter's model reads for."""
    run = make_run()
    (run.path / "model.tflite").write_bytes((FOLDER / "model.tflite").read_bytes())
    return run
