"""My digits on Draw: the saved drawings, each run's accuracy on them, and fine-tuning on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from core.data.classes import DIGITS
from core.data.my_digits import MyDigit
from core.drawing.mnist_form import IMAGE_SHAPE
from core.inference.answer import Answer, answer_version
from core.predictor import Predictor
from core.runs import RunView
from dashboard.components.draw.fine_tuning import LEAST_DIGITS, fine_tune_form, fine_tuning_report
from dashboard.components.draw.labelling import delete_digit, my_digits, relabel_digit
from dashboard.components.draw.modes import show_way
from dashboard.components.draw.tools import MOST_RUNS, comparable_runs
from dashboard.components.formatting import RUN_HEADER, run_link
from dashboard.components.session import models, open_run
from dashboard.components.text import escape_markdown
from dashboard.components.views import view
from dashboard.components.whose import full_name
from dashboard.components.widgets.gallery import Tile, gallery

DIGITS_PER_PAGE = 120
FEW = 12  # digits, two rows, below which is room for fine-tuning
MOST_COUNTED = 5  # digits, below which a bar would say no more than the count
IN_PERCENT = 100  # digits, from which on a run's accuracy is in percent


def show_my_digits(run: RunView, model: Predictor) -> None:
    """Show the gallery, the accuracy of each run and fine-tuning; before the first digit, what this is for."""
    digits = my_digits().all()
    if not digits:
        show_beginning()
        return
    with st.container(key="my_digits_area"):
        left, right = st.columns(2, gap="large")
    with left:
        show_gallery(digits, model, run)
    with right:
        show_accuracies(digits, run)
    with left if len(digits) <= FEW else right:
        fine_tuning_report(run)
        fine_tune_form(run, len(digits))


def show_beginning() -> None:
    """Show what My digits are for, and the way to the first one."""
    with st.container(border=True):
        st.header("No digits yet", anchor=False)
        st.markdown(
            "1. Draw a digit and say what it is: it is saved here.\n"
            "2. See how well each run reads *your* digits.\n"
            "3. Fine-tune a run on them, and see what it learned and what it forgot."
        )
        show_way("Draw", "Draw the first one", primary=True)


def show_gallery(digits: Sequence[MyDigit], model: Predictor, run: RunView) -> None:
    """Show the digits, newest first, some a page, with buttons that delete the chosen one and export all."""
    answers = read_all(run, model, digits)
    right = sum(answer.digit == digit.label for answer, digit in zip(answers, digits, strict=True))
    st.header(f"My digits · {len(digits):,}", anchor=False)
    st.markdown(f"{escape_markdown(run.name)} reads **{right:,} of {len(digits):,}** right.")
    with st.container(horizontal=True):
        show_way("Draw", "Draw another", primary=len(digits) < LEAST_DIGITS)
        st.download_button(
            "Download",
            my_digits().export_zip,
            "my-digits.zip",
            "application/zip",
            on_click="ignore",
            key="export",
            icon=":material/download:",
            help="A zip file: one PNG a digit, and labels.csv.",
        )
    here = st.container()
    pages = max(1, -(-len(digits) // DIGITS_PER_PAGE))
    page = st.pagination(pages, key="my_digits_page") if pages > 1 else 1
    shown = range(len(digits))[::-1][(page - 1) * DIGITS_PER_PAGE : page * DIGITS_PER_PAGE]
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
            full=DIGITS_PER_PAGE,
        )
    if chosen is None:
        st.caption("Select a digit to correct or remove it.")
    else:
        show_chosen(digits[chosen], chosen)


def show_chosen(digit: MyDigit, place: int) -> None:
    """Show the buttons that give the chosen digit another label, and the one that deletes it.

    On a phone they stay in sight below the digits (page.css).
    """

    def relabel(label: int) -> None:
        if _is_chosen(place):
            relabel_digit(digit.id, label)

    with st.container(key="chosen_digit", gap="small"):
        with st.container(key="label_is", gap="xsmall"):
            labels = range(len(DIGITS))
            shown = view(f"label_of_{digit.id}", digit.label, relabel, labels)
            st.pills("It is a:", labels, default=digit.label, required=True, **shown)
        st.button(
            f"Remove this {digit.label}",
            icon=":material/delete:",
            key="delete_digit",
            on_click=_delete,
            args=(digit.id, place),
        )


def _tile(place: int, digit: MyDigit, answer: Answer) -> Tile:
    if answer.digit is None:
        return Tile(place, digit.label, note="don't know", of="my digits:")
    return Tile(place, digit.label, answer.digit, answer.confidence, of="my digits:")


def _delete(digit_id: str, place: int) -> None:
    """Delete the digit that the button names, unless another one was chosen since."""
    if _is_chosen(place):
        delete_digit(digit_id)


def _is_chosen(place: int) -> bool:
    return getattr(st.session_state.get("my_digits"), "chosen", None) in (None, place)


def read_all(run: RunView, model: Predictor, digits: Sequence[MyDigit]) -> list[Answer]:
    """The run's answers to my digits, without outputs; each is cached until the run changes."""
    answers = _answers(answer_version(run))
    new = [digit for digit in digits if digit.id not in answers]
    for digit, answer in zip(new, models().answer_all(run, model, _images(new)), strict=True):
        answers[digit.id] = replace(answer, outputs={})
    return [answers[digit.id] for digit in digits]


