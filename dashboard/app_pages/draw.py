"""Draw: draw or photograph a digit, see what a run reads and why, and collect digits to fine-tune on."""

import numpy as np
import streamlit as st

from core.drawing import NO_INK, DrawingSteps, drawing_steps
from dashboard.components.draw.answer import show_bars
from dashboard.components.draw.api_command import show_command
from dashboard.components.draw.labelling import show_labelling
from dashboard.components.draw.my_digits import show_my_digits
from dashboard.components.draw.tools import show_tools
from dashboard.components.draw.upload import picture_input
from dashboard.components.loaded_models import fit_ood_detector, load
from dashboard.components.page_head import begin_page
from dashboard.components.session import models
from dashboard.components.widgets.canvas import canvas, clear, current_drawing, undo

MODES = {
    "Draw": ":material/draw: Draw",
    "Picture": ":material/photo_camera: Picture",
    "My digits": ":material/school: My digits",
}
TOOLS = {"Pen": ":material/edit:", "Eraser": ":material/ink_eraser:"}

NO_PICTURE = {
    "Draw": "The answer follows each stroke.",
    "Picture": "Choose a picture. The answer appears here.",
}
NO_DIGIT = {"Draw": NO_PICTURE["Draw"], "Picture": NO_INK}


def page() -> None:
    """The whole page, from top to bottom."""
    _, run = begin_page("Draw", needs="reader")
    if run is None:
        return
    mode = st.segmented_control(
        "Mode",
        list(MODES),
        default="Draw",
        required=True,
        key="mode",
        format_func=MODES.get,
        label_visibility="collapsed",
        persist_state="session",
    )
    model = load(run)
    if model is None:
        return
    fit_ood_detector(run)
    if mode == "My digits":
        show_my_digits(run, model)
        return
    left, right = st.columns([1, 1], gap="large")
    with left:
        picture = drawing_input() if mode == "Draw" else picture_input()
    if picture is None:
        right.caption(NO_PICTURE[mode])
        return
    steps = steps_of(picture)
    if steps is None:
        right.caption(NO_DIGIT[mode])
        return
    answer = models().answer_one(run, model, steps.centred)
    with right:
        show_labelling(run, answer, steps.centred, picture)
        show_bars(answer)
        show_command(run, picture)
    show_tools(run, model, answer, steps, picture)


def drawing_input() -> np.ndarray | None:
    """Show the canvas and its tools; returns its picture, None before the first stroke."""
    show_origin()
    place = st.container(gap=None)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        tool = st.segmented_control(
            "Tool",
            list(TOOLS),
            default="Pen",
            required=True,
            key="tool",
            format_func=TOOLS.get,
            label_visibility="collapsed",
        )
        st.button("Undo", icon=":material/undo:", on_click=undo, key="undo")
        st.button("Clear", icon=":material/delete:", on_click=clear, key="clear")
        brush = st.slider(
            "Brush width",
            6,
            40,
            20,
            key="brush",
            format="%d px",
            persist_state="session",
            label_visibility="collapsed",
            width=95,
        )
    with place:
        return canvas(brush, eraser=tool == "Eraser")


def show_origin() -> None:
    """Say what to draw, or which test image is on the canvas, with a link back to it."""
    drawing = current_drawing()
    if not drawing.origin:
        st.caption("Draw one digit, 0 to 9, anywhere on the black square.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{drawing.origin}. Add to it or erase parts of it, and see the answer change.")
        st.page_link(
            "app_pages/predictions.py",
            label="Back to the image",
            icon=":material/arrow_back:",
            query_params={"image": str(drawing.image)},
        )


def steps_of(picture: np.ndarray) -> DrawingSteps | None:
    """The steps from a picture to the network's input, None where it holds no ink; the newest is cached for reruns."""
    last, steps = st.session_state.get("steps", (None, None))
    if last is not picture:
        steps = drawing_steps(picture)
        st.session_state["steps"] = (picture, steps)
    return steps


page()
