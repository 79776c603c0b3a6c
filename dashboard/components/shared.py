"""What every page needs: the runs, the dataset (loaded once per process) and a choice of run."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import streamlit as st

from core.data import Dataset, DatasetError
from core.home import older_home
from core.loading import loading
from core.runs import Run, RunStore
from core.starter import Starter

TRAIN_PAGE = "app_pages/train.py"
SIGMOID_SENTENCE = (
    "The classic network ends in ten sigmoid scores, which do not sum to 1. Keras trains them by the values before the "
    "sigmoid, as it would train a softmax; so the softmax of those values is what is shown as probabilities."
)
STATE_ICONS = {
    "queued": ":material/hourglass_empty:",
    "running": ":material/play_circle:",
    "paused": ":material/pause_circle:",
    "finished": ":material/check_circle:",
    "stopped": ":material/stop_circle:",
    "failed": ":material/error:",
    "interrupted": ":material/power_off:",
    "damaged": ":material/broken_image:",
}

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
        st.error(str(error), icon=":material/database_off:")
        st.stop()
    return found


def dataset_note(found: Dataset) -> None:
    """Say which data this is where it is not MNIST, or what went wrong on the way to it."""
    if found.note is None:
        return
    title = "About the data" if found.is_mnist else f"{found.name}, not MNIST"
    counts = f"{len(found.x_train):,} training and {len(found.x_test):,} test images"
    with st.expander(f"**{title}** · {counts}", icon=":material/database:"):
        st.write(found.note)


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


def percent(fraction: float | None) -> str:
    """A fraction as "97.69 %", "–" for None."""
    return "–" if fraction is None else f"{100 * fraction:.2f} %"


def run_label(run: Run) -> str:
    """A run in one line: name and accuracy, or its state while there is none."""
    accuracy = run.test_accuracy
    return f"{run.name} · {run.state.name if accuracy is None else percent(accuracy)}"


def readers() -> dict[str, Run]:
    """The runs that can read digits by their ids, newest first, the starter last."""
    starter = Starter()
    return {**_runs_with(lambda run: run.has_model), **({starter.id: starter} if starter.is_whole else {})}


def _runs_with(has: Callable[[Run], bool]) -> dict[str, Run]:
    return {run.id: run for run in store().runs() if run.state.name != "damaged" and has(run)}


def choose_run(label: str = "Run", *, needs: str = "probabilities") -> Run | None:
    """A choice in the sidebar, kept in the address, of the runs that have what it `needs`.

    Without a choice it is the newest. Where there is none at all, the page says so and leads to training.

    Args:
        label: what the choice is called.
        needs: "probabilities" of the test set, a "model", or a "reader", which the starter is too.
    """
    runs = {
        "probabilities": lambda: _runs_with(lambda run: run.probabilities() is not None),
        "model": lambda: _runs_with(lambda run: run.has_model),
        "reader": readers,
    }[needs]()
    if not runs:
        st.info("No run has got this far yet. Train one: the classic network takes a few seconds.")
        st.page_link(TRAIN_PAGE, label="Train a network", icon=":material/model_training:")
        return None
    return runs[_choice(label, runs)]


def choose_any_run(label: str = "Run") -> Run | None:
    """The same choice of all runs, whatever their state; None where there is none."""
    runs = {run.id: run for run in store().runs()}
    return runs[_choice(label, runs)] if runs else None


def open_run(run_id: str) -> None:
    """Show this run on every page from now on, and put it into the address."""
    st.session_state["run"] = st.query_params["run"] = run_id


def _choice(label: str, runs: dict[str, Run]) -> str:
    """The address decides, then what was open on another page, then the newest.

    The widget itself is not bound to the address: Streamlit would put the label there, which changes as a run goes on.
    """
    wanted = st.query_params.get("run") or st.session_state.get("run")
    chosen = wanted if wanted in runs else next(iter(runs))
    if wanted not in (None, chosen, Starter().id):
        missed = store().get(wanted)
        what = f"{missed.name}, which is {missed.state.name}, has" if missed else f"{wanted} is no run here, so it has"
        st.warning(f"{what} nothing to show on this page. This is {runs[chosen].name}.", icon=":material/info:")
    labels = {run_id: run_label(run) for run_id, run in runs.items()}
    twice = {label for label, count in Counter(labels.values()).items() if count > 1}
    open_run(chosen)
    st.session_state["run_choice"] = chosen
    st.sidebar.selectbox(
        label,
        list(runs),
        key="run_choice",
        on_change=lambda: open_run(st.session_state["run_choice"]),
        format_func=lambda run_id: (
            f"{labels[run_id]} · {run_id}" if labels.get(run_id) in twice else labels.get(run_id)
        ),
    )
    return chosen
