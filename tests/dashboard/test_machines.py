"""The machines of a cluster on Tune, and on the page of a run."""

import time

import pytest
from filelock import FileLock

from core.compute.machines import LOCK, Machine, Machines, places, write_machines
from tests.support.pages import open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]


def test_tune_shows_machines_and_why_one_takes_no_more(store, make_run, monkeypatch):
    monkeypatch.setenv("DIGITLAB_CLUSTER", "tcp://lab:8786")
    run = make_run("running", end=False)
    why = "3 runs in a row failed here."
    machines = Machines(
        (
            Machine("Window", 2, (run.id,), 1, time.time()),
            Machine("Door", 4, (), 0, time.time() - 120, gone="It gave no answer for 20 seconds."),
            Machine("Board", 4, (), 0, time.time(), refused=why),
        )
    )
    write_machines(store.home, machines)
    with FileLock(store.home / LOCK):
        at = open_page("tune")
        assert places(store.home) == 2  # of the machine that takes runs
    table = next(element.value for element in at.dataframe if "Last sign of life" in element.value)
    rows = {row.pop("Machine"): row for row in table.to_dict("records")}
    assert list(rows) == ["Board", "Door", "Window"]
    assert (rows["Window"]["State"], rows["Window"]["Trains"]) == ("Training", f"{run.name}, 1 of others")
    assert rows["Window"]["Last sign of life"] == "now"
    assert (rows["Door"]["State"], rows["Door"]["Last sign of life"]) == ("Gone", "2 min ago")
    assert (rows["Board"]["State"], rows["Board"]["Reason"]) == ("Takes no more runs", why)


def test_without_a_cluster_there_are_no_machines_and_with_one_it_is_said_that_none_has_joined(store, monkeypatch):
    monkeypatch.delenv("DIGITLAB_CLUSTER", raising=False)
    assert "Machines" not in [header.value for header in open_page("tune").header]
    monkeypatch.setenv("DIGITLAB_CLUSTER", "tcp://lab:8786")
    store.home.mkdir(parents=True, exist_ok=True)
    with FileLock(store.home / LOCK):
        assert "No machine has joined tcp" in words(open_page("tune"))


def test_a_run_says_which_machine_trained_it(make_run):
    run = make_run()
    run.set_state("finished", machine="Window")
    assert "**Finished** on Window · " in words(open_page("train", run=run.id))
