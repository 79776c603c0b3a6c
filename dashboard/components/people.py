"""Who is in front of a page where a class shares the server: a name that is typed once, and what follows from it.

Who lost it comes back by a code that the teacher reads to them (core.people.codes). A browser keeps the person's key as
a cookie, and the server knows the session that has just typed a name. What is kept in the session's own state is not
asked, since it is forgotten when another person comes. Where the school has a server for logging in (`[auth]` in
Streamlit's secrets), that one says who somebody is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.people import Actor, People, Person, PersonError, log
from core.people.person import COOKIE, MOST_LETTERS
from core.people.pin import DIGITS, TooManyTriesError
from core.storage import explain_os_error
from dashboard.components.session import services
from dashboard.components.text import escape_markdown
from dashboard.serving.flags import is_class, is_https
from dashboard.serving.read_only import WORDS, is_read_only_here

FOCUS = """
const field = () => document.querySelector(".st-key-name_typed input")
const wait = setInterval(() => field() && (field().focus(), clearInterval(wait)), 50)
"""
MOST_TYPED = 2 * DIGITS  # of a code, with spaces
TEN_YEARS = 315_360_000  # seconds
TEACHER_CLAIM = "DIGITLAB_TEACHER_CLAIM"  # "role=teacher": what the school's server says of a teacher
LEFT = "-"  # in place of the key of a session that has left, whose cookie is older
OWNER = "state_of"  # in the session: the id of whose choices it has
NO_NAME = "Type your name first: open Digit Lab again and it asks for it."

_typed: dict[str, str] = {}  # the key that a session got, by the session's id
_entering = threading.Lock()


def people() -> People:
    """The people of the class."""
    return services().people


def who_acts() -> Actor | None:
    """Who acts in this thread, for the core's guard: None where it draws no page, and on a machine of one's own."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    if is_class():
        person = this_person()
        return Actor(person) if person else Actor(why=NO_NAME)
    return Actor(why=WORDS) if is_read_only_here() else None


def this_person() -> Person | None:
    """The person in front of this page; None where no class is served, and before a name was typed."""
    if not is_class():
        return None
    if has_login():
        return _logged_in()
    return people().of_key(own_key())


def own_key() -> str:
    """The key of whoever is in front of this page, as their browser keeps it; "" where there is none."""
    key = _typed.get(get_script_run_ctx().session_id) or st.context.cookies.get(COOKIE) or ""
    return "" if key == LEFT or has_login() else key


def person_at(session: str, key: str | None) -> Person | None:
    """Who of the class is in front of a session's page, by what was typed there or a browser's key; None for others."""
    return people().of_key(_typed.get(session) or key)


def ask_for_name() -> None:
    """In a class, ask who is there, and draw nothing else until it is known; note that somebody is here."""
    if not is_class():
        return
    if person := this_person():
        _forget_somebody_before(person)
        note_here()
        _let_browser_keep()
        return
    _show_welcome()
    st.stop()


def is_nobody() -> bool:
    """Whether a class is served and it is not known who is in front of the page: then only a name is asked for."""
    return is_class() and this_person() is None


def note_here() -> None:
    """Note that whoever is in front of this page is here now."""
    if person := this_person():
        people().note_here(person)


def ask_again_if_unknown() -> None:
    """In a fragment: draw the page again, which asks for a name, where the person was removed since."""
    if is_nobody():
        st.rerun()


def _show_welcome() -> None:
    if _typed.get(get_script_run_ctx().session_id) == LEFT:
        _set_cookie("", 0)
    st.set_page_config(page_title="Digit Lab")
    with st.container(key="welcome", width=420):
        st.title("Digit Lab", anchor=False)
        st.markdown("A laboratory for small neural networks that read handwritten digits.")
        if has_login():
            st.markdown("Your school's server says who you are.")
            st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
            return
        if own_key():  # which opens nothing
            st.info("This browser's name is no longer in the class: it was removed, or the class was cleared.")
        with st.form("name", border=False):
            name = st.text_input("Your name", max_chars=MOST_LETTERS, autocomplete="nickname", key="name_typed")
            if st.form_submit_button("Begin", type="primary", icon=":material/arrow_forward:", width="stretch"):
                _enter(lambda: people().join(name)[1])
        st.html(f"<script>{FOCUS}</script>", unsafe_allow_javascript=True)
        st.caption(
            "A first name is enough. What you make is kept on the class's machine under this name: others can look "
            "at it, and only you and the teacher can change it. Nothing is sent elsewhere."
        )
        _show_way_back()


