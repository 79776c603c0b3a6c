"""What every page needs: the runs, the dataset (loaded once per process) and a choice of run."""

from __future__ import annotations

import threading
import time
from functools import lru_cache

import streamlit as st

from core.compute.job import Jobs
from core.compute.launcher import Launcher
from core.data import Dataset, DatasetError
from core.data.loader import loading
from core.home import older_home
from core.runs import Run, RunStore
from core.runs.starter import Starter
from dashboard.components.address import recall, remember
from dashboard.components.text import escape_markdown

EVERY_PAGE = "every_page"  # whose the chosen run is, in the address
TRAIN_PAGE = "app_pages/train.py"

first_page = threading.Event()  # set once a page was run for a browser


@lru_cache(maxsize=1)
def store() -> RunStore:
    """All runs of DIGITLAB_HOME."""
    return RunStore()


@lru_cache(maxsize=1)
def jobs() -> Jobs:
    """The background jobs of this process."""
    return Jobs()


@lru_cache(maxsize=1)
def launcher() -> Launcher:
    """The launcher of this process, which the server starts and closes."""
    return Launcher(store())


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
    """Forget store, jobs, launcher and dataset, so that tests can point them elsewhere."""
    loading.cache_clear()
    for made_once in (store, jobs, launcher):
        made_once.cache_clear()


def first_time(*asked: object, seconds: float = 1.0) -> bool:
    """Whether this was not asked a moment ago, within `seconds`.

    Streamlit runs a callback twice where a click and a fragment's own rerun arrive together; and people double-click.
    """
    words, now = repr(asked), time.monotonic()
    before, at = st.session_state.get("asked", ("", 0.0))
    st.session_state["asked"] = (words, now)
    return words != before or now - at > seconds


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
