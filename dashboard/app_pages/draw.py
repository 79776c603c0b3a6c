"""Draw: a canvas, what the network sees of it, and what it reads."""

import numpy as np
import streamlit as st
from PIL import Image

from core.drawing import normalise_drawing
from core.predictor import ModelError, Predictor
from core.runs import Run
from dashboard.components.charts import probability_bars
from dashboard.components.shared import SIGMOID_SENTENCE, choose_run, dataset, dataset_note, percent

CANVAS = 300  # pixels a side; its toolbar covers the top right corner until hovered


@st.cache_resource(max_entries=8, show_spinner=False)
def predictor(folder: str, modified: int) -> Predictor:
    """The exported model of a run, loaded once for all sessions."""
    return Predictor.load(folder)


def load(run: Run) -> Predictor | None:
    """The run's model; where it cannot be read the page says so."""
    try:
        return predictor(str(run.path), (run.path / "model.tflite").stat().st_mtime_ns)
    except (ModelError, OSError) as error:
        st.error(str(error), icon=":material/error:")
        return None


def canvas(brush: int) -> np.ndarray | None:
    """The canvas; returns its pixels, uint8 (H, W, 4), None before the first stroke."""
    from streamlit_drawable_canvas import st_canvas  # raises outside a running app

    return st_canvas(
        stroke_width=brush,
        stroke_color="#ffffff",
        background_color="#000000",
        height=CANVAS,
        width=CANVAS,
        return_image_data=True,
        key=f"canvas_{st.session_state.setdefault('canvas_number', 0)}",
    ).image_data


def clear() -> None:
    """Begin with an empty canvas."""
    st.session_state["canvas_number"] = st.session_state.get("canvas_number", 0) + 1


def in_words(confidence: float) -> str:
    """A confidence as people say it."""
    if confidence >= 0.99:
        return "quite sure"
    if confidence >= 0.9:
        return "fairly sure"
    return "unsure" if confidence >= 0.6 else "guessing"


def answer(model: Predictor, digit: np.ndarray) -> None:
    """The digit that is read, how sure the run is, its second guess and all ten probabilities."""
    outputs = {name: values[0] for name, values in model.outputs(digit[np.newaxis]).items()}
    probabilities = outputs["probabilities"]
    second, first = (int(place) for place in probabilities.argsort()[-2:])
    sure = probabilities[first]
    st.metric("It reads", str(first), f"{in_words(sure)}, {percent(sure)}", delta_color="off", delta_arrow="off")
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
        st.caption("Draw one digit from 0 to 9, as large as you like, anywhere on the black square.")
        brush = st.slider("Brush width", 6, 40, 20, key="brush", persist_state="session")
        pixels = canvas(brush)
        st.button("Clear", icon=":material/ink_eraser:", on_click=clear, key="clear")
    digit = None if pixels is None else normalise_drawing(pixels)
    with right:
        what_it_sees(digit)
        if digit is None:
            st.caption("Nothing is drawn yet. The answer follows each stroke.")
        else:
            answer(model, digit)
