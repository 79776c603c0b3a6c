"""A lesson as a file: Markdown with a small head, and steps that drive the pages.

    title: How many epochs?
    question: Does a network get better the longer it trains?
    minutes: 4
    group: First steps
    source: Prechelt, Early Stopping - But When?, 1998
    run many: model=Dense&epochs=40&dense_training_images=1000

    ## What do you expect?
    predict: After which of 40 epochs is the validation loss lowest?
    - In the first third: 1 to 13
    - Later: 14 to 40

    One epoch shows the network every training image once.

    ## Train it
    wait: run many
    highlight: start

    Press Start training, or let Show me do it.

    ## Where it turned
    outcome: many.best_epoch
    expect: many.best_epoch 2 to 13

    The loss was lowest after epoch {many.best_epoch}. Since then the network learns its images by heart.

The head has a title, a question and minutes; `group` is the heading under which Learn lists the lesson, `needs` says
what it takes, and `source` may stand several times. Groups stand in the order of their first lessons.

A step begins with its title. The lines right below it are its fields, what follows the empty line is its text:

- `open: PAGE?query` is the page that the step is about. In the query, the name of a run stands for the learner's run;
  `starter` is the run that is shipped.
- `set: RUN` puts the settings of a run of the lesson into the sidebar of Train.
- `highlight: PLACE` outlines a part of the page.
- `predict: QUESTION` asks before it is known; below it the choices, each with the range in which it is right, or none,
  where a number is typed.
- `wait: run RUN`, `wait: run RUN RUN …`, `wait: number NUMBER`, `wait: open PAGE`, `wait: open PAGE name`,
  `wait: open PAGE name=value` or `wait: drawing` is what has to happen before the step is done.
- `outcome: NUMBER` is what came of the last prediction.
- `expect: NUMBER LOW to HIGH` is tested: what the text says holds in this range, whatever the seed.

A NUMBER is `run.name`, the difference `run.name - run.name`, or from the lowest to the highest of several runs
`spread run run run.name`; the names are in `numbers.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from core.data import Dataset
from core.runs import RunView
from dashboard.components.learn.numbers import NUMBERS

MOST_BYTES = 100_000
MOST_WORDS = 250  # of all that is read in a lesson
HEAD = ("title", "question", "minutes", "group", "needs", "source")
FIELDS = ("open", "set", "highlight", "predict", "wait", "outcome", "expect")
_FIELD = re.compile(r"([a-z]+)(?: ([a-z]\w*))?:\s*(.*)")
_NAME = re.compile(r"([a-z]\w*)\.([a-z]\w*)")
_RANGE = re.compile(r"(-?[\d.]+)( %)? to (-?[\d.]+)( %)?$")
_CHOICE = re.compile(r"- (.+?)(?:: (-?[\d.]+(?: %)? to -?[\d.]+(?: %)?))?$")


class LessonError(Exception):
    """A lesson that cannot be read: `line`, from 1, and what is wrong there."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(f"Line {line}: {words}")
        self.line = line


@dataclass(frozen=True)
class Number:
    """A number of a run of the lesson, the difference of two, or the spread of several.

    Attributes:
        parts: names of runs with names from `NUMBERS`.
        spread: whether it is the highest of them minus the lowest.
    """

    parts: tuple[tuple[str, str], ...]
    spread: bool = False

    @property
    def words(self) -> str:
        """The number as a lesson writes it."""
        if self.spread:
            return f"spread {' '.join(run for run, _ in self.parts)}.{self.parts[0][1]}"
        return " - ".join(f"{run}.{name}" for run, name in self.parts)

    def value(self, runs: Mapping[str, RunView], digits: Dataset) -> float | None:
        """The number, of the learner's runs by their names in the lesson; None where it is not known yet."""
        values = [NUMBERS[name].read(runs[run], digits) if run in runs else None for run, name in self.parts]
        if None in values:
            return None
        if self.spread:
            return max(values) - min(values)
        return values[0] if len(values) == 1 else values[0] - values[1]

    def text(self, runs: Mapping[str, RunView], digits: Dataset) -> str:
        """The number as people write it; "…" where it is not known yet."""
        value, kind = self.value(runs, digits), NUMBERS[self.parts[0][1]]
        if value is None:
            return "…"
        if self.spread:
            return kind.kind.difference(value).lstrip("+")
        return kind.kind.text(value) if len(self.parts) == 1 else kind.kind.difference(value)

    def meaning(self, runs: Mapping[str, RunView]) -> str:
        """What the number is of, with the runs' own names where it is of several."""
        whats = list(dict.fromkeys(NUMBERS[name].meaning for _, name in self.parts))
        names = [runs[run].name if run in runs else run for run, _ in self.parts]
        if self.spread:
            return f"highest minus lowest {whats[0]}"
        return " minus ".join(whats) if len(names) == len(whats) else f"{whats[0]}, {' minus '.join(names)}"


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Wait:
    """What has to happen: `runs` to finish, a `number` to be known, a `page` opened, or a "drawing".

    A page may be wanted with a `name` in its address, and that with a `value`.
    """

    kind: str
    runs: tuple[str, ...] = ()
    number: Number | None = None
    page: str = ""
    name: str = ""
    value: str = ""


