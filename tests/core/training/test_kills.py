"""A worker that is killed at random moments; 50 of them: `python -m benchmarks.kills --count 50`."""

import pytest

from benchmarks.kills import CONFIG, compare, kill_at_random
from core.runs import RunStore

pytestmark = pytest.mark.slow


def test_runs_whose_worker_was_killed_ten_times_end_as_one_that_was_not_bit_for_bit(tmp_path, digits_file, monkeypatch):
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    assert kill_at_random(10, tmp_path) == []
    ended = [run for run in RunStore(tmp_path).runs() if run.name != "Undisturbed"]
    assert ended
    assert all(len(run.history().epochs) == CONFIG.epochs for run in ended)


def test_runs_that_differ_are_told_apart(tmp_path):
    store = RunStore(tmp_path)
    one, other = store.create(CONFIG), store.create(CONFIG)
    other.set_state("failed", "No space")
    assert "failed: No space" in compare(one, other)[0]
