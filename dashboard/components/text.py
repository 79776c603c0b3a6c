"""People's text, which Streamlit's Markdown must show as it was typed."""

from __future__ import annotations

import re

from core.storage import printable

_MEANS_SOMETHING = re.compile(r"[\\`*_{}\[\]()#+!$:~<>|&@=-]|(?<=[wW\d])\.|^[ \t]|[ \t]$|(?<=\s)[ \t]")
_CHANGED_AFTER_PARSING = frozenset(":.@-=")


def escape_markdown(text: object) -> str:
    """`text` for any element or label in Markdown: it looks as it was typed, and loads, links and colours nothing.

    The marks of Markdown are written as character references, which it never takes for its own, and so are spaces that
    it would drop. Streamlit then looks through each text that came out for emoji, icons, arrows and addresses: the
    marks that those are known by get an element of their own, which `:color[…]` without a colour makes.
    """
    return _MEANS_SOMETHING.sub(_reference, printable(text))


def _reference(match: re.Match[str]) -> str:
    reference = f"&#{ord(match[0])};"
    return f":color[{reference}]" if match[0] in _CHANGED_AFTER_PARSING else reference