def _enter(get_key: Callable[[], str]) -> None:
    """Let this session in by the key that it gets, or say why it gets none."""
    try:
        with _entering:  # one after the other, so that a name comes in once
            if this_person() is None:
                _typed[get_script_run_ctx().session_id] = get_key()
    except (PersonError, TooManyTriesError) as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
    except OSError as error:
        st.error(escape_markdown(explain_os_error(error)), icon=":material/error:")
    else:
        st.rerun()


def _show_way_back() -> None:
    """Let in who was here before, by a code of the teacher."""
    with st.expander("I was here before", icon=":material/undo:", type="compact", key="way_back"):
        st.markdown(
            "Ask your teacher, who chooses your name on the page Class and reads a code to you. It leads back to your "
            "runs, drawings and lessons."
        )
        with st.form("code", border=False):
            code = st.text_input("Code", placeholder="six digits", max_chars=MOST_TYPED, autocomplete="off", key="code")
            if st.form_submit_button("Come back", icon=":material/login:", width="stretch"):
                _enter(partial(_key_by_code, code, own_place()))


def _key_by_code(code: str, place: str) -> str:
    found = services().codes.take(code, place)
    if found is None:
        raise PersonError("This code is wrong or was used, or its ten minutes are over. Ask for another one.")
    person, key = found
    with suppress(OSError):  # who is let in is not kept out by a full disk
        log.note(people().home, person, "came back by a code")
    return key


def own_place() -> str:
    """From where this page is asked for, to count its wrong tries: an address, on this machine the session."""
    address = st.context.ip_address  # None on this machine
    return address if isinstance(address, str) else get_script_run_ctx().session_id


def _forget_somebody_before(person: Person) -> None:
    """Forget what another chose here, also in the address, who was removed since; interrupted, the next run does it."""
    if st.session_state.setdefault(OWNER, person.id) == person.id:
        return
    for key in set(st.session_state) - {OWNER}:
        st.session_state.pop(key, None)
    st.query_params.clear()
    st.session_state[OWNER] = person.id
    st.rerun()


def _let_browser_keep() -> None:
    """Let the browser keep the key that this session got."""
    key = _typed.get(get_script_run_ctx().session_id)
    if key and st.context.cookies.get(COOKIE) != key:
        _set_cookie(key, TEN_YEARS)


def leave() -> None:
    """In a callback: let this browser forget who is in front of it, and what they chose."""
    st.session_state.clear()
    st.query_params.clear()
    if has_login():
        st.logout()
    _typed[get_script_run_ctx().session_id] = LEFT


def _set_cookie(value: str, seconds: int) -> None:
    safe = "; secure" if is_https() else ""
    cookie = f"{COOKIE}={value}; path=/; max-age={seconds}; samesite=strict{safe}"
    st.html(f'<script>document.cookie = "{cookie}"</script>', unsafe_allow_javascript=True)


@cache  # Streamlit looks for its files each time, which took half of what a page of a class takes
def has_login() -> bool:
    """Whether the school has a server for logging in, which says who somebody is."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:
        return False


def _logged_in() -> Person | None:
    if not st.user.is_logged_in:
        return None
    said: Mapping = st.user.to_dict()
    subject = f"{said.get('iss', '')} {said.get('sub', '')}"
    claim, _, wanted = os.environ.get(TEACHER_CLAIM, "").partition("=")
    told = said.get(claim) if claim else None
    is_teacher = bool(wanted) and (wanted in told if isinstance(told, list) else told == wanted)
    return people().of_login(subject, str(said.get("name") or said.get("given_name") or ""), is_teacher=is_teacher)
