"""What is decided for a cluster without a cluster: who gets a run, who gets no more, and what is fetched."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from filelock import FileLock

from core.compute import attendant, dispatch, mirror
from core.compute.cluster import PROTOCOL, call
from core.compute.dispatch import Dispatcher
from core.compute.machines import LOCK, places, read_machines
from core.config import TrainingConfig
from core.data.kept import Datasets
from core.endings import DIVERGED
from core.people import change_rules
from core.runs import Run
from core.runs.state import State
from tests.support.paths import ROOT

CONFIG = TrainingConfig("dense", epochs=1)


class Cluster:
    """Stands for Dask's client, and for machines each of which ends every run in one state."""

    def __init__(self, machines: dict[str, State]):
        self.machines = machines
        self.began = {name: [] for name in machines}
        self.datasets: dict[str, bytes] = {}  # that were brought, by fingerprint
        self.looks = 0
        self.scheduler = self

    async def identity(self, n_workers):
        return {"workers": {name: {"resources": {dispatch.RESOURCE: 1}} for name in self.machines}}

    async def run(self, function, action, *arguments, workers):
        assert function is call
        [name] = workers
        return {name: getattr(self, action)(name, *arguments)}

    def begin(self, name, home, seconds, attempt, dataset, contents):
        assert "config.json" in contents
        if dataset not in self.datasets:
            return {"refused": "dataset"}
        self.began[name].append(attempt)
        return {"stamps": {}}

    def take_dataset(self, name, fingerprint, data):
        self.datasets[fingerprint] = data
        return {}

    def look(self, name, home, seconds, known):
        self.looks += 1
        events = mirror.Change("events.jsonl", (17,), 0, b'{"type":"taken"}\n')
        ended = {"state": self.machines[name], "has_worker": False, "written": [events], "gone": []}
        about = {"id": name, "name": name, "cores": 1, "others": 0, "protocol": PROTOCOL, "free": 1}
        return {**about, "attempts": dict.fromkeys(known, ended)}


@pytest.fixture
def serve(store, digits_file, monkeypatch):
    """Let a dispatcher work with these machines until a condition holds."""
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    for module in (dispatch, attendant):
        monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)

    async def work(cluster, dispatcher, done):
        serving = asyncio.create_task(dispatcher._serve(cluster))
        async with asyncio.timeout(60):
            while not done():
                await asyncio.sleep(0.02)
        serving.cancel()

    def serve(cluster, done):
        dispatcher = Dispatcher(store, "tcp://nowhere", threading.Event())
        with FileLock(store.home / LOCK):
            asyncio.run(work(cluster, dispatcher, done))
            return read_machines(store.home)

    return serve


def test_a_machine_on_which_three_runs_in_a_row_fail_gets_no_more_and_says_why(store, serve):
    runs = [store.create(CONFIG) for _ in range(9)]
    cluster = Cluster({"good": State("finished"), "bad": State("failed", "The memory was not enough.")})
    found = serve(cluster, lambda: not any(run.state.is_active for run in runs))
    states = [run.state for run in runs]
    assert [state.machine for state in states if state.name == "failed"] == ["bad"] * 3
    assert [state.machine for state in states if state.name == "finished"] == ["good"] * 6
    refused = {machine.name: machine.refused for machine in found.machines}
    assert refused["good"] == ""
    assert refused["bad"].startswith("3 runs in a row failed here. The last one: The memory was not enough.")


def test_a_learning_rate_that_is_too_high_is_no_fault_of_the_machine(store, serve):
    runs = [store.create(CONFIG) for _ in range(5)]
    serve(Cluster({"one": State("failed", DIVERGED)}), lambda: all(run.state.name == "failed" for run in runs))
    assert {run.state.message for run in runs} == {DIVERGED}


def test_a_run_that_its_worker_never_began_is_tried_elsewhere_and_where_nobody_can_it_waits(store, serve):
    run, cluster = store.create(CONFIG), Cluster({"one": State("interrupted", "It was killed.")})
    found = serve(cluster, lambda: "takes runs" in read_machines(store.home).problem)
    assert found.problem == "No machine of the cluster takes runs."
    assert (run.state.name, run.state.message) == ("queued", "one did not finish it. It was killed.")
    assert (len(cluster.began["one"]), run.has_worker()) == (3, False)


def test_runs_that_learn_my_digits_stay_on_this_machine(store, serve):
    mine, other = store.create(TrainingConfig("dense", epochs=1, start_from="base")), store.create(CONFIG)
    serve(Cluster({"one": State("finished")}), lambda: other.state.name == "finished")
    assert mine.state.name == "queued"


