"""A question in a dialog. A callback asks it, the page shows it when it runs next, and it is gone once answered."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

_COUNT = "questions"  # under which the session keeps how many were asked


def ask(name: str, about: object) -> None:
    """In a callback, which cannot open a dialog itself: let the page ask about something when it runs next."""
    st.session_state[name] = about
    st.session_state[_COUNT] = questions() + 1


def asked(name: str) -> Any:
    """What the question of this name is about, None where it is not asked."""
    return st.session_state.get(name)


def questions() -> int:
    """How many were asked: as a part of a menu's key it closes the menu, which would lie above the dialog."""
    return st.session_state.get(_COUNT, 0)


def show_question(
    name: str,
    title: str,
    words: Callable[[], None],
    *,
    no: str,
    yes: str,
    icon: str,
    key: str,
    on_yes: Callable[[], object],
    deletes: bool = False,
) -> None:
    """Show a question that was asked.

    Args:
        name: under which it was asked.
        title: of the dialog.
        words: shows what is asked.
        no: the button that changes nothing.
        yes: the button that calls `on_yes`.
        icon: of that button.
        key: of that button.
        on_yes: called in a callback, which a reload does not interrupt.
        deletes: whether what it does cannot be undone.
    """

    def question() -> None:
        words()
        with st.container(horizontal=True, horizontal_alignment="right"):
            st.button(no, key=f"not_{key}", on_click=_forget, args=(name,))
            with st.container(key="dangerous" if deletes else None, width="content"):
                st.button(yes, type="primary", icon=icon, key=key, on_click=_answer, args=(name, on_yes))

    show_dialog(name, title, question)


def show_dialog(name: str, title: str, content: Callable[[], None]) -> None:
    """Show a dialog that was asked for under this name, until it is answered or closed."""

    def shown() -> None:
        if name not in st.session_state:
            st.rerun()  # already answered
        content()

    st.dialog(title, on_dismiss=partial(_forget, name))(shown)()


def _forget(name: str) -> None:
    st.session_state.pop(name, None)


def _answer(name: str, on_yes: Callable[[], object]) -> None:
    _forget(name)
    on_yes()
