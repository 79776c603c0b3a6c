"""The person in front of a page: what he has done of the lessons, kept for his browser in the home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from uuid import uuid4

import streamlit as st

from core.config import ConfigError, TrainingConfig
from core.learners import Learner, change_learner, is_learner_id, learner_of, read_learner
from core.people import refusal_to_make
from core.runs import Run, RunView
from core.runs.kept import until_folder_changes
from dashboard.components.learn.lesson import Lesson
from dashboard.components.learn.library import lessons
from dashboard.components.people import this_person
from dashboard.components.session import store
from dashboard.components.train.settings import settings_from

COOKIE = "digitlab_learner"
KEY = "learner"
TEN_YEARS = 315_360_000  # seconds


def learner_id() -> str:
    """The id of this browser's learner; a new one where its cookie has not come yet."""
    if person := this_person():
        return learner_of(person.id)
    known = st.context.cookies.get(COOKIE, "")
    if is_learner_id(known):
        return known
    return st.session_state.setdefault(KEY, uuid4().hex)


def remember_learner() -> None:
    """Let the browser keep the learner's id, where it has none yet."""
    if this_person() is None and not is_learner_id(st.context.cookies.get(COOKIE, "")):
        cookie = f"{COOKIE}={learner_id()}; path=/; max-age={TEN_YEARS}; samesite=lax"
        st.html(f'<script>document.cookie = "{cookie}"</script>', unsafe_allow_javascript=True)


def learner() -> Learner:
    """What this browser's learner has done, now."""
    changed = st.session_state.get("learner_here")  # where the home cannot be written, for this session
    return changed or read_learner(store().home, learner_id())


def change(how: Callable[[Learner], Learner]) -> None:
    """Change what the learner has done; where it cannot be written, or must not be, for this session only."""
    if not refusal_to_make():
        with suppress(OSError):
            change_learner(store().home, learner_id(), how)
            return
    st.session_state["learner_here"] = how(learner())


def active_lesson() -> Lesson | None:
    """The lesson that is open, None where none is."""
    name = learner().active
    return next((lesson for lesson in lessons(store().home) if lesson.name == name), None) if name else None


def begin(name: str) -> None:
    """Open a lesson where it was left, from its beginning where it was done."""

    def begun(now: Learner) -> Learner:
        before = now.progress(name)
        fresh = {"step": 0, "predictions": {}, "runs": {}} if before.done else {}
        return Learner(name, False, now.with_progress(name, **fresh).lessons)

    change(begun)


def note_run(run: Run) -> None:
    """Note a run that was just started, where it has the settings of a run of the open lesson."""
    lesson = active_lesson()
    for name, settings in (lesson.runs if lesson else {}).items():
        with suppress(ConfigError):
            if settings_from(settings) == run.config:
                take_run(lesson.name, name, run.id)
                return


def take_run(lesson: str, name: str, run_id: str) -> None:
    """Let a run be the one that the lesson calls `name`."""
    change(lambda now: now.with_progress(lesson, runs={**now.progress(lesson).runs, name: run_id}))


def own_runs(lesson: Lesson) -> Mapping[str, RunView]:
    """The learner's runs by their names in the lesson; deleted ones are left out."""
    found = {name: store().get(run_id) for name, run_id in learner().progress(lesson.name).runs.items()}
    return {name: run for name, run in found.items() if run is not None}


def equal_run(lesson: Lesson, name: str) -> RunView | None:
    """The newest finished run with the settings of the lesson's run `name`, whoever started it; None without any."""
    wanted = settings_from(lesson.runs[name])
    found = store().of_each(_settings_if_finished)
    return store().get(next((run_id for run_id, settings in found.items() if settings == wanted), None))


@until_folder_changes
def _settings_if_finished(run: Run) -> TrainingConfig | None:
    return run.config if run.state.name == "finished" else None