@st.cache_resource(max_entries=32, show_spinner=False)
def _answers(version: tuple) -> dict[str, Answer]:
    """A cache of a run's answers by the digit's id; the image of an id never changes."""
    return {}


def _images(digits: Sequence[MyDigit]) -> np.ndarray:
    return np.array([digit.image for digit in digits], np.uint8).reshape(-1, *IMAGE_SHAPE)


def show_accuracies(digits: Sequence[MyDigit], chosen: RunView) -> None:
    """Show how many of my digits, and of those held out, each run reads: a few as a count, many in percent.

    The best run comes first, by the test set where they are equal. Abstaining counts as wrong. A click on a name
    chooses that run.
    """
    apart, rows = np.array([digit.held_out for digit in digits]), []
    for run, model in comparable_runs():
        answers = read_all(run, model, digits)
        right = np.array([answer.digit == digit.label for answer, digit in zip(answers, digits, strict=True)])
        on_test = np.nan if run.test_accuracy is None else 100 * run.test_accuracy
        name = run_link(full_name(run), is_shown=run.id == chosen.id)
        rows.append((run.id, name, right.sum(), right[apart].sum(), on_test))
    rows.sort(key=lambda row: (-row[2], -np.nan_to_num(row[4])))
    table = pd.DataFrame([row[1:] for row in rows], columns=["Run", "My digits", "Held out", "Test set"])
    counts = {"My digits": len(digits), "Held out": int(apart.sum())}
    few = len(digits) < IN_PERCENT
    if not few:
        table = table.assign(**{name: 100 * table[name] / max(count, 1) for name, count in counts.items()})
    form = {name: f"%d of {count}" if few else "%.2f %%" for name, count in counts.items()}

    def choose_clicked() -> None:
        row = st.session_state["reader_clicked"].row
        if row < len(rows):
            open_run(rows[row][0])

    st.header("How each run reads your digits", anchor=False)
    st.dataframe(
        table if apart.any() else table.drop(columns="Held out"),
        hide_index=True,
        height="content",
        column_config={
            "Run": st.column_config.ButtonColumn(
                RUN_HEADER, type="tertiary", alignment="left", on_click=choose_clicked, key="reader_clicked"
            ),
            "My digits": st.column_config.NumberColumn(format=form["My digits"])
            if len(digits) < MOST_COUNTED
            else st.column_config.ProgressColumn(
                format=form["My digits"], min_value=0, max_value=len(digits) if few else 100, width=130
            ),
            "Held out": st.column_config.NumberColumn(format=form["Held out"]),
            "Test set": st.column_config.NumberColumn(format="%.2f %%"),
        },
        alt="How many of my digits each run reads",
    )
    held_out = f"Held out: every third digit of a label, {int(apart.sum()):,} of {len(digits):,}, is never trained on. "
    which = f" Shown: the newest {MOST_RUNS} runs and the starter." if len(rows) > MOST_RUNS else ""
    st.caption(f"{held_out if apart.any() else ''}“Don’t know” counts as a mistake.{which}")
