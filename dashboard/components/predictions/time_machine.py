"""The time machine: the epoch whose predictions the page shows, and a button that plays all epochs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import streamlit as st

from core.evaluation.predictions import NEWEST

SECONDS = 1.0  # an epoch stays on the page while it plays
AT_LEAST = 0.6  # and never shorter, however late the last one came
PLAYING, NEXT = "playing", "play_next"


def choose_moment(
    moments: dict[str, int | None],
    *,
    on_change: Callable[[], None],
    help: str = "Shows numbers, matrix and gallery as they were after this epoch.",
) -> int | None:
    """Choose the epoch to show; None is the end. `help` says what an epoch changes on the page.

    While it plays, a moved slider plays on from there: a browser that has not yet drawn the next epoch may send the one
    before, which looks as if it was moved by hand.
    """
    if len(moments) < 2:
        return moments[NEWEST]
    names = list(moments)
    if (following := st.session_state.pop(NEXT, None)) in names:
        st.session_state["epoch"] = following
        on_change()
    with st.container(key="time_machine", horizontal=True, vertical_alignment="bottom"):
        word = st.select_slider(  # the last is called "newest": its number would stay behind when epochs follow
            "Time machine: epoch",
            names,
            value=NEWEST,
            key="epoch",
            bind="query-params",
            on_change=on_change,
            help=help,
        )
        word = word if word in moments else NEWEST
        if word == NEWEST:
            st.session_state[PLAYING] = False  # the end is reached
        if is_playing():
            st.button("Stop", icon=":material/stop:", key="play", on_click=stop, args=(word,))
            play_next(names, word, time.monotonic())
        else:
            st.button("Play", icon=":material/play_arrow:", key="play", on_click=play, args=(names,))
    return moments[word]


def is_playing() -> bool:
    """Whether epochs follow each other on the page."""
    return bool(st.session_state.get(PLAYING))


def play(names: Sequence[str]) -> None:
    """Play the epochs from the chosen one on, or from the first where the last is chosen."""
    st.session_state[PLAYING] = True
    if st.session_state["epoch"] == names[-1]:
        st.session_state[NEXT] = names[0]


def stop(shown: str) -> None:
    """Stop playing, at the epoch that the page shows."""
    st.session_state[PLAYING] = False
    st.session_state["epoch"] = shown


@st.fragment(run_every=SECONDS)
def play_next(names: Sequence[str], shown: str, since: float) -> None:
    """Show the next epoch once this one was on the page for a while."""
    if time.monotonic() - since >= AT_LEAST and shown != names[-1]:
        st.session_state[NEXT] = names[names.index(shown) + 1]
        st.rerun()
