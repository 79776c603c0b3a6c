"""What a run says of a drawing: the digit, or that it does not know and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.predictor import Predictor
from core.runs import Run
from core.threshold import read_threshold
from dashboard.components import models
from dashboard.components.charts import probability_bars
from dashboard.components.shared import SIGMOID_SENTENCE, percent


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network reads of one image.

    Attributes:
        outputs: the model's outputs for it, float32 (d,) each.
        first, second: the most probable digits.
        confidence: the probability of the first.
        doubt: why it had better not answer; "" where it answers.
    """

    outputs: dict[str, np.ndarray]
    first: int
    second: int
    confidence: float
    doubt: str = ""

    @property
    def vote(self) -> int | None:
        """The digit that it stands for, None where it does not know."""
        return None if self.doubt else self.first


def ask(run: Run, model: Predictor, image: np.ndarray) -> Answer:
    """Let the run's model read an image, uint8 (28, 28), and the run say whether it can be trusted with it."""
    outputs = model.outputs(image[np.newaxis])
    doubt = _doubt(run, image, outputs)
    outputs = {name: values[0] for name, values in outputs.items()}
    probabilities = outputs["probabilities"]
    second, first = (int(place) for place in probabilities.argsort()[-2:])
    return Answer(outputs, first, second, float(probabilities[first]), doubt)


def _doubt(run: Run, image: np.ndarray, outputs: dict[str, np.ndarray]) -> str:
    judge = models.judge(run)
    if judge is not None and (reason := judge.verdict(image, outputs)):
        return reason
    threshold = read_threshold(run.path)
    if threshold is not None and outputs["probabilities"].max() < threshold:
        return f"Its confidence is below {percent(threshold)}, the threshold of this run."
    return ""


def in_words(confidence: float) -> str:
    """A confidence as people say it."""
    if confidence >= 0.99:
        return "quite sure"
    if confidence >= 0.9:
        return "fairly sure"
    return "unsure" if confidence >= 0.6 else "guessing"


def show_answer(answer: Answer) -> None:
    """The digit that is read and how sure the run is, or that it does not know."""
    reading = "Don't know" if answer.doubt else str(answer.first)
    words = f"at best a {answer.first}" if answer.doubt else in_words(answer.confidence)
    st.metric(
        "It reads",
        reading,
        f"{words}, {percent(answer.confidence)}",
        delta_color="off",
        delta_arrow="off",
        width="content",
    )


def show_bars(answer: Answer) -> None:
    """All ten probabilities, or the classic network's scores, and the second guess."""
    shown = "probabilities"
    if "scores" in answer.outputs:
        shown = st.segmented_control(
            "Bars",
            ("probabilities", "scores"),
            default=shown,
            required=True,
            key="bars",
            format_func=str.capitalize,
            label_visibility="collapsed",
            persist_state="session",
        )
    st.caption(f"Second guess: {answer.second}, {percent(answer.outputs['probabilities'][answer.second])}.")
    st.vega_lite_chart(probability_bars(answer.outputs[shown], marked=answer.first), key="probabilities")
    if shown == "scores":
        st.caption(SIGMOID_SENTENCE)
