"""Clearing the class, with a zip of everything first, and the log of what the teacher did."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

import streamlit as st

from core.classroom import acts
from core.people import log
from core.storage import printable
from dashboard.components.class_room.teacher import as_teacher, note, this_teacher
from dashboard.components.people import people
from dashboard.components.question import ask, asked, show_question
from dashboard.components.session import services, store
from dashboard.components.text import escape_markdown

QUESTION = "class_clear"
ABOUT_ZIP = "class_zip"  # under which the session keeps which zip is asked about
MOST_BYTES = 400_000_000  # that a browser is sent from memory


def show_clearing() -> None:
    """The button that removes all runs, sweeps and names, and the zips of what was removed before."""
    st.write(
        "Removes all runs, sweeps and names, the drawings in My digits and how far lessons were done; you stay. First, "
        "everything is put into a zip, which you can download here."
    )
    st.button(
        "Clear the class",
        icon=":material/delete_sweep:",
        key="clear_class",
        on_click=as_teacher(ask),
        args=(QUESTION, True),
    )
    for path in acts.zips(store().home):
        with st.container(horizontal=True, vertical_alignment="center", key=f"zip_{path.stem}"):
            _show_zip(path)
    if asked(QUESTION):
        show_question(
            QUESTION,
            "Clear the class?",
            partial(
                st.write,
                "All runs, sweeps and names of everybody are put into a zip and then removed. What is in training is "
                "stopped. Who is here is asked for a name again.",
            ),
            no="Leave it",
            yes="Clear the class",
            icon=":material/delete_sweep:",
            key="really_clear",
            on_yes=_clear,
            deletes=True,
        )
    if name := asked(ABOUT_ZIP):
        show_question(
            ABOUT_ZIP,
            f"Delete {name}?",
            partial(st.write, "What was cleared then is in it alone, unless you have downloaded it."),
            no="Keep it",
            yes="Delete this zip",
            icon=":material/delete:",
            key="really_delete_zip",
            on_yes=partial(_delete_zip, name),
            deletes=True,
        )


def _show_zip(path: Path) -> None:
    size = path.stat().st_size
    words = f"{path.name} · {size / 1e6:,.1f} MB"
    if size <= MOST_BYTES:
        st.download_button(
            words,
            partial(_bytes, path, this_teacher().id),
            path.name,
            "application/zip",
            icon=":material/download:",
            on_click="ignore",
            key=f"download_{path.stem}",
        )
    else:
        st.markdown(f"{words}, on the class's machine: {escape_markdown(printable(path))}")
    st.button(
        "Delete this zip",
        type="tertiary",
        key=f"delete_{path.stem}",
        on_click=as_teacher(ask),
        args=(ABOUT_ZIP, path.name),
    )


def _bytes(path: Path, person_id: str) -> bytes:
    """What the browser gets at a click, in a thread that knows no session."""
    person = people().get(person_id)
    return path.read_bytes() if person and person.is_teacher else b""


@as_teacher
def _clear() -> None:
    path = acts.clear(services(), this_teacher())
    note(f"cleared the class; {path.name} has what there was")


@as_teacher
def _delete_zip(name: str) -> None:
    (store().home / acts.CLEARED / name).unlink(missing_ok=True)
    note(f"deleted {name}")


def show_log() -> None:
    """What the teacher did, newest first."""
    lines = log.read(store().home)
    with st.expander("Log", icon=":material/history:", key="class_log"):
        if not lines:
            st.caption("Nothing yet.")
            return
        st.dataframe(
            {
                "When": [datetime.fromtimestamp(line["time"]) for line in lines],
                "Who": [str(line.get("name", "")) for line in lines],
                "Did": [line["did"] for line in lines],
            },
            hide_index=True,
            column_config={"When": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss")},
            key="class_log_table",
        )
