"""A picture of a digit: uploaded, or taken with the camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st
from PIL import Image

from core.drawing.upload import ENDINGS, MOST_BYTES, PictureError, read_picture
from dashboard.components.upload_limit import upload_limit
from dashboard.components.widgets.camera import camera_input

PREVIEW_SIDE = 308


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture file: its pixels, uint8 (H, W), (H, W, 3) or (H, W, 4), or None and the `problem` as a sentence."""

    file: str
    picture: np.ndarray | None = None
    problem: str = ""


def picture_input(what: str = "digit") -> np.ndarray | None:
    """Ask for a picture of one of `what` and show it; None before there is one, or where it cannot be read.

    The session keeps it, since Streamlit's own widgets forget their file when the page is left.
    """
    if st.toggle("Use the camera", key="use_camera", help="Your browser will ask for permission."):
        file = camera_input(on_change=partial(_forget_removed, "camera"))
    else:
        file = st.file_uploader(
            f"A picture of one {what}: PNG, JPEG or WebP",
            list(ENDINGS),
            max_upload_size=upload_limit(MOST_BYTES),
            key="upload",
            on_change=partial(_forget_removed, "upload"),
        )
    photo = st.session_state.get("photo")
    if file is not None and (photo is None or photo.file != file.file_id):
        photo = st.session_state["photo"] = _read(file)
    st.caption(f"One {what}, dark on light or light on dark, for instance pen on paper.")
    if photo is None:
        return None
    if photo.picture is None:
        st.error(photo.problem, icon=":material/broken_image:")
    else:
        st.image(_preview(photo.picture), alt="The picture")
    if file is None:  # else it has a button of its own to remove it
        st.button("Remove", icon=":material/delete:", key="remove_picture", on_click=_forget)
    return photo.picture


def current_photo() -> np.ndarray | None:
    """The picture that this session shows, None where there is none or another one has come that is not shown yet."""
    photo = st.session_state.get("photo")
    files = (st.session_state.get(key) for key in ("upload", "camera"))
    if photo is None or any(file is not None and file.file_id != photo.file for file in files):
        return None
    return photo.picture


def _forget_removed(key: str) -> None:
    if st.session_state.get(key) is None:
        _forget()


def _forget() -> None:
    st.session_state.pop("photo", None)


def _read(file) -> Photo:
    try:
        return Photo(file.file_id, read_picture(file.getvalue()))
    except PictureError as error:
        return Photo(file.file_id, problem=str(error))


def _preview(picture: np.ndarray) -> Image.Image:
    factor = max(1, max(picture.shape[:2]) // PREVIEW_SIDE)
    preview = Image.fromarray(picture).reduce(factor)
    preview.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return preview
