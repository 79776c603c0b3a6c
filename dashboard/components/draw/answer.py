"""The answer on the Draw page: the class and its confidence beside the probabilities, or that the run abstains."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.data.classes import DIGITS
from core.inference.answer import Answer
from core.runs import Run
from dashboard.components import loaded_models
from dashboard.components.charts.probabilities import probability_bars
from dashboard.components.classes import Classes
from dashboard.components.formatting import LEAST_CERTAINTY, SIGMOID_SENTENCE, certainty
from dashboard.components.text import escape_markdown

FITTING_SECONDS = 2  # between two looks at whether the detector is there
_line = st.components.v2.component(
    "digitlab_answer_line",
    html='<p role="status" tabindex="-1"></p>',
    css="p { margin: 0; outline-color: var(--st-primary-color) } b { font-size: 1.6em; line-height: 1.2 }",
    js="""
    export default function ({ data, parentElement }) {
      const line = parentElement.querySelector("p"), digit = document.createElement("b")
      if (line.textContent === data.digit + data.words) return
      digit.textContent = data.digit
      line.replaceChildren(digit, data.words)
      // The digit to begin with that was chosen is about to go, and the keyboard's place with it
      if (document.activeElement.closest(".st-key-examples")) line.focus()
    }
    """,
)


def confidence_in_words(confidence: float) -> str:
    """A confidence, 0 to 1, in words: "quite sure" to "guessing"."""
    if confidence >= 0.99:
        return "quite sure"
    if confidence >= 0.9:
        return "fairly sure"
    return "unsure" if confidence >= 0.6 else "guessing"


def _sure(answer: Answer) -> str:
    """How sure the run is."""
    return f"{confidence_in_words(answer.confidence)}, {certainty(answer.confidence)}"


def say_answer(place: DeltaGenerator, answer: Answer | None, classes: Classes = DIGITS) -> None:
    """Say the answer in a line: above the picture where the page is narrow, and to who cannot see it."""
    if answer is None:
        digit, words = "", "The answer appears here."
    elif answer.abstain_reason:
        digit, words = "", f"Don't know. A guess: {classes[answer.first]}, {certainty(answer.confidence)}"
    else:
        digit, words = classes[answer.first], f" · {_sure(answer)}"
    with place:
        _line(key="answer_line_text", data={"digit": digit, "words": words})


@st.fragment(run_every=FITTING_SECONDS)
def show_fitting(run: Run) -> None:
    """Say that the run cannot tell yet what is no digit; the page is drawn anew when it can."""
    if not loaded_models.is_fitting_detector(run):
        st.rerun()
    st.caption("Preparing “Don’t know” … Until then, it answers everything.")


def show_answer(answer: Answer, classes: Classes = DIGITS) -> None:
    """Show the class, as large as there is room, and the probabilities beside it; grey where the run abstains."""
    shown, choice = "probabilities", st.session_state.get("bars")
    if "scores" in answer.outputs and choice:
        shown = choice
    abstains = bool(answer.abstain_reason)
    first, second_name = classes[answer.first], escape_markdown(classes[answer.second])
    key = "no_answer" if abstains else "answer" if len(first) == 1 else "named_answer"
    with st.container(horizontal=True, gap="medium"):
        with st.container(width=150, gap="xsmall", key=key):
            if abstains:
                st.metric("It reads", "Don't know")
                st.markdown(answer.abstain_reason)
                st.caption(f"Its guess would be {escape_markdown(first)}, {certainty(answer.confidence)}.")
            else:
                st.metric("It reads", escape_markdown(first), _sure(answer), delta_color="off", delta_arrow="off")
                if (second := answer.outputs["probabilities"][answer.second]) >= LEAST_CERTAINTY:
                    st.caption(f"Second guess: {second_name}, {certainty(second)}")
        with st.container(width="stretch", key="answer_bars"):
            bars = probability_bars(answer.outputs[shown], marked=None if abstains else answer.first, classes=classes)
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
        if shown == "scores":
            st.caption("Each score is brought between 0 and 1 by itself: they need not sum to 1.")
