"""The trials of a sweep in a table, each of which is opened by its name."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nsmallest

import pandas as pd
import streamlit as st

from core.sweeps import Plan
from core.sweeps.results import Trial
from core.sweeps.values import value_text
from dashboard.components.activity import go_to
from dashboard.components.formatting import TRIAL_HEADER, run_link
from dashboard.components.progress import progress_in_words
from dashboard.components.text import escape_markdown
from dashboard.components.train.settings import setting_of

MOST_ROWS, HEADER, ROW = 12, 37, 35  # rows in sight, and pixels
STATE_WIDTH = 190  # pixels while trials train: room for the longest
MOST_SHOWN = 200  # trials in the table
MOST_TO_COME = 100  # trials that are not begun yet
STATE_WORDS = {"queued": "Waiting", "running": "Training"}
COMING = ":material/schedule:"  # before a trial that is not begun, where others have the arrow that opens them


def show_trials(trials: Sequence[Trial], plan: Plan) -> None:
    """Show the trials: those in training, those that have ended with the best first, those that wait or come later."""
    rows = nsmallest(MOST_SHOWN, trials, key=_place)

    def open_clicked() -> None:
        row = st.session_state["opened_trial"].row
        if row < len(rows):
            go_to(rows[row].run.id)

    name = st.column_config.ButtonColumn(
        TRIAL_HEADER, type="tertiary", alignment="left", pinned=True, on_click=open_clicked, key="opened_trial"
    )
    table = trials_table(rows, plan)
    numbers = [label_of(name) for name in ("seed", *plan.varied) if _is_number(plan, name)]
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        width="content",
        height="content" if len(table) <= MOST_ROWS else HEADER + ROW * MOST_ROWS + ROW // 2,
        column_config={
            "Trial": name,
            "Validation accuracy": st.column_config.NumberColumn(format="%.2f %%", alignment="right"),
            **{label: st.column_config.TextColumn(alignment="right") for label in numbers},
            "Training time": st.column_config.NumberColumn(format="%.1f s", alignment="right"),
            "State": st.column_config.TextColumn(width=STATE_WIDTH if _goes_on(trials, plan) else None),
        },
        key="trials",
    )
    if len(rows) < len(trials):
        st.caption(
            f"The first {len(rows)} of {len(trials):,}: the best of those that have ended. Compare finds each by its "
            f"name, and all by “sweep: {escape_markdown(plan.name)}”."
        )


def _goes_on(trials: Sequence[Trial], plan: Plan) -> bool:
    return sum(trial.is_through for trial in trials) < plan.count


def _is_number(plan: Plan, name: str) -> bool:
    """Whether the values of a setting are numbers, or all images."""
    values = plan.values.get(name, ())
    return all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values)


def trials_table(rows: Sequence[Trial], plan: Plan) -> pd.DataFrame:
    """One row a trial: accuracy, settings that differ, time, machine, state, and why it failed; later ones are last."""
    begun = 1 + max((trial.number for trial in rows), default=-1)
    to_come = range(begun, min(len(plan.points), begun + MOST_TO_COME))
    points = [trial.point for trial in rows] + [
        {**plan.points[number], "seed": plan.configs[number].seed} for number in to_come
    ]
    names = [name for name in ("seed", *plan.varied) if len({point[name] for point in points}) > 1]
    names = [name for name in dict.fromkeys([*plan.varied, *names]) if name in names]
    later = [None] * len(to_come)
    frame = pd.DataFrame(
        {
            "Trial": [run_link(trial.name) for trial in rows]
            + [f"{COMING} {plan.name_of(number)}" for number in to_come],
            "Validation accuracy": [(known := _known(trial)) and 100 * known for trial in rows] + later,
            **{label_of(name): [value_text(name, point[name]) for point in points] for name in names},
            "Training time": [trial.seconds for trial in rows] + later,
            "Machine": [trial.machine for trial in rows] + [""] * len(to_come),
            "State": [_state(trial) for trial in rows] + ["To come"] * len(to_come),
            "Reason": [
                trial.message if trial.state in ("failed", "interrupted") or trial.early is not None else ""
                for trial in rows
            ]
            + [""] * len(to_come),
        }
    ).astype({"Validation accuracy": float, "Training time": float})
    return frame.drop(columns=[name for name in ("Machine", "Reason") if not frame[name].any()])


def label_of(name: str) -> str:
    """What a setting is called."""
    return "Network" if name == "model" else setting_of(name).label


def _state(trial: Trial) -> str:
    if trial.state == "running":
        return f"Training · {progress_in_words(trial.run)}"
    if trial.early is not None:
        return "Stopped early"
    return STATE_WORDS.get(trial.state, trial.state.capitalize())


def _place(trial: Trial) -> tuple:
    kind = {"running": 0, "queued": 3}.get(trial.state, 2 if trial.accuracy is None else 1)
    return kind, -(_known(trial) or 0.0), trial.number


def _known(trial: Trial) -> float | None:
    return trial.early if trial.accuracy is None else trial.accuracy
