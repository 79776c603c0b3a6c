"""A sweep's folder: what is asked of it, and what is there after a process ended at any moment."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from core.config import ConfigError, TrainingConfig
from core.runs import RunStore
from core.sweeps import Plan, Sweep, SweepError, SweepStore, every_combination
from core.sweeps.coordinator import Coordinator
from core.sweeps.plan import plan_of
from core.sweeps.results import read_trials
from core.sweeps.sweep import BEGUN, CLOCK, PLAN, STATE

PLAN_OF_SIX = Plan(
    TrainingConfig("dense", epochs=1, training_images=200),
    every_combination({"learning_rate": (0.1, 0.01, 0.001), "left_out": ((), (3,))}),
    "Rates",
)


@pytest.fixture
def sweeps(store):
    return SweepStore(store)


@pytest.fixture
def sweep(sweeps):
    return sweeps.create(PLAN_OF_SIX)


def states(sweep):
    return [run.state.name for run in sweep.trials().values()]


def test_a_sweep_is_read_as_it_was_written_and_named_once(sweeps, sweep):
    again = sweeps.get(sweep.id)
    assert (again.name, again.state.name) == ("Rates", "active")
    assert (again.plan.base, again.plan.points) == (PLAN_OF_SIX.base, PLAN_OF_SIX.points)
    assert sweeps.create(PLAN_OF_SIX).name == "Rates (2)"
    assert [found.name for found in sweeps.sweeps()] == ["Rates (2)", "Rates"]


def test_each_trial_is_begun_once_however_often_the_coordinator_ends(sweep):
    for number in range(3):
        assert Sweep(sweep.path).begin_trial().trial == {"sweep": sweep.id, "number": number}
    (sweep.path / BEGUN).unlink()  # it ended before it could be written
    names = [sweep.begin_trial().name for _ in range(3)]
    assert names[0] == "Dense · lr 0.01 · without 3"
    assert sweep.begin_trial() is None
    assert [run.config.learning_rate for run in sweep.trials().values()] == [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]


def test_a_deleted_trial_is_not_begun_again(sweep):
    run = sweep.begin_trial()
    sweep.runs.delete(run)
    assert sweep.begin_trial().trial["number"] == 1


def test_pause_resume_and_stop_are_of_all_its_trials(sweep):
    sweep.begin_trial(), sweep.begin_trial()
    sweep.pause()
    assert (sweep.state.name, states(sweep)) == ("paused", ["paused", "paused"])
    assert sweep.begin_trial() is None
    sweep.resume()
    assert (sweep.state.name, states(sweep)) == ("active", ["queued", "queued"])
    sweep.stop()
    assert sweep.state.name == "stopped"
    assert "queued" not in states(sweep)


def test_trials_that_failed_are_tried_again(sweep):
    bad, good = sweep.begin_trial(), sweep.begin_trial()
    bad.set_state("failed", "No space left")
    good.set_state("finished")
    assert sweep.try_failed_again() == 1
    assert states(sweep) == ["queued", "finished"]


def test_it_is_finished_when_all_trials_were_begun_and_have_ended_and_can_get_more(sweep):
    runs = [sweep.begin_trial() for _ in range(6)]
    assert not sweep.finish()
    for run in runs:
        run.set_state("finished")
    assert sweep.finish()
    assert sweep.state.name == "finished"
    sweep.extend(sweep.plan.with_seeds([0, 5], 2))
    assert (sweep.state.name, len(sweep.plan.points)) == ("active", 10)
    assert sweep.begin_trial().name == "Dense · lr 0.1 · without none · seed 1"
    with pytest.raises(SweepError, match="only get more"):
        sweep.extend(PLAN_OF_SIX)


def test_trials_of_two_sweeps_never_have_equal_names_and_each_sweep_calls_them_by_what_differs(sweeps):
    plan = Plan(TrainingConfig("linear"), every_combination({"learning_rate": (0.1, 0.01)}))
    first, second = sweeps.create(plan), sweeps.create(plan)
    assert [first.begin_trial().name, second.begin_trial().name] == ["Linear · lr 0.1", "Linear · lr 0.1 (2)"]
    assert [trial.name for trial in read_trials(second)] == ["lr 0.1"]
    second.begin_trial().set_state("finished")
    second.extend(second.plan.with_seeds([1], 1))  # only now do seeds differ
    second.begin_trial().rename("Mine")
    assert [trial.name for trial in read_trials(second)] == ["lr 0.1 · seed 0", "lr 0.01 · seed 0", "Mine"]


@pytest.mark.parametrize("name", [PLAN, STATE, BEGUN, CLOCK])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"format": 1, "points": [{"seed": 1}, {}]}', b"\xff", b"null"]
)
def test_a_damaged_file_is_no_error(sweep, name, content):
    sweep.begin_trial()
    (sweep.path / name).write_bytes(content)
    damaged = Sweep(sweep.path)
    assert damaged.state.name == {PLAN: "damaged", STATE: "paused", BEGUN: "active", CLOCK: "active"}[name]
    assert list(damaged.trials()) == [0]
    assert damaged.name
    if name == PLAN:
        with pytest.raises(SweepError):
            damaged.resume()
    else:
        damaged.resume()
        assert damaged.begin_trial().trial["number"] == 1


def test_a_deleted_sweep_keeps_its_trials_and_is_said(sweeps, sweep):
    run = sweep.begin_trial()
    sweeps.delete(sweep)
    assert sweeps.sweeps() == []
    assert run.path.is_dir()
    assert not run.state.is_active
    with pytest.raises(SweepError, match="was deleted"):
        sweep.pause()


def test_the_coordinator_keeps_one_trial_ahead_and_lets_those_go_on_that_were_interrupted(sweep):
    coordinator = Coordinator(sweep)
    for _ in range(4):
        assert not coordinator.step()
    assert states(sweep) == ["queued", "queued"]
    first = sweep.trials()[0]
    first.set_state("running")  # by a worker that was killed: nobody holds its lock
    assert first.state.name == "interrupted"
    coordinator.step()
    assert first.state.name == "queued"
    for number in range(6):
        sweep.trials()[number].set_state("finished")
        done = coordinator.step() or coordinator.step()
    assert done
    assert (len(states(sweep)), sweep.state.name) == (6, "finished")


def test_sweeps_of_another_home_have_other_trials(sweep, tmp_path):
    sweep.begin_trial()
    assert not Sweep(SweepStore(RunStore(tmp_path / "other")).folder / sweep.id).trials()


def test_when_its_minutes_are_over_what_trains_ends_no_trial_begins_and_more_can_be_given(sweeps):
    space = {"learning_rate": (0.1, 0.01, 0.001), "seed": tuple(range(10))}
    sweep = sweeps.create(plan_of(TrainingConfig("dense", epochs=1), space, 6, minutes=1))
    coordinator = Coordinator(sweep)
    for _ in range(4):
        coordinator.step()
    first, waits = sweep.trials().values()
    first.set_state("running")
    with first.lock():
        sweep.count_seconds(50)
        Sweep(sweep.path).count_seconds(10)  # by the coordinator after one that was killed
        assert not coordinator.step()
        assert (first.state.name, waits.state.name) == ("running", "paused")
        first.set_state("finished")
    assert coordinator.step()
    assert (sweep.state.name, sweep.state.message) == ("finished", "1 minute is over: 1 of 6 trials.")
    with pytest.raises(ConfigError, match="only get more"):
        sweep.set_budget(trials=5)
    with pytest.raises(ConfigError, match="only 30 combinations"):
        sweep.set_budget(trials=31)
    sweep.set_budget(trials=9, minutes=2)
    assert (sweep.state.name, waits.state.name, sweep.plan.minutes) == ("active", "queued", 2)
    assert len({tuple(point.items()) for point in sweep.plan.points}) == 9
    sweep.count_seconds(70)
    assert sweep.begin_trial() is None
    sweep.set_budget(minutes=0)
    assert (sweep.plan.minutes, sweep.begin_trial().trial["number"]) == (None, 2)


def test_the_best_are_repeated_also_where_the_minutes_were_over_and_then_no_other_trial_begins(sweeps):
    sweep = sweeps.create(replace(PLAN_OF_SIX, minutes=1))
    for _ in range(2):
        sweep.begin_trial().set_state("finished")
    waits = sweep.begin_trial()
    sweep.count_seconds(60)
    waits.pause()
    assert sweep.finish()
    assert sweep.state.message == "1 minute is over: 2 of 6 trials."
    sweep.extend(sweep.plan.cut(sweep.begun).with_seeds([0, 1], 2))
    assert (sweep.plan.minutes, len(sweep.plan.points), waits.state.name) == (None, 3 + 4, "queued")
    assert sweep.begin_trial().config.seed == 1


def test_only_time_in_which_it_goes_on_counts(sweep, monkeypatch):
    clock = iter((100.0, 102.0, 104.0, 5000.0))  # the machine slept before the last look
    monkeypatch.setattr("core.sweeps.coordinator.time", SimpleNamespace(monotonic=lambda: next(clock)))
    coordinator = Coordinator(sweep)
    for _ in range(4):
        coordinator.count_seconds(0)
    assert sweep.seconds == 14
    sweep.pause()
    sweep.resume()
    assert sweep.seconds == 14
