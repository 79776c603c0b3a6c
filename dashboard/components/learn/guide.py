"""The guide: the open lesson, step by step, in a panel that stays beside every page (page.css; a sheet on a phone)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import streamlit as st
from streamlit.errors import StreamlitAPIException

from core.config import TrainingConfig
from core.data import Dataset
from core.runs import RunView
from dashboard.components.actions import run_action
from dashboard.components.formatting import joined
from dashboard.components.learn.glossary import linked
from dashboard.components.learn.lesson import Lesson, Number, Step, Wait, numbers_in
from dashboard.components.learn.numbers import NUMBERS
from dashboard.components.learn.places import BOUND, HIGHLIGHTS, PAGES
from dashboard.components.learn.progress import (
    active_lesson,
    begin,
    change,
    equal_run,
    learner,
    own_runs,
    remember_learner,
    take_run,
)
from dashboard.components.progress import progress_in_words
from dashboard.components.session import (
    EVERY_PAGE,
    chosen_run,
    dataset_now,
    first_time,
    open_run,
    services,
    store,
)
from dashboard.components.text import escape_markdown
from dashboard.components.train.settings import settings_from, take_settings, with_locks
from dashboard.components.whose import full_name
from dashboard.components.widgets.canvas import current_drawing

LOOK_SECONDS = 1.0
GO = "guide_goes"  # under which the session keeps the page that the guide opens next
FINISHED = "guide_finished"  # under which the session keeps that a lesson was just finished
TITLE = ".st-key-page_title"
RUN_KEYS = ("run", "runs", "a", "b")  # of an address: where the name of a lesson's run stands for the run
ADDRESS = "lesson"
TAKEN_UP = "lesson_taken_up"  # in the session: a lesson that was left has its settings in the sidebar
CLOSED_SIDEBAR = "[data-testid=stSidebar][data-collapsed=true]"
SCROLL = """((moment, place, closed) => {
  if (window.digitlabMoment === moment) return
  window.digitlabMoment = moment
  const look = (tries) => {
    const parts = [...document.querySelectorAll(place)]
    const part = parts.find((each) => !each.closest(closed))
    if (window.digitlabMoment !== moment || (!part && tries > 80)) return
    if (!part) return setTimeout(look, 250, tries + 1)
    const at = part.getBoundingClientRect(), low = window.innerHeight * (window.innerWidth > 1200 ? 1 : 0.55)
    if (at.top < 60 || at.bottom > low) part.scrollIntoView({ block: "start" })
    if (tries <= 80) setTimeout(look, 1500, 81)  // once more: what is above it may have grown
  }
  look(0)
})"""


def follow_guide() -> None:
    """Open the lesson that the address names, and the page that the guide opens next.

    Call it before any part of the page that repeats itself: such a part would ask for the page that is left once more,
    and the browser would take away what it has of the next one.
    """
    if named := st.query_params.pop(ADDRESS, ""):
        begin_lesson(named)
    elif not st.session_state.get(TAKEN_UP):
        _take_up_settings()
    st.session_state[TAKEN_UP] = True
    _switch_page()


def _take_up_settings() -> None:
    """Put the settings of the step at which an open lesson was left into the sidebar, unless the address has others."""
    lesson = active_lesson()
    settings = lesson.steps[_at(lesson)].settings if lesson else ""
    if settings and "model" not in st.query_params:
        take_settings(settings_from(lesson.runs[settings]), of_lesson=True)


def show_guide(page: str) -> None:
    """Show the open lesson beside the page. Call it before the page.

    Args:
        page: the page's name in addresses.
    """
    remember_learner()
    lesson = active_lesson()
    with st.container(key="guide"):
        if lesson is None:
            if st.session_state.pop(FINISHED, False):
                _point_at("", "")
            return
        at = _at(lesson)
        if _may_change(lesson, at):
            st.fragment(_look, run_every=LOOK_SECONDS)(lesson, at, page)
        else:
            _show(lesson, at, page)


def begin_lesson(name: str) -> None:
    """Open a lesson where it was left, and the page of its step; nothing happens where there is none of this name."""
    begin(name)
    if lesson := active_lesson():
        _open(lesson, lesson.steps[_at(lesson)])


def _switch_page() -> None:
    """Open what the guide opens next."""
    if go := st.session_state.pop(GO, None):
        name, query = go
        try:
            st.switch_page(PAGES[name], query_params=query)
        except StreamlitAPIException:  # widgets of the open page keep some of these in the address themselves
            for word in BOUND.keys() & query.keys():
                st.session_state[word] = BOUND[word](query.pop(word))
            st.switch_page(PAGES[name], query_params=query)


def _look(lesson: Lesson, at: int, page: str) -> None:
    """Show the step, as long as it is the one to show."""
    _switch_page()
    if (learner().active, _at(lesson)) != (lesson.name, at) or not _may_change(lesson, at):
        st.rerun()
    _show(lesson, at, page)


def _may_change(lesson: Lesson, at: int) -> bool:
    """Whether a step waits for a run or a number, or names a number that is not known, as right after a restart."""
    wait = lesson.steps[at].wait
    runs = own_runs(lesson)
    waits = wait is not None and wait.kind in ("run", "number")
    return waits or not all(_is_known(number, runs) for number in _numbers(lesson, at))


def _numbers(lesson: Lesson, at: int) -> list[Number]:
    """The numbers that a step names."""
    step = lesson.steps[at]
    named = [number for _, number in numbers_in(step.text, lesson.runs)]
    return [step.outcome, *named] if step.outcome else named


def _at(lesson: Lesson) -> int:
    return min(learner().progress(lesson.name).step, len(lesson.steps) - 1)


def _show(lesson: Lesson, at: int, page: str) -> None:
    step, count, folded = lesson.steps[at], len(lesson.steps), learner().folded
    runs = own_runs(lesson)
    with st.container(key="guide_card", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", key="guide_head", wrap=False):
            st.markdown(f":small[**{escape_markdown(lesson.title)}** · {at + 1} of {count}]", width="stretch")
            icon, words = ("unfold_more", "Unfold") if folded else ("unfold_less", "Fold")
            st.button(words, key="guide_fold", icon=f":material/{icon}:", type="tertiary", on_click=_fold)
            st.button("End", key="guide_end", icon=":material/close:", type="tertiary", on_click=_end)
        if folded:
            return
        missing = _missing_run(lesson, at, runs)
        with st.container(key=f"guide_{lesson.name}_{at}", gap="small"):  # so that none is drawn over the one before
            _show_step(lesson, at, runs, page, missing)
    started = step.highlight == "start" and step.wait and all(name in runs for name in step.wait.runs)
    place = "" if missing or started else step.highlight
    _point_at(place, f"{lesson.name} {at}")  # in every step, and after the buttons: page.js presses none before


def _show_step(lesson: Lesson, at: int, runs: Mapping[str, RunView], page: str, missing: str) -> None:
    step = lesson.steps[at]
    buttons = st.container(horizontal=True, key="guide_buttons", gap="small")  # above the text: they stay in one place
    st.progress((at + 1) / len(lesson.steps))
    st.markdown(f"**{escape_markdown(step.title)}**")
    if step.predict:
        _ask(lesson, at, step)
    if missing:
        _say_missing(lesson, missing, runs.get(missing), page)
    elif step.text:
        st.markdown(_filled(step.text, lesson, runs))
    done = step.wait is None or _say_wait(lesson, step.wait, runs, page)
    if step.outcome and not missing:
        _say_outcome(lesson, at, runs)
    with buttons:
        _buttons(lesson, at, runs, page, done, missing)


def _filled(text: str, lesson: Lesson, runs: Mapping[str, RunView]) -> str:
    """A step's text with the numbers of the learner's runs."""
    digits, text = dataset_now(), linked(text)
    for words, number in numbers_in(text, lesson.runs):
        text = text.replace(words, f"**{escape_markdown(number.text(runs, digits))}**" if digits else "…")
    return joined(text)


def _missing_run(lesson: Lesson, at: int, runs: Mapping[str, RunView]) -> str:
    """The first run, by its name in the lesson, that a step shows and that is not trained yet; "" for none."""
    step = lesson.steps[at]
    trained = step.wait.runs if step.wait else ()
    unknown = [name for number in _numbers(lesson, at) if not _is_known(number, runs) for name, _ in number.parts]
    missing = [name for name in _shown_runs(lesson, step) if name not in runs]
    missing += [name for name in unknown if name not in runs or runs[name].state.name != "finished"]
    return next((name for name in missing if name not in trained), "")


def _shown_runs(lesson: Lesson, step: Step) -> list[str]:
    """The runs, by their names in the lesson, that the page of a step is about and that an earlier step trains."""
    named = [name for key, names in step.query if key in RUN_KEYS for name in names.split(",")]
    return [name for name in named if name in lesson.runs and not (step.wait and name in step.wait.runs)]


def _training_step(lesson: Lesson, name: str) -> int | None:
    """The step that trains a run; None where none does."""
    return next((at for at, step in enumerate(lesson.steps) if step.wait and name in step.wait.runs), None)


def _say_missing(lesson: Lesson, name: str, run: RunView | None, page: str) -> None:
    """Say that a run still trains, or which step trains it, in the place of a text about it."""
    if run is not None and run.state.is_active:
        _say_run(lesson, name, run, page)
        st.markdown("This step shows what came of it as soon as it is trained.")
        return
    trains = _training_step(lesson, name)
    where = "" if trains is None else f" Step {trains + 1}, “{escape_markdown(lesson.steps[trains].title)}”, trains it."
    st.markdown(f"This step is about a run that is not trained yet.{where}")


# Predictions


def _ask(lesson: Lesson, at: int, step: Step) -> None:
    said = learner().progress(lesson.name).predictions.get(at, "")
    key, question = f"guide_predict_{lesson.name}_{at}", joined(step.predict.question)
    labels = [label for label, _ in step.predict.choices]
    if labels:
        chosen = labels.index(said) if said in labels else None
        st.radio(question, labels, chosen, joined, key=key, on_change=_predict, args=(lesson.name, at, key))
    else:
        st.text_input(question, said, 20, key=key, on_change=_predict, args=(lesson.name, at, key))


def _predict(lesson: str, at: int, key: str) -> None:
    said = st.session_state.get(key)
    if said is not None:
        change(lambda now: now.with_progress(lesson, predictions={**now.progress(lesson).predictions, at: said}))


def _say_outcome(lesson: Lesson, at: int, runs: Mapping[str, RunView]) -> None:
    """Show what was predicted, where it was, beside what came."""
    asked = next((before for before in range(at - 1, -1, -1) if lesson.steps[before].predict), None)
    digits = dataset_now()
    outcome = lesson.steps[at].outcome
    value = outcome.value(runs, digits) if digits else None
    came = in_words(outcome, runs, digits) if value is not None else ""
    said = "" if asked is None else learner().progress(lesson.name).predictions.get(asked, "")
    if not said or value is None:
        st.markdown(came)
        return
    verdict = judge(lesson, asked, said, value)
    icon = {True: ":green[:material/check_circle:] ", False: ":orange[:material/lightbulb:] ", None: ""}[verdict]
    st.markdown(f"{icon}**You said:** {joined(escape_markdown(said))}  \n{came}")


def judge(lesson: Lesson, asked: int, said: str, value: float) -> bool | None:
    """Whether a prediction was right, as its choices' ranges tell; None where none was made or nothing decides."""
    among = dict(lesson.steps[asked].predict.choices).get(said)
    return None if among is None else value in among


