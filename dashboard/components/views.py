"""Widgets that show what is kept elsewhere: in a run, in the address, or in another widget.

Such a widget is not set through `st.session_state`: where the page is drawn again before the new value has reached the
browser, the browser sends the old one once more, and Streamlit takes that for a touch and calls the widget's callback.
So a widget whose value was changed by other hands gets another key, under which it begins with that value. Nor is its
callback relied upon: where the next touch comes in the middle of the callbacks, Streamlit leaves out the rest of them.
And an option is to Streamlit what it is called: where a run's label has changed, the browser sends the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import streamlit as st


def view(name: str, value: object, keep: Callable, options: Collection | None = None, label: str = "") -> dict:
    """Key and callback of a widget that shows `value`: as before while only the widget itself has changed the value.

    Args:
        name: tells the widget from others.
        value: what it is to show; also to be given to the widget as the value that it begins with.
        keep: takes what somebody chose there, and keeps it where `value` comes from.
        options: what can be chosen, where the options' labels may change; anything else is an old label.
        label: what the value is called; the browser goes on showing the one before until the widget has another key.
    """
    version, said = st.session_state.get(_state(name), (0, {0: value}))
    chosen = now(name, value)
    if not _is_possible(chosen, options):
        said = {**said, version: chosen}  # the widget is drawn anew, with the labels of today
    elif chosen != value:
        _take(name, version, keep, options)
        st.rerun()
    if said[version] != value or label != st.session_state.get(f"{name}_label", label):
        version, said = version + 1, {version: said[version], version + 1: value}
    st.session_state[_state(name)], st.session_state[f"{name}_label"] = (version, said), label
    return {"key": f"{name}_{version}", "on_change": _take, "args": (name, version, keep, options)}


def now(name: str, value: object) -> object:
    """What a view shows at this moment, also before its callback; `value` where that was changed by other hands."""
    version, said = st.session_state.get(_state(name), (0, {0: value}))
    return st.session_state.get(f"{name}_{version}", value) if said[version] == value else value


def _take(name: str, version: int, keep: Callable, options: Collection | None) -> None:
    """Keep what a widget says, were it the one before, which stands on the screen for a moment longer."""
    value, (newest, said) = st.session_state[f"{name}_{version}"], st.session_state[_state(name)]
    repeated = version not in said or said[version] == value  # the browser only sends what it sent before
    if not repeated and _is_possible(value, options):
        st.session_state[_state(name)] = (newest, {**said, version: value})
        keep(value)


def _is_possible(value: object, options: Collection | None) -> bool:
    return options is None or all(each in options for each in (value if isinstance(value, list) else [value]))


def _state(name: str) -> str:
    return f"{name}_view"
