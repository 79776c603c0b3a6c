"""The table of Compare on the screen: sorted by numbers, the best values bold, rows to select, names to open."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st
from pandas.io.formats.style import Styler

from core.evaluation.baselines import Baseline
from core.formatting import percent
from dashboard.components.activity import go_to
from dashboard.components.compare.run_table import RESULTS, SETTINGS, UNKNOWN, RunTable, without_ends
from dashboard.components.formatting import RUN_HEADER, run_link
from dashboard.components.text import escape_markdown

PARTS = ("Settings", "Results")  # of the columns: together they are wider than a page
MOST_ROWS = 12  # that are in sight; further ones are scrolled to
HEADER, ROW = 37, 35  # pixels
NAMES = {9: 108, 10: 120, 14: 150, 22: 180, 28: 215}  # letters of a name, and the width in pixels that they need
MOST_LETTERS = max(NAMES)
BEST = "★ is the best of the runs shown."
TICK = "Ticked runs stand out in the charts; two are compared below."
MOST_OF_LAYERS = 29  # letters
LAYERS = 185  # pixels, for as many
FEW_SETTINGS = 3  # beside which the results have room
LEFT = ("Network", "Layers", "Optimizer", "Schedule", "Pixels", "First weights", "Data", "Augmentation", "Starts from")
SHORT = {
    "Batch size": "Batch",
    "Training images": "Trained on",
    "Validation images": "Validated on",
    "Augmentation": "Augmented",
}
HELP = {
    **{name: name for name in SHORT},
    "Layers": "Between the pixels and the softmax. Whole in the CSV file, and in the chart of accuracy by Layers.",
    "Test accuracy": "Share of test images whose prediction is the label.",
    "Corrected labels": "Test accuracy with MNIST's known label errors corrected: ten relabelled, five left out.",
    "Calibration error": "Expected calibration error: how far confidence and accuracy lie apart.",
    "Robustness": "Mean accuracy over all changes and strengths on the Robustness page. –: not measured.",
}


def show(table: RunTable, ids: list[str], part: str) -> list[int]:
    """Show one of the `PARTS`; returns the numbers of the selected rows.

    `ids` are those of the runs: where they change, the selection ends, since it is of places in the table.
    """

    def open_clicked() -> None:
        row = st.session_state["opened_run"].row
        if row < len(ids):
            go_to(ids[row])

    longest = table.words["Layers"].map(brief).str.len().max() if "Layers" in table.words else 0
    columns = {
        name: st.column_config.Column(
            SHORT.get(name),
            help=HELP.get(name),
            alignment="left" if name in LEFT else "right",
            width=LAYERS if name == "Layers" and longest > MOST_OF_LAYERS // 2 else None,
        )
        for name in table.values
    }
    letters = min(MOST_LETTERS, table.words["Run"].str.len().max())
    width = next(pixels for fit, pixels in NAMES.items() if letters <= fit)
    others = [] if is_narrow(table) else RESULTS if part == "Settings" else SETTINGS
    others = [*others, *(["Network"] if _is_in_names(table) else [])]
    columns["Run"] = st.column_config.ButtonColumn(
        RUN_HEADER,
        type="tertiary",
        alignment="left",
        pinned=True,
        width=width,
        on_click=open_clicked,
        key="opened_run",
    )
    shown = st.dataframe(
        _styled(table),
        hide_index=True,
        width="content",
        height="content" if len(ids) <= MOST_ROWS else HEADER + ROW * MOST_ROWS + ROW // 2,
        column_config=columns,
        column_order=[name for name in table.values if name not in others],
        placeholder=UNKNOWN.words,
        alt="The chosen runs with the settings that differ and their numbers",
        on_select="rerun",
        selection_mode="multi-row",
        key="compared_" + hashlib.sha256(",".join(ids).encode()).hexdigest()[:16],
    )
    return list(shown.selection.rows)


def is_narrow(table: RunTable) -> bool:
    """Whether so few settings differ that all columns have room, whichever of the `PARTS` is chosen."""
    return len(table.settings) <= FEW_SETTINGS


def show_notes(table: RunTable, part: str, baselines: Sequence[Baseline], on: str = "") -> None:
    """Show what the star means, what is equal in all runs, and what reads without a network, to judge the runs by.

    Where the runs are of several datasets, that is `on` one of them.

    On a phone all but what is equal is the star's help.
    """
    told = ", ".join(f"{each.name.lower()} {percent(each.accuracy)}" for each in baselines)
    without_network, meanings = (
        f"Without a network{f', on {escape_markdown(on)}' if on else ''}: {told}.",
        [f"**{each.name}.** {each.meaning}" for each in baselines],
    )
    with st.container(horizontal=True, vertical_alignment="center", key="table_notes"):
        if table.best.to_numpy().any():
            with st.container(width="content", key="star"):
                st.caption(BEST, width="content", help="  \n".join([TICK, without_network, *meanings]))
        if table.same and part == "Settings":
            with st.popover(f"{len(table.same)} settings are the same", type="tertiary", key="same_in_all"):
                st.markdown("\n".join(f"- {escape_markdown(words)}" for words in table.same))
        with st.container(width="content", key="without_network"):
            st.caption(without_network, width="content", help="  \n".join(meanings))


def _is_in_names(table: RunTable) -> bool:
    """Whether each run's name begins with its network, as automatic names do."""
    words = table.words
    return "Network" in words and all(map(str.startswith, words["Run"], words["Network"]))


def show_on_paper(table: RunTable) -> None:
    """Show the table as text, whole: on paper nobody can scroll to the other columns."""
    st.table(table.starred.map(escape_markdown), hide_index=True)
    words = [BEST] if table.best.to_numpy().any() else []
    if table.same:
        words.append(f"Same in all: {escape_markdown(', '.join(table.same))}.")
    if words:
        st.caption(" ".join(words))


def short(name: str) -> str:
    """A name that fits; a longer one keeps its end, which may be an id or a state."""
    return name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 10]}…{name[-9:]}"


def brief(network: str) -> str:
    """A network's text that fits into its column: what it begins with."""
    text = without_ends(network)
    return text if len(text) <= MOST_OF_LAYERS else f"{text[: MOST_OF_LAYERS - 1].rstrip(', ')}…"


def _styled(table: RunTable) -> Styler:
    """The values, which the browser sorts, written as their words: equal values may be written differently."""
    values = table.values.assign(Run=table.words["Run"].map(short).map(run_link))
    styler = values.style.apply(lambda _: table.best.map(lambda best: "font-weight: 700" if best else ""), None)
    shown = table.starred.drop(columns="Run")
    if "Layers" in shown:
        shown["Layers"] = shown["Layers"].map(brief)
    for row, words in shown.iterrows():
        styler.format({name: lambda _, said=said: said for name, said in words.items()}, subset=([row], words.index))
    return styler
