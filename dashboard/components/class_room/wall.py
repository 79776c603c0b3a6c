"""The wall for the projector: the best run of each name in large letters, live."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.classroom.roll import call_the_roll
from core.classroom.wall import Place, places
from core.formatting import percent
from core.people import change_rules, log, read_rules
from dashboard.components.class_room.link import home_address, qr_svg
from dashboard.components.class_room.teacher import as_teacher, this_teacher
from dashboard.components.people import people
from dashboard.components.progress import per_cent_done
from dashboard.components.session import dataset, store
from dashboard.components.text import escape_markdown

WALL = "wall"  # in the address
LOOK_SECONDS = 2.0
MOST_ROWS = 15  # that fit on a projector


def wall_is_open() -> bool:
    """Whether the address asks for the wall."""
    return WALL in st.query_params


def show_wall_button() -> None:
    """The button that opens the wall."""
    st.button("Wall for the projector", icon=":material/leaderboard:", key="open_wall", on_click=_open)


def show_wall() -> None:
    """The wall, on the whole page (page.css)."""
    dataset()
    with st.container(key="class_wall"):
        with st.container(horizontal=True, vertical_alignment="center", key="wall_head"):
            st.title("Best runs", anchor=False, width="stretch")
            shows = read_rules(store().home).shows_all
            words, icon = ("Hide the other half", "visibility_off") if shows else ("Show the other half", "visibility")
            st.button(words, icon=f":material/{icon}:", key="wall_half", on_click=_show_half, args=(not shows,))
            st.button("Close", icon=":material/close:", key="close_wall", on_click=_close)
            _show_address("wall_join")
        _places(shows)


def _show_address(key: str) -> None:
    """The class's address, and the picture of it for a telephone."""
    address = home_address().rstrip("/")
    with st.container(width="content", key=key):
        st.markdown(f"Join at **{escape_markdown(address)}**", width="content")
        st.image(qr_svg(address))


@st.fragment(run_every=LOOK_SECONDS)
def _places(shows: bool) -> None:
    if not this_teacher() or read_rules(store().home).shows_all != shows:
        st.rerun()
    rows = call_the_roll(people(), store())
    training, waiting = sum(len(row.training) for row in rows), sum(row.waiting for row in rows)
    now = {0: "Nothing trains now", 1: "1 run trains now"}.get(training, f"{training} runs train now")
    st.markdown(now + f" · {waiting} in the line" * (waiting > 0))
    found = places(rows, dataset())
    if not found:
        with st.container(key="wall_empty", horizontal_alignment="center"):
            st.markdown("Train a network: the best run of each name comes here.", width="content")
            _show_address("wall_invitation")
        return
    pupils = [place for place in found if not place.is_teacher]
    more = pupils[MOST_ROWS:]
    shown = [place for place in found if place not in more]
    st.markdown(table_of(shown, shows=shows))
    st.caption(_below(shown, len(more)))


def table_of(found: Sequence[Place], *, shows: bool) -> str:
    """The places as a table in Markdown, the teacher's in bold; with the second half where it is shown."""
    heads = ["", "Name", "Run", "Validation", "On half of the test images", *["On the other half"] * shows]
    lines = ["|".join(heads), "|".join(["--:", ":--", ":--", *["--:"] * (len(heads) - 3)])]
    pupils = [place.accuracy for place in found if not place.is_teacher]
    for place in found:
        rank = 1 + sum(accuracy > place.accuracy for accuracy in pupils)  # who is as good has the same
        run = escape_markdown(place.run.name)
        if place.run.state.name == "running":
            run += f", {per_cent_done(place.run)} %"
        cells = [
            "" if place.is_teacher else f"{rank}",
            f"Beat this: {escape_markdown(place.name)}" if place.is_teacher else escape_markdown(place.name),
            run,
            percent(place.accuracy) + " \\*" * place.on_test,
            percent(place.first_half),
            *[percent(place.second_half)] * shows,
        ]
        lines.append("|".join(f"**{cell}**" if place.is_teacher and cell else cell for cell in cells))
    return "\n".join(f"|{line}|" for line in lines)


def _below(found: Sequence[Place], more: int) -> str:
    words = ["Ordered by accuracy on the validation images; the best run of each name."]
    if any(place.on_test for place in found):
        words.append("\\* The classic network validates on the test images, so this number is not new to it.")
    if more:
        words.append(f"And {more} more.")
    return " ".join(words)


@as_teacher
def _show_half(shows: bool) -> None:
    change_rules(store().home, shows_all=shows)
    did = "showed the other half of the test images" if shows else "hid the other half of the test images"
    log.note(store().home, this_teacher(), did)  # without a toast, which would lie above the first place


@as_teacher
def _open() -> None:
    st.query_params[WALL] = "on"


def _close() -> None:
    st.query_params.pop(WALL, None)
