"""My digits on Draw: what was kept, how each run reads it, and a network that learns it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from core.data.my_digits import MyDigit
from core.inference.answer import Answer, answer_version
from core.predictor import Predictor
from core.runs import RunView
from dashboard.components.draw.fine_tuning import fine_tune_form, fine_tuning_report
from dashboard.components.draw.labelling import delete_digit, my_digits
from dashboard.components.draw.tools import MOST_RUNS, comparable_runs
from dashboard.components.session import models
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.gallery import Tile, gallery

PAGE_SIZE = 100


def show_my_digits(run: RunView, model: Predictor) -> None:
    """The gallery, the accuracy of each run and fine-tuning; what it is for where nothing is kept."""
    digits = my_digits().all()
    if not digits:
        st.info(
            "Draw a digit and say what it is: it is kept here. So you see how well each run reads *your* digits, and a "
            "network can learn them.",
            icon=":material/draw:",
        )
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_gallery(digits, model, run)
    with right:
        show_accuracies(digits)
        fine_tuning_report(run)
        fine_tune_form(run, len(digits))


def show_gallery(digits: Sequence[MyDigit], model: Predictor, run: RunView) -> None:
    """The digits, the newest first, a hundred a page; a chosen one can be deleted, and all be exported."""
    count = f"{len(digits):,} digit{'' if len(digits) == 1 else 's'}"
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{count}**, as {escape_markdown(run.name)} reads them", width="content")
        st.download_button(
            "Export",
            my_digits().export_zip,
            "my-digits.zip",
            "application/zip",
            on_click="ignore",
            key="export",
            icon=":material/download:",
            help="A zip file: one PNG a digit, and labels.csv.",
        )
    here = st.container()
    pages = max(1, -(-len(digits) // PAGE_SIZE))
    page = st.pagination(pages, key="my_digits_page") if pages > 1 else 1
    shown = range(len(digits))[::-1][(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    answers = read_all(run, model, digits)
    tiles = [_tile(place, digits[place], answers[place]) for place in shown]
    places = {digit.id: place for place, digit in enumerate(digits)}
    chosen = places.get(st.session_state.get("my_digit"))
    with here:
        gallery(
            _images([digits[place] for place in shown]),
            tiles,
            key="my_digits",
            selected=chosen,
            on_choose=lambda place: st.session_state.update(my_digit=digits[place].id),
            label="My digits, newest first",
        )
    if chosen is None:
        st.caption("Choose one to delete it.")
    else:
        st.button(
            f"Delete this {digits[chosen].label}",
            icon=":material/delete:",
            key="delete_digit",
            on_click=_delete,
            args=(digits[chosen].id, chosen),
        )


def _tile(place: int, digit: MyDigit, answer: Answer) -> Tile:
    if answer.digit is None:
        return Tile(place, digit.label, note="don't know", of="my digits:")
    return Tile(place, digit.label, answer.digit, answer.confidence, of="my digits:")


def _delete(digit_id: str, place: int) -> None:
    """Delete the digit that the button was drawn for, unless another one was chosen since."""
    if getattr(st.session_state.get("my_digits"), "chosen", None) in (None, place):
        delete_digit(digit_id)


def read_all(run: RunView, model: Predictor, digits: Sequence[MyDigit]) -> list[Answer]:
    """The run's answers as Draw gives them, without outputs; each digit is read once until the run changes."""
    answers = _answers(answer_version(run))
    new = [digit for digit in digits if digit.id not in answers]
    for digit, answer in zip(new, models().answer_all(run, model, _images(new)), strict=True):
        answers[digit.id] = replace(answer, outputs={})
    return [answers[digit.id] for digit in digits]


@st.cache_resource(max_entries=32, show_spinner=False)
def _answers(version: tuple) -> dict[str, Answer]:
    """The answers of a run so far, by a digit's id: what is under an id never changes."""
    return {}


def _images(digits: Sequence[MyDigit]) -> np.ndarray:
    return np.array([digit.image for digit in digits], np.uint8).reshape(-1, 28, 28)


def show_accuracies(digits: Sequence[MyDigit]) -> None:
    """How many of them each run reads right, all of them and those held out; what it abstains from is not read."""
    apart, rows = np.array([digit.held_out for digit in digits]), []
    for run, model in comparable_runs():
        answers = read_all(run, model, digits)
        right = np.array([answer.digit == digit.label for answer, digit in zip(answers, digits, strict=True)])
        on_test = np.nan if run.test_accuracy is None else 100 * run.test_accuracy
        rows.append((run.name, 100 * right.mean(), 100 * right[apart].mean() if apart.any() else np.nan, on_test))
    table = pd.DataFrame(rows, columns=["Run", "My digits", "Held out", "Test set"])
    st.markdown("**How each run reads them**")
    numbers = {name: st.column_config.NumberColumn(format="%.2f %%") for name in table.columns[1:]}
    st.dataframe(
        table if apart.any() else table.drop(columns="Held out"),
        hide_index=True,
        height="content",
        column_config=numbers,
        alt="Accuracy of each run on my digits",
    )
    words = f"Held out: {int(apart.sum())} of {len(digits)}. Of each digit every third is never trained on, so that it "
    which = f" The newest {MOST_RUNS} runs and the starter." if len(rows) > MOST_RUNS else ""
    st.caption(f"{words}tells what was learned. Where a run does not know, it counts as not read.{which}")
