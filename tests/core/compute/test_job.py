"""Background jobs: where each stands, whoever started it, and why one stopped."""

from __future__ import annotations

import subprocess
import time

import pytest
from filelock import FileLock

from core.compute import job
from core.compute.job import Jobs
from core.config import TrainingConfig
from core.storage import write_json


@pytest.fixture
def run(store):
    return store.create(TrainingConfig("dense"))


def test_a_job_that_stopped_is_explained_by_its_status_and_its_log_and_can_be_started_again(
    run, wait_until, monkeypatch
):
    started = []

    def start_process(module, *arguments, log):
        started.append((module, *arguments))
        with log.open("ab") as output:
            return subprocess.Popen(["sh", "-c", "echo MemoryError; kill -KILL $$"], stdout=output)

    monkeypatch.setattr(job, "start_process", start_process)
    jobs = Jobs()
    for _ in range(2):
        jobs.start(run, "map")
        wait_until(lambda: jobs.status(run, "map").name == "interrupted", "the process to end")
    words = jobs.status(run, "map").words
    assert words.startswith("The job stopped unexpectedly (SIGKILL")
    assert words.endswith("The memory was not enough. Close other programs. See analysis-map.log.")
    assert started == 2 * [("core.background", run.path, "map")]
    assert "SIGKILL" not in Jobs().status(run, "map").words  # another program does not know the status


def test_a_job_of_another_program_runs_while_it_gets_ready_or_holds_its_lock(run, monkeypatch):
    monkeypatch.setattr(job, "LOCK_SECONDS", 0.0)

    def stands(since, state="starting"):
        write_json(run.path / "analysis-map.json", {"state": state, "fraction": 0.4, "time": since})
        return Jobs().status(run, "map").name

    now = time.time()
    assert Jobs().status(run, "map").name == "none"
    assert [stands(now), stands(now - 2 * job.START_SECONDS), stands(now + 3600)] == [
        "running",
        "interrupted",
        "interrupted",
    ]
    with FileLock(run.path / "analysis-map.lock"):
        assert stands(now - 3600, "running") == "running"
        assert job.execute_once(run, "map", task=None) == 3


def test_a_job_that_runs_is_not_started_again(run, monkeypatch):
    monkeypatch.setattr(job, "start_process", lambda *arguments, log: pytest.fail("It was started."))
    write_json(run.path / "analysis-map.json", {"state": "running"})
    with FileLock(run.path / "analysis-map.lock"):
        Jobs().start(run, "map")


def test_a_job_that_is_ended_leaves_no_trace_but_its_result(run, wait_until, monkeypatch):
    def start_process(module, *arguments, log):
        return subprocess.Popen(["sh", "-c", "sleep 60"], start_new_session=True)

    monkeypatch.setattr(job, "start_process", start_process)
    jobs = Jobs()
    jobs.end(run, "map")  # which was never started
    jobs.start(run, "map")
    assert jobs.status(run, "map").name == "running"
    jobs.end(run, "map")
    assert jobs.status(run, "map").name == "none"
    monkeypatch.setattr(job, "start_process", lambda *arguments, log: subprocess.Popen(["true"]))
    jobs.start(run, "map")
    write_json(run.path / "analysis-map.json", {"state": "finished"})
    wait_until(lambda: jobs._processes[run.path, "map"].poll() is not None, "the process to end")
    jobs.end(run, "map")
    assert jobs.status(run, "map").name == "finished"


def test_the_pace_of_a_job_tells_how_long_it_still_takes(run):
    now = time.time()
    values = {"state": "running", "fraction": 0.25, "words": "", "time": now, "began": now - 10}
    with FileLock(run.path / "analysis-map.lock").acquire():
        write_json(run.path / "analysis-map.json", values)
        assert Jobs().status(run, "map").seconds_left == pytest.approx(30, abs=1)
        write_json(run.path / "analysis-map.json", {**values, "began": None})
        assert Jobs().status(run, "map").seconds_left is None
        assert not Jobs().can_end(run, "map")  # another program's
