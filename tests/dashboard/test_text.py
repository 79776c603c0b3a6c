"""People's text in Streamlit's Markdown: a parser of CommonMark reads the very text, and nothing else, out of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dashboard.components.text import escape_markdown
from tests.support.odd_names import ODD_NAMES

DIRECTIVE = re.compile(r":color\[(&#\d+;)\]")  # makes an element of its own of what is in it
EDGE = "\ue000"  # stands for where one begins or ends
CHANGED = [  # what Streamlit's frontend looks for in each text that came out: icons, emoji, arrows, addresses
    re.compile(r":material_\w+:|:streamlit:|:[\w+-][\w+-]*:"),
    re.compile(r"(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)"),
    re.compile(r"https?://|www\.|[-.\w+]+@[-\w]+\.", re.IGNORECASE),
]
TYPED = st.text(
    st.sampled_from(":/.@-=<>~*_#$[](){}!&;`\\|+1 \t\nawx")
    | st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters=f"\ufffd{EDGE}"),
    max_size=40,
)


def parsed(markdown: str) -> tuple[set[str], str]:
    """The kinds of elements in a Markdown text, and what it says."""
    tokens = MarkdownIt("commonmark").enable(["strikethrough", "table"]).parse(markdown)
    inlines = [token for token in tokens if token.type == "inline"]
    parts = [part for inline in inlines for part in [*inline.children, None]]
    text = "".join("\n" if part is None or part.type == "softbreak" else part.content for part in parts)
    return {token.type for token in tokens} | {part.type for part in parts if part}, text


@given(TYPED)
def test_any_text_is_shown_as_it_was_typed(typed):
    markdown = escape_markdown(typed)
    assert ":" not in DIRECTIVE.sub("", markdown)  # no other directive begins in it
    assert not re.search(r"[$~|<]", markdown)  # nor a formula, nor what GitHub's Markdown adds
    kinds, text = parsed(DIRECTIVE.sub(rf"{EDGE}\1{EDGE}", markdown))
    assert kinds <= {"inline", "paragraph_open", "paragraph_close", "text", "softbreak"}
    assert text.replace(EDGE, "").split() == typed.split()  # a browser shows any space as one
    assert not any(changed.search(part) for part in text.split(EDGE) for changed in CHANGED)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_in_bold_is_bold_whatever_it_begins_and_ends_with(name):
    kinds, text = parsed(DIRECTIVE.sub(r"\1", f"**{escape_markdown(name)}**"))
    assert "strong_open" in kinds
    assert text.strip() == name
