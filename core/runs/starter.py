"""The starter: a network that was trained here and is shipped, so that Draw answers before anything is trained.

It is in core/starter/; `python -m core.training.make_starter` trains it anew.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.runs.state import State
from core.runs.view import RunView
from core.storage import until_changed

FOLDER = Path(__file__).parents[1] / "starter"


class Starter(RunView):
    """The shipped network as a run that has ended, with only a model and its summary."""

    def __init__(self) -> None:
        super().__init__(FOLDER)

    @property
    def name(self) -> str:
        """What people call it."""
        return "Starter"

    @property
    def state(self) -> State:
        """Always finished."""
        return State("finished")

    def damage(self) -> tuple[str, ...]:
        """Nothing: it has no more than a model and a summary, and whether these are whole `is_whole` tells."""
        return ()

    @property
    def is_whole(self) -> bool:
        """Whether the model is the one that the summary tells of."""
        fingerprint = sha256(self.model_path)
        return fingerprint is not None and (self.summary or {}).get("sha256") == fingerprint


def sha256(path: Path) -> str | None:
    """The SHA-256 of a file in hexadecimal digits, None where it cannot be read."""
    try:
        return _hash(path)
    except OSError:
        return None


@until_changed(maxsize=4)
def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
