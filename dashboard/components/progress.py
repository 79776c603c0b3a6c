"""How far a run in training is, in a few words."""

from __future__ import annotations

from core.runs import RunView
from dashboard.components.formatting import duration_in_words


def per_cent_done(run: RunView) -> int:
    """The share of a run's epochs that is trained, in whole per cent: 100 when all of them are."""
    share = run.history().share_done(max(1, run.state.target_epochs))
    return min(100, max(0, int(100 * share + 1e-9)))


def progress_in_words(run: RunView) -> str:
    """How far a run in training is: "31 % · 4 s left", "waiting" or "finishing"."""
    state, history = run.state, run.history()
    if state.name == "queued":
        return "waiting"
    if history.phase == "finishing":
        return "finishing"
    seconds = history.seconds_left(state.target_epochs)
    return f"{per_cent_done(run)} %" + ("" if seconds is None else f" · {duration_in_words(seconds)} left")
