"""A worker that is killed while it trains, and again while it exports.

`python -m benchmarks.kills` does it many times at random moments.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.kills import CONFIG, compare
from core.runs import RunStore

pytestmark = pytest.mark.slow
LONG = replace(CONFIG, epochs=120)  # longer than a worker waits with its first checkpoint


def test_a_run_killed_in_training_and_again_in_its_export_ends_as_one_that_was_not_bit_for_bit(
    store, start, wait_until
):
    undisturbed, run = store.create(LONG, "Undisturbed"), store.create(LONG, "Killed")
    first, worker = start(undisturbed), start(run)

    def has_more_than_a_checkpoint() -> bool:
        assert worker.poll() is None, run.log_tail()
        return (run.path / "checkpoint.npz").exists() and len(run.history().epochs) >= 2

    wait_until(has_more_than_a_checkpoint, "a checkpoint")
    assert run.state.name == "running"
    worker.kill()
    worker.wait()
    assert len(run.history().epochs) < LONG.epochs
    assert (run.state.name, run.has_worker()) == ("interrupted", False)
    (run.path / "events.jsonl").open("ab").write(b'{"type":"batch","st')  # as a lost power supply leaves it

    run.resume()
    assert [queued.id for queued in store.queued() if queued.id != undisturbed.id] == [run.id]
    worker = start(run)
    wait_until(lambda: run.history().phase == "finishing", "the end of training")
    worker.kill()
    worker.wait()
    assert len(run.history().epochs) == LONG.epochs
    assert run.state.name == "interrupted"

    run.resume()
    assert start(run).wait(timeout=240) == 0, run.log_tail()
    assert first.wait(timeout=240) == 0, undisturbed.log_tail()
    assert run.state.name == "finished"
    torn = "events.jsonl of Killed is damaged: 1 of its lines cannot be used."
    assert compare(undisturbed, run) == [f"Killed is damaged: {torn}"]  # and nothing else differs
    seconds = [epoch["training_seconds"] for epoch in run.history().epochs]
    assert seconds == sorted(seconds)


def test_runs_that_differ_are_told_apart(tmp_path):
    store = RunStore(tmp_path)
    one, other = store.create(CONFIG), store.create(CONFIG)
    other.set_state("failed", "No space")
    assert "failed: No space" in compare(one, other)[0]