def in_words(number: Number, runs: Mapping[str, RunView], digits: Dataset) -> str:
    """What a number is of, and the number as people write it, as Markdown."""
    meaning = number.meaning(runs)
    words = f"**{escape_markdown(meaning[0].upper() + meaning[1:])}:** {escape_markdown(number.text(runs, digits))}"
    return joined(words)


# Waiting


def _say_wait(lesson: Lesson, wait: Wait, runs: Mapping[str, RunView], page: str) -> bool:
    """Say what the step waits for, and whether that has happened."""
    if wait.kind == "run":
        told = [_say_run(lesson, name, runs.get(name), page) for name in wait.runs]  # each is shown
        return all(told)
    done = has_happened(wait, page) if wait.number is None else _is_known(wait.number, runs)
    st.markdown(_ticked("Done" if done else _wanted(wait), done))
    return done


def _ticked(words: str, done: bool) -> str:
    return f":green[:material/check_circle:] {words}" if done else f":material/radio_button_unchecked: {words}"


def _is_known(number: Number, runs: Mapping[str, RunView]) -> bool:
    """Whether a number is known, and final: what it is of does not train any more."""
    digits = dataset_now()
    final = not any(name in runs and runs[name].state.is_active for name, _ in number.parts)
    return final and digits is not None and number.value(runs, digits) is not None


