"""The filter on Predictions: its widgets, shortcuts to useful filters, and the button that clears it."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.data import Dataset
from core.evaluation.selection import ONLY, ORDERS, SHOW, Filter
from dashboard.components.classes import Classes, name_of, noun, width

CLEARED = {"show": SHOW[0], "label": None, "prediction": None, "sure": (0, 100), "only": None, "order": ORDERS[0]}
LISTS = {
    "Learned last": ("Right", None, "Learned last", "Images that are right now, the last learned first."),
    "Forgotten": ("Mistakes", "Forgotten", ORDERS[0], "Right after some epoch, wrong now."),
    "Never right": ("Mistakes", "Never right", ORDERS[0], "Wrong after every epoch so far."),
    "Labels in doubt": (
        "All",
        "Known label errors",
        "Index",
        "Fifteen MNIST labels known to be wrong or in doubt.",
    ),
}


def choose_filter(digits: Dataset, classes: Classes, *, several_epochs: bool) -> Filter:
    """Show the filter's widgets, the less frequent ones in a popover; their values are in the address."""
    bound = {"bind": "query-params", "on_change": begin_again}
    with st.container(key="filters", horizontal=True, vertical_alignment="bottom"):
        show = st.segmented_control("Show", SHOW, default=SHOW[0], required=True, key="show", **bound)
        known, what = range(len(classes)), noun(classes)
        pick = {"options": known, "format_func": name_of(classes), "index": None, "placeholder": "Any"}
        pick["width"] = width(classes, least=96)
        label = st.selectbox("Label", key="label", help=f"The {what} that the dataset gives.", **pick, **bound)
        prediction = st.selectbox(
            "Read as", key="prediction", help=f"The {what} that the network predicts.", **pick, **bound
        )
        order = st.selectbox("Order", ORDERS, key="order", width=150, **bound)
        confidence, only = _choose_more(digits, several_epochs, bound)
    return Filter(
        show=show if show in SHOW else SHOW[0],
        label=label if label in known else None,
        prediction=prediction if prediction in known else None,
        confidence=confidence,
        only=only,
        order=order if order in ORDERS else ORDERS[0],
    )


def filter_words(wanted: Filter, classes: Classes) -> str:
    """A filter of predictions as a phrase, with the names of its classes."""
    label, prediction = (None if each is None else classes[each] for each in (wanted.label, wanted.prediction))
    return str(replace(wanted, label=label, prediction=prediction))


def _choose_more(digits: Dataset, several_epochs: bool, bound: dict) -> tuple[tuple[int, int], str | None]:
    """Show the rest of the filter in a popover, and how much of it is set; return confidence and "only"."""
    known = ONLY if digits.is_mnist else ONLY[1:]
    row = st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content")
    with row.popover("More filters", icon=":material/tune:", key="more_filters"):
        only = st.selectbox(
            "Only",
            known,
            index=None,
            placeholder="All images",
            key="only",
            help="Forgotten: right after some epoch, wrong now. Never right: wrong after every epoch so far.",
            **bound,
        )
        confidence = st.slider("Confidence", 0, 100, (0, 100), format="%d %%", key="sure", **bound)
        _show_lists(digits, several_epochs)
        # Text, since a bound st.number_input fails on ?image=1e400 (streamlit 1.67: int of infinity).
        st.text_input(
            "Open an image by its number in the test set",
            max_chars=6,
            placeholder="Number",
            key="image",
            bind="query-params",
        )
    confidence, only = tuple(sorted(confidence)), only if only in known else None
    if count := (confidence != CLEARED["sure"]) + (only is not None):
        row.badge(f"{count} set")
    return confidence, only


def _show_lists(digits: Dataset, several_epochs: bool) -> None:
    """Show buttons for useful filters."""
    shown = {"Learned last", "Forgotten", "Never right"} if several_epochs else set()
    shown |= {"Labels in doubt"} if digits.is_mnist else set()
    if not shown:
        return
    st.markdown(":small[Lists]")
    with st.container(horizontal=True, gap="xsmall"):
        for name, (show, only, order, words) in LISTS.items():
            if name in shown:
                st.button(name, help=words, key=f"list_{name}", on_click=apply_shortcut, args=(show, only, order))


def matrix_key() -> str:
    """The key of the matrix; a new key drops the last click, so that the same cell can be clicked again."""
    return f"matrix_{st.session_state.get('matrix_round', 0)}"


def first_page() -> None:
    """After a change of the epoch: go back to the first page of images."""
    st.session_state["page"] = 1


def begin_again() -> None:
    """After a change of the filter: go back to the first page of images, and drop the last click on the matrix."""
    first_page()
    st.session_state["matrix_round"] = st.session_state.get("matrix_round", 0) + 1


def clear() -> None:
    """Clear the filter: show all mistakes."""
    st.session_state.update(CLEARED)
    st.session_state["image"] = ""
    begin_again()


def apply_shortcut(show: str, only: str | None, order: str) -> None:
    """Replace the filter by one of the shortcuts."""
    clear()
    st.session_state.update({"show": show, "only": only, "order": order})


def show_pair(label: int, prediction: int) -> None:
    """Replace the filter by one label and one prediction."""
    clear()
    st.session_state["label"], st.session_state["prediction"] = label, prediction
