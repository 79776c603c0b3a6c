"""The launcher and its workers: a queue that moves on, and workers that outlive it."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.compute import launcher as launcher_module
from core.compute.launcher import Launcher, worker_limit
from core.config import TrainingConfig
from core.predictor import Predictor
from tests.support.paths import ROOT

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
        return len(first.history().epochs) >= 1

    wait_until(first_has_trained, "an epoch of the first run")
    assert first.has_worker()
    first.stop()
    wait_until(lambda: first.state.name == "stopped", "the first run to stop")
    assert_usable_model(first, digits)
    assert first.summary["epochs"] == len(first.history().epochs) < 200

    wait_until(lambda: second.history().epochs, "an epoch of the second run")
    [worker] = launcher.workers  # which trained the first one
    launcher.close()
    known = second.history().last_batch["step"]
    wait_until(lambda: second.history().last_batch["step"] > known, "the second run to go on by itself")
    assert worker.poll() is None
    assert (second.state.name, second.has_worker()) == ("running", True)

    os.kill(worker.pid, signal.SIGTERM)
    wait_until(lambda: worker.poll() is not None, "the worker to leave")
    assert (second.state.name, worker.returncode) == ("paused", 0)
    assert_usable_model(second, digits)
    assert [epoch["epoch"] for epoch in second.history().epochs] == [*range(1, second.summary["epochs"] + 1)]


def test_one_worker_trains_run_after_run_and_each_as_if_it_were_the_only_one(store, launcher, wait_until):
    small = TrainingConfig("dense", epochs=2, network="flatten, dense 16, relu, dropout 0.5, output softmax")
    configs = [small, replace(small, seed=1, augment=True), small]
    runs = [store.create(config) for config in configs]
    launcher.start()
    for run in runs:
        wait_until(lambda run=run: run.state.name == "finished", f"{run.name} to finish")
    assert len(launcher.workers) == 1
    losses = [[epoch["loss"] for epoch in run.history().epochs] for run in runs]
    assert losses[0] == losses[2] != losses[1]
    alone = store.create(small)
    launcher.close()
    subprocess.run([sys.executable, "-m", "core.training.worker", alone.path], cwd=ROOT, check=True)
    assert [epoch["loss"] for epoch in alone.history().epochs] == losses[0]
    assert np.array_equal(alone.probabilities(), runs[2].probabilities())
    assert all(run.log_path.exists() for run in runs)
    assert not any(run.damage() for run in runs)


def test_a_run_that_is_trained_on_at_once_is_sent_again(store, launcher, wait_until):
    run = store.create(TrainingConfig("linear", epochs=1))
    launcher._look()
    wait_until(lambda: run.state.name == "finished" and not run.has_worker(), "the run to finish")
    run.extend(1)  # before the launcher has seen that its worker is through
    wait_until(lambda: launcher._look() or run.state.name == "finished", "the run to finish again")
    assert len(run.history().epochs) == 2
    assert len(launcher.workers) == 1


def test_a_worker_whose_run_failed_is_not_used_again(store, launcher, wait_until):
    bad = store.create(TrainingConfig("dense", start_from="20200101-000000-none-0000"))
    launcher.start()
    wait_until(lambda: bad.state.name == "failed", "the run to fail")
    good = store.create(TrainingConfig("dense", epochs=1))
    wait_until(lambda: good.state.name == "finished", "the next run to finish")
    assert len(launcher.workers) == 2
    assert launcher.problem == ""


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
        assert part in launcher.problem


def test_workers_that_die_by_themselves_come_later_and_later_and_in_the_end_no_more_but_a_run_tries_again(
    store, launcher, wait_until, python, monkeypatch
):
    monkeypatch.setattr(launcher_module, "LONGEST_PAUSE", 0.05)
    starts = python("kill -ILL $$")
    launcher.start()
    wait_until(lambda: launcher._failures >= launcher_module.MOST_FAILURES, "the last worker")
    assert "SIGILL" in launcher.problem
    assert launcher._next_warm == float("inf")
    count = len(starts.read_text().splitlines())
    assert count == launcher_module.MOST_FAILURES
    run = store.create(LONG)
    wait_until(lambda: run.state.name == "failed", "the run to fail")
    assert len(starts.read_text().splitlines()) == count + 1
    launcher.close()
    assert launcher.problem == ""


def test_the_launcher_goes_on_after_any_error_says_it_once_and_trains_when_it_is_gone(
    store, launcher, wait_until, monkeypatch, capsys
):
    monkeypatch.setattr(launcher_module, "LONGEST_PAUSE", 0.02)
    looks, look = [], launcher._queue.look

    def broken(now):
        looks.append(1)
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr(launcher._queue, "look", broken)
    launcher.start()
    wait_until(lambda: len(looks) > 3, "a fourth look")
    assert "RecursionError" in launcher.problem
    assert capsys.readouterr().err.count("Launcher: ") == 1
    monkeypatch.setattr(launcher._queue, "look", look)
    wait_until(lambda: not launcher.problem, "an end of the problem")
    assert launcher._thread.is_alive()


def test_a_home_that_cannot_be_written_is_said(store, launcher, wait_until, monkeypatch):
    monkeypatch.setattr(launcher_module, "LONGEST_PAUSE", 0.02)

    def read_only():
        raise OSError(errno.EROFS, "Read-only file system", str(store.home))

    monkeypatch.setattr(launcher, "_spawn", read_only)
    launcher.start()
    wait_until(lambda: "its disk is read-only" in launcher.problem, "the words")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_launcher_that_has_ended_by_itself_is_said(store, launcher, wait_until, monkeypatch):
    def end():
        raise SystemExit

    monkeypatch.setattr(launcher, "_look", end)
    launcher.start()
    wait_until(lambda: "Restart Digit Lab" in launcher.problem, "the words")


def test_two_launchers_on_one_home_train_a_run_once(store, launcher, wait_until, monkeypatch):
    monkeypatch.setattr(launcher_module, "SPARE_SECONDS", float("inf"))
    run, other = store.create(TrainingConfig("dense", epochs=2, hidden_layers=(8,))), Launcher(store, limit=1)
    try:
        launcher.start()
        other.start()
        wait_until(lambda: run.state.name == "finished", "the run to finish")
        wait_until(lambda: not launcher._sent and not other._sent, "both workers to be through")
    finally:
        other.close()
    kinds = [json.loads(line)["type"] for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert [kinds.count(kind) for kind in ("taken", "start", "epoch", "finishing")] == [1, 1, 2, 1]
    assert (run.damage(), launcher.problem, other.problem) == ((), "", "")


def test_an_idle_look_reads_nothing_of_runs_that_have_ended(store, launcher, monkeypatch):
    for _ in range(50):
        store.create(LONG).set_state("stopped")
    launcher._next_warm = float("inf")
    clock = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr(launcher_module, "time", clock)
    for clock.now in range(100, 110):
        launcher._look()
    touched = []
    for function in ("stat", "open"):
        original = getattr(os, function)
        monkeypatch.setattr(
            os, function, lambda path, *rest, f=original, **more: touched.append(path) or f(path, *rest, **more)
        )
    for clock.now in range(110, 120):
        launcher._look()
    inside = [path for path in touched if Path(path).parent.parent == store.folder]
    folders = [path for path in touched if Path(path).parent == store.folder]
    assert inside == []
    assert len(folders) <= 5 * 50


def test_a_discarded_run_is_deleted_when_its_worker_has_ended_also_when_no_dashboard_ran_then(
    store, launcher, wait_until, python
):
    python("read run")
    run, kept, trains = store.create(LONG), store.create(LONG), store.create(LONG)
    for each in (run, kept):
        each.set_state("stopped")
    run.discard()
    with trains.lock():
        trains.set_state("running")
        trains.discard()
        launcher.start()
        wait_until(lambda: store.get(run.id) is None, "the run to be deleted")
        assert store.get(trains.id)
    wait_until(lambda: store.get(trains.id) is None, "the other run to be deleted")
    assert store.get(kept.id)


def test_a_launcher_that_never_started_can_be_closed(store):
    Launcher(store).close()
    assert store.runs() == []


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
