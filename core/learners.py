"""What a person has done of the lessons: a small file for each browser, in the home's folder `learners`."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.storage import read_json, write_json

FOLDER = "learners"
MOST_LESSONS, MOST_KEPT, MOST_LETTERS = 500, 60, 200  # of a learner, of a lesson, of a prediction
_ID = re.compile(r"[0-9a-f]{32}")
_changing = threading.Lock()


@dataclass(frozen=True)
class LessonProgress:
    """How far a lesson was done.

    Attributes:
        step: where it is open, from 0.
        done: whether its last step was reached once.
        predictions: what was predicted, by the number of its step, from 0.
        runs: the ids of the learner's runs by their names in the lesson.
    """

    step: int = 0
    done: bool = False
    predictions: Mapping[int, str] = field(default_factory=dict)
    runs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Learner:
    """The lesson that is open, "" where none is, whether its guide is folded, and the progress of each lesson."""

    active: str = ""
    folded: bool = False
    lessons: Mapping[str, LessonProgress] = field(default_factory=dict)

    def progress(self, lesson: str) -> LessonProgress:
        """How far a lesson was done."""
        return self.lessons.get(lesson, LessonProgress())

    def with_progress(self, lesson: str, **changes: Any) -> Learner:
        """The learner with other progress of a lesson."""
        return replace(self, lessons={**self.lessons, lesson: replace(self.progress(lesson), **changes)})


def is_learner_id(text: object) -> bool:
    """Whether a text names a learner: 32 hexadecimal digits."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def learner_of(person_id: str) -> str:
    """The id of the learner that a person of a class is."""
    return f"{person_id:0<32}"


def forget_learner(home: Path, learner: str) -> None:
    """Remove what a learner has done.

    Raises:
        OSError: where it cannot be removed.
    """
    with _changing:
        _path(home, learner).unlink(missing_ok=True)


def read_learner(home: Path, learner: str) -> Learner:
    """What a learner has done; nothing where the file is missing or damaged."""
    return read_json(_path(home, learner), _checked)


def change_learner(home: Path, learner: str, change: Callable[[Learner], Learner]) -> Learner:
    """Change what a learner has done, one change after the other.

    Raises:
        OSError: where it cannot be written.
    """
    with _changing:
        changed = change(read_learner(home, learner))
        path = _path(home, learner)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(changed))
    return changed


def _path(home: Path, learner: str) -> Path:
    if not is_learner_id(learner):
        raise ValueError(f"{learner!r} names no learner.")
    return home / FOLDER / f"{learner}.json"


def _checked(value: Any) -> Learner:
    value = value if isinstance(value, dict) else {}
    lessons = value.get("lessons")
    known = list(lessons.items())[:MOST_LESSONS] if isinstance(lessons, dict) else []
    return Learner(
        active=value["active"] if isinstance(value.get("active"), str) else "",
        folded=value.get("folded") is True,
        lessons={name: _lesson(progress) for name, progress in known if isinstance(progress, dict)},
    )


def _lesson(value: dict) -> LessonProgress:
    step = value.get("step")
    return LessonProgress(
        step=step if isinstance(step, int) and not isinstance(step, bool) and 0 <= step < 1000 else 0,
        done=value.get("done") is True,
        predictions={int(at): text for at, text in _texts(value.get("predictions")) if re.fullmatch(r"\d{1,3}", at)},
        runs=dict(_texts(value.get("runs"))),
    )


def _texts(value: Any) -> list[tuple[str, str]]:
    pairs = list(value.items())[:MOST_KEPT] if isinstance(value, dict) else []
    return [(name, text[:MOST_LETTERS]) for name, text in pairs if isinstance(text, str)]
