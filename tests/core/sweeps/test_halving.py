"""Successive halving, against a table of rungs that is filled as trials come by, one arrival after the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import ConfigError, TrainingConfig
from core.sweeps import Plan, SweepStore, every_combination
from core.sweeps.coordinator import Coordinator
from core.sweeps.halving import Halving, Reached
from core.sweeps.results import in_groups, read_trials
from core.sweeps.words import sentences

EPOCHS = 30


@st.composite
def races(draw):
    """Trials that reach their epochs at times that are all different, in any order across trials."""
    lengths = draw(st.lists(st.integers(1, EPOCHS), min_size=1, max_size=12))
    order = draw(st.permutations([number for number, length in enumerate(lengths) for _ in range(length)]))
    histories = {number: [] for number in range(len(lengths))}
    for time, number in enumerate(order):
        histories[number].append(Reached(float(time), draw(st.integers(0, 8)) / 8))
    return histories


def as_they_come(histories, factor, first):
    """By trial, the first rung at which it was not good enough when it arrived there."""
    arrivals = sorted(
        (reached.time, number, epoch, reached.accuracy)
        for number, history in histories.items()
        for epoch, reached in enumerate(history, start=1)
    )
    rungs = {first * factor**power: [] for power in range(10) if first * factor**power < EPOCHS}
    weak = {}
    for _, number, epoch, accuracy in arrivals:
        if epoch in rungs:
            here = rungs[epoch]
            here.append(accuracy)
            better = sum(other > accuracy for other in here)
            if len(here) >= factor and better >= len(here) // factor:
                weak.setdefault(number, epoch)
    return weak


@given(races(), st.sampled_from([2, 3, 4]), st.sampled_from([1, 2, 5]))
def test_the_rule_is_that_of_a_table_filled_as_trials_come(histories, factor, first):
    rule = Halving(factor, first)
    found = {number: rule.weak_at(number, EPOCHS, histories) for number in histories}
    assert {number: rung for number, rung in found.items() if rung} == as_they_come(histories, factor, first)


def test_rungs_are_before_the_end():
    assert Halving(3).rungs(10) == [1, 3, 9]
    assert Halving(3).rungs(9) == [1, 3]
    assert Halving(4, 2).rungs(40) == [2, 8, 32]
    assert Halving().rungs(1) == []
    with pytest.raises(ConfigError, match="factor must be a whole number from 2 to 5"):
        Halving(1)


def reach(run, accuracies):
    """Write what an epoch of training writes."""
    for epoch, accuracy in enumerate(accuracies, start=1):
        run.append_event("epoch", step=epoch * 10, epoch=epoch, val_accuracy=accuracy)


def test_the_coordinator_stops_a_weak_trial_which_counts_as_ended_and_in_no_choice(store):
    plan = Plan(TrainingConfig("dense", epochs=5), every_combination({"seed": range(4)}), halving=Halving(3))
    sweep = SweepStore(store).create(plan)
    assert sweep.plan.halving == Halving(3)
    for accuracy in (0.9, 0.95, 0.8):
        run = sweep.begin_trial()
        reach(run, [accuracy])
        run.set_state("running")
    weak = run
    first, second, _ = sweep.trials().values()
    with weak.lock():
        Coordinator(sweep).step()
        assert weak.control["request"] == "stop"
        assert weak.control["reason"] == "Stopped early by the sweep: after epoch 1 not among the best third."
        assert first.control.get("request") is None  # they came when there were too few to tell
        assert second.control.get("request") is None
    for run, accuracy in ((weak, 0.99), (second, 0.93), (first, 0.95)):  # even if it were better at its end
        run.write_summary({"validation_accuracy": accuracy})
        run.set_state("stopped" if run is weak else "finished", run.control.get("reason", ""))
    trials = read_trials(sweep)
    assert [(trial.accuracy, trial.early) for trial in trials] == [(0.95, None), (0.93, None), (None, 0.99)]
    [group] = in_groups(trials)
    assert group.mean == pytest.approx(0.94)
    assert "1 of its 3 runs was stopped early and does not count" in sentences(plan, trials)[0]
    sweep.pause()
    sweep.resume()
    assert weak.state.name == "stopped"
    weak.resume()
    assert weak.control["reason"] == ""
    assert sweep.plan.with_seeds([0], 2).halving is None
