"""The tabs below the answer on Draw: preprocessing, all runs, the occlusion map, and changes to the digit.

Only the open tab is computed.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from core.data.classes import DIGITS
from core.drawing import DrawingSteps, plain_resize
from core.drawing.mnist_form import IMAGE_SIDE
from core.drawing.transform import reshape
from core.inference.answer import Answer
from core.interpretability import saliency
from core.predictor import Predictor
from core.runs import RunView
from dashboard.components import loaded_models
from dashboard.components.classes import Classes, are_digits
from dashboard.components.formatting import certainty
from dashboard.components.run_picker import runs_with_model
from dashboard.components.saliency import describe_occlusion, occlusion
from dashboard.components.session import models
from dashboard.components.text import escape_markdown
from dashboard.components.whose import owners_behind
from dashboard.components.widgets.gallery import enlarged

STEP_SIDE = 8 * IMAGE_SIDE  # pixels; the page shows it smaller
AROUND = 96  # the grey around a picture that is no square
MOST_RUNS = 12
TABS = ("What it sees", "All runs", "Which ink decided", "Change it")
SLIDERS = {  # of `reshape`: label, least, most, step, format
    "degrees": ("Turn", -45, 45, 1, "%d°"),
    "right": ("Move right", -8, 8, 1, "%d px"),
    "down": ("Move down", -8, 8, 1, "%d px"),
    "scale": ("Size", 50, 140, 5, "%d %%"),
    "pen": ("Pen", -1.5, 3.0, 0.25, "%+.2f px"),
}
NEUTRAL = {"scale": 100, "pen": 0.0}  # 0 for the others


def show_tools(run: RunView, model: Predictor, answer: Answer, steps: DrawingSteps, picture: np.ndarray) -> None:
    """Show the tabs, and compute the open one."""
    sees, runs, ink, change = st.tabs(TABS, key="tool_tab", on_change="rerun")
    if sees.open:
        with sees:
            show_steps(run, model, answer, steps, picture)
    if runs.open:
        with runs:
            show_all_runs(steps.centred, run.classes)
    if ink.open:
        with ink:
            show_ink(run, model, steps.centred)
    if change.open:
        with change:
            show_changes(run, model, answer, steps.centred)


# What it sees


def show_steps(run: RunView, model: Predictor, answer: Answer, steps: DrawingSteps, picture: np.ndarray) -> None:
    """Show the steps from the drawing to the network's input, and what a plain resize would have given instead."""
    pictures = {
        "Ink": _fitted(steps.ink),
        "Cropped": _fitted(steps.cropped),
        "Scaled": _framed(enlarged(steps.scaled, STEP_SIDE // IMAGE_SIDE)),
        "Centred": enlarged(steps.centred, STEP_SIDE // IMAGE_SIDE),
    }
    plain = st.toggle(
        "Resize it as it is",
        key="plain",
        persist_state="session",
        help="Most demos shrink the whole picture to 28 × 28 pixels. MNIST's digits were scaled to 20 pixels and "
        "centred by mass, and a network trained on MNIST expects that.",
    )
    if plain:
        resized = plain_resize(picture)
        pictures["As it is"] = enlarged(resized, STEP_SIDE // IMAGE_SIDE)
    with st.grid(len(pictures), min_column_width=64, gap="xsmall", width=len(pictures) * 150):
        for words, pixels in pictures.items():
            st.image(pixels, caption=words, width="stretch", alt=words)
    if plain:
        other = models().answer_one(run, model, resized)
        resized_as, read = (escape_markdown(run.classes[each.first]) for each in (other, answer))
        st.markdown(
            f"Resized as it is: **{resized_as}** ({certainty(other.confidence)}). In MNIST's form: **{read}** "
            f"({certainty(answer.confidence)})."
        )


def _fitted(ink: np.ndarray) -> np.ndarray:
    """A picture of any size in a square frame."""
    image = Image.fromarray(ink)
    scale = STEP_SIDE / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    return _framed(np.asarray(image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST)))


def _framed(pixels: np.ndarray) -> np.ndarray:
    """The picture in the middle of a grey square, uint8 (224, 224): white ink is seen on either theme."""
    top, left = ((STEP_SIDE - side) // 2 for side in pixels.shape)
    frame = np.full((STEP_SIDE, STEP_SIDE), AROUND, np.uint8)
    frame[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return frame


# All runs


def comparable_runs(classes: Classes = DIGITS) -> list[tuple[RunView, Predictor]]:
    """The newest runs of these classes whose model can be loaded, and the starter, each with its model."""
    runs = [run for run in runs_with_model().values() if run.classes == classes]
    loaded = ((run, loaded_models.load(run, quiet=True)) for run in (*runs[:MOST_RUNS], *runs[MOST_RUNS:][-1:]))
    return [(run, model) for run, model in loaded if model is not None]


def show_all_runs(image: np.ndarray, classes: Classes = DIGITS) -> None:
    """Show the answer of every run, and how many agree."""
    answers = [(run, models().answer_one(run, model, image)) for run, model in comparable_runs(classes)]
    behind = owners_behind(run for run, _ in answers)
    st.markdown(agreement([answer for _, answer in answers], classes))
    table = pd.DataFrame(
        {
            "Run": [run.name + behind[run.id] for run, _ in answers],
            "Vote": ["don't know" if answer.digit is None else classes[answer.digit] for _, answer in answers],
            "Reads": [classes[answer.first] for _, answer in answers],
            "Confidence": [certainty(answer.confidence) for _, answer in answers],
            "Second guess": [classes[answer.second] for _, answer in answers],
            "Test accuracy": [np.nan if run.test_accuracy is None else 100 * run.test_accuracy for run, _ in answers],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={
            "Vote": st.column_config.TextColumn(help="The prediction, unless the run abstains."),
            "Confidence": st.column_config.TextColumn(alignment="right"),
            "Test accuracy": st.column_config.NumberColumn(format="%.2f %%"),
        },
        alt="What each run reads",
    )
    if len(answers) > MOST_RUNS:
        st.caption(f"Shown: the newest {MOST_RUNS} runs with a model, and the starter.")


def agreement(answers: list[Answer], classes: Classes = DIGITS) -> str:
    """How many runs answer each class, and how many abstain, as a sentence."""
    count, a = Counter(answer.digit for answer in answers), "a " if are_digits(classes) else ""

    def named(digit: int) -> str:
        return f"{a}**{escape_markdown(classes[digit])}**"

    told = [
        f"{number} of {len(answers)} read{'s' if number == 1 else ''} {named(digit)}"
        if place == 0
        else f"{number} {named(digit)}"
        for place, (digit, number) in enumerate((digit, n) for digit, n in count.most_common() if digit is not None)
    ]
    if count[None]:
        told.append(f"{count[None]} of {len(answers)} {'does' if count[None] == 1 else 'do'} not know")
    return "; ".join(told) + "."


# Which ink decided


def show_ink(run: RunView, model: Predictor, image: np.ndarray) -> None:
    """Show the occlusion map on the drawing, and how to read it."""
    digit, effect = occlusion(run, model, image)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(saliency.overlay(image, effect, times=8), width=168, alt=f"Occlusion map for {run.classes[digit]}")
        st.markdown(describe_occlusion(effect, digit, run.classes), width=360)


# Change it


def show_changes(run: RunView, model: Predictor, answer: Answer, image: np.ndarray) -> None:
    """Show sliders that transform the image, and the answer to the result."""
    shown, sliders = st.columns([2, 3], gap="medium")
    with sliders, st.grid(2, min_column_width=150):
        amounts = {name: _slider(name) for name in SLIDERS}
        st.button("Reset", icon=":material/restart_alt:", key="reset", on_click=reset)
    amounts["scale"] /= 100
    changed = reshape(image, **amounts)
    other = models().answer_one(run, model, changed)
    changed_as, read = (escape_markdown(run.classes[each.first]) for each in (other, answer))
    with shown, st.container(horizontal=True, vertical_alignment="center"):
        st.image(enlarged(changed, 6), width=140, alt="The changed drawing")
        st.markdown(
            f"It reads **{changed_as}**, {certainty(other.confidence)}.  \n"
            f"Unchanged: {read}, {certainty(answer.confidence)}.",
            width=170,
        )


def _slider(name: str) -> float:
    label, least, most, step, format = SLIDERS[name]
    neutral = NEUTRAL.get(name, 0)
    return st.slider(label, least, most, neutral, step, format=format, key=f"change_{name}")


def reset() -> None:
    """Reset all sliders to no change."""
    for name in SLIDERS:
        st.session_state[f"change_{name}"] = NEUTRAL.get(name, 0)
