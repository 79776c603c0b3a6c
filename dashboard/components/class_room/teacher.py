"""Who is the teacher: by the PIN, or by the school's login. Whatever only the teacher may do asks here first."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import streamlit as st

from core.people import Person, PersonError, deed, log
from core.people.pin import TooManyTriesError
from core.storage import explain_os_error
from dashboard.components.actions import forget_failure, note_failure, note_success
from dashboard.components.people import has_login, own_place, people, this_person
from dashboard.components.session import store
from dashboard.components.text import escape_markdown
from dashboard.serving.teacher_pin import teacher_pin

ONLY_TEACHER = "Only the teacher can do this. Type the PIN on the page Class."
MOST_TYPED = 40


def this_teacher() -> Person | None:
    """The person in front of this page where it is a teacher, else None."""
    person = this_person()
    return person if person and person.is_teacher else None


def as_teacher(action: Callable) -> Callable:
    """The callback, which does nothing but say so where whoever sent it is no teacher (any more)."""

    @wraps(action)
    def guarded(*arguments: object, **options: object) -> None:
        if not this_teacher():
            note_failure(ONLY_TEACHER)
            return
        forget_failure()
        try:
            with deed(""):  # `note` says it
                action(*arguments, **options)
        except OSError as error:
            note_failure(explain_os_error(error))
        except ValueError as error:  # of the core, with words for people
            note_failure(str(error))

    return guarded


def note(did: str) -> None:
    """Add what the teacher did to the log, and say it."""
    log.note(store().home, this_person(), did)
    note_success(f"{did[:1].upper()}{did[1:]}.")


def show_door() -> None:
    """Say what the page is for, and let in who knows the PIN."""
    st.markdown("Here the teacher sees who is in the class and what they train, helps, and sets limits.")
    if has_login():
        st.markdown("Your school's server says who is a teacher. Log in as one to open it.")
        return
    with st.form("door", border=False, width=320, enter_to_submit=True):
        pin = st.text_input(
            "Teacher's PIN",
            max_chars=MOST_TYPED,
            type="password",
            autocomplete="off",
            key="pin_typed",
            help="The terminal where Digit Lab was started shows it.",
        )
        if st.form_submit_button("Open", type="primary", icon=":material/lock_open:"):
            _try(pin)


def _try(pin: str) -> None:
    try:
        if teacher_pin().opens(pin, f"{own_place()} {this_person().id}"):
            log.note(store().home, people().set_teacher(this_person(), True), "opened the page Class")
            st.rerun()
        words = "This is not the PIN."
    except (TooManyTriesError, PersonError) as error:
        words = str(error)
    except OSError as error:
        words = explain_os_error(error)
    st.error(escape_markdown(words), icon=":material/lock:")


def show_way_out() -> None:
    """The button by which a teacher is a pupil again; the school's login is another's to change."""
    if not has_login():
        st.button("Leave: be a pupil again", icon=":material/logout:", key="leave_class", on_click=_leave)


@as_teacher
def _leave() -> None:
    note("left the page Class")
    people().set_teacher(this_person(), False)
