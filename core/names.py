"""What runs may be called: text that can be seen, on one line, as people of any script write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from itertools import chain, count

MOST = 60  # characters

# Unicode's Default_Ignorable_Code_Point, which no font draws, with the marks that turn the direction of writing; signs
# that only annotate; control characters. Of spaces, those that are drawn as one count as one.
_HIDDEN = (
    r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_SEEN = rf"(?![{_HIDDEN}])\S"
_JOINS = r"(?=[\u0590-\U0010ffff])" + _SEEN  # emoji, and the scripts whose letters change where they are joined
_VARIANT = r"[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"  # how the sign before it looks
_FLAG = r"\U0001f3f4[\U000e0020-\U000e007f]+"  # of England, Scotland and Wales
_KEPT = re.compile(rf"\s+|{_FLAG}|{_JOINS}{_VARIANT}?(?:[\u200c\u200d](?={_JOINS}))?|{_SEEN}{_VARIANT}?")
_BRAILLE_BLANK = "\u2800"


def visible(text: str) -> str:
    """`text` on one line, without what cannot be seen or turns the text around it; "" where nothing else is in it.

    Signs that are not drawn stay where they make up one that is: in emoji, and in words of Persian or Indic scripts.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(_KEPT.findall(text.replace(_BRAILLE_BLANK, " ")))
    return " ".join(text.split())


def not_among(names: Collection[str], name: str, same: Callable[[str], str] = str) -> str:
    """`name`, followed by a number where another has it already: "Sweep (2)". Names are one where `same` of them is."""
    taken = set(map(same, names))
    numbered = (f"{name} ({number})" for number in count(2))
    return next(each for each in chain([name], numbered) if same(each) not in taken)