def _wanted(wait: Wait) -> str:
    if wait.kind == "number":
        return "Waiting for the measurement"
    if wait.kind == "drawing":
        return "Waiting for your drawing"
    return f"Open {wait.page.capitalize()}." if not wait.name else "Waiting for you"


def has_happened(wait: Wait, page: str) -> bool:
    """Whether a drawing was made, or a page is open with what is wanted of its address."""
    if wait.kind == "drawing":
        return page in ("draw", "inside") and current_drawing().strokes > 0
    if page != wait.page:
        return False
    if not wait.name:
        return True
    widget = st.session_state.get(wait.name) if wait.name in BOUND else None  # the address comes a little later
    shown = {st.query_params.get(wait.name, ""), "" if widget is None else str(widget)} - {""}
    return wait.value in shown if wait.value else bool(shown)


def _say_run(lesson: Lesson, name: str, run: RunView | None, page: str) -> bool:
    if run is None:
        st.markdown(_ticked("Waiting for the run", False))
        if equal := equal_run(lesson, name):
            st.button(
                f"Use {escape_markdown(full_name(equal))}",
                key=f"guide_use_{name}",
                icon=":material/history:",
                on_click=_use,
                args=(lesson, name, equal.id),
                help="It was trained with these settings.",
            )
        return False
    state = run.state
    words = escape_markdown(run.name)
    if state.name == "finished":
        st.markdown(_ticked(f"{words} is trained", True))
        return True
    if state.is_active:
        there = state.name == "running" and page == "train" and run.id == chosen_run()  # Train says how far it is
        st.markdown(f":material/hourglass_top: {words} · {'training' if there else joined(progress_in_words(run))}")
    else:
        st.markdown(f":orange[:material/warning:] {words} is {state.name}. Show me starts it again.")
    return False


