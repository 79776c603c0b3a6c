"""The answer on the Draw page: the digit and its confidence beside all ten probabilities, or that the run abstains."""

from __future__ import annotations

import streamlit as st

from core.inference.answer import Answer
from dashboard.components.charts.probabilities import probability_bars
from dashboard.components.formatting import LEAST_CERTAINTY, SIGMOID_SENTENCE, certainty


def confidence_in_words(confidence: float) -> str:
    """A confidence, 0 to 1, in words: "quite sure" to "guessing"."""
    if confidence >= 0.99:
        return "quite sure"
    if confidence >= 0.9:
        return "fairly sure"
    return "unsure" if confidence >= 0.6 else "guessing"


def show_answer(answer: Answer) -> None:
    """Show the digit, as large as there is room, and the ten probabilities beside it; grey where the run abstains."""
    shown, choice = "probabilities", st.session_state.get("bars")
    if "scores" in answer.outputs and choice:
        shown = choice
    abstains = bool(answer.abstain_reason)
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=150, gap="xsmall", key="no_answer" if abstains else "answer"):
            if abstains:
                st.metric("It reads", "Don't know")
                st.markdown(answer.abstain_reason)
                st.caption(f"Its guess would be {answer.first}, {certainty(answer.confidence)}.")
            else:
                words = f"{confidence_in_words(answer.confidence)}, {certainty(answer.confidence)}"
                st.metric("It reads", str(answer.first), words, delta_color="off", delta_arrow="off")
                if (second := answer.outputs["probabilities"][answer.second]) >= LEAST_CERTAINTY:
                    st.caption(f"Second guess: {answer.second}, {certainty(second)}")
        with st.container(width="stretch", key="answer_bars"):
            bars = probability_bars(answer.outputs[shown], marked=None if abstains else answer.first)
            st.vega_lite_chart(bars, key="answer_chart")
    if "scores" in answer.outputs:
        st.segmented_control(
            "Bars",
            ("probabilities", "scores"),
            default="probabilities",
            required=True,
            key="bars",
            format_func=str.capitalize,
            persist_state="session",
            help=SIGMOID_SENTENCE,
        )
