"""The words of the field, each explained in two sentences, and how they are linked in texts.

A linked word is a Markdown link with the explanation as its title: page.css dots it, page.js shows the explanation
beside it, and without that it leads to the word on Learn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from dashboard.components.learn.library import GLOSSARY, OWN
from dashboard.reach import prefixes

FILE = OWN / GLOSSARY
ADDRESS = "word"
MOST_WORDS = 3  # that are linked in a text of a page: a page has two such texts, seldom more
PLAIN = ("image", "label", "network", "mistake", "prediction")  # stand everywhere, and say what they mean


@dataclass(frozen=True)
class Word:
    """A word with its other forms and its explanation."""

    name: str
    forms: tuple[str, ...]
    text: str


@cache
def glossary() -> dict[str, Word]:
    """All words by their names, in the order in which one meets them."""
    found = {}
    for part in FILE.read_text(encoding="utf-8").split("## ")[1:]:
        name, *lines = part.strip().splitlines()
        forms: tuple[str, ...] = ()
        if lines[0].startswith("also: "):
            forms = tuple(lines.pop(0).removeprefix("also: ").split(", "))
        found[name] = Word(name, forms, " ".join(lines))
    return found


def search(text: str) -> list[Word]:
    """The words that a search finds: those whose name or other forms have it first, then those that mention it."""
    sought = text.strip().casefold()
    words = list(glossary().values())
    named = [word for word in words if any(sought in form.casefold() for form in (word.name, *word.forms))]
    return named + [word for word in words if word not in named and sought in word.text.casefold()]


def linked(text: str, most: int | None = None) -> str:
    """The Markdown `text` with the first mention of each word of the glossary linked to its explanation.

    What stands in code, quotation marks, links, bold text, directives or braces is left alone.

    Args:
        text: Markdown.
        most: how many words are linked, the first ones; None for all of them.
    """
    known: set[str] = set()

    def link(match: re.Match[str]) -> str:
        if match["word"] is None:
            return match[0]
        word = _forms()[match["word"].casefold()]
        if word.name in known or word.name in PLAIN or len(known) == most:
            return match[0]
        known.add(word.name)
        return _link(match["word"], word)

    return _pattern().sub(link, text)


def _link(shown: str, word: Word) -> str:
    title = word.text.replace('"', "'")
    return f'[{shown}]({prefixes()[-1]}/learn?{ADDRESS}={word.name.replace(" ", "-")} "{title}")'


@cache
def _forms() -> dict[str, Word]:
    return {form.casefold(): word for word in glossary().values() for form in (word.name, *word.forms)}


@cache
def _pattern() -> re.Pattern[str]:
    forms = "|".join(re.escape(form) for form in sorted(_forms(), key=len, reverse=True))
    left_alone = (
        r"“[^”]*”|`[^`]*`|!?\[[^\]]*\]\([^)]*\)|\*\*[^*]*\*\*|:[\w-]+\[[^\]]*\]|:material/\w+:|\{[^}]*\}|https?://\S+"
    )
    return re.compile(rf"{left_alone}|(?<![\w-])(?P<word>{forms})(?![\w-])", re.IGNORECASE)
