"""What the tests of training share: real workers on the small dataset."""

import subprocess

import pytest

from core.compute.process import start_process
from core.runs import Run


@pytest.fixture(scope="module")
def start(digits_file):
    """Start workers on the small dataset; those that are left at the end are killed."""
    started = []

    def start(run: Run) -> subprocess.Popen:
        worker = start_process(
            "core.training.worker", run.path, log=run.path / "log.txt", DIGITLAB_DATA=str(digits_file)
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.wait()
