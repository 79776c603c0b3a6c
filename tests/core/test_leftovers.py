"""What killed processes left behind is swept up, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from core.leftovers import OLD_SECONDS, remove_leftovers
from core.runs import RunStore

GONE = 2**22 + 1  # above the largest process id of Linux


@pytest.fixture
def temporary(tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


def old(path):
    os.utime(path, (time.time() - OLD_SECONDS - 60,) * 2)
    return path


def test_old_partial_files_and_drafts_go_and_new_ones_and_whole_files_stay(store, make_run, temporary):
    run = make_run()
    gone = [
        run.path / ".checkpoint.npz.1a2b3c4d.partial",
        run.path / "predictions" / ".epoch-0001.npy.1a2b3c4d.partial",
        run.path / ".partial.keras",
        store.home / ".architectures.json.1a2b3c4d.partial",
    ]
    for path in gone:
        path.write_bytes(b"half")
        old(path)
    new = run.path / ".summary.json.1a2b3c4d.partial"
    new.write_bytes(b"being written")
    drafts = [store.folder / ".20261123-120000-seed-0000", store.folder / ".deleted-20261123-120000-seed-0000-ab12"]
    for draft in drafts:
        draft.mkdir()
        (draft / "config.json").write_text("{}")
        old(draft)
    other = store.folder / ".somebody-elses"
    other.mkdir()
    old(other)
    before = run.state
    assert sorted(remove_leftovers(store.home, temporary)) == sorted([*gone, *drafts])
    assert not any(path.exists() for path in gone + drafts)
    assert new.exists()
    assert other.exists()
    assert (run.state, run.damage()) == (before, ())


def test_temporary_folders_and_logs_of_ended_processes_go_and_those_of_living_ones_stay(store, temporary):
    store.home.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as living:
        for pid in (GONE, living.pid):
            (temporary / f"digitlab-{pid}-abc123").mkdir()
            (store.home / f"worker-{pid}.log").touch()
        (temporary / "tmpabc123").mkdir()
        remove_leftovers(store.home, temporary)
        assert sorted(path.name for path in temporary.iterdir()) == [f"digitlab-{living.pid}-abc123", "tmpabc123"]
        assert [path.name for path in store.home.glob("*.log")] == [f"worker-{living.pid}.log"]


def test_a_home_that_is_not_there_is_clean(tmp_path, temporary):
    assert remove_leftovers(RunStore(tmp_path / "nowhere").home, temporary) == []
