"""The trials of a sweep in a table, each of which is opened by its name."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.sweeps import Plan
from core.sweeps.plan import value_text
from core.sweeps.results import Trial
from dashboard.components.activity import go_to
from dashboard.components.formatting import run_link
from dashboard.components.progress import progress_in_words
from dashboard.components.train.settings import setting_of

MOST_ROWS, ROW_HEIGHT = 12, 35
MOST_TO_COME = 100  # trials that are not begun yet
STATE_WORDS = {"queued": "Waiting", "running": "Training"}
ORDER = ("running", "queued")


def show_trials(trials: Sequence[Trial], plan: Plan) -> None:
    """Show every trial that was begun: those in training first, then by validation accuracy."""
    rows = sorted(trials, key=_place)

    def open_clicked() -> None:
        row = st.session_state["opened_trial"].row
        if row < len(rows):
            go_to(rows[row].run.id)

    name = st.column_config.ButtonColumn(
        type="tertiary", alignment="left", pinned=True, on_click=open_clicked, key="opened_trial"
    )
    table = trials_table(rows, plan)
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        row_height=ROW_HEIGHT,
        height=ROW_HEIGHT * (1 + min(MOST_ROWS, len(table))) + 3,
        column_config={
            "Trial": name,
            "Validation accuracy": st.column_config.NumberColumn(format="%.2f %%"),
            "Training time": st.column_config.NumberColumn(format="%.1f s"),
        },
        key="trials",
    )


def trials_table(rows: Sequence[Trial], plan: Plan) -> pd.DataFrame:
    """One row a trial: accuracy, settings that differ, time, state, and why it failed; those to come are last."""
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
            "Trial": [run_link(trial.name) for trial in rows] + list(map(plan.name_of, to_come)),
            "Validation accuracy": [(known := _known(trial)) and 100 * known for trial in rows] + later,
            **{label_of(name): [value_text(name, point[name]) for point in points] for name in names},
            "Training time": [trial.seconds for trial in rows] + later,
            "State": [_state(trial) for trial in rows] + ["To come"] * len(to_come),
            "Reason": [
                trial.message if trial.state in ("failed", "interrupted") or trial.early is not None else ""
                for trial in rows
            ]
            + [""] * len(to_come),
        }
    ).astype({"Validation accuracy": float, "Training time": float})
    empty = [name for name in ("Validation accuracy", "Training time") if frame[name].isna().all()]
    return frame.drop(columns=empty if frame["Reason"].any() else [*empty, "Reason"])


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
    active = ORDER.index(trial.state) if trial.state in ORDER else len(ORDER)
    return active, trial.accuracy is None, -(_known(trial) or 0.0), trial.number


def _known(trial: Trial) -> float | None:
    return trial.early if trial.accuracy is None else trial.accuracy
