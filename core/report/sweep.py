"""The report of a sweep: what was tried, which is best, how sure that is, and all trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.config import PARSERS, ConfigError, TrainingConfig
from core.data import Dataset
from core.formatting import number_text, percent
from core.report import charts
from core.report.document import NOBODY, Author, ReportError, document, facts, section
from core.report.html import Html, sentences, table, tag
from core.sweeps import Plan, Sweep
from core.sweeps.plan import plan_of
from core.sweeps.results import Trial, in_groups, read_trials
from core.sweeps.values import parse_setting, parse_several, setting_in_words, value_in_words, value_text
from core.sweeps.words import sentences as findings

MOST_TRIALS = 60
MOST_VALUES = 12  # of a setting in a chart


def sweep_report(sweep: Sweep, dataset: Dataset | None, author: Author = NOBODY) -> bytes:
    """A sweep as one HTML file, UTF-8.

    Args:
        sweep: any sweep, also one that goes on: the report has the trials that have ended.
        dataset: the one that is loaded, which is named where no trial has begun; None where none could be.
        author: who hands it in.

    Raises:
        ReportError: where the sweep is damaged or of a newer version.
    """
    plan, state = sweep.plan, sweep.state
    if plan is None:
        raise ReportError(state.message)
    trials = read_trials(sweep)
    said = "" if state.name == "finished" else f"This sweep is {state.name}."
    return document(
        "Report of a sweep",
        sweep.name,
        author,
        [
            sentences(" ".join(filter(None, [said, state.message]))),
            _numbers(plan, trials),
            _findings(plan, trials),
            _tried(plan, trials, dataset),
            _charts(plan, trials),
            _trials(trials),
            section("How it is judged", *map(sentences, JUDGED)),
        ],
    )


JUDGED = (
    "Trials are judged by the validation images, which they were not trained on. The test images have no part in the "
    "choice. The classic network is the exception: it validates on the test images.",
    "Trials that differ in their seed alone are one setting: its mean counts, and its spread is chance. Two settings "
    "are compared by Student's t-test of the differences where both have the same seeds, else by Welch's. The best of "
    "many is best by luck too.",
)


def _numbers(plan: Plan, trials: Sequence[Trial]) -> Html:
    ended = [trial for trial in trials if trial.accuracy is not None]
    best = max(ended, key=lambda trial: trial.accuracy, default=None)
    found = [("Trials", f"{len(ended):,} of {plan.count:,}")]
    if best:
        found.append(("Best validation accuracy" if not best.on_test else "Best test accuracy", percent(best.accuracy)))
    if seconds := [trial.seconds for trial in trials if trial.seconds]:
        found.append(("Training time in all", f"{sum(seconds):,.0f} s"))
    return facts(found)


def _findings(plan: Plan, trials: Sequence[Trial]) -> Html | None:
    said = findings(plan, trials) or ["No trial has ended yet."]
    groups = in_groups(trials)
    best = max(groups[0].trials, key=lambda trial: trial.accuracy or 0.0, default=None) if groups else None
    if best and best.accuracy is not None and not best.on_test and best.run.test_accuracy is not None:
        said.append(
            f"On the test images, which had no part in this choice, the best trial reads "
            f"{percent(best.run.test_accuracy)} right."
        )
    return section("What came of it", *map(sentences, said))


def _tried(plan: Plan, trials: Sequence[Trial], dataset: Dataset | None) -> Html | None:
    """The settings that all share, the values that were tried, and the command that begins the same sweep."""
    rows = [
        (name.replace("_", " ").capitalize(), ", ".join(value_text(name, value) for value in values))
        for name, values in plan.values.items()
    ]
    known = next((trial.run.dataset for trial in trials if trial.run.dataset), {})
    data = known.get("name") or (dataset.name if dataset else "")
    print_of = known.get("fingerprint")
    command = sweep_command(plan)
    return section(
        "What was tried",
        sentences(f"All share: {_shared(plan)}."),
        sentences(f"Dataset: {data}{f' (fingerprint {print_of})' if print_of else ''}." if data else ""),
        table(("Setting", "Values"), rows) if rows else None,
        tag("pre", command)
        if command
        else sentences("Its trials were chosen one by one, so no single command begins the same.", class_="note"),
    )


def _shared(plan: Plan) -> str:
    """The settings that all trials share: network, epochs, batch size, learning rate, and what is not as usual."""
    base, usual = plan.base, TrainingConfig(model=plan.base.model)
    of_network = ["batch_size", "learning_rate"] * ("model" not in plan.varied)  # which has its own defaults
    other = [name for name in PARSERS if name != "model" and getattr(base, name) != getattr(usual, name)]
    names = [name for name in dict.fromkeys(["epochs", *of_network, *other]) if name not in plan.varied]
    layers = [] if {"model", "network"} & set(plan.varied) else [base.title, f"layers {base.layers.text}"]
    told = (value_in_words(n, base.epochs) if n == "epochs" else setting_in_words(n, getattr(base, n)) for n in names)
    return " · ".join(layers + [words for words in told if not words.startswith("network ")])


def sweep_command(plan: Plan) -> str:
    """The command for a terminal that begins a sweep of the same trials; "" where there is none."""
    base, usual = plan.base, TrainingConfig(model=plan.base.model)
    shared = {
        name: getattr(base, name)
        for name in PARSERS
        if name not in ("model", "epochs", *plan.varied) and getattr(base, name) != getattr(usual, name)
    }
    if base.layers.text != usual.layers.text and "network" not in plan.varied:
        shared["network"] = base.layers.text  # hidden layers and dropout are no settings of their own there
    tried = {name: [_typed(value) for value in values] for name, values in plan.values.items()}
    try:
        settings = {name: parse_setting(name, _typed(value)) for name, value in shared.items()}
        space = {name: parse_several(name, " | ".join(values)) for name, values in tried.items()}
        given = {"model": base.model, "epochs": base.epochs, "dataset": base.dataset, "classes": base.classes}
        again = plan_of(TrainingConfig(**given, **settings), space)
    except ConfigError:
        return ""
    if again.configs != plan.configs:
        return ""
    parts = ["python -m core.sweeps start", f"--model {base.info.title.lower()}", f"--epochs {base.epochs}"]
    if base.dataset:
        parts.append(f"--dataset {base.dataset}")
    parts += [f'--set "{name}={_typed(value)}"' for name, value in shared.items()]
    parts += [f'--try "{name}={" | ".join(values)}"' for name, values in tried.items()]
    if plan.minutes is not None:
        parts.append(f"--minutes {number_text(plan.minutes)}")
    if plan.halving is not None:
        parts.append(f"--stop-weak {plan.halving.factor}")
    return " ".join(parts)


def _typed(value: Any) -> str:
    """A value as it is typed after `--set NAME=`."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if value is None:
        return "all"
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else number_text(value)


