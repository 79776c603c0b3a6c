"""The table of all runs on Train, each of which is opened by its name."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.runs import Run
from dashboard.components.browser import scroll_to_top
from dashboard.components.session import open_run, store
from dashboard.components.text import escape_markdown

MOST_ROWS, ROW_HEIGHT = 12, 35


def show_all_runs(shown: Run | None) -> None:
    """Show every run with its state and accuracy; its name opens it at the top of the page."""
    runs = store().runs()
    if (len(runs) < 2 and shown) or not runs:
        return
    st.header("All runs", anchor=False)

    def open_clicked() -> None:
        row = st.session_state["opened_run"].row
        if row < len(runs):
            open_run(runs[row].id)
            scroll_to_top()

    name = st.column_config.ButtonColumn(type="tertiary", alignment="left", on_click=open_clicked, key="opened_run")
    table, scrolls = runs_table(runs, shown), len(runs) > MOST_ROWS
    with st.container(key="on_screen_runs" if scrolls else None):
        st.dataframe(
            table,
            hide_index=True,
            placeholder="–",
            row_height=ROW_HEIGHT,
            height=ROW_HEIGHT * (1 + min(MOST_ROWS, len(runs))) + 3,
            column_config={"Run": name, **COLUMNS},
            key="all_runs",
        )
    if scrolls:
        with st.container(key="on_paper_runs"):
            table["Run"] = [escape_markdown(run.name) for run in runs]
            st.table(table.style.format(FORMATS, na_rep="–"), hide_index=True)


COLUMNS = {
    "Epochs": st.column_config.NumberColumn(format="%d"),
    "Test accuracy": st.column_config.NumberColumn(format="%.2f %%"),
    "Training time": st.column_config.NumberColumn(format="%.1f s"),
}
FORMATS = {"Test accuracy": "{:.2f} %", "Training time": "{:.1f} s"}  # the same on paper


def runs_table(runs: Sequence[Run], shown: Run | None) -> pd.DataFrame:
    """One row for each run, an eye at the one that is `shown`; columns that say the same of every run are left out."""
    configs, summaries = [run.config for run in runs], [run.summary or {} for run in runs]
    accuracies = [run.test_accuracy for run in runs]
    frame = pd.DataFrame(
        {
            "Run": [f":material/{_icon(run, shown)}: {run.name}" for run in runs],
            "State": [run.state.name.capitalize() for run in runs],
            "Network": [config.title if config else "–" for config in configs],
            "Test accuracy": [math.nan if accuracy is None else 100 * accuracy for accuracy in accuracies],
            "Epochs": pd.Series([summary.get("epochs") for summary in summaries], dtype="Int64"),
            "Training time": [summary.get("training_seconds", math.nan) for summary in summaries],
            "Data": [run.dataset.get("name", "–") for run in runs],
        }
    )
    same = [name for name in ("Network", "Data") if len(set(frame[name]) - {"–"}) < 2]
    empty = [name for name in COLUMNS if frame[name].isna().all()]
    return frame.drop(columns=same + empty)


def _icon(run: Run, shown: Run | None) -> str:
    return "visibility" if shown and run.id == shown.id else "arrow_forward"