@dataclass(frozen=True)
class Prediction:
    """A question with its choices and the range in which each is right, None where no number decides."""

    question: str
    choices: tuple[tuple[str, Range | None], ...] = ()


@dataclass(frozen=True)
class Step:
    """A step of a lesson; what a field is not given is "" or None."""

    title: str
    text: str = ""
    page: str = ""
    query: tuple[tuple[str, str], ...] = ()
    settings: str = ""
    highlight: str = ""
    predict: Prediction | None = None
    wait: Wait | None = None
    outcome: Number | None = None
    expect: tuple[tuple[Number, Range], ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Lesson:
    """A lesson: its `name` in addresses, head, runs (name to settings as an address has them) and steps."""

    name: str
    title: str
    question: str
    minutes: int
    group: str = ""
    needs: str = ""
    sources: tuple[str, ...] = ()
    runs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    run_lines: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def words(self) -> int:
        """How many words it has to read: question, titles, texts, and what is asked."""
        asked = [step.predict for step in self.steps if step.predict]
        texts = [self.question, *(f"{step.title} {step.text}" for step in self.steps)]
        texts += [" ".join([each.question, *(label for label, _ in each.choices)]) for each in asked]
        return len(" ".join(texts).split())

    def outcome_of(self, step: int) -> Number | None:
        """What came of the prediction of a step: the outcome of the first step after it that has one."""
        return next((later.outcome for later in self.steps[step + 1 :] if later.outcome), None)


def read_lesson(path: Path) -> Lesson:
    """Read a lesson; its name is the file's, without a number in front and the ending.

    Raises:
        LessonError: where it is not as described above; it says in which line.
        OSError: where the file cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise LessonError(1, f"The file is larger than {MOST_BYTES // 1000} KB. Write a shorter lesson.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise LessonError(line, "This is not UTF-8. Save the file as UTF-8 text.") from error
    return parse_lesson(text, re.sub(r"^\d+[_-]", "", path.stem))


def parse_lesson(text: str, name: str) -> Lesson:
    """A lesson from the text of its file; raises LessonError."""
    lines = list(enumerate(text.splitlines(), start=1))
    starts = [at for at, (_, line) in enumerate(lines) if line.startswith("## ")]
    if not starts:
        raise LessonError(max(1, len(lines)), "A lesson needs steps. Begin each with a line like: ## What do you see?")
    head = _head(lines[: starts[0]])
    runs = head["runs"]
    ends = [*starts[1:], len(lines)]
    steps = tuple(_step(lines[start:end], runs) for start, end in zip(starts, ends, strict=True))
    _check_predictions(steps)
    return Lesson(name, steps=steps, **head)


def _head(lines: list[tuple[int, str]]) -> dict:
    values: dict[str, str] = {}
    sources, runs, run_lines = [], {}, {}
    for line, text in lines:
        if not text.strip():
            continue
        match = _FIELD.match(text)
        key, name, value = match.groups() if match else ("", None, "")
        if key == "run" and name:
            run_lines[name] = line
            runs[name] = dict(parse_qsl(value.lstrip("?"), keep_blank_values=True))
            if not runs[name]:
                raise LessonError(line, f"The run {name} needs settings, such as: run {name}: model=Dense&epochs=5")
        elif key == "source" and not name:
            sources.append(value)
        elif key in HEAD and not name:
            values[key] = value
            if key == "minutes" and not re.fullmatch(r"[0-9]{1,3}", value):
                raise LessonError(line, f"The minutes must be a whole number, for instance: {_EXAMPLES[key]}")
        else:
            raise LessonError(line, f"Only {', '.join(HEAD)} and run NAME can stand here, each with a colon.")
    for key in ("title", "question", "minutes"):
        if not values.get(key):
            raise LessonError(1, f"The head has no {key}. Write for instance: {_EXAMPLES[key]}")
    minutes = int(values.pop("minutes"))
    return {**values, "minutes": minutes, "sources": tuple(sources), "runs": runs, "run_lines": run_lines}


_EXAMPLES = {
    "title": "title: How many epochs?",
    "question": "question: Does a network get better the longer it trains?",
    "minutes": "minutes: 4",
}


def _step(lines: list[tuple[int, str]], runs: Mapping) -> Step:
    (first, title), *rest = lines
    found: dict = {"title": title.removeprefix("## ").strip(), "line": first}
    choices, expected, asked_at = [], [], 0
    body = iter(rest)
    for line, text in body:
        if not text.strip():
            break
        match, choice = _FIELD.match(text), _CHOICE.match(text)
        key = match[1] if match and not match[2] else ""
        if asked_at and choice:
            choices.append((choice[1], _range(line, choice[2]) if choice[2] else None))
        elif key == "expect":
            expected.append(_expectation(line, match[3], runs))
        elif key in FIELDS:
            if key == "predict":
                asked_at = line
                found[key] = match[3]
            else:
                found.update(_READERS[key](line, match[3].strip(), runs))
        else:
            raise LessonError(
                line,
                f"Only {', '.join(FIELDS)} can stand right below a step's title. Put an empty line before its text.",
            )
    if asked_at:
        if len(choices) == 1:
            raise LessonError(asked_at, "A prediction needs at least two choices, or none, where a number is typed.")
        found["predict"] = Prediction(found["predict"], tuple(choices))
    body_lines = list(body)
    for line, text in body_lines:
        for inner in re.findall(r"\{([^{}]*)\}", text):
            _number(line, inner, runs)
    found["text"] = "\n".join(text for _, text in body_lines).strip()
    return Step(**found, expect=tuple(expected))


def _check_predictions(steps: tuple[Step, ...]) -> None:
    for at, step in enumerate(steps):
        decided = step.predict and any(among for _, among in step.predict.choices)
        if decided and not any(later.outcome for later in steps[at + 1 :]):
            raise LessonError(step.line, "The choices have ranges, but no later step has an outcome.")


def _open(line: int, value: str, runs: Mapping) -> dict:
    page, _, query = value.partition("?")
    return {"page": page.strip(), "query": tuple(parse_qsl(query, keep_blank_values=True))}


def _settings(line: int, value: str, runs: Mapping) -> dict:
    return {"settings": _run_of(line, value, runs)}


def _wait(line: int, value: str, runs: Mapping) -> dict:
    kind, *rest = value.split(None, 2)
    if kind == "run" and rest:
        return {"wait": Wait("run", tuple(_run_of(line, name, runs) for name in value.split()[1:]))}
    if kind == "number" and rest:
        return {"wait": Wait("number", number=_number(line, value.removeprefix("number"), runs))}
    if kind == "drawing" and not rest:
        return {"wait": Wait("drawing")}
    if kind == "open" and rest:
        name, _, wanted = (rest[1] if len(rest) > 1 else "").partition("=")
        return {"wait": Wait("open", page=rest[0], name=name, value=wanted)}
    raise LessonError(line, "Wait for: run NAME, number NUMBER, open PAGE, open PAGE name=value, or drawing.")


def _outcome(line: int, value: str, runs: Mapping) -> dict:
    return {"outcome": _number(line, value, runs)}


_READERS = {
    "open": _open,
    "set": _settings,
    "highlight": lambda line, value, runs: {"highlight": value},
    "wait": _wait,
    "outcome": _outcome,
}


def _expectation(line: int, value: str, runs: Mapping) -> tuple[Number, Range]:
    found = _RANGE.search(value)
    if not found:
        raise LessonError(line, "Say what is expected as: expect: run.number LOW to HIGH")
    return _number(line, value[: found.start()], runs), _range(line, found[0])


def _range(line: int, text: str) -> Range:
    found = _RANGE.search(text)
    try:
        low, high = float(found[1]), float(found[3])
    except ValueError as error:
        raise LessonError(line, f"{text!r} is no range of two numbers, such as: 1 to 13") from error
    if low > high:
        raise LessonError(line, f"{text!r} is empty: the lower number comes first.")
    share = 100 if found[4] else 1
    return Range(low / share, high / share)


def _run_of(line: int, name: str, runs: Mapping) -> str:
    if name not in runs:
        known = f"It has {', '.join(runs)}." if runs else "Its head names none."
        raise LessonError(line, f"The lesson has no run {name!r}. {known}")
    return name


def _number(line: int, text: str, runs: Mapping) -> Number:
    parts, spread = [], re.fullmatch(r"\s*spread\s+(.+)\.([a-z]\w*)\s*", text)
    single = [f"{run}.{spread[2]}" for run in spread[1].split()] if spread else text.strip().split(" - ")
    for part in single:
        match = _NAME.fullmatch(part.strip())
        if not match:
            raise LessonError(line, f"{text.strip()!r} is no number of a run, such as: many.test_accuracy")
        run, name = match.groups()
        _run_of(line, run, runs)
        if name not in NUMBERS:
            raise LessonError(line, f"A run has no number {name!r}. It has: {', '.join(NUMBERS)}.")
        parts.append((run, name))
    if spread and len(parts) < 2:
        raise LessonError(line, "A spread needs two runs or more, such as: spread one two.test_accuracy")
    if not spread and len(parts) > 2:
        raise LessonError(line, "A difference has two numbers.")
    return Number(tuple(parts), spread=bool(spread))


def numbers_in(text: str, runs: Mapping[str, Mapping]) -> Iterator[tuple[str, Number]]:
    """What stands in braces in a step's text, and the number that it means."""
    for inner in re.findall(r"\{([^{}]*)\}", text):
        yield "{" + inner + "}", _number(0, inner, runs)
