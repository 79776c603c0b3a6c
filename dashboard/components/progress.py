"""How far a run in training is, in a few words."""

from __future__ import annotations

from core.runs import RunView
from dashboard.components.formatting import duration_in_words


def share_done(run: RunView) -> float:
    """The share of a run's epochs that is trained, 0 to 1."""
    return run.history().share_done(max(1, run.state.target_epochs))


def per_cent_done(run: RunView) -> str:
    """The share of a run's epochs that is trained, "31 %"."""
    return f"{100 * share_done(run):.0f} %"


def progress_in_words(run: RunView) -> str:
    """How far a run in training is: "31 % · 4 s left", "waiting" or "finishing"."""
    state, history = run.state, run.history()
    if state.name == "queued":
        return "waiting"
    if history.phase == "finishing":
        return "finishing"
    seconds = history.seconds_left(state.target_epochs)
    return per_cent_done(run) + ("" if seconds is None else f" · {duration_in_words(seconds)} left")
