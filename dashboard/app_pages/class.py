"""Class: for the teacher, who is here, what they train, and what everybody may."""

from __future__ import annotations

import streamlit as st

from dashboard.components.class_room.clearing import show_clearing, show_log
from dashboard.components.class_room.everybody import show_everybody
from dashboard.components.class_room.limits import show_limits, show_waiting
from dashboard.components.class_room.link import show_link
from dashboard.components.class_room.teacher import show_door, show_way_out, this_teacher
from dashboard.components.class_room.wall import show_wall, show_wall_button, wall_is_open
from dashboard.components.page_head import show_title


def page() -> None:
    """The whole page, from top to bottom."""
    if this_teacher() and wall_is_open():
        show_wall()
        return
    show_title("Class")
    if this_teacher():
        room()
    else:
        show_door()


def room() -> None:
    """What the teacher alone sees."""
    with st.container(horizontal=True, vertical_alignment="center", key="class_head"):
        show_waiting()
        show_wall_button()
        show_way_out()
    show_everybody()
    with st.expander("Limits", icon=":material/speed:", key="class_limits"):
        show_limits()
    with st.expander("Link for the class", icon=":material/qr_code_2:", key="class_link"):
        show_link()
    with st.expander("Clear the class", icon=":material/delete_sweep:", key="class_clearing"):
        show_clearing()
    show_log()


page()
