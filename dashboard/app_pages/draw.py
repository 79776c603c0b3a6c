"""Draw: a canvas, what the network sees of it, and what it reads."""

import numpy as np
import streamlit as st
from PIL import Image

from core.drawing import normalise_drawing
from core.predictor import Predictor
from core.threshold import read_threshold
from dashboard.components.canvas import canvas, clear, kept
from dashboard.components.charts import probability_bars
from dashboard.components.models import load
from dashboard.components.shared import SIGMOID_SENTENCE, choose_run, dataset, dataset_note, percent

TOOLS = ("Pen", "Eraser")
TOOL_WORDS = {"Pen": ":material/edit: Pen", "Eraser": ":material/ink_eraser: Eraser"}


def came_from() -> None:
    """What is on the canvas: an image that was sent here, or what the user is about to draw."""
    drawing = kept()
    if not drawing.origin:
        st.caption("Draw one digit from 0 to 9, as large as you like, anywhere on the black square.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{drawing.origin}. Add to it or erase parts of it, and see the answer change.")
        st.page_link(
            "app_pages/predictions.py",
            label="Back to it",
            icon=":material/arrow_back:",
            query_params={"image": str(drawing.image)},
        )


def in_words(confidence: float) -> str:
    """A confidence as people say it."""
    if confidence >= 0.99:
        return "quite sure"
    if confidence >= 0.9:
        return "fairly sure"
    return "unsure" if confidence >= 0.6 else "guessing"


def answer(model: Predictor, digit: np.ndarray, threshold: float | None) -> None:
    """The digit that is read, how sure the run is, its second guess and all ten probabilities.

    Below the run's `threshold`, which the Confidence page sets, it says that it does not know.
    """
    outputs = {name: values[0] for name, values in model.outputs(digit[np.newaxis]).items()}
    probabilities = outputs["probabilities"]
    second, first = (int(place) for place in probabilities.argsort()[-2:])
    sure = probabilities[first]
    knows = threshold is None or sure >= threshold
    words = in_words(sure) if knows else f"below {percent(threshold)}; at best a {first}"
    reading = str(first) if knows else "Don't know"
    st.metric("It reads", reading, f"{words}, {percent(sure)}", delta_color="off", delta_arrow="off")
    shown = "probabilities"
    if "scores" in outputs:
        shown = st.segmented_control(
            "Bars", ("probabilities", "scores"), default=shown, required=True, key="bars", label_visibility="collapsed"
        )
    st.altair_chart(probability_bars(outputs[shown], marked=first), key="probabilities")
    st.caption(f"Second guess: {second}, {percent(probabilities[second])}.")
    if "scores" in outputs:
        st.caption(SIGMOID_SENTENCE)


def what_it_sees(digit: np.ndarray | None) -> None:
    """The 28×28 picture, enlarged with hard pixel edges."""
    pixels = np.zeros((28, 28), np.uint8) if digit is None else digit
    picture = Image.fromarray(pixels).resize((168, 168), Image.Resampling.NEAREST)
    st.image(picture, caption="What the network sees, 28 × 28", alt="The drawing as the network sees it")


st.header("Draw a digit", anchor=False)
dataset_note(dataset())
run = choose_run(needs="model")
model = load(run) if run else None
if model:
    left, right = st.columns([1, 1], gap="large")
    with left:
        came_from()
        place = st.container()
        with st.container(horizontal=True, vertical_alignment="bottom"):  # below: the canvas has its toolbar above
            tool = st.segmented_control(
                "Tool", TOOLS, default=TOOLS[0], required=True, key="tool", format_func=TOOL_WORDS.get
            )
            brush = st.slider("Brush width", 6, 40, 20, key="brush", persist_state="session", width=130)
            st.button("Clear", icon=":material/delete:", on_click=clear, key="clear")
        with place:
            pixels = canvas(brush, eraser=tool == "Eraser")
    digit = None if pixels is None else normalise_drawing(pixels)
    with right:
        what_it_sees(digit)
        if digit is None:
            st.caption("Nothing is drawn yet. The answer follows each stroke.")
        else:
            answer(model, digit, read_threshold(run.path))
