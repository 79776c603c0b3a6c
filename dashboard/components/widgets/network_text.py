"""The text of a network where two widgets change it, a text field and rows: what it is now, whoever changed it last.

As in `views`, a widget's callback is not relied upon, a click on Start can come with a text that no callback has seen
yet, and a text that was changed elsewhere counts more than one that was typed before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from core.layers import MOST_TEXT
from dashboard.components.widgets.network_rows import Row, checked, text_of

FIELD, BUILDER = "network_field", "network_builder"  # keys of the widgets
STATE = "network_editors"  # in the session


@dataclass(frozen=True)
class Told:
    """What a widget was told last, or has said since.

    Attributes:
        name: of the setting, which each network that has a name has of its own.
        text: the network's text.
        version: counts the texts that came from elsewhere.
        at: when the widget said it, by the browser's clock in milliseconds; 0 where it came from elsewhere.
        rows: the rows that the text comes from, as they were typed; None where it did not come from rows.
    """

    name: str
    text: str
    version: int = 0
    at: float = 0.0
    rows: Sequence[Row] | None = None


def network_now(name: str, kept: str) -> str:
    """The text of this setting in the widgets now, also before their callbacks have run; else the `kept` one."""
    news = _news(name, kept)
    return news[1].text if news else kept


def hear(name: str, kept: Callable[[], str], keep: Callable[[str], None]) -> None:
    """Pass on what a widget has said, once.

    Args:
        name: of the setting.
        kept: returns its text as it is kept now.
        keep: stores a new text.
    """
    known = _told()
    if news := _news(name, kept()):
        widget, told = news
        keep(told.text)
        known[widget] = told  # in place: any access to the session's state can be interrupted


def tell(widget: str, name: str, text: str) -> Told:
    """What a widget that is drawn now is to show."""
    told = _told().get(widget)
    if told is None:
        told = Told(name, text)
    elif (told.name, told.text) != (name, text):
        told = Told(name, text, told.version + 1)
    _told()[widget] = told
    return told


def _told() -> dict[str, Told]:
    return st.session_state.setdefault(STATE, {})


def _news(name: str, kept: str) -> tuple[str, Told] | None:
    """The widget that has said something new of this setting, and that; where both have, the one that did it last."""
    found = []
    for widget, told in _told().items():
        if (told.name, told.text) != (name, kept):
            continue  # what is kept was changed elsewhere
        said = (st.session_state.get(widget) or {}).get("network")
        if (new := _understood(said, told)) and new.at > told.at:
            found.append((widget, new))
    return max(found, key=lambda news: news[1].at, default=None)


def _understood(said: object, told: Told) -> Told | None:
    """What a widget says of the text that it was told, None where it is of an earlier one, or not understood."""
    if not isinstance(said, Mapping) or (said.get("name"), said.get("version")) != (told.name, told.version):
        return None
    at, text = said.get("at"), said.get("text")
    if isinstance(at, bool) or not isinstance(at, int | float):
        return None
    if isinstance(text, str):
        return replace(told, text=text[:MOST_TEXT], at=at, rows=None)
    rows = checked(said.get("rows"))
    return None if rows is None else replace(told, text=text_of(rows), at=at, rows=rows)
