"""The two runs that Compare compares: kept in the address, and never replaced without saying so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import streamlit as st

from core.data import Dataset
from core.runs import Run
from core.runs.kept import accuracy_of, until_folder_changes
from dashboard.components.address import recall, remember
from dashboard.components.browser import scroll_to
from dashboard.components.compare import run_table
from dashboard.components.run_picker import newest
from dashboard.components.session import dataset, dataset_of, known_name, services, store
from dashboard.components.text import escape_markdown
from dashboard.components.views import view

PAGE = "compare"
DATASET = "on"  # of the pair, in the address
PLACE = "two_runs"  # the container of their comparison
LEFT_OUT = 5  # runs that are named; the others are counted


def say_not_found(run_ids: list[str], instead: str = " Showing others instead.") -> None:
    """Name the chosen runs that do not exist: by name where the page showed them before, else by id."""
    if run_ids:
        more = f" and {len(run_ids) - LEFT_OUT} more" if len(run_ids) > LEFT_OUT else ""
        names = escape_markdown(", ".join(map(known_name, run_ids[:LEFT_OUT])))
        st.warning(f"Not found: {names}{more}.{instead}", icon=":material/search_off:")


def missing_of_pair(runs) -> list[str]:
    """The ids of the pair that do not exist, also of those that others replace, until a new pair is chosen."""
    wanted = [*st.session_state.get("pair_gone", []), recall(PAGE, "a"), recall(PAGE, "b")]
    st.session_state["pair_gone"] = [run_id for run_id in dict.fromkeys(wanted) if run_id not in ("", *runs)]
    return st.session_state["pair_gone"]


def follow_list(listed: Iterable[Run]) -> None:
    """Forget a pair that nobody chose where it is no longer in the list, which then has other runs."""
    pair, _ = st.session_state.get("pair_begun", (None, []))
    ids = {run.id for run in listed}
    if pair == (recall(PAGE, "a"), recall(PAGE, "b")) and any(store().get(each) and each not in ids for each in pair):
        set_two("", "")


def datasets_of(runs: Mapping[str, Run]) -> tuple[dict[str, str], Dataset]:
    """The datasets that are here and on which at least two of the runs were tested, and the one of the pair.

    That is the chosen one, or else that of the pair in the address, or else the one with the best run.

    Returns:
        The names by fingerprint, and the dataset.
    """
    used, wanted = dataset(), store().of_each(_dataset_named)
    counts = Counter(wanted[run_id] or used.fingerprint for run_id in runs if run_id in wanted)
    found = {each: services().datasets.of(each, used) for each, count in counts.items() if count > 1}
    here = {fingerprint: each for fingerprint, each in found.items() if each.fingerprint == fingerprint}
    names = {fingerprint: each.name for fingerprint, each in here.items()}
    accuracies = store().of_each(accuracy_of)
    best = max(runs, key=lambda run_id: accuracies.get(run_id, 0.0), default="")
    for each in (recall(PAGE, DATASET), *(wanted.get(run_id) for run_id in (recall(PAGE, "a"), recall(PAGE, "b")))):
        if each in here:
            return names, here[each]
    if used.fingerprint in here:
        return names, used
    return names, here.get(wanted.get(best, ""), next(iter(here.values()), used))


@until_folder_changes
def _dataset_named(run: Run) -> str:
    return run.wanted_dataset


def choose_dataset(names: Mapping[str, str], shown: Dataset) -> None:
    """Choose on which of several datasets two runs are compared: those of different ones never saw the same images."""
    if len(names) > 1:
        st.segmented_control(
            "Dataset",
            list(names),
            default=shown.fingerprint,
            required=True,
            format_func=lambda fingerprint: names.get(fingerprint, fingerprint),
            **view("pair_dataset", shown.fingerprint, _keep_dataset, list(names)),
        )


def _keep_dataset(fingerprint: str) -> None:
    remember(PAGE, DATASET, fingerprint)
    set_two("", "")


def choose_comparable(runs, names, digits, gone) -> dict:
    """The runs with predictions for these images; says why others are left out."""
    reasons = store().of_each(run_table.reason_not_comparable, digits)
    reasons = {run_id: reasons[run_id] for run_id in runs if run_id in reasons}
    asked_for = [run_id for name in ("a", "b") if reasons.get(run_id := st.query_params.get(name))]
    say_not_found(gone)
    for run_id in dict.fromkeys(asked_for):
        st.warning(escape_markdown(f"{names[run_id]} cannot be compared here: {reasons[run_id]}."))
    others = [run_id for run_id, reason in reasons.items() if reason and run_id not in asked_for]
    if others:
        told = [escape_markdown(f"{names[run_id]} ({reasons[run_id]})") for run_id in others[:LEFT_OUT]]
        more = f" and {len(others) - LEFT_OUT} more" if len(others) > LEFT_OUT else ""
        st.caption(f"Left out: {', '.join(told)}{more}.")
    return {run_id: runs[run_id] for run_id, reason in reasons.items() if reason is None}


def show_compare_button(ticked: list[Run], digits) -> None:
    """Show the button that leads from two runs ticked in the table to their comparison below, on their dataset."""
    own = dataset_of(ticked[0]) if ticked else digits
    reason = next(filter(None, (run_table.reason_not_comparable(run, own) for run in ticked)), None)
    is_pair = len(ticked) == 2
    st.button(
        "Compare the two" if is_pair else "Tick two to compare",
        type="primary" if is_pair else "secondary",
        icon=":material/compare:",
        key="compare_ticked",
        disabled=not is_pair or reason is not None,
        help=f"Not possible for one of them: {reason}." if is_pair and reason else None,
        on_click=_compare_ticked,
        args=(own.fingerprint if own is not digits else "",),
    )


def _compare_ticked(fingerprint: str) -> None:
    """Scroll to the comparison, which follows the table again."""
    if fingerprint:
        remember(PAGE, DATASET, fingerprint)
    remember(PAGE, "a", "")
    remember(PAGE, "b", "")
    begin_again()
    scroll_to(PLACE)


def choose_two(comparable, names, in_table: list[str]) -> tuple:
    """Choose two different runs; without a choice the best two of those in the table, the best second.

    So the second fixes more than it breaks. Until somebody chooses, the two follow the table.
    """
    ids = list(comparable)
    pair, table_then = st.session_state.get("pair_begun", (None, in_table))
    if pair == (recall(PAGE, "a"), recall(PAGE, "b")) and in_table != table_then:
        remember(PAGE, "a", "")
        remember(PAGE, "b", "")
        begin_again()
    first = wanted if (wanted := recall(PAGE, "a")) in comparable else None
    second = wanted if (wanted := recall(PAGE, "b")) in comparable and wanted != first else None
    is_begun = first is None and second is None
    if not (first and second):
        accuracies = store().of_each(accuracy_of)
        ranked = sorted(  # newest of equals first
            ids, key=lambda run_id: (run_id in in_table, accuracies.get(run_id, 0.0)), reverse=True
        )
        second = second or next(run_id for run_id in ranked if run_id != first)
        first = first or next(run_id for run_id in ranked if run_id != second)
    remember(PAGE, "a", first)
    remember(PAGE, "b", second)
    if is_begun:
        st.session_state["pair_begun"] = (first, second), in_table
    listed = newest(ids, *in_table, first, second)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for words, shown, options, choose in (
            ("First run", first, listed, choose_first),
            ("Second run", second, [run_id for run_id in listed if run_id != first], choose_second),
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
    """Put another run first; where it was second, the two swap."""
    first, second = recall(PAGE, "a"), recall(PAGE, "b")
    set_two(run_id, first if run_id == second else second)


def choose_second(run_id: str) -> None:
    """Put another run second."""
    set_two(recall(PAGE, "a"), run_id)


def swap() -> None:
    """Swap the two runs."""
    set_two(recall(PAGE, "b"), recall(PAGE, "a"))


def set_two(first: str, second: str) -> None:
    """Compare these two, from the first page of images and with no image open."""
    st.session_state.pop("pair_gone", None)
    st.session_state.pop("pair_begun", None)  # chosen
    remember(PAGE, "a", first)
    remember(PAGE, "b", second)
    begin_again()


def begin_again() -> None:
    """Go back to the first page of images, with no image open."""
    st.session_state["pair_page"] = 1
    st.session_state.pop("pair_image", None)
