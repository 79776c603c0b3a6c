"""The filter on Predictions: its widgets, shortcuts to useful filters, and the button that clears it."""

from __future__ import annotations

import streamlit as st

from core.data import Dataset
from core.evaluation.selection import ONLY, ORDERS, SHOW, Filter

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


def show_shortcuts(digits: Dataset, *, several_epochs: bool) -> None:
    """Show buttons for useful filters."""
    shown = {"Learned last", "Forgotten", "Never right"} if several_epochs else set()
    shown |= {"Labels in doubt"} if digits.is_mnist else set()
    if not shown:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Lists", width="content")
        for name, (show, only, order, words) in LISTS.items():
            if name in shown:
                st.button(name, help=words, key=f"list_{name}", on_click=apply_shortcut, args=(show, only, order))


def choose_filter(digits: Dataset) -> Filter:
    """Show the filter's widgets in a row; their values are in the address."""
    bound = {"bind": "query-params", "on_change": begin_again}
    known = ONLY if digits.is_mnist else ONLY[1:]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        show = st.segmented_control("Show", SHOW, default=SHOW[0], required=True, key="show", **bound)
        pick = {"options": range(10), "index": None, "placeholder": "Any", "width": 110}
        label = st.selectbox("Label", key="label", help="The digit that the dataset gives.", **pick, **bound)
        prediction = st.selectbox(
            "Read as", key="prediction", help="The digit that the network predicts.", **pick, **bound
        )
        order = st.selectbox("Order", ORDERS, key="order", width=170, **bound)
        only = st.selectbox(
            "Only",
            known,
            index=None,
            placeholder="All images",
            key="only",
            width=190,
            help="Forgotten: right after some epoch, wrong now. Never right: wrong after every epoch so far.",
            **bound,
        )
        sure = st.slider("Confidence", 0, 100, (0, 100), format="%d %%", key="sure", width=210, **bound)
        # Text, since a bound st.number_input fails on ?image=1e400 (streamlit 1.67: int of infinity).
        st.text_input(
            "Image",
            max_chars=6,
            placeholder="Number",
            key="image",
            bind="query-params",
            width=120,
            help="Open an image by its number in the test set.",
        )
        st.button("Clear all", icon=":material/filter_alt_off:", on_click=clear, help="Show all mistakes again.")
    return Filter(
        show=show if show in SHOW else SHOW[0],
        label=label if label in range(10) else None,
        prediction=prediction if prediction in range(10) else None,
        confidence=tuple(sorted(sure)),
        only=only if only in known else None,
        order=order if order in ORDERS else ORDERS[0],
    )


def matrix_key() -> str:
    """The key of the matrix; a new key drops the last click, so that the same cell can be clicked again."""
    return f"matrix_{st.session_state.get('matrix_round', 0)}"


def begin_again() -> None:
    """After a change of the filter: go back to the first page of images."""
    st.session_state["page"] = 1
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
