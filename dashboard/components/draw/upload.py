"""A picture of a digit: uploaded, or taken with the camera."""

from __future__ import annotations

from dataclasses import dataclass

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


def picture_input() -> np.ndarray | None:
    """Ask for a picture and show it; None before there is one, and with an error where it cannot be read."""
    if st.toggle("Use the camera", key="use_camera", help="Your browser will ask for permission."):
        file = camera_input()
    else:
        file = st.file_uploader(
            "A picture of one digit: PNG, JPEG or WebP",
            list(ENDINGS),
            max_upload_size=upload_limit(MOST_BYTES),
            key="upload",
        )
    if file is None:
        st.session_state.pop("photo", None)
        st.caption("One digit, dark on light or light on dark, for instance pen on paper.")
        return None
    photo = st.session_state.get("photo")
    if photo is None or photo.file != file.file_id:
        photo = st.session_state["photo"] = _read(file)
    if photo.picture is None:
        st.error(photo.problem, icon=":material/broken_image:")
    else:
        st.image(_preview(photo.picture), alt="The picture")
    return photo.picture


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
