"""Jobs that are done by themselves: of which runs, in which order, and never beside training."""

from __future__ import annotations

import platform

import numpy as np
import pytest

from core.compute import after_training
from core.compute.after_training import AfterTraining
from core.compute.job import Status
from core.compute.queue import Queue
from core.config import TrainingConfig


class Jobs:
    """Background jobs that only say what they were told."""

    def __init__(self):
        self.log, self.running = [], None

    def start(self, run, kind):
        self.log.append(f"start {kind} of {run.name}")
        self.running = run.id, kind

    def end(self, run, kind):
        self.log.append(f"end {kind} of {run.name}")
        self.running = None

    def status(self, run, kind):
        return Status("running" if (run.id, kind) == self.running else "finished")


@pytest.fixture
def jobs():
    return Jobs()


@pytest.fixture
def waiting(store, jobs, monkeypatch):
    monkeypatch.setattr(after_training, "LOOK_SECONDS", 0.0)
    monkeypatch.delenv("DIGITLAB_BACKGROUND", raising=False)
    return AfterTraining(Queue(store), jobs)


@pytest.fixture
def create(store):
    """A run in a state, with a model."""

    def make(name, state):
        run = store.create(TrainingConfig("dense"), name)
        (run.path / "model.tflite").write_bytes(b"a model")
        run.set_state(state)
        return run

    return make


def finish_all(waiting, jobs):
    """Let one job after the other finish, until none is left."""
    waiting.look()
    while jobs.running:
        jobs.running = None
        waiting.look()


def test_runs_whose_training_ends_meanwhile_get_all_maps_first_the_newest_first(waiting, jobs, create):
    create("old", "finished")
    runs = {name: create(name, "queued") for name in ("first", "second", "failed", "paused")}
    waiting.look()
    assert jobs.log == []
    for name in ("first", "second"):
        runs[name].set_state("finished")
        waiting.look()
    assert waiting.is_waiting(runs["first"], "map")
    runs["failed"].set_state("failed")
    runs["paused"].set_state("paused")
    finish_all(waiting, jobs)
    assert jobs.log == [f"start {kind} of {name}" for kind in ("map", "robustness") for name in ("second", "first")]
    assert not any(waiting.is_waiting(runs["first"], kind) for kind in ("map", "robustness"))


def test_nothing_is_done_by_itself_where_the_setting_says_so(store, jobs, create, monkeypatch):
    monkeypatch.setenv("DIGITLAB_BACKGROUND", "off")
    waiting = AfterTraining(Queue(store), jobs)
    monkeypatch.setattr(after_training, "LOOK_SECONDS", 0.0)
    run = create("run", "queued")
    waiting.look()
    run.set_state("finished")
    waiting.look()
    assert jobs.log == []
    waiting.ask(run, "map")
    waiting.look()
    assert jobs.log == ["start map of run"]


def test_a_run_that_reads_all_images_alike_gets_nothing_by_itself(waiting, jobs, create):
    run = create("learned nothing", "queued")
    run.write_probabilities(np.full((50, 10), 0.1, np.float32))
    waiting.look()
    run.set_state("finished")
    waiting.look()
    assert jobs.log == []


def test_a_job_gives_way_to_training_and_is_done_again_when_nothing_trains(waiting, jobs, create):
    opened = create("opened", "finished")
    waiting.ask(opened, "map")
    waiting.look()
    trained = create("trained", "queued")
    waiting.look()
    assert jobs.log == ["start map of opened", "end map of opened"]
    trained.set_state("running")  # without a worker: it counts as interrupted
    trained.set_state("finished")
    finish_all(waiting, jobs)  # who looks at a map comes first
    assert jobs.log[2:] == ["start map of opened", "start map of trained", "start robustness of trained"]


def test_a_job_goes_on_while_only_other_machines_train(waiting, jobs, create, store, monkeypatch):
    monkeypatch.setenv("DIGITLAB_CLUSTER", "tcp://127.0.0.1:1")
    waiting.ask(create("opened", "finished"), "map")
    elsewhere = create("elsewhere", "queued")  # it is sent away
    waiting.look()
    with elsewhere.lock():
        elsewhere.set_state("running", machine="another")
        waiting.look()
        assert (jobs.log, waiting.gives_way()) == (["start map of opened"], False)
        mine = store.create(TrainingConfig("dense", start_from="base"))  # it stays here
        waiting.look()
        assert (jobs.log[1:], waiting.gives_way()) == (["end map of opened"], True)
        mine.set_state("paused")
        waiting.look()
        assert jobs.log[2:] == ["start map of opened"]
        elsewhere.set_state("running", machine=platform.node())  # this machine is lent to the cluster
        waiting.look()
        assert jobs.log[3:] == ["end map of opened"]
        elsewhere.set_state("finished")
    finish_all(waiting, jobs)
    assert "start map of elsewhere" in jobs.log  # it has ended meanwhile, wherever it was trained


def test_a_run_that_is_deleted_gets_nothing(waiting, jobs, create, store):
    runs = [create(name, "finished") for name in ("in work", "dropped", "gone")]
    for run in runs:
        waiting.ask(run, "map")
    waiting.look()
    waiting.drop(runs[0])
    waiting.drop(runs[1])
    store.delete(runs[2])
    waiting.look()
    assert jobs.log == ["start map of in work", "end map of in work"]
    assert not any(waiting.is_waiting(run, "map") for run in runs)


def test_after_a_sweep_only_the_newest_runs_get_theirs_by_themselves(waiting, jobs, create, monkeypatch):
    monkeypatch.setattr(after_training, "MOST_TRAINED", 2)
    runs = [create(f"trial {number}", "queued") for number in range(4)]
    waiting.look()
    for run in runs:
        run.set_state("finished")
    waiting.look()
    for kind in ("map", "robustness"):
        assert [waiting.is_waiting(run, kind) for run in runs] == [False, False, True, True]


def test_a_job_that_is_asked_for_during_training_is_done_once(waiting, jobs, create):
    run, training = create("run", "finished"), create("training", "queued")
    waiting.ask(run, "map")
    waiting.do_now(run, "map")
    waiting.look()
    jobs.running = None
    training.set_state("failed")
    waiting.look()
    assert jobs.log == ["start map of run"]
