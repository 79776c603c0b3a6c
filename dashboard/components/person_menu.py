"""The name of whoever is in front of the page, in the sidebar, and its menu: rename, key for the API, leave, delete."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.people import Person, PersonError
from core.people.person import MOST_LETTERS
from core.storage import explain_os_error
from dashboard.components.actions import run_action
from dashboard.components.draw.api_address import api_address
from dashboard.components.fields import say_refused
from dashboard.components.people import has_login, leave, own_key, people, this_person
from dashboard.components.question import ask, asked, questions, show_question
from dashboard.components.session import services, store
from dashboard.components.text import escape_markdown
from dashboard.components.views import view
from dashboard.components.whose import choose_whose

MENU = 340  # pixels wide
QUESTION, LEAVING = "everything_to_delete", "name_to_leave"  # under which the session keeps whose
REFUSED = "name_refused"  # under which it keeps why a name was not taken


def show_person(page: str) -> None:
    """Show, in a class, who is in front of the page with this path, and whose runs and sweeps lists have."""
    person = this_person()
    if person is None:
        return
    with st.sidebar.container(horizontal=True, vertical_alignment="center", key="person", wrap=False):
        name = escape_markdown(person.name)
        with (
            st.popover(name, icon=":material/person:", type="tertiary", key=f"person_menu_{questions()}"),
            st.container(width=MENU),
        ):
            _show_menu(person, page)
        choose_whose()
    if asked(QUESTION) == person.id:
        _ask_whether_to_delete(person)
    elif asked(LEAVING) == person.id:
        _ask_whether_to_leave(person)


def _show_menu(person: Person, page: str) -> None:
    st.text_input("Name", person.name, MOST_LETTERS, **view("own_name", person.name, partial(_rename, person)))
    if why := st.session_state.get(REFUSED):
        say_refused(why)
    if key := own_key():
        with st.expander("Your key for the API", icon=":material/key:", type="compact"):
            st.markdown("Programs that send it work in your name: whoever has it can change what is yours.")
            st.code(key, language=None, wrap_lines=True)
            st.code(_command(key, api_address(page)), language="bash", wrap_lines=True)
    st.caption(
        "Your runs, sweeps, drawings and lessons are kept on the class's machine, under your name. This browser keeps "
        "your key as a cookie."
    )
    st.button(
        "This is not me: leave",
        icon=":material/logout:",
        key="leave",
        on_click=ask,
        args=(LEAVING, person.id),
        width="stretch",
    )
    st.button(
        "Delete everything of mine",
        icon=":material/delete:",
        key="delete_everything",
        on_click=ask,
        args=(QUESTION, person.id),
        width="stretch",
    )


def _command(key: str, address: str) -> str:
    return (
        f"curl -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' "
        f'-d \'{{"model": "dense", "epochs": 5}}\' {address}/api/runs'
    )


def _is_here(person: Person) -> bool:
    """Whether this person is still in front of the page: another may have come since a button was drawn."""
    now = this_person()
    return now is not None and now.id == person.id


def _rename(person: Person, name: str) -> None:
    if not _is_here(person):
        return
    try:
        people().rename(person, name)
    except PersonError as error:
        st.session_state[REFUSED] = str(error)
    except OSError as error:
        st.session_state[REFUSED] = explain_os_error(error)
    else:
        st.session_state.pop(REFUSED, None)


def _ask_whether_to_leave(person: Person) -> None:
    show_question(
        LEAVING,
        "Leave?",
        partial(st.write, _words_for_leaving(person)),
        no="Stay",
        yes="Leave",
        icon=":material/logout:",
        key="really_leave",
        on_yes=partial(_leave, person),
    )


def _words_for_leaving(person: Person) -> str:
    stays = f"The runs, sweeps, drawings and lessons of **{escape_markdown(person.name)}** stay."
    if has_login():
        return f"{stays} To come back, log in again."
    return (
        f"{stays} This browser forgets the name and asks who comes.\n\nTo come back, ask your teacher for a code and "
        "type it there, under **I was here before**. The name alone makes somebody new."
    )


def _leave(person: Person) -> None:
    if _is_here(person):
        leave()


def _ask_whether_to_delete(person: Person) -> None:
    runs, sweeps = len(store().of(person.id)), len(services().sweeps.of(person.id))
    show_question(
        QUESTION,
        "Delete everything of yours?",
        partial(st.write, _words(person, runs, sweeps)),
        no="Keep it",
        yes="Delete everything",
        icon=":material/delete:",
        key="really_delete_everything",
        on_yes=partial(_delete_everything, person),
        deletes=True,
    )


def _words(person: Person, runs: int, sweeps: int) -> str:
    counts = ((runs, "run"), (sweeps, "sweep"))
    what = [f"{count:,} {noun}{'s' * (count > 1)}" for count, noun in counts if count]
    things = ", ".join(["My digits", *what, "what you have done of the lessons"])
    return f"{things} and the name **{escape_markdown(person.name)}** will be deleted permanently."


def _delete_everything(person: Person) -> None:
    """In a callback: delete what is this person's, the name last, and let the browser forget it."""
    if _is_here(person) and run_action(services().delete_all_of, person):
        leave()
