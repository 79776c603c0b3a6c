"""The threshold of a run: kept, forgotten, refused, and anything else in its file."""

import pytest

from core.runs import Run, ThresholdError
from core.runs.files import THRESHOLD


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_a_threshold_is_kept_in_the_folder_and_none_or_0_forgets_it(run):
    assert run.threshold is None
    for nothing in (None, 0, 0.0):
        run.set_threshold(0.905)
        assert run.threshold == 0.905
        run.set_threshold(nothing)
        assert run.threshold is None
    assert list(run.path.iterdir()) == []


@pytest.mark.parametrize("wrong", [1, 1.5, -0.1, float("nan"), float("inf"), "0.5", True, False])
def test_what_is_no_threshold_is_refused_and_changes_nothing(run, wrong):
    run.set_threshold(0.5)
    with pytest.raises(ThresholdError, match="from 0 to below 1"):
        run.set_threshold(wrong)
    assert run.threshold == 0.5


@pytest.mark.parametrize("text", ["", "[1]", "7", '{"threshold": 7}', '{"threshold": "a"}', '{"threshold": NaN}', "{"])
def test_a_damaged_file_is_no_threshold(run, text):
    (run.path / THRESHOLD).write_text(text)
    assert run.threshold is None


def test_a_deleted_run_does_not_come_back(tmp_path):
    with pytest.raises(OSError, match="gone"):
        Run(tmp_path / "gone").set_threshold(0.5)
    assert not (tmp_path / "gone").exists()
