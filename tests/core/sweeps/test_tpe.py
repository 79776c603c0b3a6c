"""Settings that Optuna's TPE proposes, from what stands in the folders alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.config import ConfigError, TrainingConfig
from core.sweeps import Plan, Sweep, SweepStore, every_combination, tpe
from core.sweeps.coordinator import Coordinator
from core.sweeps.results import read_trials

BASE = TrainingConfig("dense", epochs=2, seed=3)
SPACE = {"learning_rate": (0.0001, 0.1), "optimizer": ("adam", "sgd"), "batch_size": (16, 64), "left_out": ((), (3,))}


@pytest.fixture
def optuna():
    return pytest.importorskip("optuna")


def accuracy_of(config):
    """Best at a learning rate of 0.003, with SGD and all digits; the batch size does nothing."""
    far = abs(math.log10(config.learning_rate / 0.003))
    return 0.95 - 0.2 * far - 0.1 * (config.optimizer == "adam") - 0.05 * bool(config.left_out)


def train_all(sweep):
    """Let a coordinator begin one trial after the other, each of which ends at once; returns its plan."""
    coordinator = Coordinator(sweep)
    while not coordinator.step():
        for run in sweep.trials().values():
            if run.state.name == "queued":
                run.write_summary({"validation_accuracy": accuracy_of(run.config)})
                run.set_state("finished")
    return sweep.plan


@pytest.mark.usefixtures("optuna")
def test_it_comes_near_the_best(store):
    sweep = SweepStore(store).create(tpe.plan_of(BASE, SPACE, 40, "TPE"))
    assert (len(sweep.plan.points), sweep.plan.count) == (tpe.STARTUP, 40)
    plan = train_all(sweep)
    assert (len(plan.points), sweep.state.name) == (40, "finished")
    assert len({tuple(point.items()) for point in plan.points}) == 40
    for point in plan.points:
        assert 0.0001 <= point["learning_rate"] <= 0.1
        assert 16 <= point["batch_size"] <= 64
    best = max(plan.configs, key=accuracy_of)
    assert (best.optimizer, best.left_out) == ("sgd", ())
    assert 0.001 < best.learning_rate < 0.009
    assert sum(config.optimizer == "sgd" for config in plan.configs[20:]) > 12  # it has learned it
    sweep.set_budget(trials=42)
    assert len(train_all(sweep).points) == 42


@pytest.mark.usefixtures("optuna")
def test_importance_is_the_share_of_the_variance_that_a_setting_explains_on_a_whole_grid(store):
    space = {"optimizer": ("adam", "sgd"), "left_out": ((), (3,), (8,)), "augment": (True, False), "seed": (0, 1)}
    effects = {"adam": 0.1, "sgd": 0.0, (): 0.0, (3,): 0.02, (8,): 0.12}
    sweep = SweepStore(store).create(Plan(BASE, every_combination(space)))
    for point in sweep.plan.points:
        run = sweep.begin_trial()
        run.write_summary({"validation_accuracy": 0.7 + sum(effects.get(value, 0.0) for value in point.values())})
        run.set_state("finished")
    del space["seed"]
    variances = {name: np.var([effects.get(value, 0.0) for value in values]) for name, values in space.items()}
    found = tpe.importance(sweep.plan, read_trials(sweep))
    assert list(found) == ["left_out", "optimizer", "augment"]
    for name, share in found.items():
        assert share == pytest.approx(variances[name] / sum(variances.values()), abs=0.08)


@pytest.mark.usefixtures("optuna")
def test_the_same_folder_gives_the_same_proposal_and_another_one_where_a_trial_is_in_training(store):
    sweep = SweepStore(store).create(tpe.plan_of(BASE, {"learning_rate": (0.0001, 0.1)}, 20, "TPE"))
    for _ in sweep.plan.points:
        run = sweep.begin_trial()
        run.write_summary({"validation_accuracy": accuracy_of(run.config)})
        run.set_state("finished")
    point = tpe.propose(sweep.plan, read_trials(sweep))
    again = Sweep(sweep.path)  # as a coordinator that begins anew reads it
    assert tpe.propose(again.plan, read_trials(again)) == point
    sweep.propose(point)
    assert sweep.begin_trial().state.name == "queued"
    assert tpe.propose(sweep.plan, read_trials(sweep)) != point
    sweep.propose({"learning_rate": 0.05})
    sweep.propose({"learning_rate": 0.06})  # by another coordinator, a moment later
    assert [point["learning_rate"] for point in sweep.plan.points[-2:]] == [point["learning_rate"], 0.05]


@pytest.mark.usefixtures("optuna")
def test_seeds_are_no_choice_and_combinations_end():
    with pytest.raises(ConfigError, match="Leave the seed out"):
        tpe.plan_of(BASE, {"seed": (0, 1)}, 5, "TPE")
    assert tpe.plan_of(BASE, {"optimizer": ("adam", "sgd"), "augment": (True, False)}, 50, "TPE").count == 4


def test_without_optuna_it_is_said_how_to_install_it_and_a_sweep_waits(store, monkeypatch):
    monkeypatch.setattr(tpe, "is_installed", lambda: True)
    sweep = SweepStore(store).create(tpe.plan_of(BASE, {"learning_rate": (0.001, 0.1)}, 9, "TPE"))
    monkeypatch.setattr(tpe, "is_installed", lambda: False)
    with pytest.raises(ConfigError, match=r"pip install -r requirements-tune\.txt"):
        tpe.plan_of(BASE, SPACE, 9, "TPE")
    train_all(sweep)
    assert (sweep.state.name, len(sweep.trials())) == ("paused", 2)
    assert "pip install -r requirements-tune.txt" in sweep.state.message
