"""Widgets whose value is kept elsewhere: in a run, in the address, or in another widget.

They are not set through `st.session_state`: where the page is drawn again before the new value has reached the browser,
the browser sends the old one again, and Streamlit takes that for a change and calls the widget's callback. So a widget
whose value was changed elsewhere gets another key, and begins with that value. Its callback is not relied upon either:
with that of a button it may come second. And Streamlit knows an option by its label: where a run's label has changed,
the browser sends the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import streamlit as st


def view(name: str, value: object, keep: Callable, options: Collection | None = None, label: str = "") -> dict:
    """Key and callback of a widget that shows `value`; the key changes where `value` was changed elsewhere.

    Args:
        name: identifies the widget.
        value: what it shows; pass it to the widget as its initial value too.
        keep: stores a new choice where `value` comes from.
        options: the possible choices, where their labels may change; anything else is an old label.
        label: the label of the value; where it changes, the key changes, so that the browser shows the new one.
    """
    version, said, labelled = st.session_state.get(_state(name), (0, {0: value}, label))
    chosen = now(name, value)
    if not _is_possible(chosen, options):
        said = {**said, version: chosen}  # the widget is drawn anew, with the current labels
    elif chosen != value:
        _take(name, version, keep, options)
        st.rerun()
    if said[version] != value or label != labelled:
        version, said = version + 1, {version: said[version], version + 1: value}
    st.session_state[_state(name)] = version, said, label
    return {"key": f"{name}_{version}", "on_change": _take, "args": (name, version, keep, options)}


def now(name: str, value: object) -> object:
    """What the widget shows now, also before its callback has run; `value` where that was changed elsewhere."""
    version, said, _ = st.session_state.get(_state(name), (0, {0: value}, ""))
    return st.session_state.get(f"{name}_{version}", value) if said[version] == value else value


def _take(name: str, version: int, keep: Callable, options: Collection | None) -> None:
    """Store the widget's choice, also of one with an old key, which stays on the screen for a moment."""
    key = f"{name}_{version}"
    if key not in st.session_state:
        return  # the page was left meanwhile, and its widget is gone
    value, (_, said, _) = st.session_state[key], st.session_state[_state(name)]
    repeated = version not in said or said[version] == value  # the browser only sends what it sent before
    if not repeated and _is_possible(value, options):
        keep(value)  # first: interrupted before it, the widget has said nothing; after it, another one shows the value
        said[version] = value  # in place: any access to the session's state can be interrupted


def _is_possible(value: object, options: Collection | None) -> bool:
    return options is None or all(each in options for each in (value if isinstance(value, list) else [value]))


def _state(name: str) -> str:
    return f"{name}_view"
