"""Learn: the lessons, with what was predicted and what came, and the words."""

from functools import partial

import streamlit as st

from core.learners import LessonProgress
from core.storage import printable
from dashboard.components.formatting import joined
from dashboard.components.learn.glossary import ADDRESS, search
from dashboard.components.learn.guide import begin_lesson, in_words, judge
from dashboard.components.learn.lesson import Lesson
from dashboard.components.learn.library import FOLDER, broken_lessons, lessons
from dashboard.components.learn.progress import learner, own_runs
from dashboard.components.page_head import show_title
from dashboard.components.report import report_place, show_form
from dashboard.components.run_picker import choose_run
from dashboard.components.session import dataset, dataset_note, dataset_now, store
from dashboard.components.text import escape_markdown

LESSONS, WORDS = PARTS = ("Lessons", "Words")


def show_lesson(lesson: Lesson, *, is_next: bool) -> None:
    """Show a lesson as a card, with a button that begins it or goes on; that of the next one stands out."""
    now = learner()
    progress = now.progress(lesson.name)
    with st.container(
        border=True, key=f"lesson_{lesson.name}", height="stretch", vertical_alignment="distribute", gap="small"
    ):
        with st.container(gap="xsmall"):  # above; the buttons of a row stand on one line below
            st.subheader(joined(escape_markdown(lesson.question)), anchor=False)
            parts = [lesson.title, f"{lesson.minutes} min", lesson.needs]
            parts = [*(escape_markdown(part) for part in parts), state(lesson, progress, now.active)]
            st.caption(joined(" · ".join(filter(None, parts))))
            show_predictions(lesson, progress)
        words = "Again" if progress.done else "Continue" if progress.step else "Start"
        st.button(
            words,
            key=f"begin_{lesson.name}",
            type="primary" if is_next else "secondary",
            on_click=begin_lesson,
            args=(lesson.name,),
            disabled=now.active == lesson.name,
        )


def state(lesson: Lesson, progress: LessonProgress, active: str) -> str:
    """How far a lesson is, in words; "" where it was not begun."""
    if active == lesson.name:
        return "open beside the page"
    if progress.done:
        return ":green[:material/check_circle: done]"
    return f"step {progress.step + 1} of {len(lesson.steps)}" if progress.step else ""


def show_predictions(lesson: Lesson, progress: LessonProgress) -> None:
    """Show what was asked, what was predicted, and what came."""
    runs, digits = own_runs(lesson), dataset_now()
    for at, said in progress.predictions.items():
        if at >= len(lesson.steps) or not lesson.steps[at].predict:
            continue
        question, outcome = lesson.steps[at].predict.question, lesson.outcome_of(at)
        value = outcome.value(runs, digits) if outcome and digits else None
        known = value is not None
        came = f" · {in_words(outcome, runs, digits)}" if known else ""
        mark = ":green[:material/check:] " if known and judge(lesson, at, said, value) else ""
        words = f"{escape_markdown(question)}  \n**You said:** {escape_markdown(said)}{came}"
        st.caption(joined(f"{mark}{words}"))


def show_words() -> None:
    """Show the glossary by the alphabet, or what a search in it finds."""
    asked = st.query_params.get(ADDRESS, "").replace("-", " ")
    sought = st.text_input(
        "Search the words", asked, 40, key="words", placeholder="learning rate", icon=":material/search:", live="250ms"
    )
    found = search(sought)
    if not found:
        st.info(f"No word is explained by {escape_markdown(sought)}. Try another, or a part of it.")
    with st.container(key="glossary", gap="xsmall"):
        for word in found if sought.strip() else sorted(found, key=lambda word: word.name.casefold()):
            st.markdown(f"**{word.name}** · {word.text}")


def show_lessons() -> None:
    """Show the lessons by their groups, and how to write one."""
    found = lessons(store().home)
    done = sum(learner().progress(lesson.name).done for lesson in found)
    st.write(
        f"Each lesson asks a question, lets you predict, and answers it with a network that you train. {done} of "
        f"{len(found)} done."
    )
    for broken in broken_lessons(store().home):
        st.warning(f"**{escape_markdown(broken.path.name)}** is not shown. {escape_markdown(broken.why)}")
    groups = dict.fromkeys(lesson.group for lesson in found)  # in the order of their first lessons
    found.sort(key=lambda lesson: list(groups).index(lesson.group))
    next_one = next((lesson for lesson in found if not learner().progress(lesson.name).done), None)
    for group in groups:
        st.header(escape_markdown(group or "More lessons"), anchor=False)
        with st.grid(2, min_column_width=320):
            for lesson in found:
                if lesson.group == group:
                    show_lesson(lesson, is_next=lesson is next_one)
    show_report_of_one(found)
    with st.expander("Write your own lesson", icon=":material/edit_note:"):
        st.write("Put a text file that ends in .md into the folder below; it appears here.")
        st.code(printable(store().home / FOLDER), language=None)


def show_report_of_one(found: list[Lesson]) -> None:
    """Show the choice of a lesson that was begun, and the form for a report of it; nothing where none was."""
    now = learner()
    begun = {lesson.name: lesson for lesson in found if now.progress(lesson.name) != LessonProgress()}
    if not begun:
        return
    with report_place():
        first = list(begun).index(now.active) if now.active in begun else 0
        name = st.selectbox("Lesson", begun, first, lambda name: begun[name].title, key="report_lesson", width=320)
        show_form(name, f"{name}-report.html", partial(make_report, begun[name]))


def make_report(lesson: Lesson, name: str, words: str) -> bytes:
    """The report of a lesson, by somebody of this name and with their words."""
    from core.report import Author, Question, lesson_report

    progress, runs, digits, asked = learner().progress(lesson.name), own_runs(lesson), dataset_now(), []
    for at, step in enumerate(lesson.steps):
        if step.predict:
            outcome, said = lesson.outcome_of(at), progress.predictions.get(at, "")
            value = outcome.value(runs, digits) if outcome and digits else None
            came = "" if value is None else f"{outcome.meaning(runs).capitalize()}: {outcome.text(runs, digits)}"
            was_right = None if value is None else judge(lesson, at, said, value)
            asked.append(Question(step.predict.question, said, came, was_right))
    return lesson_report(lesson.title, lesson.question, asked, runs, digits, Author(name, words))


choose_run(needs="any")
show_title("Learn")
dataset_note(dataset())
if not dataset().is_digits:
    words = f"The lessons are about handwritten digits, and the dataset in use is {dataset().name}."
    st.warning(escape_markdown(words), icon=":material/school:")
part = st.segmented_control(
    "Part of the page",
    PARTS,
    default=WORDS if ADDRESS in st.query_params else LESSONS,  # a link to a word
    required=True,
    key="learn_part",
    bind="query-params",
    label_visibility="collapsed",
)
if part == WORDS:
    show_words()
else:
    show_lessons()