def _use(lesson: Lesson, name: str, run_id: str) -> None:
    """In a callback: let a run be the one that the lesson calls `name`, and show it."""
    take_run(lesson.name, name, run_id)
    _watch(lesson, (name,))


# Going on


def _buttons(lesson: Lesson, at: int, runs: Mapping[str, RunView], page: str, done: bool, missing: str) -> None:
    """Show the buttons; the one that stands out does what the step is about.

    While a prediction is asked for, none stands out, and Next says that it skips it.
    """
    step, last = lesson.steps[at], at == len(lesson.steps) - 1
    predicts = bool(step.predict) and not learner().progress(lesson.name).predictions.get(at)
    predicts = predicts and not (step.wait and done)  # what came is known
    st.button("Back", key="guide_back", on_click=_go, args=(lesson, at - 1), disabled=at == 0)
    if missing:
        trains, run = _training_step(lesson, missing), runs.get(missing)
        if trains is not None and not (run and run.state.is_active):
            words = f"Go to step {trains + 1}"
            st.button(words, key="guide_missing", on_click=_go, args=(lesson, trains), type="primary")
    elif step.settings or step.wait or step.query or step.page not in ("", page):  # else it would show nothing
        kind = "secondary" if done or predicts else "primary"
        st.button("Show me", key="guide_show", on_click=show_me, args=(lesson, at), type=kind)
    kind = "primary" if done and not (missing or predicts) else "secondary"
    if last:
        st.button("Finish", key="guide_next", type=kind, on_click=_finish, args=(lesson,))
    else:
        words = "Skip" if predicts else "Next"
        st.button(words, key="guide_next", type=kind, on_click=_go, args=(lesson, at + 1))


def _go(lesson: Lesson, to: int) -> None:
    """In a callback: go to a step, and open its page."""
    if not first_time("guide", lesson.name, to):
        return
    change(lambda now: now.with_progress(lesson.name, step=to))
    _open(lesson, lesson.steps[to])


