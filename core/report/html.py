"""HTML that is safe by itself: whatever is put into a tag is text, unless it is a tag already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from core.storage import printable

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")  # which HTML must not hold
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_NUMBER = re.compile(r"[<>−-]?\s?[\d.,]+(\s(%|s))?|–")
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|s|×)(?!\w))")


class Html(str):
    """HTML; any other text is escaped where it is put into a tag."""

    __slots__ = ()


def tag(element: str, /, *inside: object, **attributes: object) -> Html:
    """An element with text and elements `inside`.

    Args:
        element: its name.
        inside: texts, which are escaped, and `Html`; None and "" are left out.
        attributes: by name, "class_" for "class", "stroke_width" for "stroke-width"; None leaves one out.

    Example:
        >>> tag("p", "1 < 2 ", tag("b", "&"), class_="note")
        '<p class="note">1 &lt; 2 <b>&amp;</b></p>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{element}{written}>{joined(*inside)}</{element}>")


def void(element: str, /, **attributes: object) -> Html:
    """An element of HTML that has no end, such as an image; those of SVG have one."""
    return Html(tag(element, **attributes).removesuffix(f"</{element}>"))


def joined(*parts: object) -> Html:
    """Texts, escaped, and elements, one after the other."""
    return Html("".join(part if isinstance(part, Html) else _escaped(part) for part in parts if part is not None))


def sentences(words: str | Iterable[str], **attributes: object) -> Html | None:
    """A paragraph of sentences, in which `**…**` is bold; None where there are none."""
    text = words if isinstance(words, str) else " ".join(words)
    return tag("p", bold(text), **attributes) if text else None


def bold(text: str) -> Html:
    """Text in which `**…**` is bold, and no line ends between a number and its unit."""
    parts = _BOLD.split(_BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text))
    return joined(*(tag("strong", part) if place % 2 else part for place, part in enumerate(parts)))


def listed(words: Iterable[str]) -> Html | None:
    """A list of sentences; None where there are none."""
    items = [tag("li", bold(each)) for each in words if each]
    return tag("ul", *items) if items else None


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, class_: str | None = None) -> Html:
    """A table whose first column is text; other columns of nothing but numbers stand at the right."""
    rows = [list(row) for row in rows]
    is_numbers = [place > 0 and all(_NUMBER.fullmatch(str(row[place])) for row in rows) for place, _ in enumerate(head)]

    def line(cells: Sequence[object], *, is_head: bool = False) -> Html:
        made = []
        for cell, numbers in zip(cells, is_numbers, strict=True):
            kind = {"class_": "number" if numbers else None}
            made.append(tag("th", cell, scope="col", **kind) if is_head and cell else tag("td", cell, **kind))
        return tag("tr", *made)

    body = tag("tbody", *map(line, rows))
    return wide(tag("table", tag("thead", line(head, is_head=True)), body, class_=class_))


def wide(table: Html) -> Html:
    """A table that is scrolled where it is wider than the screen, by keys too."""
    return tag("div", table, class_="wide", tabindex=0)


def _escaped(text: object) -> str:
    return escape(_CONTROL.sub("�", printable(text)))
