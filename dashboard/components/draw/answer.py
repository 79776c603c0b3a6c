"""The answer on the Draw page: the digit and its confidence, or that the run abstains."""

from __future__ import annotations

import streamlit as st

from core.inference.answer import Answer
from dashboard.components.charts.probabilities import probability_bars
from dashboard.components.formatting import SIGMOID_SENTENCE, percent


def confidence_in_words(confidence: float) -> str:
    """A confidence, 0 to 1, in words: "quite sure" to "guessing"."""
    if confidence >= 0.99:
        return "quite sure"
    if confidence >= 0.9:
        return "fairly sure"
    return "unsure" if confidence >= 0.6 else "guessing"


def show_answer(answer: Answer) -> None:
    """Show the digit and its confidence, or that the run does not know."""
    reading = "Don't know" if answer.abstain_reason else str(answer.first)
    words = f"at best a {answer.first}" if answer.abstain_reason else confidence_in_words(answer.confidence)
    st.metric(
        "It reads",
        reading,
        f"{words}, {percent(answer.confidence)}",
        delta_color="off",
        delta_arrow="off",
        width="content",
    )


def show_bars(answer: Answer) -> None:
    """Show all ten probabilities, or the classic network's scores, and the second guess."""
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
