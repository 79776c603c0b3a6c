"""Which two runs Compare holds against each other: kept in the address, and never replaced without a word."""

from __future__ import annotations

import streamlit as st

from dashboard.components.address import recall, remember
from dashboard.components.compare import run_table
from dashboard.components.session import known_name
from dashboard.components.text import escape_markdown
from dashboard.components.views import view

PAGE = "compare"
LEFT_OUT = 5  # so many are named


def say_not_found(run_ids: list[str], instead: str = " Showing others instead.") -> None:
    """Name the runs that somebody chose and that are not there: by their ids where they were not on the page before."""
    if run_ids:
        more = f" and {len(run_ids) - LEFT_OUT} more" if len(run_ids) > LEFT_OUT else ""
        names = escape_markdown(", ".join(map(known_name, run_ids[:LEFT_OUT])))
        st.warning(f"Not found: {names}{more}.{instead}", icon=":material/search_off:")


def gone_of_pair(runs) -> list[str]:
    """The ids of the pair that are not there, also of those that others stand for, until somebody chooses again."""
    wanted = [*st.session_state.get("pair_gone", []), recall(PAGE, "a"), recall(PAGE, "b")]
    st.session_state["pair_gone"] = [run_id for run_id in dict.fromkeys(wanted) if run_id not in ("", *runs)]
    return st.session_state["pair_gone"]


def choose_comparable(runs, names, digits, gone) -> dict:
    """The runs that have read the images here; why others have not is told in words."""
    reasons = {run_id: run_table.refused(run, digits) for run_id, run in runs.items()}
    asked_for = [run_id for name in ("a", "b") if reasons.get(run_id := st.query_params.get(name))]
    say_not_found(gone)
    for run_id in dict.fromkeys(asked_for):
        st.warning(escape_markdown(f"{names[run_id]} cannot be compared here: {reasons[run_id]}."))
    others = [run_id for run_id, reason in reasons.items() if reason and run_id not in asked_for]
    if others:
        told = [escape_markdown(f"{names[run_id]} ({reasons[run_id]})") for run_id in others[:LEFT_OUT]]
        more = f" and {len(others) - LEFT_OUT} more" if len(others) > LEFT_OUT else ""
        st.caption(f"Left out: {', '.join(told)}{more}.")
    return {run_id: run for run_id, run in runs.items() if reasons[run_id] is None}


def choose_two(comparable, names) -> tuple:
    """Two different runs, the older of the newest two first where nobody chose."""
    ids = list(comparable)
    first = wanted if (wanted := recall(PAGE, "a")) in comparable else None
    second = wanted if (wanted := recall(PAGE, "b")) in comparable and wanted != first else None
    second = second or next(run_id for run_id in ids if run_id != first)
    first = first or next(run_id for run_id in ids if run_id != second)
    remember(PAGE, "a", first)
    remember(PAGE, "b", second)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for words, shown, options, choose in (
            ("First run", first, ids, choose_first),
            ("Second run", second, [run_id for run_id in ids if run_id != first], choose_second),
        ):
            st.selectbox(
                words,
                options,
                options.index(shown),
                format_func=lambda run_id: names.get(run_id, run_id),
                **view(words, shown, choose, options),
            )
        st.button("Swap", icon=":material/swap_horiz:", on_click=swap)
    return comparable[first], comparable[second]


def choose_first(run_id: str) -> None:
    """Another run in the first place; where it was the second one, the two change places."""
    first, second = recall(PAGE, "a"), recall(PAGE, "b")
    set_two(run_id, first if run_id == second else second)


def choose_second(run_id: str) -> None:
    """Another run in the second place."""
    set_two(recall(PAGE, "a"), run_id)


def swap() -> None:
    """The two change places."""
    set_two(recall(PAGE, "b"), recall(PAGE, "a"))


def set_two(first: str, second: str) -> None:
    """Compare these two, from the first page and with no image open."""
    st.session_state.pop("pair_gone", None)
    remember(PAGE, "a", first)
    remember(PAGE, "b", second)
    begin_again()


def begin_again() -> None:
    """Back to the first page, with no image open."""
    st.session_state["pair_page"] = 1
    st.session_state.pop("pair_image", None)
