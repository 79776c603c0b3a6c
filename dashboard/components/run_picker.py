"""Which run a page shows: the choice in the sidebar, and what the page says where there is no run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import streamlit as st

from core.runs import Run, RunView
from core.runs.starter import Starter
from dashboard.components.damage import show_damage
from dashboard.components.following import follow
from dashboard.components.formatting import percent
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


def run_label(run: RunView) -> str:
    """A run in one line: name and accuracy, or its state while it is active or has none."""
    accuracy, state = run.test_accuracy, run.state
    return f"{run.name} · {state.name if state.is_active or accuracy is None else percent(accuracy)}"


def runs_with_model() -> dict[str, RunView]:
    """The runs that have a model by their ids, newest first, the starter last."""
    starter = Starter()
    return {**_runs_with(lambda run: run.has_model), **({starter.id: starter} if starter.is_whole else {})}


def _runs_with(has: Callable[[Run], bool]) -> dict[str, Run]:
    return {run.id: run for run in store().runs() if not run.state.is_unreadable and has(run)}


def choose_run(label: str = "Run", *, needs: str = "probabilities") -> RunView | None:
    """Choose a run in the sidebar among those that have what the page `needs`; the choice is kept in the address.

    Without a choice it is the newest. The page says so where it shows another run than the chosen one. Where the chosen
    run was not found, or no run can be shown, it says so and returns None.

    Args:
        label: what the choice is called.
        needs: "probabilities" of the test set, a "model", or a "reader", which the starter is too; without that it is a
            `Run`.
    """
    runs = {
        "probabilities": lambda: _runs_with(lambda run: run.has_probabilities),
        "model": lambda: _runs_with(lambda run: run.has_model),
        "reader": runs_with_model,
    }[needs]()
    if missing := missing_run():
        _run_selectbox(label, runs, None)
        say_missing(missing)
        with st.container(horizontal=True):
            st.page_link(TRAIN_PAGE, label="All runs", icon=":material/list:")
            st.page_link(TRAIN_PAGE, label="Start a run", icon=":material/model_training:")
        return None
    if not runs:
        if run := store().get(chosen_run()) or next(iter(store().runs()), None):
            show_damage(run)
        st.info("This page needs a trained run. Train one first: the classic network takes a few seconds.")
        st.page_link(TRAIN_PAGE, label="Train a network", icon=":material/model_training:")
        return None
    run = runs[_shown(label, runs)]
    show_damage(run)
    return run


def choose_any_run(label: str = "Run") -> Run | None:
    """Choose a run of any state; None where there is none, or where the chosen one was not found."""
    runs = {run.id: run for run in store().runs()}
    if missing_run():
        _run_selectbox(label, runs, None)
        return None
    return runs[_shown(label, runs)] if runs else None


def say_missing(run_id: str) -> None:
    """Say that the chosen run was deleted or not found, by its name where a page showed it before."""
    open_run(run_id)
    name = known_name(run_id, f"Run {run_id}")
    if how := removal_of(run_id):
        st.info(f"{escape_markdown(name)} was {how}.", icon=":material/check:")
    else:
        st.warning(f"{escape_markdown(name)} was not found. It may have been deleted.", icon=":material/search_off:")


def _shown(label: str, runs: Mapping[str, RunView]) -> str:
    """The id of the chosen run where it is among `runs`, else of another one, which the page says; the choice stays."""
    chosen = chosen_run()
    shown = chosen if chosen in runs else next(iter(runs))
    follow(run for run in (store().get(chosen), runs[shown]) if run)
    remember_names({shown: runs[shown].name})
    _run_selectbox(label, runs, shown)
    open_run(chosen or shown)
    st.session_state["drawn_for"] = chosen or shown
    if chosen not in ("", shown):
        run = Starter() if chosen == Starter().id else store().get(chosen)
        if run:
            show_damage(run)
        name = escape_markdown(run.name if run else chosen)
        yet = " yet" if run and run.state.is_active else ""
        st.warning(
            f"{name} cannot be shown on this page{yet}. Showing {escape_markdown(runs[shown].name)} instead.",
            icon=":material/info:",
        )
        if not isinstance(run, Starter):
            link = {"label": f"Go to {name}", "icon": ":material/arrow_back:", "query_params": {"run": chosen}}
            st.page_link(TRAIN_PAGE, **link)
    return shown


def _run_selectbox(label: str, runs: Mapping[str, RunView], shown: str | None) -> None:
    """Show the choice of run; not bound to the address, where Streamlit would put the label, which changes."""
    labels = {run_id: run_label(run) for run_id, run in runs.items()}
    count = Counter(labels.values())
    labels = {run_id: label if count[label] == 1 else f"{label} · {run_id}" for run_id, label in labels.items()}
    today = {label: run_id for run_id, label in labels.items()}
    known = {**st.session_state.get("run_labels", {}), **today}  # also the labels that the browser may still show
    st.session_state["run_labels"] = today
    st.sidebar.selectbox(
        label,
        list(runs),
        index=None if shown is None else list(runs).index(shown),
        placeholder="Choose a run",
        format_func=lambda run_id: labels.get(run_id, run_id),
        **view(
            "run_choice",
            shown,
            lambda choice: open_run(known.get(choice, choice)),
            [shown, *runs, *known],
            labels.get(shown, ""),
        ),
    )
