"""Lists of many runs: what was read once is not read again, and what changed is."""

from __future__ import annotations

import os

import pytest

from core.config import TrainingConfig
from core.runs import RunStore
from core.runs.kept import until_folder_changes

LONG_AGO = 1_700_000_000_000_000_000


@pytest.fixture
def run(store):
    run = store.create(TrainingConfig("dense"), "First")
    run.set_state("finished")
    return run


def age(path, seconds=0):
    """Let a folder look as if nothing had changed in it for long."""
    os.utime(path, ns=(LONG_AGO, LONG_AGO + seconds * 10**9))


def test_a_run_is_read_again_only_where_its_folder_has_changed_and_while_it_is_not_through(run):
    read = []

    @until_folder_changes
    def name(run, *others):
        read.append(others)
        return run.name

    assert [name(run), name(run)] == ["First", "First"]
    assert len(read) == 2  # it was made a moment ago, so another change might have the same time
    age(run.path)
    assert [name(run), name(run), name(run, "other"), name(run, "other")] == ["First"] * 4
    assert len(read) == 4
    run.rename("Second")
    assert name(run) == "Second"
    run.extend(1)
    age(run.path, 1)
    name(run), name(run)
    assert len(read) == 7
    run.path.rename(run.path.with_name("gone"))
    assert name(run) == run.id


def test_a_list_of_runs_is_that_of_the_folder_also_where_it_was_listed_before(store, run):
    age(store.folder)
    assert store.runs() == store.runs()
    assert store.runs()[0] is store.runs()[0]
    other = store.create(TrainingConfig("dense"))
    assert [found.id for found in store.runs()] == [other.id, run.id]
    age(store.folder, 1)
    store.runs().clear()
    assert len(store.runs()) == 2
    RunStore(store.home).delete(run)
    assert [found.id for found in store.runs()] == [other.id]


def test_what_is_made_in_the_moment_of_a_look_is_in_the_next_one(store, run, monkeypatch):
    moment = store.folder.stat().st_mtime_ns
    assert len(store.runs()) == 1
    store.create(TrainingConfig("dense"))
    os.utime(store.folder, ns=(moment, moment))  # as where the clock of the disk is coarse
    monkeypatch.setattr("core.runs.store.is_settled", lambda modified: True)
    assert len(store.runs()) == 2


def test_what_is_read_of_each_run_is_read_again_where_one_was_changed_and_of_those_that_train(store, monkeypatch):
    ended, training = store.create(TrainingConfig("dense"), "Ended"), store.create(TrainingConfig("dense"), "Training")
    ended.set_state("finished")
    elsewhere = RunStore(store.home)
    read = []

    @until_folder_changes
    def state_of(run):
        read.append(run.id)
        return run.name, run.state.name

    def told():
        read.clear()
        return list(store.of_each(state_of).values())

    monkeypatch.setattr("core.runs.kept.SETTLED", -1)  # every change has a time of its own
    assert told() == [("Training", "queued"), ("Ended", "finished")]
    assert told() == [("Training", "queued"), ("Ended", "finished")]
    assert read == [training.id]
    elsewhere.get(ended.id).rename("Renamed")
    assert told() == [("Training", "queued"), ("Renamed", "finished")]
    with training.lock():
        training.set_state("running")
        assert told()[0] == ("Training", "running")
    assert told()[0] == ("Training", "interrupted")  # nobody wrote that
    store.delete(ended)
    assert told() == [("Training", "interrupted")]


def test_lists_of_all_runs_open_no_run_folder_while_nothing_changes(store, run, monkeypatch):
    monkeypatch.setattr("core.runs.kept.SETTLED", -1)
    assert store.names() == {run.id: "First"}
    monkeypatch.setattr("core.runs.kept.folder_time", lambda path: pytest.fail(f"looked at {path}"))
    assert store.names() == {run.id: "First"}
