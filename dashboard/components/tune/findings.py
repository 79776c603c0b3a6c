"""Charts of what came of a sweep: each setting against accuracy, all at once, the best so far, and importance."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.sweeps import Plan, Sweep, tpe
from core.sweeps.results import Trial, best_so_far
from core.sweeps.sweep import ACTIVE, FINISHED
from core.sweeps.values import value_text
from dashboard.components.charts import sweep as charts
from dashboard.components.charts import theme
from dashboard.components.tune.trials import label_of

FEW = 4  # trials, of which the best so far says nothing that the table does not
MOST_LINES, PARALLEL_HEIGHT = 200, 320
FEWEST_EXPLAINED = 8  # trials, from which importance is told
RUN, MEAN, BEST = ("●", "one run"), ("□", "the mean of all runs with this value"), ("━", "the best until then")


def show_charts(sweep: Sweep, plan: Plan, trials: Sequence[Trial]) -> None:
    """Each setting against accuracy, and the best so far; while trials are to come, their places are there already."""
    known = [trial for trial in trials if trial.accuracy is not None]
    is_active = sweep.state.name == ACTIVE
    if not (known or is_active):
        return
    with st.container(key="sweep_charts"), st.grid(2, min_column_width=380, gap="medium"):
        for name in plan.varied:
            order = in_order(plan.values[name])
            if name == "seed" or len(order) < 2:
                continue
            with st.container(gap="xsmall"):
                st.subheader(f"Accuracy by {label_of(name).lower()}", anchor=False)
                many = _are_many_numbers(order)
                frame = pd.DataFrame(
                    {
                        "value": [trial.point[name] for trial in known],
                        "accuracy": pd.Series([trial.accuracy for trial in known], dtype=float),
                        "trial": [trial.name for trial in known],
                    }
                )
                if many:
                    st.vega_lite_chart(charts.number_chart(frame, label_of(name), order))
                    _show_key(RUN)
                else:
                    frame["value"] = [value_text(name, trial.point[name]) for trial in known]
                    texts = [value_text(name, value) for value in order]
                    frame = frame.sort_values("value", key=lambda values, texts=texts: values.map(texts.index))
                    st.vega_lite_chart(charts.effect_chart(frame, label_of(name), texts))
                    _show_key(RUN, MEAN)
        ended = best_so_far(trials)
        if plan.count <= FEW:
            return
        with st.container(gap="xsmall"):
            st.subheader("Best so far", anchor=False)
            frame = pd.DataFrame(
                {
                    "ended": range(1, len(ended) + 1),
                    "accuracy": pd.Series([trial.accuracy for trial, _ in ended], dtype=float),
                    "best": pd.Series([best for _, best in ended], dtype=float),
                    "trial": [trial.name for trial, _ in ended],
                }
            )
            st.vega_lite_chart(charts.progress_chart(frame, plan.count if is_active else len(ended)))
            _show_key(RUN, BEST)


def _show_key(*marks: tuple[str, str]) -> None:
    """What a chart's marks are, in their colours, which differ from Streamlit's own colours of text."""
    colored = (
        f'<span style="color:{color}">{sign}</span> {words}'
        for color, (sign, words) in zip(theme.theme_colors(), marks, strict=False)
    )
    key = "&emsp;".join(colored)
    st.markdown(f'<small style="color:{theme.muted()}">{key}</small>', unsafe_allow_html=True)


def _are_many_numbers(values: Sequence) -> bool:
    """Whether values need an axis of numbers, as there are too many to write each below it."""
    return len(values) > charts.MOST_LABELS and all(isinstance(value, int | float) for value in values)


def show_together(sweep: Sweep, plan: Plan, trials: Sequence[Trial]) -> None:
    """All settings at once, and how much of the spread each explains; where two or more differ."""
    known = sorted((trial for trial in trials if trial.accuracy is not None), key=lambda trial: -trial.accuracy)
    names = [name for name in plan.varied if name != "seed" and len({trial.point[name] for trial in known}) > 1]
    is_to_come = sweep.state.name == ACTIVE and len(set(plan.varied) - {"seed"}) > 1
    if len(names) < 2 and not is_to_come:
        return
    st.subheader("All settings at once", anchor=False)
    if len(names) < 2:
        with st.container(border=True, height=PARALLEL_HEIGHT):
            st.caption("Each trial is a line here, once trials have ended that differ in two settings.")
        return
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
