"""Labelling a drawing: the buttons that save it with its label in My digits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from core.data.classes import DIGITS
from core.data.my_digits import MyDigits, MyDigitsError
from core.inference.answer import Answer
from core.people import own_home, refusal_to_make
from core.runs import RunView
from core.storage import explain_os_error
from dashboard.components.actions import note_failure
from dashboard.components.people import this_person
from dashboard.components.session import store
from dashboard.components.views import view


def my_digits() -> MyDigits:
    """The labelled drawings saved in DIGITLAB_HOME."""
    person = this_person()
    return MyDigits(own_home(store().home, person.id if person else ""))


def delete_digit(digit_id: str) -> None:
    """Delete one of my digits, or say why it cannot be deleted."""
    try:
        my_digits().delete(digit_id)
    except MyDigitsError as error:
        note_failure(str(error))
    except OSError as error:
        note_failure(explain_os_error(error))


def relabel_digit(digit_id: str, label: int) -> None:
    """Give one of my digits another label, or say why it cannot be done."""
    try:
        my_digits().relabel(digit_id, label)
    except MyDigitsError as error:
        note_failure(str(error))
    except OSError as error:
        note_failure(explain_os_error(error))


def show_labelling(
    run: RunView, answer: Answer, image: np.ndarray, picture: np.ndarray, *, number: int, is_shown: Callable[[], bool]
) -> bool:
    """Save the drawing with the label that is clicked; a second click deletes it again. Returns whether it is saved.

    Args:
        run: the run that answers.
        answer: its answer.
        image: the run's input, uint8 (28, 28), which is saved.
        picture: what was drawn or photographed.
        number: another one for each picture: the buttons belong to this picture and to no other.
        is_shown: whether this picture is what the page has. A click on the buttons of an earlier one changes nothing,
            and a stroke that is still being drawn cannot be kept yet.
    """
    newest = my_digits().newest()
    kept_now = newest is not None and (newest.image == image).all()

    def keep(label: int | None) -> None:
        if not is_shown():
            note_failure("The drawing has changed since that click, so nothing was saved. Choose the digit again.")
            return
        try:
            if label is not None:
                my_digits().add(image, label, picture=picture, said=answer.digit, run_id=run.id)
            elif kept_now:
                my_digits().delete(newest.id)
        except MyDigitsError as error:
            note_failure(str(error))
        except OSError as error:
            note_failure(explain_os_error(error))

    said = newest.label if kept_now else None
    with st.container(key="it_is", gap="xsmall"):
        question = "What is it?" if answer.digit is None else "Is that right?"
        st.pills(
            f"{question} Keep it in My digits as:",
            range(len(DIGITS)),
            default=said,
            disabled=not is_shown() or bool(refusal_to_make()),
            **view(f"it_is_{number}", said, keep),
        )
        if kept_now:
            st.caption(f":material/check: Saved as a {said} in My digits. Click the {said} again to undo.")
        else:
            st.caption("Every run is tested on your digits, and can be fine-tuned on them.")
    return kept_now
