"""What every page needs: the runs, the dataset (loaded once per process) and a choice of run."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from core.data import Dataset, DatasetError
from core.data.loader import loading
from core.home import older_home
from core.runs import Run, RunStore
from core.runs.starter import Starter
from dashboard.components.address import recall, remember
from dashboard.components.damage import show_damage
from dashboard.components.following import follow
from dashboard.components.formatting import percent
from dashboard.components.text import escape_markdown
from dashboard.components.views import view

EVERY_PAGE = "every_page"  # whose the chosen run is, in the address
TRAIN_PAGE = "app_pages/train.py"

first_page = threading.Event()  # set once a page was run for a browser


@lru_cache(maxsize=1)
def store() -> RunStore:
    """All runs of DIGITLAB_HOME."""
    return RunStore()


def dataset() -> Dataset:
    """The dataset; shows progress while it loads, and stops the page where it cannot be had."""
    try:
        found = loading().outcome(0.3)
        bar = st.empty()
        while found is None:
            done, total = loading().progress
            words = f"Downloading MNIST, {done / 1e6:.1f} MB" if done else "Loading the dataset"
            bar.progress(done / total if total else 0.0, text=words)
            found = loading().outcome(0.2)
        bar.empty()
    except DatasetError as error:
        st.error(escape_markdown(error), icon=":material/database_off:")
        st.stop()
    return found


def dataset_note(found: Dataset) -> None:
    """Say which data this is where it is not MNIST, and in sight what someone should repair."""
    for warning in found.warnings:
        words = escape_markdown(f"{warning} The dataset in use is {found.name}.")
        st.warning(words, icon=":material/database_off:")
    if found.note is None:
        return
    counts = f"{len(found.x_train):,} training and {len(found.x_test):,} test images"
    with st.expander(f"**{escape_markdown(found.name)}, not MNIST** · {counts}", icon=":material/database:"):
        st.write(escape_markdown(found.note))


def older_runs_note() -> None:
    """Say where earlier versions kept runs, where this was started, and how to see them."""
    if older := older_home():
        st.caption("There are older runs in the folder where this was started. To see them, start with this setting:")
        st.code(f"DIGITLAB_HOME={older}", language=None)


def forget_loaded() -> None:
    """Forget store and dataset, so that tests can point them elsewhere."""
    loading.cache_clear()
    store.cache_clear()


def first_time(*asked: object, seconds: float = 1.0) -> bool:
    """Whether this was not asked a moment ago, within `seconds`.

    Streamlit runs a callback twice where a click and a fragment's own rerun arrive together; and people double-click.
    """
    words, now = repr(asked), time.monotonic()
    before, at = st.session_state.get("asked", ("", 0.0))
    st.session_state["asked"] = (words, now)
    return words != before or now - at > seconds


def run_label(run: Run) -> str:
    """A run in one line: name and accuracy, or its state while it is active or has none."""
    accuracy, state = run.test_accuracy, run.state
    return f"{run.name} · {state.name if state.is_active or accuracy is None else percent(accuracy)}"


def readers() -> dict[str, Run]:
    """The runs that can read digits by their ids, newest first, the starter last."""
    starter = Starter()
    return {**_runs_with(lambda run: run.has_model), **({starter.id: starter} if starter.is_whole else {})}


def _runs_with(has: Callable[[Run], bool]) -> dict[str, Run]:
    return {run.id: run for run in store().runs() if run.state.name != "damaged" and has(run)}


def choose_run(label: str = "Run", *, needs: str = "probabilities") -> Run | None:
    """A choice in the sidebar, kept in the address, of the runs that have what it `needs`.

    Without a choice it is the newest. The page says so where it shows another run than the chosen one, where the chosen
    one was not found, and where no run can be shown; the last two are None.

    Args:
        label: what the choice is called.
        needs: "probabilities" of the test set, a "model", or a "reader", which the starter is too.
    """
    runs = {
        "probabilities": lambda: _runs_with(lambda run: run.has_probabilities),
        "model": lambda: _runs_with(lambda run: run.has_model),
        "reader": readers,
    }[needs]()
    if missing := missing_run():
        _run_selectbox(label, runs, None)
        say_missing(missing)
        with st.container(horizontal=True):
            st.page_link(TRAIN_PAGE, label="All runs", icon=":material/list:")
            st.page_link(TRAIN_PAGE, label="Start one", icon=":material/model_training:")
        return None
    if not runs:
        if run := store().get(chosen_run()) or next(iter(store().runs()), None):
            show_damage(run)
        st.info("No run has got this far yet. Train one: the classic network takes a few seconds.")
        st.page_link(TRAIN_PAGE, label="Train a network", icon=":material/model_training:")
        return None
    run = runs[_shown(label, runs)]
    show_damage(run)
    return run


def choose_any_run(label: str = "Run") -> Run | None:
    """A choice of all runs, whatever their state; None where there is none, or where the chosen one was not found."""
    runs = {run.id: run for run in store().runs()}
    if missing_run():
        _run_selectbox(label, runs, None)
        return None
    return runs[_shown(label, runs)] if runs else None


def open_run(run_id: str) -> None:
    """Let this be the chosen run on every page from now on, and put it into the address."""
    remember(EVERY_PAGE, "run", run_id)


def delete_run(run: Run) -> None:
    """Delete a run, one that trains when its worker has ended, whatever becomes of the page.

    It stays the chosen one, so that the page says that it is gone and leads to the others.
    """
    if run.has_worker():
        run.discard()
    else:
        store().delete(run)
    note_gone(run, "deleted")


def note_gone(run: Run, how: str) -> None:
    """Remember that somebody at this page had a run "deleted" or "cancelled", for when it is looked for."""
    st.session_state["gone"] = {**st.session_state.get("gone", {}), run.id: how}


def how_gone(run_id: str) -> str:
    """What somebody at this page did to a run that is gone, "deleted" or "cancelled"; else ""."""
    return st.session_state.get("gone", {}).get(run_id, "")


def chosen_run() -> str:
    """The id of the run that somebody chose: in the address or else on another page; "" where nobody did."""
    return recall(EVERY_PAGE, "run")


def chosen_since(run: Run) -> Run:
    """In a callback: the run that was chosen since the page showed `run`, where choice and click come at once."""
    chosen = chosen_run()
    return run if chosen == st.session_state.get("drawn_for") else store().get(chosen) or run


def missing_run() -> str:
    """The id of the chosen run where there is no such run, because it was deleted for instance; else ""."""
    chosen = chosen_run()
    return "" if chosen in ("", Starter().id) or store().get(chosen) else chosen


def know_names(names: dict[str, str]) -> None:
    """Remember what runs on the page are called, for when they are gone."""
    st.session_state["run_names"] = {**st.session_state.get("run_names", {}), **names}


def known_name(run_id: str, otherwise: str = "") -> str:
    """What a run was called that was on a page before; `otherwise`, or its id, where none of that id was."""
    return st.session_state.get("run_names", {}).get(run_id, otherwise or run_id)


def say_missing(run_id: str) -> None:
    """Say that the chosen run was not found, by its name where it was on the page before."""
    open_run(run_id)
    name = known_name(run_id, f"Run {run_id}")
    if how := how_gone(run_id):
        st.info(f"{escape_markdown(name)} was {how}.", icon=":material/check:")
    else:
        st.warning(f"{escape_markdown(name)} was not found. It may have been deleted.", icon=":material/search_off:")


def _shown(label: str, runs: dict[str, Run]) -> str:
    """The chosen run where it is among `runs`; else another one, which the page then says. The choice stays."""
    chosen = chosen_run()
    shown = chosen if chosen in runs else next(iter(runs))
    follow(run for run in (store().get(chosen), runs[shown]) if run)
    know_names({shown: runs[shown].name})
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
            f"{name} has nothing to show here{yet}. Showing {escape_markdown(runs[shown].name)} instead.",
            icon=":material/info:",
        )
        if not isinstance(run, Starter):
            link = {"label": f"Go to {name}", "icon": ":material/arrow_back:", "query_params": {"run": chosen}}
            st.page_link(TRAIN_PAGE, **link)
    return shown


def _run_selectbox(label: str, runs: dict[str, Run], shown: str | None) -> None:
    """The choice itself; it is not bound to the address, where Streamlit would put the label, which changes."""
    labels = {run_id: run_label(run) for run_id, run in runs.items()}
    count = Counter(labels.values())
    labels = {run_id: label if count[label] == 1 else f"{label} · {run_id}" for run_id, label in labels.items()}
    today = {label: run_id for run_id, label in labels.items()}
    known = {**st.session_state.get("run_labels", {}), **today}  # also what they were called on the page before
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
