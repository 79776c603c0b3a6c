"""What a run is called, however it got its name: seen on one line, and never a row that looks empty."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import digit_classification
from core.config import TrainingConfig
from core.names import MOST, visible
from core.runs import Run, RunError, RunStore
from tests.support.odd_names import ODD_NAMES

DENSE = TrainingConfig("dense", epochs=3)
UNSEEN = ["\u200b", "\ufeff \u2060", "\u202e\u202c", "\x00\x1b", "\u3164", "\u2800", "\u00ad\u200d\ufe0f", "\U000e0041"]
TURNING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
FILLERS = "\u115f\u1160\u3164\uffa0"  # letters of Korean that are not drawn
WHOLE = [
    *ODD_NAMES,
    "مرحبا بالعالم",
    "שלום עולם",
    "می\u200cخواهم",  # Persian, with the joiner that its spelling needs
    "क्\u200dष",
    "👩\u200d🚀 👨🏽\u200d👩\u200d👧\u200d👦",
    "❤\ufe0f\u200d🔥 1\ufe0f\u20e3",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "葛\U000e0100城",
    "e\u0301",
]
texts = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("".join(UNSEEN) + "a 👩🚀می\u202e\u200c\n")))


@pytest.mark.parametrize("name", WHOLE)
def test_a_name_of_any_script_stays_to_the_letter(store, name):
    assert store.create(DENSE, name).name == name


@pytest.mark.parametrize("name", UNSEEN)
def test_a_name_that_cannot_be_seen_is_refused_at_every_door(store, client, name):
    run = store.create(DENSE, "Good")
    with pytest.raises(RunError, match="1 to 60 characters that can be seen"):
        run.rename(name)
    answer = client.post("/api/runs", json={"model": "dense", "name": name})
    assert (answer.status_code, "can be seen" in answer.json()["detail"]) == (422, True)
    with pytest.raises(RunError, match="can be seen"):
        digit_classification.create_run(store, DENSE, name)
    assert [each.name for each in store.runs()] == ["Good"]


@given(texts)
@example("invoice\u202egpj.exe")
@example("a\x00b\x1b[31mc")
@example("👩\u2028\u200d🚀")
def test_whatever_is_typed_a_name_is_one_line_that_turns_nothing_and_is_taken_again_as_it_is(text):
    name = visible(text)
    assert visible(name) == name == " ".join(name.split())
    assert not [sign for sign in name if unicodedata.category(sign) in ("Cc", "Zl", "Zp") or sign in TURNING]
    assert [sign for sign in name if sign.isalnum()] == [
        sign for sign in text if sign.isalnum() and sign not in FILLERS
    ]


def test_names_that_a_home_has_already_are_read_and_shown_cleaned(store):
    run = store.create(DENSE)
    write = (run.path / "name.json").write_text
    write('{"name": "invoice\\u202egpj\\u0000 \\u001b[31m \\ufeffx"}')
    assert (run.name, run.damage()) == ("invoicegpj [31m x", ())
    write('{"name": "\\u200b\\ufeff"}')
    assert Run(run.path).name == run.id
    run.rename("x" * MOST + "\u200b")
    assert RunStore(store.home).runs()[0].name == "x" * MOST
