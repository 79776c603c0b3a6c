"""What a learner did, kept in a file that may be damaged."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.learners import Learner, LessonProgress, change_learner, is_learner_id, read_learner

ME, OTHER = "0" * 32, "f" * 32
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "active": JSON,
        "folded": JSON,
        "lessons": JSON
        | st.dictionaries(
            st.text(max_size=5),
            st.fixed_dictionaries({}, optional=dict.fromkeys(("step", "done", "predictions", "runs"), JSON)),
            max_size=3,
        ),
    },
)


def test_what_was_done_is_there_again_and_belongs_to_one_learner(tmp_path):
    def predicted(now: Learner) -> Learner:
        return now.with_progress("epochs", step=2, predictions={1: "later"}, runs={"many": "r1"})

    change_learner(tmp_path, ME, predicted)
    change_learner(tmp_path, ME, lambda now: now.with_progress("epochs", done=True))
    known = read_learner(tmp_path, ME)
    assert known.progress("epochs") == LessonProgress(2, True, {1: "later"}, {"many": "r1"})
    assert known.progress("other") == LessonProgress()
    assert read_learner(tmp_path, OTHER) == Learner()


@given(value=JSON | LIKELY)
def test_a_damaged_file_is_as_good_as_what_is_right_in_it(tmp_path_factory, value):
    home = tmp_path_factory.mktemp("home")
    (home / "learners").mkdir()
    (home / "learners" / f"{ME}.json").write_text(json.dumps(value))
    found = read_learner(home, ME)
    for name, progress in found.lessons.items():
        assert isinstance(name, str)
        assert 0 <= progress.step < 1000
        assert all(isinstance(at, int) and isinstance(said, str) for at, said in progress.predictions.items())
    assert change_learner(home, ME, lambda now: now) == read_learner(home, ME)


def test_a_half_written_file_is_nothing_done(tmp_path):
    change_learner(tmp_path, ME, lambda now: now.with_progress("epochs", step=1))
    path = tmp_path / "learners" / f"{ME}.json"
    path.write_bytes(path.read_bytes()[:-20])
    assert read_learner(tmp_path, ME) == Learner()


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "0" * 31, "0" * 33, "G" * 32, None, "0" * 32 + "\n"])
def test_only_32_hexadecimal_digits_name_a_learner(tmp_path, name):
    assert not is_learner_id(name)
    with pytest.raises(ValueError, match="names no learner"):
        read_learner(tmp_path, name)
