"""The link for the class: a lesson, and settings that it locks, as text, to be copied, and as a QR picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

import segno
import streamlit as st

from core.config import ConfigError
from dashboard.components.learn.library import lessons
from dashboard.components.session import TRAIN_PAGE, store
from dashboard.components.text import escape_markdown
from dashboard.components.train.address_settings import LOCK, LOCKABLE
from dashboard.components.train.locks import NETWORK
from dashboard.components.train.settings import LOCK_LABELS, address_name, model_now, setting_of, settings_now, texts_of
from dashboard.components.widgets.copy_button import copy_button
from dashboard.origin import is_loopback
from dashboard.serving.network import addresses

QR_WIDTH = 220  # pixels


def show_link() -> None:
    """Choose a lesson and what is locked; below it the link."""
    titles = {"": "No lesson", **{lesson.name: lesson.title for lesson in lessons(store().home)}}
    with st.grid(2, min_column_width=280):
        lesson = st.selectbox("Lesson", list(titles), format_func=titles.get, key="link_lesson")
        names = [name for name in LOCKABLE if name != NETWORK[1]]  # which comes with the network
        locked = st.multiselect(
            "Settings that are locked",
            names,
            format_func=lambda name: LOCK_LABELS.get(name) or setting_of(name).label,
            placeholder="None",
            key="link_locked",
        )
    if lesson:
        st.caption("The lesson sets the values of what is locked.")
    elif locked:
        st.caption("With the values that are set on Train now.")
        st.page_link(TRAIN_PAGE, label="Change them on Train", icon=":material/model_training:")
    try:
        link = link_to(lesson, locked)
    except ConfigError as error:
        st.warning(escape_markdown(f"A setting on Train cannot be: {error}"), icon=":material/error:")
        return
    st.code(link, language=None, wrap_lines=True)
    copy_button("Copy this link", link, key="copy_class_link")
    st.image(qr_svg(link), width=QR_WIDTH)
    st.caption(
        "What is locked stays so in a browser's tab. Who opens the plain address in another one has nothing locked; "
        "limits hold for every pupil."
    )


def link_to(lesson: str, locked: Sequence[str]) -> str:
    """The address that opens a lesson, "" for none, with these settings locked as they are on Train.

    Raises:
        ConfigError: where one of them cannot be.
    """
    query = {"lesson": lesson} if lesson else {}
    if locked:
        query[LOCK] = ",".join(locked)
        if not lesson:
            texts, model = texts_of(settings_now()), model_now()
            wanted = [name for name in texts if name in locked or (NETWORK[0] in locked and name in NETWORK)]
            query |= {address_name(model, name): texts[name] for name in wanted}
    return f"{home_address()}{'?' * bool(query)}{urlencode(query, safe=',')}"


def home_address() -> str:
    """The address of Train, by a name that other machines know where there is one."""
    here = urlsplit(st.context.url or "")
    host = here.hostname or ""
    if is_loopback(host) and (found := addresses()):
        host = found[0]
    port = f":{here.port}" if here.port else ""
    folder = here.path.rpartition("/")[0]
    return f"{here.scheme}://{f'[{host}]' if ':' in host else host}{port}{folder}/"


def qr_svg(text: str) -> str:
    """A QR code (ISO/IEC 18004) as an SVG picture, dark on white in both themes."""
    out = io.BytesIO()
    segno.make(text, micro=False).save(out, kind="svg", xmldecl=False, light="#ffffff", scale=4)
    return out.getvalue().decode()
