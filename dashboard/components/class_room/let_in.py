"""Letting somebody in again who lost their way back: the teacher gets a code, and reads it to them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.people import Person, log
from core.people.codes import GOOD_SECONDS
from dashboard.components.class_room.teacher import as_teacher, this_teacher
from dashboard.components.people import has_login, people
from dashboard.components.question import ask, asked, show_dialog
from dashboard.components.session import services
from dashboard.components.text import escape_markdown

CODE = "code_to_read"  # under which the session keeps whose code it is, and the code


def show_let_in(person: Person | None) -> None:
    """The button that makes a code for the one chosen person, None where it is not one, and the code that it made."""
    if has_login():
        return
    st.button(
        "Let in again",
        icon=":material/key:",
        help="For one name that lost its browser, or has left: shows a code that leads back to it.",
        key="class_let_in",
        disabled=person is None,
        on_click=_make_code,
        args=(person.id if person else "",),
    )
    if asked(CODE):
        name, code = asked(CODE)
        show_dialog(CODE, f"A code for {escape_markdown(name)}", partial(_show_code, code))


@as_teacher
def _make_code(person_id: str) -> None:
    if person := people().get(person_id):
        code = services().codes.make(person)
        log.note(people().home, this_teacher(), f"made a code that lets {person.name} in again")
        ask(CODE, (person.name, code))


def _show_code(code: str) -> None:
    with st.container(key="code_to_read"):
        st.markdown(f"{code[:3]} {code[3:]}")
    st.markdown(
        f"Read it aloud. It is typed on the first page, under **I was here before**, and is good once, for "
        f"{GOOD_SECONDS / 60:g} minutes. A newer one for this name replaces it."
    )
