"""The time machine: which epoch the page shows, and a button that walks through all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import streamlit as st

from core.evaluation.predictions import NEWEST

SECONDS = 1.0  # an epoch stays on the page while it plays
AT_LEAST = 0.6  # and never shorter, however late the last one came
PLAYING, NEXT = "playing", "play_next"


def choose_moment(moments: dict[str, int | None], *, on_change: Callable[[], None]) -> int | None:
    """The epoch to look at; None is the end."""
    if len(moments) < 2:
        return moments[NEWEST]
    names = list(moments)
    if (following := st.session_state.pop(NEXT, None)) in names:
        st.session_state["epoch"] = following
        on_change()

    def moved_by_hand() -> None:
        stop()
        on_change()

    with st.container(horizontal=True, vertical_alignment="bottom"):
        word = st.select_slider(  # the last is called alike for ever: by its number it would be that epoch, later on
            "Time machine: as it was after epoch",
            names,
            value=NEWEST,
            key="epoch",
            bind="query-params",
            on_change=moved_by_hand,
            help="Numbers, matrix and gallery as they were after each epoch.",
        )
        word = word if word in moments else NEWEST
        if word == NEWEST:
            stop()  # the end is reached
        if st.session_state.get(PLAYING):
            st.button("Stop", icon=":material/stop:", key="stop_playing", on_click=stop)
            go_on(names, word, time.monotonic())
        else:
            st.button("Play", icon=":material/play_arrow:", key="play", on_click=play, args=(names,))
    return moments[word]


def play(names: Sequence[str]) -> None:
    """Walk through the epochs from the one that is chosen now, from the first where that is the last."""
    st.session_state[PLAYING] = True
    if st.session_state["epoch"] == names[-1]:
        st.session_state[NEXT] = names[0]


def stop() -> None:
    """Stay where it is."""
    st.session_state[PLAYING] = False


@st.fragment(run_every=SECONDS)
def go_on(names: Sequence[str], shown: str, since: float) -> None:
    """When an epoch was on the page for a while, ask for the next."""
    if time.monotonic() - since >= AT_LEAST and shown != names[-1]:
        st.session_state[NEXT] = names[names.index(shown) + 1]
        st.rerun()
