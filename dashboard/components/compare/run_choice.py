"""The runs that Compare shows: chosen from a list, or all that a filter finds; and the accuracy that is aimed at."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nlargest

import streamlit as st

from core.runs import Run
from core.runs.kept import accuracy_of, until_folder_changes
from core.sweeps.sweep import trial_of
from dashboard.components.address import recall, remember
from dashboard.components.compare.pair_choice import PAGE, say_not_found
from dashboard.components.compare.run_table_view import PARTS
from dashboard.components.fields import TYPING_PAUSE
from dashboard.components.run_picker import MOST_LISTED, newest
from dashboard.components.session import services
from dashboard.components.text import escape_markdown
from dashboard.components.views import view

SHOWN_AT_FIRST = 10
MOST_FOUND = 30
NONE = "none"


def choose_runs(runs: Mapping[str, Run], names: Mapping[str, str]) -> tuple[list[Run], float | None, str]:
    """Choose the runs of table and charts, and a target; names those in the address that do not exist.

    Returns:
        The runs, the target accuracy as a fraction, None without one, and which of `PARTS` the table shows.
    """
    words = recall(PAGE, "filter")
    found = _found(runs, names, words) if words else _named_in_address(runs)
    chosen, target = found[:MOST_FOUND], _target()
    with st.container(horizontal=True, vertical_alignment="bottom", key="run_choice"):
        st.text_input(
            "Filter",
            words,
            placeholder="Name, network, #tag or sweep: name",
            icon=":material/search:",
            help="Shows all runs with these words in their name or network. A tag is a word in a run's name, "
            "for instance #lr: rename a run on Train. The runs of a sweep are found by “sweep:” and its name.",
            width=260,
            live=TYPING_PAUSE,
            **view("run_filter", words, lambda text: remember(PAGE, "filter", text.strip())),
        )
        st.number_input(
            "Target accuracy, %",
            0.0,
            100.0,
            target,
            0.5,
            format="%g",
            placeholder="none",
            help="Drawn in the charts. A column says after how many epochs the validation accuracy first reaches it.",
            width=170,
            **view("target", target, lambda value: remember(PAGE, "target", "" if value is None else f"{value:g}")),
        )
        with st.popover(_how_many(chosen, list(runs)), icon=":material/checklist:", key="run_menu"):
            listed = newest(runs, *chosen)
            more = f" The list has the newest {MOST_LISTED}; the filter finds the others." * (len(listed) < len(runs))
            st.multiselect(
                "Runs",
                listed,
                default=chosen,
                format_func=lambda run_id: names.get(run_id, run_id),
                placeholder="Choose runs",
                help=f"At first {SHOWN_AT_FIRST}: the newest, and the best two of all.{more}",
                width=420,
                **view("compared_runs", chosen, _keep_runs, runs),
            )
        part = st.segmented_control(
            "Columns", list(PARTS), default=PARTS[0], required=True, key="table_part", label_visibility="collapsed"
        )
    if words and not found:
        with st.container(horizontal=True, vertical_alignment="center", key="no_match"):
            st.markdown(f":material/filter_alt: No run has “{escape_markdown(words)}” in its name, network or sweep.")
            st.button("Clear the filter", key="clear_filter", icon=":material/close:", on_click=_clear_filter)
    if len(found) > MOST_FOUND:
        st.caption(f"The newest {MOST_FOUND} of {len(found)} that match.")
    part = part if part in PARTS else PARTS[0]
    return [runs[run_id] for run_id in chosen], None if target is None else target / 100, part


def _found(runs: Mapping[str, Run], names: Mapping[str, str], words: str) -> list[str]:
    """The ids of the runs with all of these words in name or network, or those of a sweep: "sweep: its name"."""
    kind, colon, sweep = words.partition(":")
    if colon and kind.strip().casefold() == "sweep":
        wanted = services().sweeps.named(sweep)
        return [run_id for run_id, run in runs.items() if trial_of(run).get("sweep") in wanted]
    networks = services().store.of_each(_network)
    searched = {run_id: f"{names[run_id]} {networks.get(run_id, '')}".casefold() for run_id in runs}
    return [run_id for run_id, text in searched.items() if all(word in text for word in words.casefold().split())]


def _named_in_address(runs: Mapping[str, Run]) -> list[str]:
    """The ids of the runs in the address, or of the newest and the best two of all."""
    wanted = recall(PAGE, "runs")
    asked_for = dict.fromkeys(wanted.split(","))
    chosen = [run_id for run_id in asked_for if run_id in runs]
    say_not_found([run_id for run_id in asked_for if run_id not in (NONE, "", *runs)])
    if chosen or wanted == NONE:
        return chosen
    known = services().store.of_each(accuracy_of)
    return at_first({run_id: known.get(run_id, 0.0) for run_id in runs})


def at_first(accuracies: Mapping[str, float]) -> list[str]:
    """The ids of the newest runs and of the best two of all, for which the oldest of them make room."""
    best = nlargest(2, accuracies, key=accuracies.__getitem__)
    others = [run_id for run_id in accuracies if run_id not in best][: SHOWN_AT_FIRST - len(best)]
    return [run_id for run_id in accuracies if run_id in {*best, *others}]


@until_folder_changes
def _network(run: Run) -> str:
    return run.config.title if run.config else ""


def _how_many(chosen: list[str], run_ids: list[str]) -> str:
    """How many runs are shown, and which, where they are the newest; `run_ids` are of all runs, the newest first."""
    count = len(chosen)
    is_newest = 1 < count < len(run_ids) and chosen == run_ids[:count]
    return f"{'Newest ' if is_newest else ''}{count} of {len(run_ids)} runs"


def _clear_filter() -> None:
    remember(PAGE, "filter", "")


def _keep_runs(run_ids: list[str]) -> None:
    """Show these runs, whatever the filter says."""
    remember(PAGE, "filter", "")
    remember(PAGE, "runs", ",".join(run_ids) or NONE)


def _target() -> float | None:
    """The target in the address in percent, None without one."""
    try:
        value = float(recall(PAGE, "target"))
    except ValueError:
        return None
    return value if 0 <= value <= 100 else None
