"""Maps that are laid out by themselves: of which runs, in which order, and never beside training."""

from __future__ import annotations

import numpy as np
import pytest

from core.compute import map_queue
from core.compute.job import Status
from core.compute.map_queue import MapQueue
from core.compute.queue import Queue
from core.config import TrainingConfig


class Jobs:
    """Background jobs that only say what they were told."""

    def __init__(self):
        self.log, self.running = [], None

    def start(self, run, kind):
        self.log.append(f"start {run.name}")
        self.running = run.id

    def end(self, run, kind):
        self.log.append(f"end {run.name}")
        self.running = None

    def status(self, run, kind):
        return Status("running" if run.id == self.running else "finished")

    def finish(self):
        self.running = None


@pytest.fixture
def jobs():
    return Jobs()


@pytest.fixture
def maps(store, jobs, monkeypatch):
    monkeypatch.setattr(map_queue, "LOOK_SECONDS", 0.0)
    return MapQueue(Queue(store), jobs)


@pytest.fixture
def create(store):
    """A run in a state, with a model."""

    def make(name, state):
        run = store.create(TrainingConfig("dense"), name)
        (run.path / "model.tflite").write_bytes(b"a model")
        run.set_state(state)
        return run

    return make


def test_only_runs_whose_training_ends_meanwhile_get_a_map_by_themselves(maps, jobs, create):
    create("old", "finished")
    new, failed, paused = create("new", "queued"), create("failed", "queued"), create("paused", "queued")
    maps.look()
    assert jobs.log == []
    new.set_state("finished")
    failed.set_state("failed")
    paused.set_state("paused")
    for _ in range(3):
        maps.look()
    assert jobs.log == ["start new"]
    assert maps.is_waiting(new)
    jobs.finish()
    maps.look()
    assert not maps.is_waiting(new)
    assert jobs.log == ["start new"]


def test_a_run_that_reads_all_images_alike_gets_no_map_by_itself(maps, jobs, create):
    run = create("learned nothing", "queued")
    run.write_probabilities(np.full((50, 10), 0.1, np.float32))
    maps.look()
    run.set_state("finished")
    maps.look()
    assert jobs.log == []


def test_a_map_gives_way_to_training_and_is_made_again_when_nothing_trains(maps, jobs, create):
    opened = create("opened", "finished")
    maps.want(opened)
    maps.look()
    trained = create("trained", "queued")
    maps.look()
    assert jobs.log == ["start opened", "end opened"]
    trained.set_state("running")  # without a worker: it counts as interrupted
    trained.set_state("finished")
    maps.look()
    jobs.finish()
    maps.look()
    assert jobs.log[2:] == ["start opened", "start trained"]  # who looks at a map comes first


def test_a_run_that_is_deleted_gets_no_map(maps, jobs, create, store):
    runs = [create(name, "finished") for name in ("in work", "dropped", "gone")]
    for run in runs:
        maps.want(run)
    maps.look()
    maps.drop(runs[0])
    maps.drop(runs[1])
    store.delete(runs[2])
    maps.look()
    assert jobs.log == ["start in work", "end in work"]
    assert not any(map(maps.is_waiting, runs))


def test_after_a_sweep_only_the_newest_runs_get_a_map_by_themselves(maps, jobs, create, monkeypatch):
    monkeypatch.setattr(map_queue, "MOST_TRAINED", 2)
    runs = [create(f"trial {number}", "queued") for number in range(4)]
    maps.look()
    for run in runs:
        run.set_state("finished")
    maps.look()
    assert [maps.is_waiting(run) for run in runs] == [False, False, True, True]


def test_a_map_that_is_asked_for_during_training_is_made_once(maps, jobs, create):
    run, training = create("run", "finished"), create("training", "queued")
    maps.want(run)
    maps.make_now(run)
    maps.look()
    jobs.finish()
    training.set_state("failed")
    maps.look()
    assert jobs.log == ["start run"]
