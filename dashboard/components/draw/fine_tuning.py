"""Fine-tuning on my digits: the form that starts it, and the accuracy before and after."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.people import refusal_to_make
from core.people.rules import own_rules
from core.runs import Run, RunError, RunView
from core.storage import explain_os_error
from dashboard.components.formatting import percent
from dashboard.components.session import TRAIN_PAGE, first_time, open_run, store
from dashboard.components.text import escape_markdown
from dashboard.components.train.settings import at_most

LEAST_DIGITS = 3
EPOCHS, USUAL_EPOCHS = (1, 10), 3
GENTLER = 0.3  # of the base run's learning rate, against forgetting
TWICE_SECONDS = 2.0
MEASURES = {
    "mine_held_out": ("My digits, held out", "My digits that it was not trained on."),
    "mine": ("My digits, learned", "My digits that it was trained on."),
    "test": ("Test set", "The dataset's test images. A drop here means forgetting."),
}


def fine_tune_form(run: RunView, count: int) -> None:
    """Show epochs and a button that queues a new run: this run's weights, trained on `count` of my digits."""
    reason = _why_not(run, count)
    st.header(f"Fine-tune {escape_markdown(run.name)}", anchor=False)
    with st.form(f"fine_tune_{run.id}"):  # by run: the choice may change at the moment of the click
        st.markdown(
            reason
            or f"A copy of {escape_markdown(run.name)} trains on your digits, mixed with training images, so that it "
            "learns yours and forgets little."
        )
        usual = at_most(USUAL_EPOCHS, own_rules(store().home).epochs)
        epochs = st.slider("Epochs", *EPOCHS, usual, key="fine_tune_epochs", disabled=bool(reason))
        asked = st.form_submit_button(
            "Fine-tune", icon=":material/model_training:", type="primary", disabled=bool(reason)
        )
    if asked and not reason:
        try:
            new = _begin(run, min(max(epochs, EPOCHS[0]), EPOCHS[1]))
        except RunError as error:
            st.error(escape_markdown(str(error)), icon=":material/error:")
            return
        except OSError as error:
            st.error(escape_markdown(explain_os_error(error)), icon=":material/error:")
            return
        if new:
            open_run(new)
            st.switch_page(TRAIN_PAGE, query_params={"run": new})


def _why_not(run: RunView, count: int) -> str:
    if reason := refusal_to_make():
        return reason
    if count < LEAST_DIGITS:
        return f"It needs at least {LEAST_DIGITS} of your digits; you have {count}."
    if run.config is None or not (run.keras_path.exists() and run.has_checkpoint):
        return f"{escape_markdown(run.name)} has no checkpoint to start from. Choose a run that was trained here."
    return ""


def _begin(base: RunView, epochs: int) -> str:
    """Queue the new run and return its id; a click that is delivered twice queues one, or none where it is refused."""
    if first_time("fine_tune", base.id, seconds=TWICE_SECONDS):
        st.session_state["fine_tuned"] = ""
        rate = GENTLER * base.config.learning_rate
        config = replace(base.config, start_from=base.id, epochs=epochs, learning_rate=rate, patience=0, augment=True)
        st.session_state["fine_tuned"] = store().create(config, stem=f"{base.name[:40]}, my digits").id
    return st.session_state["fine_tuned"]


def fine_tuning_report(run: Run) -> None:
    """Show accuracy before and after, on my digits and the test set; nothing for a run that was not fine-tuned."""
    report = (run.summary or {}).get("my_digits")
    if not isinstance(report, dict):
        return
    before, after = ({**part} if isinstance(part := report.get(name), dict) else {} for name in ("before", "after"))
    st.header("What fine-tuning changed", anchor=False)
    with st.container(horizontal=True):
        for name, (label, help) in MEASURES.items():
            was, is_now = _fraction(before.get(name)), _fraction(after.get(name))
            if is_now is not None:
                change = None if was is None else f"{100 * (is_now - was):+.2f} points from {percent(was)}"
                colour = "off" if was is None or round(is_now, 4) == round(was, 4) else "normal"
                st.metric(label, percent(is_now), change, help=help, width=210, delta_color=colour)
    trained, held_out = (value if isinstance(value := report.get(name), int) else 0 for name in ("trained", "held_out"))
    st.caption(
        f"Trained on {trained:,} of my digits; {held_out:,} were held out. Counted by the most probable digit, also "
        "where the run does not answer."
    )


def _fraction(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return float(value) if usable else None
