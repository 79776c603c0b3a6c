"""Widgets that show what is kept elsewhere: in a run, in the address, or in another widget.

Such a widget is not set through `st.session_state`: where the page is drawn again before the new value has reached the
browser, the browser sends the old one once more, and Streamlit takes that for a touch and calls the widget's callback.
So a widget whose value was changed by other hands gets another key, under which it begins with that value. Nor is its
callback relied upon: where the next touch comes in the middle of the callbacks, Streamlit leaves out the rest of them.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def view(name: str, value: object, keep: Callable) -> dict:
    """Key and callback of a widget that shows `value`: as before while only the widget itself has changed the value.

    Args:
        name: tells the widget from others.
        value: what it is to show; also to be given to the widget as the value that it begins with.
        keep: takes what somebody chose there, and keeps it where `value` comes from.
    """
    if now(name, value) != value:
        _take(name, st.session_state[_state(name)][0], keep)
        st.rerun()
    version, said = st.session_state.get(_state(name), (0, {0: value}))
    if said[version] != value:
        version, said = version + 1, {version: said[version], version + 1: value}
    st.session_state[_state(name)] = (version, said)
    return {"key": f"{name}_{version}", "on_change": _take, "args": (name, version, keep)}


def now(name: str, value: object) -> object:
    """What a view shows at this moment, also before its callback; `value` where that was changed by other hands."""
    version, said = st.session_state.get(_state(name), (0, {0: value}))
    return st.session_state.get(f"{name}_{version}", value) if said[version] == value else value


def _take(name: str, version: int, keep: Callable) -> None:
    """Keep what a widget says, were it the one before, which stands on the screen for a moment longer."""
    value, (newest, said) = st.session_state[f"{name}_{version}"], st.session_state[_state(name)]
    if said.get(version) != value and version in said:  # else the browser only sends once more what it did before
        st.session_state[_state(name)] = (newest, {**said, version: value})
        keep(value)


def _state(name: str) -> str:
    return f"{name}_view"
