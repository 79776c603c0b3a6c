"""Text from people and files, shown in Streamlit's Markdown as it was written."""

from __future__ import annotations

import re

from core.storage import printable

_MEANS_SOMETHING = re.compile(r"[\\`*_{}\[\]()#+!$:~<>|&@=-]|(?<=[wW\d])\.|^[ \t]|[ \t]$|(?<=\s)[ \t]")
_CHANGED_AFTER_PARSING = frozenset(":.@-=")


def escape_markdown(text: object) -> str:
    """Escape `text` for Markdown: it is shown as it was written, and loads, links and colours nothing.

    Markdown's marks become character references, and so do spaces that Markdown would drop. Streamlit then searches the
    result for emoji, icons, arrows and addresses: their marks are put into an element of their own, `:color[…]` without
    a colour.
    """
    return _MEANS_SOMETHING.sub(_reference, printable(text))


def _reference(match: re.Match[str]) -> str:
    reference = f"&#{ord(match[0])};"
    return f":color[{reference}]" if match[0] in _CHANGED_AFTER_PARSING else reference
