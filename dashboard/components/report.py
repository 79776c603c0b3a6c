"""A report as a file: who hands it in, the button that makes it, and then the one that downloads it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.runs import RunError
from core.storage import explain_os_error
from dashboard.components.downloads import show_download
from dashboard.components.people import this_person
from dashboard.components.text import escape_markdown

NAME_LETTERS, WORDS_LETTERS = 80, 2000
MADE, NAME = "report_made", "report_by"  # in the session: the report that was made last and of what; the name in it


def show_report(thing: str, file: str, make: Callable[[str, str], bytes]) -> None:
    """Show, folded, the form of `show_form`."""
    with report_place():
        show_form(thing, file, make)


def report_place() -> DeltaGenerator:
    """A folded part of the page for a report."""
    return st.expander("Report to hand in or to print", icon=":material/description:", key="report")


def show_form(thing: str, file: str, make: Callable[[str, str], bytes]) -> None:
    """Show the fields for a report and the button that makes it; nothing of it is read before that is pressed.

    Args:
        thing: what it is of, so that one that was made of another thing is not offered.
        file: what its file is called.
        make: makes it of a name and of words; raises RunError where it cannot be made.
    """
    st.markdown("One file that opens in every browser, without Digit Lab and without internet, and prints on A4.")
    person = this_person()
    known = st.session_state.get(NAME, person.name if person else "")
    name = st.text_input("Your name", known, NAME_LETTERS, key="report_name", width=320)
    words = st.text_area(
        "What did you find?",
        max_chars=WORDS_LETTERS,
        height=100,
        key="report_words",
        placeholder="Three sentences of your own",
    )
    wanted, buttons = (thing, name, words), st.container(horizontal=True)
    if buttons.button("Make the report", icon=":material/description:", key="make_report"):
        st.session_state[NAME] = name
        st.session_state[MADE] = wanted, _made(make, name, words)
    of, content = st.session_state.get(MADE, (None, None))
    if of == wanted and content is not None:  # not one without what was typed since
        with buttons:
            size = f"{len(content) / 1000:,.0f} KB"
            show_download(f"Download the report, {size}", content, file, "text/html", key="download_report")


def _made(make: Callable[[str, str], bytes], name: str, words: str) -> bytes | None:
    """The report; None where it cannot be made, and then why is shown."""
    try:
        with st.spinner("Making the report"):
            return make(name, words)
    except RunError as error:
        why = str(error)
    except OSError as error:
        why = explain_os_error(error)
    st.error(escape_markdown(why), icon=":material/error:")
    return None
