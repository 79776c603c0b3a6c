"""The queue: it reads only runs whose folders changed, and misses no change."""

from __future__ import annotations

import os
import shutil

import pytest

from core.compute import queue as queue_module
from core.compute.queue import Queue
from core.config import TrainingConfig
from core.storage import write_json

CONFIG = TrainingConfig("dense", epochs=3)
LATER = 2 * queue_module.TICK_SECONDS


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def after(self, seconds: float) -> float:
        self.now += seconds
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(store) -> Queue:
    return Queue(store)


def ended(store):
    run = store.create(CONFIG)
    run.set_state("paused")
    return run


def test_queued_runs_come_in_their_order_and_leave_when_they_train(store, queue, clock):
    first, second = ended(store), store.create(CONFIG)
    first.resume()  # behind the one that was queued before
    found = queue.look(clock.now)
    assert [run.id for run in found.queued] == [second.id, first.id]
    with second.lock():
        second.set_state("running")
        found = queue.look(clock.after(0.1))
        assert ([run.id for run in found.queued], found.running) == ([first.id], {second.id})


def test_a_worker_that_was_killed_is_noticed_though_it_wrote_nothing(store, queue, clock):
    run = store.create(CONFIG)
    with run.lock():
        run.set_state("running")
        queue.look(clock.now)
        assert queue.look(clock.after(LATER)).running == {run.id}
    assert queue.look(clock.after(1)).running == set()


def test_a_discarded_run_is_told_until_it_is_gone(store, queue, clock):
    run = ended(store)
    queue.look(clock.now)
    assert queue.look(clock.after(LATER)).discarded == []
    run.discard()
    for _ in range(2):
        assert [run.id for run in queue.look(clock.after(LATER)).discarded] == [run.id]
    store.delete(run)
    assert queue.look(clock.after(1)).discarded == []


def test_a_folder_that_was_copied_here_or_written_by_an_older_version_is_found(store, queue, clock):
    run = ended(store)
    queue.look(clock.now)
    copy = store.folder / f"{run.id}-copy"
    shutil.copytree(run.path, copy)
    write_json(copy / "state.json", {"name": "queued", "message": "", "since": 5.0, "target_epochs": 3})
    assert [run.id for run in queue.look(clock.after(LATER)).queued] == [copy.name]


@pytest.mark.parametrize(
    "shift", [0, -3600], ids=["within one step of the file system's clock", "the clock was set back"]
)
def test_a_change_is_seen_whatever_the_file_system_s_clock_says(store, queue, clock, shift):
    run = ended(store)
    time = run.path.stat().st_mtime
    os.utime(run.path, (time, time))
    queue.look(clock.now)
    if shift:
        queue.look(clock.after(LATER))
    run.resume()
    os.utime(run.path, (time + shift, time + shift))
    assert [run.id for run in queue.look(clock.after(1)).queued] == [run.id]


def test_a_change_that_no_time_tells_is_seen_within_a_minute(store, queue, clock):
    run = ended(store)
    queue.look(clock.now)
    queue.look(clock.after(LATER))
    time = run.path.stat().st_mtime_ns
    run.resume()
    os.utime(run.path, ns=(time, time))
    assert queue.look(clock.after(1)).queued == []
    assert [run.id for run in queue.look(clock.after(queue_module.FULL_SECONDS)).queued] == [run.id]


def test_without_a_folder_there_is_nothing_to_do(queue, clock):
    found = queue.look(clock.now)
    assert (found.queued, found.running, found.discarded) == ([], set(), [])


def test_while_the_runs_folder_shows_no_change_only_active_runs_are_looked_at(store, queue, clock, monkeypatch):
    ended(store)
    waits = store.create(CONFIG)
    queue.look(clock.now)
    queue.look(clock.after(0.1))
    monkeypatch.setattr(queue, "_folders", lambda: pytest.fail("looked into every run"))
    assert [run.id for run in queue.look(clock.after(LATER)).queued] == [waits.id]
    monkeypatch.undo()
    waits.pause()
    assert queue.look(clock.after(0.1)).queued == []
