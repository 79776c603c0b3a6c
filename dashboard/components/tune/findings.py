"""Charts of what came of a sweep: each setting against accuracy, all at once, the best so far, and importance."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.sweeps import Plan, Sweep, tpe
from core.sweeps.plan import value_text
from core.sweeps.results import Trial, best_so_far
from core.sweeps.sweep import FINISHED
from dashboard.components.charts import sweep as charts
from dashboard.components.tune.trials import label_of

FEW = 4  # trials, of which the best so far says nothing that the table does not
MOST_LINES, PARALLEL_HEIGHT = 200, 320
FEWEST_EXPLAINED = 8  # trials, from which importance is told


def show_charts(plan: Plan, trials: Sequence[Trial]) -> None:
    """Each setting against accuracy, and the best so far."""
    known = [trial for trial in trials if trial.accuracy is not None]
    names = [name for name in plan.varied if name != "seed" and len({trial.point[name] for trial in known}) > 1]
    with st.grid(2, min_column_width=380, gap="medium"):
        for name in names:
            with st.container():
                st.subheader(f"Accuracy by {label_of(name).lower()}", anchor=False)
                order = in_order([point[name] for point in plan.points])
                many = _are_many_numbers(order)
                rows = sorted(known, key=lambda trial, name=name, order=order: order.index(trial.point[name]))
                frame = pd.DataFrame(
                    {
                        "value": [trial.point[name] if many else value_text(name, trial.point[name]) for trial in rows],
                        "accuracy": [trial.accuracy for trial in rows],
                        "trial": [trial.name for trial in rows],
                    }
                )
                if many:
                    st.vega_lite_chart(charts.number_chart(frame, label_of(name)))
                    st.caption("● one run")
                else:
                    st.vega_lite_chart(charts.effect_chart(frame, label_of(name)))
                    st.caption("● one run · ■ the mean of all runs with this value")
        ended = best_so_far(trials)
        if len(ended) <= FEW:
            return
        with st.container():
            st.subheader("Best so far", anchor=False)
            frame = pd.DataFrame(
                {
                    "ended": range(1, len(ended) + 1),
                    "accuracy": [trial.accuracy for trial, _ in ended],
                    "best": [best for _, best in ended],
                    "trial": [trial.name for trial, _ in ended],
                }
            )
            st.vega_lite_chart(charts.progress_chart(frame))


def _are_many_numbers(values: Sequence) -> bool:
    """Whether values need an axis of numbers, as there are too many to write each below it."""
    return len(values) > charts.MOST_LABELS and all(isinstance(value, int | float) for value in values)


def show_together(sweep: Sweep, plan: Plan, trials: Sequence[Trial]) -> None:
    """All settings at once, and how much of the spread each explains; where two or more differ."""
    known = sorted((trial for trial in trials if trial.accuracy is not None), key=lambda trial: -trial.accuracy)
    names = [name for name in plan.varied if name != "seed" and len({trial.point[name] for trial in known}) > 1]
    if len(names) < 2:
        return
    st.subheader("All settings at once", anchor=False)
    drawn = known[:MOST_LINES]
    axes = []
    for name in names:
        values = [trial.point[name] for trial in drawn]
        order = in_order(values)
        if _are_many_numbers(order):
            axes.append((label_of(name), values, []))
        else:
            texts = [value_text(name, value) for value in values]
            axes.append((label_of(name), texts, [value_text(name, value) for value in order]))
    spec = charts.parallel_chart(axes, [trial.accuracy for trial in drawn], [trial.name for trial in drawn])
    st.echarts_chart(spec, height=PARALLEL_HEIGHT, alt="Each trial as a line over its settings to its accuracy")
    which = f"Each line is one of the best {MOST_LINES} trials" if len(known) > MOST_LINES else "Each line is a trial"
    st.caption(f"{which}, from its settings to its accuracy at the right; the stronger the colour, the better.")
    if sweep.state.name == FINISHED and len(known) >= FEWEST_EXPLAINED and tpe.is_installed():
        shares = shares_explained(
            str(sweep.path), tuple((trial.number, trial.accuracy) for trial in known), plan, known
        )
        if shares:
            told = ", ".join(f"{label_of(name).lower()} {100 * share:.0f} %" for name, share in shares.items())
            st.markdown(f"**Importance:** {told}.")
            st.caption(
                "The share of the spread in accuracy that a random forest puts down to each setting by itself (fANOVA, "
                "Optuna). It holds for the values tried here, and is rough with few trials."
            )


@st.cache_data(max_entries=20, show_spinner=False)
def shares_explained(path: str, accuracies: tuple, _plan: Plan, _trials: Sequence[Trial]) -> dict[str, float]:
    """Importance of each setting, cached until a trial more has ended."""
    return {name: float(share) for name, share in tpe.importance(_plan, _trials).items()}


def in_order(values: Sequence) -> list:
    """Each value once: numbers from the smallest on, "all" last; others as they come."""
    found = list(dict.fromkeys(values))
    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in found):
        return sorted(found, key=lambda value: (value is None, value))
    return found
