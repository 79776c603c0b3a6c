"""Settings proposed by Optuna from the trials so far: tree-structured Parzen estimators (TPE; Bergstra et al., 2011).

Nothing is kept between two proposals: each builds the study anew, in memory, from the trials as they stand in their
folders, and draws with a seed of its own, so that the same trials give the same proposal. Optuna, which
requirements-tune.txt names, is imported here alone, and only where it is asked for.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.config import ConfigError, TrainingConfig
from core.sweeps.plan import MOST_TRIALS, Plan, Point, SearchError, some_combinations

if TYPE_CHECKING:
    import optuna

    from core.sweeps.results import Trial

INSTALL = "pip install -r requirements-tune.txt"
MISSING = f"TPE needs Optuna, which is not installed. Install it with `{INSTALL}`, or search in another way."
STARTUP = 5  # trials at random, before there is anything to learn from
MOST_EXPLAINED = 500
TRIES = 10  # proposals, until one was not tried yet
LOGARITHMIC = 10  # times the smallest value: a range up to that or more is searched by its logarithm
DIGITS = 3  # of a number that is proposed


def is_installed() -> bool:
    """Whether Optuna is there."""
    return importlib.util.find_spec("optuna") is not None


def plan_of(base: TrainingConfig, space: Mapping[str, Sequence], trials: int, name: str, **others: Any) -> Plan:
    """The plan of so many trials: some of the values in `space` at random, then what TPE proposes.

    Of settings that are numbers it proposes any from the smallest to the largest value.

    Args:
        base: the settings of all trials.
        space: the values of each setting that differs; not the seed, which is no choice.
        trials: how many; fewer where there are no more combinations.
        name: what people call the sweep.
        others: the other attributes of the plan.

    Raises:
        ConfigError: as `Plan`; where Optuna is not installed, or `space` has the seed or nothing to choose.
    """
    if not is_installed():
        raise ConfigError(MISSING)
    if not 1 <= trials <= MOST_TRIALS:
        raise ConfigError(f"Choose 1 to {MOST_TRIALS:,} trials, not {trials:,}.")
    if "seed" in space:
        raise ConfigError("TPE chooses settings. Leave the seed out, and repeat the best two with new seeds later.")
    if not any(map(is_range, space.values())):
        trials = min(trials, math.prod(map(len, space.values())))
    points = some_combinations(space, min(trials, STARTUP), base.seed)
    return Plan(base, points, name, space=space, trials=trials, **others)


def is_range(values: Sequence) -> bool:
    """Whether these are numbers, any between which can be proposed."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return numbers and len(set(values)) > 1


def propose(plan: Plan, trials: Sequence[Trial]) -> Point:
    """The settings of the trial after those in the plan.

    Trials that have not ended count as if they were no good, so that the next one is elsewhere ("constant liar"); those
    that were stopped early come behind those that were not.

    Raises:
        SearchError: where Optuna is not installed.
    """
    study, distributions = study_of(plan, trials)
    from optuna.samplers import TPESampler

    number = len(plan.points)
    for attempt in range(TRIES):
        study.sampler = TPESampler(seed=(plan.base.seed * 7919 + number * TRIES + attempt) % 2**32, n_startup_trials=1)
        asked = study.ask(distributions).params
        point = {name: _value(name, asked[name], plan.space[name]) for name in plan.varied}
        if point not in plan.points:
            break
    return point


def importance(plan: Plan, trials: Sequence[Trial]) -> dict[str, float]:
    """How much of the spread of accuracy each setting explains by itself, shares that sum to 1, the largest first.

    Functional ANOVA over a random forest (Hutter et al., 2014) of the trials that count, at most `MOST_EXPLAINED`;
    {} where it cannot be told.

    Raises:
        SearchError: where Optuna is not installed.
    """
    known = [trial for trial in trials if trial.accuracy is not None]
    study, _ = study_of(plan, random.Random(0).sample(known, min(len(known), MOST_EXPLAINED)))
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    try:
        return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    except (ValueError, RuntimeError):  # all alike, or too few
        return {}


def study_of(plan: Plan, trials: Sequence[Trial]) -> tuple[optuna.Study, dict[str, Any]]:
    """Optuna's study of these trials, and the distribution of each setting; the seed is none of them.

    Raises:
        SearchError: where Optuna is not installed.
    """
    if not is_installed():
        raise SearchError(MISSING)
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    states = optuna.trial.TrialState
    space = plan.space or plan.values
    distributions = {name: _distribution(name, values) for name, values in space.items() if name != "seed"}
    study = optuna.create_study(direction="maximize")
    for trial in trials:
        if trial.state == "failed":
            continue
        state = states.COMPLETE if trial.accuracy is not None else states.RUNNING
        params = {name: _param(name, trial.point[name], space[name]) for name in distributions}
        if trial.early is not None:
            state = states.PRUNED
        study.add_trial(
            optuna.trial.create_trial(
                state=state,
                value=trial.accuracy,
                params=params,
                distributions=distributions,
                intermediate_values={} if trial.early is None else {1: trial.early},
            )
        )
    return study, distributions


def _distribution(name: str, values: Sequence) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not is_range(values):
        return CategoricalDistribution(range(len(values)))  # of their places: values may be lists
    low, high = min(values), max(values)
    kind = IntDistribution if all(isinstance(value, int) for value in values) else FloatDistribution
    return kind(low, high, log=low > 0 and high >= LOGARITHMIC * low)


def _param(name: str, value: Any, values: Sequence) -> Any:
    return value if is_range(values) else list(values).index(value)


def _value(name: str, param: Any, values: Sequence) -> Any:
    if not is_range(values):
        return values[param]
    return param if isinstance(param, int) else min(max(float(f"{param:.{DIGITS}g}"), min(values)), max(values))