@pytest.mark.parametrize("obeyed", ["paused", "stopped"])
def test_a_run_that_is_resumed_before_its_machine_has_told_of_the_pause_is_trained(obeyed, store, serve):
    run, passed_on = store.create(CONFIG), []

    class Obedient(Cluster):
        def look(self, name, home, seconds, known):
            if known and len(self.began[name]) == 1:
                if not passed_on:
                    run.pause()  # on its way, so that it leaves the queue here at once
                    run.resume()
                passed_on.append(known)
                exports = len(passed_on) < 3  # its worker does, before it lets go of the run
                self.machines[name] = State(obeyed if exports else "paused")
                found = super().look(name, home, seconds, known)
                state = mirror.Change("state.json", (len(passed_on),), 0, b"{}")
                found["attempts"] = {
                    attempt: {**told, "has_worker": exports, "written": [state, *told["written"]]}
                    for attempt, told in found["attempts"].items()
                }
                assert run.state.name == "queued"
                return found
            self.machines[name] = State("finished")
            return super().look(name, home, seconds, known)

    cluster = Obedient({"one": State("queued")})
    serve(cluster, lambda: not run.state.is_active)
    assert (run.state.name, len(cluster.began["one"])) == ("finished", 2)


def test_nothing_is_sent_while_the_teacher_lets_everybody_wait(store, serve):
    run, cluster = store.create(CONFIG), Cluster({"one": State("finished")})
    change_rules(store.home, everybody_waits=True)
    serve(cluster, lambda: cluster.looks > 20)
    assert (cluster.began["one"], run.state.name) == ([], "queued")
    change_rules(store.home, everybody_waits=False)
    serve(cluster, lambda: run.state.name == "finished")


def test_a_run_of_another_dataset_is_sent_nowhere(store, serve):
    run, cluster = store.create(CONFIG), Cluster({"one": State("finished")})
    run.write_dataset({"name": "MNIST", "source": "a file", "fingerprint": "0" * 16})
    serve(cluster, lambda: not run.state.is_active)
    assert run.state.message.startswith("This run was trained and tested on MNIST (a file), which is not here.")
    assert cluster.began["one"] == []


def test_each_run_is_brought_with_the_dataset_that_it_names(store, serve, digits):
    turned = replace(digits, x_train=digits.x_train[:, ::-1])
    kept = Datasets(store.home).add(turned, "Turned")
    runs = [store.create(replace(CONFIG, dataset=named)) for named in (kept.fingerprint, "", kept.fingerprint)]
    cluster = Cluster({"one": State("finished")})
    serve(cluster, lambda: all(run.state.name == "finished" for run in runs))
    assert [run.dataset["name"] for run in runs] == ["Turned", "Own digits", "Turned"]
    with np.load(io.BytesIO(cluster.datasets[kept.fingerprint])) as brought:
        np.testing.assert_array_equal(brought["x_train"], turned.x_train)


def test_each_moment_of_a_copied_run_can_be_continued(store, make_run):
    there = make_run()
    there.write_checkpoint({})
    there.write_summary({"test_accuracy": 0.9})
    here = Run(store.create(CONFIG).path)
    known = {}
    for _ in range(2):
        written, gone = mirror.changes(there.path, known)
        assert [change.name for change in written][:3] == ["state.json", "summary.json", "checkpoint.npz"]
        mirror.apply(here, written, gone, {"name": "MNIST", "source": "here", "fingerprint": "0"})
        known.update({change.name: change.stamp for change in written})
        there.append_event("epoch", step=9, epoch=9)
        there.set_state("stopped")
        there.write_checkpoint({})
        there.write_summary(there.summary)
    written, gone = mirror.changes(there.path, known)
    [event] = [change for change in written if change.name == "events.jsonl"]
    assert (event.offset, event.data.count(b"\n")) == (known["events.jsonl"][0], 1)
    assert here.history().epochs == there.history().epochs[:-1]
    assert here.summary["dataset"]["source"] == "here"
    assert here.state.name == "queued"  # which whoever fetches sets
    there.path.joinpath("summary.json").unlink()
    assert mirror.changes(there.path, known)[1] == ["summary.json"]


def test_without_a_cluster_nothing_of_dask_is_imported(store, monkeypatch):
    code = "import sys, core.services, core.sweeps.coordinator, digit_classification, dashboard.components.machines\n"
    code += "core.services.Services()\nprint([name for name in sys.modules if name in ('dask', 'distributed')])"
    monkeypatch.delenv("DIGITLAB_CLUSTER", raising=False)
    monkeypatch.setenv("DIGITLAB_HOME", str(store.home))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert places(store.home) == 1
