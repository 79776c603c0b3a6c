"""Which run a page shows: the choice in the sidebar, and what the page says where there is no run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import streamlit as st

from core.runs import RunView
from core.runs.kept import accuracy_of, until_folder_changes
from core.runs.starter import Starter
from dashboard.components.actions import note_failure, note_success
from dashboard.components.damage import show_damage
from dashboard.components.following import follow
from dashboard.components.formatting import percent
from dashboard.components.progress import per_cent_done, progress_in_words
from dashboard.components.session import (
    TRAIN_PAGE,
    chosen_run,
    known_name,
    missing_run,
    open_run,
    remember_names,
    removal_of,
    store,
)
from dashboard.components.text import escape_markdown
from dashboard.components.views import view
from dashboard.components.whose import listed, own, owners_behind

MOST_LISTED = 200  # runs, the newest, in a list to choose from: the browser gets all of it
STARTER_LACKS = "The starter is shipped without its predictions and its history."


def run_label(run: RunView) -> str:
    """A run in one line: name and accuracy, or its state while it is active or has none; whose it is between them."""
    return run_labels([run])[run.id]


def run_labels(runs: Iterable[RunView]) -> dict[str, str]:
    """The label of each run by its id, as in `run_label`."""
    runs = list(runs)
    behind = owners_behind(runs)
    return {run.id: behind[run.id].join(_name_and_rest(run)) for run in runs}


@until_folder_changes
def _name_and_rest(run: RunView) -> tuple[str, str]:
    accuracy, state = run.test_accuracy, run.state
    return run.name, f" · {state.name if state.is_active or accuracy is None else percent(accuracy)}"


def runs_with_model() -> dict[str, RunView]:
    """The runs in lists that have a model by their ids, newest first, the starter last."""
    runs = (*listed(store().runs(), chosen_run()), Starter())
    return {run.id: run for run in runs if _has(run, "reader")}


def _has(run: RunView, needs: str) -> bool:
    """Whether a run has what a page needs, as in `choose_run`."""
    if needs == "any":
        return True
    if isinstance(run, Starter):
        return needs == "reader" and run.is_whole
    return not run.state.is_unreadable and (run.has_probabilities if needs == "probabilities" else run.has_model)


@dataclass(frozen=True)
class Choice:
    """The run that a page is about.

    Attributes:
        run: the chosen run, or one's own newest that the page can show; None where there is none.
        missing: the id of the chosen run where it was not found, else "".
        needs: what the page needs of a run, as in `choose_run`.
        instead: the run itself where the page can show it, else the best one that it can, None without any.
    """

    run: RunView | None
    missing: str
    needs: str
    instead: RunView | None

    @property
    def is_suited(self) -> bool:
        """Whether the page can show the run."""
        return self.run is not None and self.instead is self.run


def choose_run(label: str = "Run", *, needs: str, trainable: bool = False) -> Choice:
    """Choose a run in the sidebar; it stays the chosen one on every page, also where a page cannot show it yet.

    Where none is chosen, it is the newest of one's own that the page can show, never another's.

    Args:
        label: what the choice is called.
        needs: "any" run, "probabilities" of the test set, a "model", or a "reader", which the starter is too; without
            that it is a `Run`.
        trainable: whether it must be a run that can be trained, which the starter cannot, even where it
            was chosen before.
    """
    chosen = chosen_run()
    starter = not trainable and (chosen == Starter().id or (needs in ("reader", "any") and Starter().is_whole))
    shipped = [Starter()] if starter else []
    runs = {run.id: run for run in (*listed(store().runs(), chosen), *shipped)}
    if missing := missing_run():
        _run_selectbox(label, runs, None)
        return Choice(None, missing, needs, None)
    suited = (run for run in runs.values() if _has(run, needs))  # read one by one, as far as they are asked for
    run = runs.get(chosen)
    if run is None:
        mine = [*own(store().runs()), *shipped]
        run = next((run for run in mine if _has(run, needs)), next(iter(mine), None))
    if run is None:
        if runs:
            _run_selectbox(label, runs, None)
        return Choice(None, "", needs, None)
    follow([run])
    remember_names({run.id: run.name})
    _run_selectbox(label, runs, run.id)
    open_run(run.id)
    st.session_state["drawn_for"] = run.id
    return Choice(run, "", needs, run if _has(run, needs) else _best(suited))


def _best(runs: Iterable[RunView]) -> RunView | None:
    """The run with the highest test accuracy, the starter only where it is the only one; None without runs."""
    return max(runs, key=lambda run: (not isinstance(run, Starter), accuracy_of(run)), default=None)


def say_why_not(choice: Choice, about: str) -> bool:
    """Say why the page cannot show the choice, and what to do; returns whether that is so.

    Damage of a run that can be shown is named too.

    Args:
        choice: the run that the page is about.
        about: what the page shows, which it says where there is no run at all.
    """
    if choice.missing:
        say_missing(choice.missing)
        with st.container(horizontal=True):
            st.page_link(TRAIN_PAGE, label="All runs", icon=":material/list:")
            st.page_link(TRAIN_PAGE, label="Start a run", icon=":material/model_training:")
    elif choice.run is None:
        st.markdown(about)
        lead_to_training("This page needs a trained run. Train one first: the classic network takes a few seconds.")
    else:
        show_damage(choice.run)
        if choice.is_suited:
            return False
        if choice.instead is None and isinstance(choice.run, Starter):  # there is no other one to choose
            st.markdown(about)
            lead_to_training(f"{STARTER_LACKS} Train a network of your own: the classic one takes a few seconds.")
            return True
        st.info(escape_markdown(_why_not(choice.run, choice.needs)), icon=":material/info:")
        if choice.run.state.is_active:
            _show_progress(choice.run)
        with st.container(horizontal=True, vertical_alignment="center"):
            if other := choice.instead:
                words = f"Show {escape_markdown(run_label(other))}"
                st.button(words, key="show_instead", on_click=open_run, args=(other.id,), icon=":material/swap_horiz:")
            if not isinstance(choice.run, Starter):
                st.page_link(
                    TRAIN_PAGE, label=f"Go to {escape_markdown(choice.run.name)}", icon=":material/model_training:"
                )
    return True


def lead_to_training(why: str, words: str = "Train a network") -> None:
    """Say why a page has too few runs to show anything, with a button that leads to Train."""
    st.info(escape_markdown(why))
    if st.button(words, icon=":material/model_training:", type="primary"):
        st.switch_page(TRAIN_PAGE)


@st.fragment(run_every=1.0)
def _show_progress(run: RunView) -> None:
    st.progress(per_cent_done(run), text=progress_in_words(run).capitalize())


def _why_not(run: RunView, needs: str) -> str:
    """Why a run cannot be shown on a page that needs this, as sentences."""
    if isinstance(run, Starter):
        return f"{STARTER_LACKS} Choose a run that was trained here."
    if run.state.is_unreadable:
        return f"{run.name} cannot be read. Choose another run."
    what, when = ("predictions", "the first epoch") if needs == "probabilities" else ("model", "its training")
    if run.state.is_active:
        return f"{run.name} has no {what} yet. This page opens by itself after {when}."
    return f"{run.name} has no {what}: it ended before {when} was complete."


def say_missing(run_id: str) -> None:
    """Say that the chosen run was deleted or not found, by its name where a page showed it before."""
    open_run(run_id)
    name = known_name(run_id, f"Run {run_id}")
    if how := removal_of(run_id):
        st.info(f"{escape_markdown(name)} was {how}.", icon=":material/check:")
    else:
        st.warning(f"{escape_markdown(name)} was not found. It may have been deleted.", icon=":material/search_off:")


def _run_selectbox(label: str, runs: Mapping[str, RunView], shown: str | None) -> None:
    """Show the choice among the newest runs, to which an older one's name can be typed.

    It is not bound to the address, where Streamlit would put the label, which changes.
    """
    choices = newest(runs, shown, Starter().id)
    labels = run_labels([runs[run_id] for run_id in choices])
    count = Counter(labels.values())
    labels = {run_id: label if count[label] == 1 else f"{label} · {run_id}" for run_id, label in labels.items()}
    today = {label: run_id for run_id, label in labels.items()}
    known = {**st.session_state.get("run_labels", {}), **today}  # also the labels that the browser may still show
    st.session_state["run_labels"] = today
    has_more = len(choices) < len(runs)
    others = "Type the name of an older one and press Enter, or find it on Compare."
    told = f"The newest {MOST_LISTED} of {len(runs):,}. {others}"
    st.sidebar.selectbox(
        label,
        choices,
        index=None if shown is None else choices.index(shown),
        placeholder="Choose a run",
        format_func=lambda run_id: labels.get(run_id, run_id),
        accept_new_options=has_more,
        help=told if has_more else None,
        **view(
            "run_choice",
            shown,
            lambda choice: open_run(known.get(choice, choice)) if choice in (*choices, *known) else _open_typed(choice),
            None if has_more else [shown, *choices, *known],
            labels.get(shown, ""),
        ),
    )


def newest(run_ids: Iterable[str], *others: str | None) -> list[str]:
    """The ids of a list to choose from, as far as they are among `run_ids`: the newest, and behind them the others."""
    known = list(run_ids)
    return [*dict.fromkeys([*known[:MOST_LISTED], *(each for each in others if each in known)])]


def _open_typed(words: str | None) -> None:
    """Open the run of this id, or the newest of this name or with these words in it."""
    if not words:
        return
    found = [words] if store().get(words) else _named(words)
    if not found:
        note_failure(f"No run has “{words}” in its name.")
        return
    open_run(found[0])
    if len(found) > 1:
        note_success(f"The newest of {len(found):,} runs with “{words}” in their names.")


def _named(typed: str) -> list[str]:
    """The ids of the runs that are meant, newest first; what follows the last dot may be a state that is past."""
    names = {run_id: name.casefold() for run_id, name in store().names().items()}
    words, name = typed.casefold().strip(), typed.casefold().rpartition(" · ")[0]
    same = [run_id for run_id, each in names.items() if each == words][:1]
    alike = [run_id for run_id, each in names.items() if all(word in each for word in words.split())]
    return same or alike or [run_id for run_id, each in names.items() if each == name][:1]
