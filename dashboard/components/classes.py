"""How a run's classes are written on the pages: as the ten digits, or by the names of other images."""

from __future__ import annotations

import math
from collections.abc import Callable

from core.data.classes import DIGITS

Classes = tuple[str, ...]
LETTER, MOST = 8, 160  # pixels: of a letter, and of a box in which a class is chosen


def are_digits(classes: Classes) -> bool:
    """Whether the classes are the ten digits."""
    return tuple(classes) == DIGITS


def one_of(classes: Classes, label: int) -> str:
    """An image of a class within a sentence: "a 4", but "Ankle boot"."""
    return f"a {classes[label]}" if are_digits(classes) else classes[label]


def noun(classes: Classes) -> str:
    """What one of them is called: "digit" or "class"."""
    return "digit" if are_digits(classes) else "class"


def name_of(classes: Classes) -> Callable[[object], str]:
    """Names a class by its number, for a box in which one is chosen; another value, left from another run, as it is."""
    names = dict(enumerate(classes))
    return lambda number: names.get(number, str(number))


def width(classes: Classes, *, least: int) -> int:
    """The width in pixels of a box in which one of the classes is chosen."""
    return min(MOST, least + LETTER * (max(map(len, classes)) - 1))


def count_word(count: int) -> str:
    """A number of classes, as a word up to ten: "ten", "26"."""
    words = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[count - 2] if 2 <= count <= len(words) + 1 else str(count)


def no_idea(classes: Classes) -> str:
    """What the probabilities are of a network that has no idea, as two sentences."""
    count, share = count_word(len(classes)), 1 / len(classes)
    about = "" if math.isclose(share, round(share, 2)) else "about "
    return (
        f"The {count} probabilities sum to 1. {count.capitalize()} times {about}{share:.2f} "
        f"({100 * share:.2g}\u00a0%) means: no idea."
    )


def only_digits(what: str, classes: Classes) -> str:
    """Why a part of a page is off for a run of other classes, as a sentence; "" where the classes are the digits."""
    return "" if are_digits(classes) else f"{what} for handwritten digits only: this run reads {in_words(classes)}."


def in_words(classes: Classes) -> str:
    """The classes in short: "26 classes, A to Z"; "3 classes: cat, dog and owl"."""
    if len(classes) > 5:
        return f"{len(classes)} classes, {classes[0]} to {classes[-1]}"
    return f"{len(classes)} classes: {', '.join(classes[:-1])} and {classes[-1]}"
