"""The head of every page: its title with the run that it shows, the run's state and settings, and the tab's title."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.data import Dataset
from core.runs import Run, RunView
from core.runs.starter import Starter
from dashboard.components.formatting import STATE_ICONS, settings_in_words
from dashboard.components.learn.glossary import MOST_WORDS, linked
from dashboard.components.run_picker import choose_run, say_why_not
from dashboard.components.session import dataset_note, dataset_of, services
from dashboard.components.text import escape_markdown
from dashboard.components.whose import show_whose

PRODUCT = "Digit Lab"
ABOUT = {  # the pages, and what each shows: in the navigation, and where a page has nothing to show yet
    "Train": "Choose a network and its epochs, train it, and watch it learn.",
    "Learn": "Short lessons: a question, a prediction, and the real thing that answers it.",
    "Predictions": "What a run predicts for every test image, and its mistakes.",
    "Confidence": "Whether confidence matches accuracy, and when a run should say that it does not know.",
    "Compare": "Runs side by side: numbers, curves, and what one fixed and broke.",
    "Tune": "One setting or several in many runs: which values are best, and how sure that is.",
    "Map": "The test images by the network's last hidden layer: similar ones lie close together.",
    "Inside": "A network's weights as they form, and one image on its way through the layers.",
    "Robustness": "A run's accuracy on images that were shifted, turned, blurred and so on.",
    "Draw": "Draw a digit and see what a run reads.",
    "Export": "A report to hand in, and the network in other formats, each verified.",
}
TAB = "tab_title"  # under which the session keeps the title of the browser's tab


def begin_page(title: str, *, needs: str) -> tuple[Dataset, RunView | None]:
    """Show the head of a page about one run: title, choice of run and notes on the dataset.

    Args:
        title: the page's name.
        needs: what the page needs of a run, as in `choose_run`.

    Returns:
        The run's dataset, or the one in use where that is not here, and the chosen run; None where there is none or
        where it does not have what the page needs, which the page then says.
    """
    choice = choose_run(needs=needs)
    show_title(title, choice.run)
    digits = dataset_of(choice.run)
    dataset_note(digits)
    return digits, None if say_why_not(choice, ABOUT[title]) else choice.run


def say_whose_images(run: RunView, digits: Dataset) -> None:
    """Say that a page, which can look at any image, shows those of another dataset than the run's, where it does."""
    if isinstance(run, Run) and run.foreign_dataset(digits):
        why = f"was trained on {name}, which is not here" if (name := run.dataset.get("name")) else "has no dataset"
        words = f"The run {why}: the images are those of {digits.name}."
        st.caption(f":material/database_off: {escape_markdown(words)}")


def show_title(title: str, run: RunView | None = None, actions: Callable[[RunView], None] | None = None) -> None:
    """Show the page's title, which names the run, and the run's state and settings below it.

    Args:
        title: the page's name.
        run: the run that the page shows, None where it shows none or several.
        actions: shows what can be done with the run, beside the title.
    """
    name = f"{title} · {run.name}" if run else title
    show_tab_title(name=name)
    with st.container(horizontal=True, vertical_alignment="center", key="page_title"):
        st.title(escape_markdown(name), width="stretch", anchor=False)
        if run and actions:
            actions(run)
    if run:
        show_whose(run)
        st.markdown(linked(_state_and_settings(run), MOST_WORDS))


def _state_and_settings(run: RunView) -> str:
    if isinstance(run, Starter):
        return f"{STATE_ICONS['finished']} **Shipped with {PRODUCT}**, so that you can draw before you train"
    state, config = run.state, run.config
    words = f"{STATE_ICONS[state.name]} **{state.name.capitalize()}**"
    if state.machine:
        words += f" on {escape_markdown(state.machine)}"
    if not config:
        return words
    on = f" · on {escape_markdown(_dataset_name(run))}" if config.dataset else ""
    return f"{words} · {settings_in_words(config, run.control.get('learning_rate'))}{on}"


def _dataset_name(run: RunView) -> str:
    """What the dataset is called that a run was chosen for."""
    kept = services().datasets.get(run.config.dataset)
    return run.dataset.get("name") or (kept.name if kept else "a dataset that was removed")


def show_tab_title(*, name: str | None = None, progress: str | None = None) -> None:
    """Name the browser's tab after the page and its run, with what trains before them; None leaves a part as it is."""
    shown = st.session_state.get(TAB, {"progress": "", "name": PRODUCT})
    given = {"progress": progress, "name": name}
    shown = st.session_state[TAB] = {**shown, **{part: words for part, words in given.items() if words is not None}}
    parts = [shown["progress"], shown["name"], PRODUCT if shown["name"] != PRODUCT else ""]
    st.set_page_config(page_title=" · ".join(filter(None, parts)))
