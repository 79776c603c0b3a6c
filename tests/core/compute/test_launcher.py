"""The launcher and its workers: a queue that moves on, and workers that outlive it."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat

import pytest

from core.compute import launcher as launcher_module
from core.compute import process
from core.compute.launcher import Launcher, worker_limit
from core.config import TrainingConfig
from core.predictor import Predictor

pytestmark = pytest.mark.slow

LONG = TrainingConfig("seed", epochs=200, batch_size=8)  # ended by the test long before its end


@pytest.fixture
def launcher(store, digits_file, monkeypatch):
    """A launcher of one worker at a time; whatever it started is gone after the test."""
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    launcher = Launcher(store, limit=1)
    workers, spawn = [], launcher._spawn

    def remembered():
        workers.append(spawn())
        return workers[-1]

    monkeypatch.setattr(launcher, "_spawn", remembered)
    launcher.workers = workers
    yield launcher
    launcher.close()
    for worker in workers:
        worker.kill()
        worker.wait()


def assert_usable_model(run, digits):
    predictions = Predictor.load(run.path).probabilities(digits.x_test).argmax(axis=1)
    assert (predictions == digits.y_test).mean() == pytest.approx(run.test_accuracy)
    assert run.test_accuracy > 0.6


def test_runs_train_one_after_the_other_can_be_stopped_and_go_on_without_the_launcher(
    store, launcher, digits, wait_until
):
    first, second = store.create(LONG), store.create(LONG)
    launcher.start()

    def first_has_trained():
        assert second.state.name == "queued"
        assert first.state.name in ("queued", "running"), first.state.message
        return len(first.history().epochs) >= 2

    wait_until(first_has_trained, "two epochs of the first run")
    assert first.has_worker()
    first.stop()
    wait_until(lambda: first.state.name == "stopped", "the first run to stop")
    assert_usable_model(first, digits)
    assert first.summary["epochs"] == len(first.history().epochs) < 200

    wait_until(lambda: len(second.history().epochs) >= 2, "two epochs of the second run")
    worker = launcher._sent[second.id][0]
    warm = wait_until(lambda: launcher._warm, "another warm worker")
    assert warm.pid != worker.pid
    launcher.close()
    warm.wait(timeout=30)
    known = second.history().last_batch["step"]
    wait_until(lambda: second.history().last_batch["step"] > known, "the second run to go on by itself")
    assert worker.poll() is None
    assert (second.state.name, second.has_worker()) == ("running", True)

    os.kill(worker.pid, signal.SIGTERM)
    wait_until(lambda: worker.poll() is not None, "the worker to leave")
    assert (second.state.name, worker.returncode) == ("paused", 0)
    assert_usable_model(second, digits)
    assert [epoch["epoch"] for epoch in second.history().epochs] == [*range(1, second.summary["epochs"] + 1)]


@pytest.fixture
def python(monkeypatch, tmp_path):
    """Workers are this shell script instead; it notes each start in the file `starts`."""

    def make(script):
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\necho start >>{tmp_path}/starts\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(launcher_module.sys, "executable", str(path))
        return tmp_path / "starts"

    return make


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "read run\necho \"No module named 'tensorflow'\" >&2\nexit 1",
            ["could not start (exit status 1)", "pip install -r requirements.txt", "No module named 'tensorflow'"],
        ),
        ("read run\nkill -ILL $$", ["could not start (SIGILL, illegal instruction", "TensorFlow needs"]),
        ("kill -SEGV $$", ["could not start (SIGSEGV, it crashed)"]),
    ],
    ids=["a missing package", "an old processor", "a crash at import"],
)
def test_a_worker_that_cannot_start_fails_its_run_with_the_cause(store, launcher, wait_until, python, script, words):
    python(script)
    run = store.create(LONG)
    launcher.start()
    wait_until(lambda: run.state.name == "failed", "the run to fail")
    for part in words:
        assert part in run.state.message
        assert part in launcher_module.trouble()


def test_workers_that_die_by_themselves_come_later_and_later_and_in_the_end_no_more_but_a_run_tries_again(
    store, launcher, wait_until, python, monkeypatch
):
    monkeypatch.setattr(launcher_module, "LONGEST_PAUSE", 0.05)
    starts = python("kill -ILL $$")
    launcher.start()
    wait_until(lambda: launcher._failures >= launcher_module.MOST_FAILURES, "the last worker")
    assert "SIGILL" in launcher_module.trouble()
    assert launcher._next_warm == float("inf")
    count = len(starts.read_text().splitlines())
    assert count == launcher_module.MOST_FAILURES
    run = store.create(LONG)
    wait_until(lambda: run.state.name == "failed", "the run to fail")
    assert len(starts.read_text().splitlines()) == count + 1
    launcher.close()
    assert launcher_module.trouble() == ""


def test_the_launcher_goes_on_after_any_error_says_it_once_and_trains_when_it_is_gone(
    store, launcher, wait_until, monkeypatch, capsys
):
    monkeypatch.setattr(launcher_module, "LONGEST_PAUSE", 0.02)
    looks, queued = [], store.queued

    def broken():
        looks.append(1)
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr(store, "queued", broken)
    launcher.start()
    wait_until(lambda: len(looks) > 3, "a fourth look")
    assert "RecursionError" in launcher_module.trouble()
    assert capsys.readouterr().err.count("Launcher: ") == 1
    monkeypatch.setattr(store, "queued", queued)
    wait_until(lambda: not launcher_module.trouble(), "an end of the trouble")
    assert launcher._thread.is_alive()


def test_a_home_that_cannot_be_written_is_said(store, launcher, wait_until, monkeypatch):
    monkeypatch.setattr(launcher_module, "LONGEST_PAUSE", 0.02)

    def read_only():
        raise OSError(errno.EROFS, "Read-only file system", str(store.home))

    monkeypatch.setattr(launcher, "_spawn", read_only)
    launcher.start()
    wait_until(lambda: "its disk is read-only" in launcher_module.trouble(), "the words")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_launcher_that_has_ended_by_itself_is_said(store, launcher, wait_until, monkeypatch):
    def end():
        raise SystemExit

    monkeypatch.setattr(launcher, "_look", end)
    launcher.start()
    wait_until(lambda: "Start Digit Lab again" in launcher_module.trouble(), "the words")


def test_two_launchers_on_one_home_train_each_run_once(store, launcher, wait_until):
    short = TrainingConfig("dense", epochs=2, hidden_layers=(8,))
    runs = [store.create(short), store.create(short)]
    other = Launcher(store, limit=1)
    try:
        launcher.start()
        other.start()
        wait_until(lambda: all(run.state.name == "finished" for run in runs), "both runs to finish")
    finally:
        other.close()
        for worker, _ in other._sent.values():
            worker.kill()
            worker.wait()
    for run in runs:
        kinds = [json.loads(line)["type"] for line in (run.path / "events.jsonl").read_text().splitlines()]
        assert [kinds.count(kind) for kind in ("taken", "start", "epoch", "finishing")] == [1, 1, 2, 1]
        assert run.damage() == ()


def test_a_run_that_was_discarded_while_no_dashboard_ran_is_deleted_by_the_next_one(
    store, launcher, wait_until, python
):
    python("read run")
    run, kept = store.create(LONG), store.create(LONG)
    for each in (run, kept):
        each.set_state("stopped")
    run.discard()
    launcher.start()
    wait_until(lambda: store.get(run.id) is None, "the run to be deleted")
    assert store.get(kept.id)


def test_a_launcher_that_never_started_can_be_closed(store):
    Launcher(store).close()
    assert store.runs() == []


def test_a_worker_gets_the_places_that_were_written_from_here(tmp_path, monkeypatch):
    called = {}
    monkeypatch.setattr(launcher_module.subprocess, "Popen", lambda command, **settings: called.update(settings))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "person"))
    for name, written in {"DIGITLAB_HOME": "home", "DIGITLAB_DATA": "../mnist.npz", "KERAS_HOME": "~/keras"}.items():
        monkeypatch.setenv(name, written)
    process.start_process("core.training.worker", log=tmp_path / "log.txt")
    places = [called["env"][name] for name in ("DIGITLAB_HOME", "DIGITLAB_DATA", "KERAS_HOME")]
    assert places == [str(tmp_path / "home"), str(tmp_path.parent / "mnist.npz"), str(tmp_path / "person" / "keras")]


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        (None, 1),
        ("", 1),
        ("1", 1),
        ("3", 3),
        ("16", 16),
        ("0", 1),
        ("17", 1),
        ("-2", 1),
        ("two", 1),
        ("2.5", 1),
        ("²", 1),
    ],
)
def test_the_number_of_workers_is_from_1_to_16_and_otherwise_1(value, limit, monkeypatch):
    monkeypatch.delenv("DIGITLAB_WORKERS", raising=False)
    if value is not None:
        monkeypatch.setenv("DIGITLAB_WORKERS", value)
    assert worker_limit() == limit
