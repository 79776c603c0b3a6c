"""All lessons: those of the program, and those that a person put into the home's folder `lessons`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.config import ConfigError
from core.storage import explain_os_error
from dashboard.components.learn.lesson import Lesson, LessonError, read_lesson
from dashboard.components.learn.places import HIGHLIGHTS, PAGES
from dashboard.components.train.settings import settings_from

OWN = Path(__file__).parents[2] / "lessons"
FOLDER = "lessons"  # in the home
MEASURED = OWN / "measured.json"  # by `python -m benchmarks.lessons`
GLOSSARY = "glossary.md"
MOST_LESSONS = 200


@dataclass(frozen=True)
class Broken:
    """A file that is no lesson, and why, in words."""

    path: Path
    why: str


_known: dict[Path, tuple[int, Lesson | Broken]] = {}  # each file with the time of its last change


def lessons(home: Path) -> list[Lesson]:
    """The lessons in the order of their files' names, the program's own first; one of a known name is replaced."""
    found: dict[str, Lesson] = {}
    for each in _all(home):
        if isinstance(each, Lesson):
            found[each.name] = each
    return list(found.values())


def broken_lessons(home: Path) -> list[Broken]:
    """The files among the lessons that cannot be read."""
    return [each for each in _all(home) if isinstance(each, Broken)]


def _all(home: Path) -> list[Lesson | Broken]:
    return [_read(path) for folder in (OWN, home / FOLDER) for path in _files(folder)]


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.md")) if path.name != GLOSSARY][:MOST_LESSONS]


def _read(path: Path) -> Lesson | Broken:
    try:
        changed = path.stat().st_mtime_ns
        if path not in _known or _known[path][0] != changed:
            _known[path] = changed, checked(read_lesson(path))
    except LessonError as error:
        _known[path] = changed, Broken(path, str(error))
    except OSError as error:
        return Broken(path, explain_os_error(error))
    return _known[path][1]


def checked(lesson: Lesson) -> Lesson:
    """The lesson, whose pages, places and settings are known.

    Raises:
        LessonError: where one is not.
    """
    for name, settings in lesson.runs.items():
        try:
            settings_from(settings)
        except ConfigError as error:
            raise LessonError(lesson.run_lines[name], str(error)) from error
    for step in lesson.steps:
        pages = [page for page in (step.page, step.wait.page if step.wait else "") if page]
        if unknown := [page for page in pages if page not in PAGES]:
            raise LessonError(step.line, f"There is no page {unknown[0]!r}. There are: {', '.join(PAGES)}.")
        if step.highlight and step.highlight not in HIGHLIGHTS:
            known = ", ".join(HIGHLIGHTS)
            raise LessonError(step.line, f"There is no place {step.highlight!r} to highlight. There are: {known}.")
    return lesson
