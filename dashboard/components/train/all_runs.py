"""The table of all runs on Train, each of which is opened by its name."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.runs import Run
from core.runs.kept import until_folder_changes
from dashboard.components.browser import scroll_to_top
from dashboard.components.formatting import RUN_HEADER, run_link, settings_in_words
from dashboard.components.session import open_run, store
from dashboard.components.text import escape_markdown
from dashboard.components.whose import full_name, listed, owners_behind

MOST_RUNS = 200  # the newest; others are found on Compare
MOST_ROWS = 12
MOST_HEIGHT = 37 + 35 * MOST_ROWS + 17  # pixels: a half row shows that it goes on


def show_all_runs(shown: Run | None) -> None:
    """Show the newest runs with their states and accuracies; a name opens its run at the top of the page."""
    found = listed(store().runs(), shown.id if shown else "")
    runs = found[:MOST_RUNS]
    if (len(runs) < 2 and shown) or not runs:
        return
    st.header("All runs", anchor=False)

    def open_clicked() -> None:
        row = st.session_state["opened_run"].row
        if row < len(runs):
            open_run(runs[row].id)
            scroll_to_top()

    name = st.column_config.ButtonColumn(
        RUN_HEADER, type="tertiary", alignment="left", on_click=open_clicked, key="opened_run"
    )
    table, scrolls = runs_table(runs, shown), len(runs) > MOST_ROWS
    with st.container(key="on_screen_runs" if scrolls else None):
        st.dataframe(
            table,
            hide_index=True,
            placeholder="–",
            width="content",  # so that numbers stand below their headings
            height=MOST_HEIGHT if scrolls else "content",
            column_config={"Run": name, **COLUMNS},
            key="all_runs",
        )
    if len(found) > len(runs):
        st.caption(f"The newest {len(runs)} of {len(found):,}. Compare finds others by their names.")
    if scrolls:
        with st.container(key="on_paper_runs"):
            table["Run"] = [escape_markdown(full_name(run)) for run in runs]
            st.table(table.style.format(FORMATS, na_rep="–"), hide_index=True)


COLUMNS = {
    "Test accuracy": st.column_config.NumberColumn(format="%.2f %%"),
    "Epochs": st.column_config.NumberColumn(
        format="%.3g", help="For which it was trained; 2.4 where it was stopped within the third one."
    ),
    "Training time": st.column_config.NumberColumn(format="%.1f s"),
}
FORMATS = {"Test accuracy": "{:.2f} %", "Epochs": "{:.3g}", "Training time": "{:.1f} s"}  # the same on paper


@until_folder_changes
def _row(run: Run) -> tuple:
    """What the table says of a run."""
    config, summary, accuracy = run.config, run.summary or {}, run.test_accuracy
    return (
        run.name,
        run.state.name.capitalize(),
        math.nan if accuracy is None else 100 * accuracy,
        run.epochs_learned,
        summary.get("training_seconds", math.nan),
        run.dataset.get("name", "–"),
        settings_in_words(config) if config else "–",
    )


def runs_table(runs: Sequence[Run], shown: Run | None) -> pd.DataFrame:
    """One row for each run, an eye at the one that is `shown`; columns that say nothing are left out.

    These are unknown of every run, or the same in all.
    """
    behind = owners_behind(runs)
    names = ("Run", "State", *COLUMNS, "Data", "Settings")
    columns = dict(zip(names, zip(*map(_row, runs), strict=True), strict=True))
    columns["Run"] = [
        run_link(name + behind[run.id], is_shown=shown is not None and run.id == shown.id)
        for name, run in zip(columns["Run"], runs, strict=True)
    ]
    columns |= {name: pd.array(columns[name], "Float64") for name in COLUMNS}
    nothing = {
        "Data": len(set(columns["Data"]) - {"–"}) < 2,
        "State": set(columns["State"]) == {"Finished"},
        **{name: columns[name].isna().all() for name in COLUMNS},
    }
    return pd.DataFrame({name: columns[name] for name in names if not nothing.get(name)})
