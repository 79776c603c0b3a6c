"""The glossary: short, findable, and linked without changing what is read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.components.learn.glossary import glossary, linked, search

WORDS = [form for word in glossary().values() for form in (word.name, *word.forms)]


def test_there_are_fifty_words_of_two_sentences_and_no_form_means_two():
    assert len(glossary()) >= 50
    assert len(WORDS) == len({form.casefold() for form in WORDS})
    for word in glossary().values():
        assert len(re.findall(r"[.](?= |$)", word.text)) in (1, 2), word.name
        assert len(word.text.split()) <= 45, word.name


@pytest.mark.parametrize(("sought", "first"), [("relu", "ReLU"), ("Adam", "optimizer"), ("overf", "overfitting")])
def test_a_search_finds_a_word_by_its_forms_first(sought, first):
    assert search(sought)[0].name == first
    assert search("") == list(glossary().values())
    assert search("xyzzy") == []


@given(st.lists(st.sampled_from([*WORDS, "the", "**epoch**", "`loss`", "[loss](x)", "{many.loss}", "x-loss"])))
def test_linked_words_read_as_before_and_each_is_linked_once(parts):
    text = " ".join(parts)
    shown = linked(text)
    found = re.findall(r"\[([^\]]*)\]\(/learn\?word=([\w-]+) \"[^\"]*\"\)", shown)
    assert re.sub(r"\[([^\]]*)\]\(/learn\?word=[\w-]+ \"[^\"]*\"\)", r"\1", shown) == text
    assert len({name for _, name in found}) == len(found)


def test_what_is_no_plain_text_is_left_alone():
    assert linked("**epoch** `loss` {many.epochs} [step](x)") == "**epoch** `loss` {many.epochs} [step](x)"
    assert linked("The loss.").startswith("The [loss](/learn?word=loss")
    assert linked("The loss, the epoch and “the softmax”.", most=1).count("/learn?word=") == 1
    assert "softmax](" not in linked("The loss and “the softmax”.")
