"""Draw: draw or photograph a digit, see what a run reads and why, and collect digits to fine-tune on."""

import numpy as np
import streamlit as st

from core.data import Dataset
from core.drawing import NO_INK, DrawingSteps, drawing_steps
from core.predictor import Predictor
from core.runs import RunView
from dashboard.components.classes import Classes, are_digits, in_words, only_digits
from dashboard.components.draw.answer import say_answer, show_answer, show_fitting
from dashboard.components.draw.api_command import show_command
from dashboard.components.draw.examples import show_examples
from dashboard.components.draw.labelling import show_labelling
from dashboard.components.draw.modes import MODES, choose_mode, show_way
from dashboard.components.draw.my_digits import show_my_digits
from dashboard.components.draw.tools import show_tools
from dashboard.components.draw.upload import current_photo, picture_input
from dashboard.components.loaded_models import fit_ood_detector, load
from dashboard.components.page_head import begin_page, say_whose_images
from dashboard.components.session import models
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.canvas import BRUSH, BRUSHES, SIDE, canvas, clear, current_drawing, undo

FOR_DIGITS = "Keeping a drawing in My digits, and “Don’t know” for what looks like none of them, are"
THING = {True: "digit", False: "thing"}  # what is photographed
TOOLS = {"Pen": ":material/edit:", "Eraser": ":material/ink_eraser:"}


def page() -> None:
    """The whole page, from top to bottom."""
    digits, run = begin_page("Draw", needs="reader")
    if run is None:
        return
    say_whose_images(run, digits)
    mode = choose_mode()
    model = load(run)
    if model is None:
        return
    fitting = fit_ood_detector(run)
    # The other modes' places are emptied at once: what was in them would stay until the page is complete
    places = {each: st.container() if each == mode else st.empty() for each in MODES}
    with places[mode]:
        if mode == "My digits" and (why := only_digits("My digits are", run.classes)):
            st.info(escape_markdown(why), icon=":material/info:")
        elif mode == "My digits":
            show_my_digits(run, model)
        else:
            show_drawing(mode, digits, run, model, fitting=fitting)


def show_drawing(mode: str, digits: Dataset, run: RunView, model: Predictor, *, fitting: bool) -> None:
    """Show the canvas or the picture, and the answer beside it."""
    picture_now = current_picture if mode == "Draw" else current_photo
    with st.container(horizontal=True, gap="large", key="draw_area"):
        with st.container(width=SIDE):
            line = st.container(key="answer_line")
            picture = drawing_input(run.is_digits) if mode == "Draw" else picture_input(THING[run.is_digits])
        number, steps = (0, None) if picture is None else steps_of(picture)
        with st.container(width="stretch", key="answer_side"):
            if steps is None:
                say_answer(line, None, run.classes)
                show_beginning(mode, digits, run.classes, empty=picture is None)
                return
            answer = models().answer_one(run, model, steps.centred)
            say_answer(line, answer, run.classes)
            show_answer(answer, run.classes)
            saved = False
            if are_digits(run.classes):
                saved = show_labelling(
                    run, answer, steps.centred, picture, number=number, is_shown=lambda: picture_now() is picture
                )
            else:
                st.caption(escape_markdown(only_digits(FOR_DIGITS, run.classes)))
            with st.container(horizontal=True, vertical_alignment="center"):
                if saved:
                    show_way("My digits", "See My digits")
                if mode == "Draw":
                    st.page_link(
                        "app_pages/inside.py",
                        label="Look inside",
                        icon=":material/visibility:",
                        query_params={"run": run.id, "part": "One image", "source": "Drawing"},
                    )
                show_command(run, picture)
                if fitting:  # here nothing moves when it ends
                    show_fitting(run)
    show_tools(run, model, answer, steps, picture)


def show_beginning(mode: str, digits: Dataset, classes: Classes, *, empty: bool) -> None:
    """Show what to do, where the answer will be."""
    if mode == "Picture":
        st.markdown("Choose a picture. The answer appears here." if empty else NO_INK)
        return
    what = "one digit, 0 to 9," if are_digits(classes) else f"one of {escape_markdown(in_words(classes))},"
    st.markdown(f"**Draw {what} on the black square.** The answer follows the pen.")
    if digits.classes == classes:
        st.markdown("Or begin with one of these:")
        show_examples(digits)


def drawing_input(of_digits: bool) -> np.ndarray | None:
    """Show the canvas and its tools; returns its picture, None before the first stroke."""
    place = st.container(gap=None, key="drawing")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="tools"):
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
        brush = st.slider("Brush", *BRUSHES, BRUSH, key="brush", persist_state="session", width="stretch")
    with place:
        picture = canvas(brush, eraser=tool == "Eraser", of_digits=of_digits)
    show_origin()
    return picture


def show_origin() -> None:
    """Say which test image is on the canvas, with a link back to it."""
    drawing = current_drawing()
    if not drawing.origin:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{drawing.origin}", width="content")
        st.page_link(
            "app_pages/predictions.py",
            label="Back to the image",
            icon=":material/arrow_back:",
            query_params={"image": str(drawing.image)},
        )


def current_picture() -> np.ndarray | None:
    """The picture on this session's canvas."""
    return current_drawing().picture


def steps_of(picture: np.ndarray) -> tuple[int, DrawingSteps | None]:
    """The picture's number in this session, and the steps from it to the network's input, None where it holds no ink.

    The newest is cached for reruns.
    """
    number, last, steps = st.session_state.get("steps", (0, None, None))
    if last is not picture:
        number, steps = number + 1, drawing_steps(picture)
        st.session_state["steps"] = (number, picture, steps)
    return number, steps


page()
