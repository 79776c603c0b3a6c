"""The threshold of a run: kept, forgotten, refused, and nonsense in its file."""

import pytest

from core.runs.threshold import FILE, ThresholdError, read_threshold, write_threshold


def test_a_threshold_is_kept_in_the_folder_and_none_or_0_forgets_it(tmp_path):
    assert read_threshold(tmp_path) is None
    for nothing in (None, 0, 0.0):
        write_threshold(tmp_path, 0.905)
        assert read_threshold(tmp_path) == 0.905
        write_threshold(tmp_path, nothing)
        assert read_threshold(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("nonsense", [1, 1.5, -0.1, float("nan"), float("inf"), "0.5", True, False])
def test_what_is_no_threshold_is_refused_and_changes_nothing(tmp_path, nonsense):
    write_threshold(tmp_path, 0.5)
    with pytest.raises(ThresholdError, match="from 0 to below 1"):
        write_threshold(tmp_path, nonsense)
    assert read_threshold(tmp_path) == 0.5


@pytest.mark.parametrize("text", ["", "[1]", "7", '{"threshold": 7}', '{"threshold": "a"}', '{"threshold": NaN}', "{"])
def test_a_damaged_file_is_no_threshold(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    assert read_threshold(tmp_path) is None


def test_a_deleted_run_does_not_come_back(tmp_path):
    with pytest.raises(OSError, match="gone"):
        write_threshold(tmp_path / "gone", 0.5)
    assert not (tmp_path / "gone").exists()