def _open(lesson: Lesson, step: Step) -> None:
    """In a callback: open the page of a step, and put its settings into the sidebar.

    A page about runs that are not trained yet is not opened: it would show others.
    """
    if step.settings:
        take_settings(settings_from(lesson.runs[step.settings]), of_lesson=True)
    page, query = step.page or ("train" if step.settings else ""), dict(step.query)
    if not page:
        return
    known = own_runs(lesson)
    if any(name not in known for name in _shown_runs(lesson, step)):
        return
    for key in RUN_KEYS:
        if key in query:
            ids = [_run_id(lesson, name, known) for name in query[key].split(",")]
            query[key] = ",".join(filter(None, ids))
    query = {name: value for name, value in query.items() if value}
    for name, value in query.items():
        st.session_state[f"{page}_{name}"] = value  # as `recall` finds it, also where the page is open already
    if run := query.get("run"):
        open_run(run)
    elif run := st.session_state.get(f"{EVERY_PAGE}_run"):
        query["run"] = run
    st.session_state[GO] = (page, query)


def _run_id(lesson: Lesson, name: str, known: Mapping[str, RunView]) -> str:
    """The id of the run that an address names: one of the lesson, "" where it is not trained, or any other."""
    if name in lesson.runs:
        return known[name].id if name in known else ""
    return name


def show_me(lesson: Lesson, at: int) -> None:
    """In a callback: do what the step asks for."""
    step = lesson.steps[at]
    wait = step.wait
    if wait and wait.kind == "run":
        for name in wait.runs:
            _start(lesson, name)
        _watch(lesson, wait.runs)
    elif wait and wait.kind == "number":
        _measure(wait.number, own_runs(lesson))
    elif wait and wait.kind == "open" and step.page in ("", wait.page):
        step = replace(step, page=wait.page, query=(*step.query, *([(wait.name, wait.value)] if wait.value else [])))
    _open(lesson, step)


def _start(lesson: Lesson, name: str) -> None:
    """Start a run of the lesson, unless it trains or is there."""
    run = own_runs(lesson).get(name)
    if run is None or not (run.state.is_active or run.state.name == "finished"):
        run_action(_create, lesson.name, name, settings_from(lesson.runs[name]))


def _create(lesson: str, name: str, config: TrainingConfig) -> None:
    take_run(lesson, name, store().create(with_locks(config)).id)
    take_settings(config, of_lesson=True)


def _measure(number: Number, runs: Mapping[str, RunView]) -> None:
    """Begin the background jobs that measure a number, where it is not known yet."""
    if not _is_known(number, runs):
        for name, what in number.parts:
            if (job := NUMBERS[what].job) and name in runs:
                run_action(services().after_training.do_now, runs[name], job)


def _watch(lesson: Lesson, names: tuple[str, ...]) -> None:
    """Open Train with the first of these runs that is not finished, or the first."""
    known = own_runs(lesson)
    runs = [known[name] for name in names if name in known]
    if runs:
        run = next((run for run in runs if run.state.name != "finished"), runs[0])
        open_run(run.id)
        st.session_state[GO] = ("train", {"run": run.id})


def _finish(lesson: Lesson) -> None:
    change(lambda now: replace(now.with_progress(lesson.name, done=True), active=""))
    st.session_state[GO] = ("learn", {})
    st.session_state[FINISHED] = True


def _end() -> None:
    change(lambda now: replace(now, active=""))


def _fold() -> None:
    change(lambda now: replace(now, folded=not now.folded))


def _point_at(place: str, moment: str) -> None:
    """Outline a part of the page, or what opens the sidebar where the part is in it and it is closed.

    The page scrolls to the part once in each moment, as soon as it is drawn.

    Args:
        place: a name in `HIGHLIGHTS`; "" for the beginning of the page, which is not outlined.
        moment: the lesson and its step, "" after the last one.
    """
    part = HIGHLIGHTS[place] if place else TITLE
    in_closed_sidebar = f"body:has({CLOSED_SIDEBAR} {part}):not(:has([data-testid=stMain] {part}))"
    outline = (
        f"{part}, {in_closed_sidebar} [data-testid=stExpandSidebarButton] {{ animation: digitlab-outline 1.2s "
        "ease-out 3 both; border-radius: 8px }"
    )
    st.html(
        f"<style>{part} {{ scroll-margin-top: 5rem }} {outline if place else ''}</style>"
        f"<script>{SCROLL}({json.dumps(moment)}, {json.dumps(part)}, {json.dumps(CLOSED_SIDEBAR)})</script>",
        unsafe_allow_javascript=True,
    )
