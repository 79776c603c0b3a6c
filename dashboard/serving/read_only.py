"""For whom the pages are read-only: browsers of other machines, where no class is served."""

from __future__ import annotations

import streamlit as st

from dashboard.origin import FROM, HERE
from dashboard.serving.flags import is_class, others_write

WORDS = (
    "Digit Lab can only be looked at from other machines. To change something, open it on the machine where it runs, "
    "as localhost. For a class, it is started with `streamlit run dashboard/app.py -- --class`."
)


def is_read_only_here() -> bool:
    """Whether the browser of this session may only look, since it is on another machine or behind a proxy."""
    if is_class() or others_write():
        return False
    told = st.context.headers.get(FROM)  # by dashboard.origin, which knows the whole connection
    return told != HERE if told else isinstance(st.context.ip_address, str)  # None: loopback


def show_whether_read_only() -> None:
    """Say on a page that is read-only that it is, and what to do."""
    if is_read_only_here():
        st.info(WORDS, icon=":material/visibility:")
