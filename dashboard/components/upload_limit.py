"""How large a file the browser may send: it explains the limit, while the server would only answer 413."""

from __future__ import annotations

import streamlit as st

MEGABYTE = 2**20


def upload_limit(most_bytes: int) -> int:
    """Megabytes for `st.file_uploader`, below the server's limit, which counts the form around the file too."""
    return max(1, min(most_bytes // MEGABYTE, st.get_option("server.maxUploadSize") - 1))
