"""Run folders: what each file is called (files), read (view), written and requested (run), found (store)."""

from __future__ import annotations

from core.runs.history import History
from core.runs.run import ID, NotYoursError, Run, RunError, ThresholdError
from core.runs.state import ENDED, STATES, State
from core.runs.store import RunStore
from core.runs.view import RunView

__all__ = [
    "ENDED",
    "ID",
    "STATES",
    "History",
    "NotYoursError",
    "Run",
    "RunError",
    "RunStore",
    "RunView",
    "State",
    "ThresholdError",
]
