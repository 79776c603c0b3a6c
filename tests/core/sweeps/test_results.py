"""What came of a sweep, against SciPy's and NumPy's own numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.config import TrainingConfig
from core.formatting import percent
from core.sweeps import Plan, SweepStore, every_combination
from core.sweeps.results import best_so_far, certainty, effects, in_groups, read_trials, seed_spread
from core.sweeps.words import best_in_words, certainty_in_words, mattered_in_words, sentences

ACCURACIES = {0.1: (0.90, 0.93, 0.88), 0.01: (0.96, 0.97, 0.955), 0.001: (0.95, 0.968, 0.951)}


@pytest.fixture
def sweep(store):
    plan = Plan(TrainingConfig("dense", epochs=1), every_combination({"learning_rate": ACCURACIES, "seed": (0, 1, 2)}))
    return SweepStore(store).create(plan)


def end(sweep, accuracies):
    """Begin as many trials and end them with these validation accuracies."""
    for number, accuracy in enumerate(accuracies):
        run = sweep.begin_trial()
        run.write_summary({"validation_accuracy": accuracy, "training_seconds": 1.0, "finished": 100.0 + number})
        run.set_state("finished")


def test_groups_means_spread_effects_and_certainty(sweep):
    end(sweep, [accuracy for row in ACCURACIES.values() for accuracy in row])
    trials = read_trials(sweep)
    groups = in_groups(trials)
    assert [group.point["learning_rate"] for group in groups] == [0.01, 0.001, 0.1]
    for group in groups:
        row = ACCURACIES[group.point["learning_rate"]]
        assert group.mean == pytest.approx(np.mean(row))
        assert group.spread == pytest.approx(np.std(row, ddof=1))
    [effect] = effects(trials)
    assert (effect.name, effect.span) == (
        "learning_rate",
        pytest.approx(np.mean(ACCURACIES[0.01]) - np.mean(ACCURACIES[0.1])),
    )
    assert seed_spread(groups) == pytest.approx(np.sqrt(np.mean([np.var(row, ddof=1) for row in ACCURACIES.values()])))
    found, oracle = certainty(groups[0], groups[1]), stats.ttest_rel(ACCURACIES[0.01], ACCURACIES[0.001])
    interval = oracle.confidence_interval(0.95)
    assert (found.low, found.high, found.p_value) == pytest.approx((interval.low, interval.high, oracle.pvalue))
    assert found.paired
    assert [best for _, best in best_so_far(trials)] == np.maximum.accumulate(
        [accuracy for row in ACCURACIES.values() for accuracy in row]
    ).tolist()


def test_different_seeds_are_compared_by_welch(sweep):
    end(sweep, [accuracy for row in ACCURACIES.values() for accuracy in row])
    first, second, _ = in_groups(read_trials(sweep))
    second.accuracies.pop(0), second.accuracies.pop(1)
    second.accuracies.update({7: 0.94, 8: 0.95})
    found = certainty(first, second)
    oracle = stats.ttest_ind(ACCURACIES[0.01], [0.951, 0.94, 0.95], equal_var=False)
    assert (found.paired, found.p_value) == (False, pytest.approx(oracle.pvalue))


def test_one_seed_or_no_spread_says_nothing_of_chance(sweep):
    end(sweep, [0.9, 0.9, 0.9, 0.95, 0.95, 0.95])
    groups = in_groups(read_trials(sweep))
    assert certainty(*groups[:2]) is None
    assert "That may be chance" in certainty_in_words(groups, None)


def test_a_trial_that_goes_on_is_read_again(sweep):
    end(sweep, [0.9])
    [trial] = read_trials(sweep)
    assert (trial.state, trial.accuracy, trial.name) == ("finished", 0.9, "lr 0.1 · seed 0")
    trial.run.rename("Mine")
    assert read_trials(sweep)[0].name == "Mine"
    trial.run.extend(1)
    assert read_trials(sweep)[0].state == "queued"


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (4, "Seeds differ by 0.14 points at lr 0.01 and by 3.80 at lr 0.1: all that may be chance."),
        (6, "Seeds differ by 0.14 points at lr 0.01, by 0.06 at lr 0.001 and by 3.80 at lr 0.1."),
        (8, "Seeds differ by 0.14 points at lr 0.01, by 0.06 at lr 0.001 and by up to 3.80 at the others."),
    ],
)
def test_it_is_said_at_which_values_seeds_differ_and_one_bad_value_does_not_hide_the_others(store, count, said):
    space = {"learning_rate": (0.1, 0.01, 0.001, 1.0), "seed": (0, 1)}
    sweep = SweepStore(store).create(Plan(TrainingConfig("linear", epochs=2), every_combination(space)))
    end(sweep, [0.9196, 0.8816, 0.9358, 0.9344, 0.9326, 0.9320, 0.5, 0.51][:count])
    assert sentences(sweep.plan, read_trials(sweep))[-1].endswith(said)


def test_seeds_alone_have_a_mean_and_no_best(store):
    sweep = SweepStore(store).create(Plan(TrainingConfig("dense"), every_combination({"seed": (0, 1)})))
    end(sweep, [0.9, 0.92])
    [said] = sentences(sweep.plan, read_trials(sweep))
    right = f"{percent(0.91)} of the validation images right"
    assert said == f"On average **{right} (mean of 2 seeds, from {percent(0.9)} to {percent(0.92)})**."


@pytest.mark.parametrize("count", [0, 1, 3])
def test_words_of_a_sweep_that_has_hardly_begun(sweep, count):
    end(sweep, [0.9] * count)
    trials = read_trials(sweep)
    groups = in_groups(trials)
    said = (
        best_in_words(groups),
        certainty_in_words(groups, None),
        mattered_in_words(effects(trials), groups),
    )
    assert said[1:] == ("", "")
    assert ("90.00" in said[0]) == (count > 0)