def _charts(plan: Plan, trials: Sequence[Trial]) -> Html | None:
    """Each setting against accuracy, where a few values were tried."""
    known = [trial for trial in trials if trial.accuracy is not None]
    drawn = []
    for name, values in plan.values.items():
        if name == "seed" or not 1 < len(values) <= MOST_VALUES:
            continue
        pairs = [(value_text(name, value), t.accuracy) for value in values for t in known if t.point[name] == value]
        title = f"Accuracy by {name.replace('_', ' ')}"
        drawn.append(charts.dot_chart(title, pairs, note="A circle: one run. An orange line: the mean of its row."))
    drawn = [chart for chart in drawn if chart]
    return section("Charts", tag("div", *drawn, class_="charts")) if drawn else None


def _trials(trials: Sequence[Trial]) -> Html | None:
    """All trials, those with the highest accuracy first."""
    if not trials:
        return None
    order = sorted(trials, key=lambda trial: (-(trial.accuracy or trial.early or 0.0), trial.number))
    rows = [
        (
            trial.name,
            percent(trial.early if trial.accuracy is None else trial.accuracy),
            percent(trial.run.test_accuracy),
            "–" if trial.seconds is None else f"{trial.seconds:,.1f} s",
            "stopped early" if trial.early is not None else trial.state,
        )
        for trial in order[:MOST_TRIALS]
    ]
    more = "" if len(trials) <= MOST_TRIALS else f"The best {MOST_TRIALS} of {len(trials):,}."
    head = ("Trial", "Validation accuracy", "Test accuracy", "Training time", "State")
    return section("Trials", table(head, rows, class_="side"), sentences(more, class_="note"))
