"""What every page needs: the runs, the dataset (loaded once per process) and the chosen run."""

from __future__ import annotations

import threading
import time

import streamlit as st

from core.compute.job import Jobs
from core.compute.launcher import Launcher
from core.compute.queue import Active
from core.data import Dataset, DatasetError
from core.formatting import percent
from core.home import older_home
from core.inference.answer import LoadedModels
from core.runs import Run, RunStore, RunView
from core.runs.starter import Starter
from core.services import Services
from core.sweeps import Plan
from dashboard.components.address import recall, remember
from dashboard.components.text import escape_markdown

EVERY_PAGE = "every_page"  # under which the address keeps the chosen run
TRAIN_PAGE, TUNE_PAGE, COMPARE_PAGE = "app_pages/train.py", "app_pages/tune.py", "app_pages/compare.py"

first_page = threading.Event()  # set once a page was run for a browser
_services: Services | None = None
_making = threading.Lock()


def use(services: Services) -> None:
    """Let all pages of this process use these from now on; the server does this before the first page."""
    global _services
    _services = services


def services() -> Services:
    """What the server handed to its pages; made here where the pages run without it."""
    with _making:
        if _services is None:
            use(Services())
        return _services


def store() -> RunStore:
    """The runs."""
    return services().store


def models() -> LoadedModels:
    """The runs' exported models."""
    return services().models


def jobs() -> Jobs:
    """The background jobs."""
    return services().jobs


def launcher() -> Launcher:
    """What starts queued runs."""
    return services().launcher


def active(seconds: float) -> Active:
    """The runs that are queued or in training, as they were at most `seconds` ago."""
    return services().queue.recent(seconds)


def dataset() -> Dataset:
    """The dataset in use; shows progress while it loads, and stops the page with an error where it cannot be loaded."""
    digits = services().dataset_loader
    try:
        found = digits.outcome(0.3)
        bar = st.empty()
        while found is None:
            done, total = digits.progress
            words = f", {percent(done / total, 0)}" if total else f", {done / 1e6:.1f} MB" if done else ""
            bar.progress(min(done / total, 1.0) if total else 0.0, text=f"Loading the dataset{words}")
            found = digits.outcome(0.2)
        bar.empty()
    except DatasetError as error:
        dataset_error(error)
        st.stop()
    return found


def dataset_named(fingerprint: str) -> Dataset:
    """The dataset of this fingerprint; the one in use where none is named, or where that one is not here."""
    return services().datasets.of(fingerprint, dataset())


def dataset_of(run: RunView | None) -> Dataset:
    """The dataset that a run was trained on, or is to be; where it is not here, the one in use.

    `run.foreign_dataset` tells which of them it is.
    """
    return dataset_named(run.wanted_dataset if run else "")


def dataset_now() -> Dataset | None:
    """The dataset in use where it is loaded, without waiting."""
    try:
        return services().dataset_loader.outcome(0.0)
    except DatasetError:
        return None


def dataset_error(error: DatasetError) -> None:
    """Say why a dataset cannot be used, and show the program that makes one that can, where the error has one."""
    words, _, program = str(error).partition("\n")
    st.error(escape_markdown(words), icon=":material/database_off:")
    if program:
        st.code(program, language="python")


def dataset_note(found: Dataset) -> None:
    """Show the dataset's warnings and what looks wrong in it, and describe it where it is not MNIST."""
    for warning in found.warnings:
        words, _, program = warning.partition("\n")
        st.warning(escape_markdown(f"{words} The dataset in use is {found.name}."), icon=":material/database_off:")
        if program:
            st.code(program, language="python")
    for doubt in found.doubts:
        st.warning(escape_markdown(doubt), icon=":material/database_search:")
    if found.note is None:
        return
    name = escape_markdown(found.name) + ("" if found.is_mnist else ", not MNIST")
    counts = f"{len(found.x_train):,} training and {len(found.x_test):,} test images"
    with st.expander(f"**{name}** · {counts}", icon=":material/database:"):
        st.write(escape_markdown(found.note))


def older_runs_note() -> None:
    """Name the folder of runs of an earlier version, and the setting that shows them."""
    if older := older_home():
        st.caption("Older runs were found in the folder where Digit Lab was started. To see them, start it with:")
        st.code(f"DIGITLAB_HOME={older}", language=None)


def first_time(*request: object, seconds: float = 1.0) -> bool:
    """Whether this is not a repeat of a request made within the last `seconds`.

    Streamlit runs a callback twice where a click and a fragment's own rerun arrive together; and people double-click.
    """
    words, now = repr(request), time.monotonic()
    before, at = st.session_state.get("last_request", ("", 0.0))
    st.session_state["last_request"] = (words, now)
    return words != before or now - at > seconds


def open_run(run_id: str) -> None:
    """Make this the chosen run on every page, and put it into the address."""
    remember(EVERY_PAGE, "run", run_id)


def open_sweep(sweep_id: str) -> None:
    """Make this the sweep that Tune shows."""
    remember("tune", "sweep", sweep_id)


def begin_sweep(plan: Plan) -> None:
    """In a callback: begin a sweep, and show it on Tune when the page runs next."""
    open_sweep(services().sweeps.create(plan).id)
    st.session_state["go_to_tune"] = True


def delete_run(run: Run) -> None:
    """Delete a run; one that trains is stopped and deleted once its worker has ended, even if the page is closed.

    It stays the chosen one, so that the page says that it was deleted and links to the others.
    """
    services().delete_run(run)
    remember_removal(run, "deleted")


def remember_removal(run: Run, how: str) -> None:
    """Remember that a run was "deleted" or "cancelled" in this session, to say so when it is looked for."""
    st.session_state["gone"] = {**st.session_state.get("gone", {}), run.id: how}


def removal_of(run_id: str) -> str:
    """How a run was removed in this session, "deleted" or "cancelled"; else ""."""
    return st.session_state.get("gone", {}).get(run_id, "")


def chosen_run() -> str:
    """The id of the run in the address, or else the one chosen on another page; "" where there is neither."""
    return recall(EVERY_PAGE, "run")


def current_choice(run: Run) -> Run:
    """In a callback: the chosen run, which may differ from `run` where a choice and a click arrive together."""
    chosen = chosen_run()
    return run if chosen == st.session_state.get("drawn_for") else store().get(chosen) or run


def missing_run() -> str:
    """The id of the chosen run where it does not exist, for instance because it was deleted; else ""."""
    chosen = chosen_run()
    return "" if chosen in ("", Starter().id) or store().get(chosen) else chosen


def remember_names(names: dict[str, str]) -> None:
    """Remember the names of the runs on the page, to name those that are deleted later."""
    st.session_state["run_names"] = {**st.session_state.get("run_names", {}), **names}


def known_name(run_id: str, otherwise: str = "") -> str:
    """The name of a run that a page showed before, or `otherwise`, or its id."""
    return st.session_state.get("run_names", {}).get(run_id, otherwise or run_id)
