"""Runs on other machines: a scheduler and members as processes, one of which is killed and one stopped for a while."""

from __future__ import annotations

import pytest

from benchmarks.kills import compare
from benchmarks.lab import Lab
from core.compute.cluster_launcher import make_launcher
from core.compute.machines import read_machines
from core.config import TrainingConfig
from core.runs.history import event_log

pytestmark = pytest.mark.slow

CONFIG = TrainingConfig("dense", epochs=100, batch_size=8, hidden_layers=(32,), dropout=0.2, training_images=1000)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A scheduler, and three machines of one core; the first test kills one."""
    with Lab(tmp_path_factory.mktemp("lab"), ("one", "two", "three")) as lab:
        yield lab


@pytest.fixture
def launcher(store, lab, digits_file, monkeypatch):
    """A launcher for this cluster, whose dispatcher loses patience after three seconds."""
    monkeypatch.setenv("DIGITLAB_CLUSTER", lab.address)
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    monkeypatch.setenv("DASK_DIGIT_LAB__SILENCE", "3")
    launcher = make_launcher(store)
    launcher.start()
    yield launcher
    dispatcher = launcher._dispatcher
    launcher.close()
    dispatcher.kill()
    dispatcher.wait()


def test_runs_end_as_undisturbed_ones_where_a_machine_is_killed_and_another_hangs_for_a_while(
    store, lab, launcher, wait_until
):
    runs = [store.create(CONFIG, f"Run {number}") for number in range(3)]

    def trained(name):
        on_it = (run for run in runs if (run.state.name, run.state.machine) == ("running", name))
        return next((run for run in on_it if len(run.history().epochs) >= 2 and run.has_checkpoint), None)

    killed, hung = (wait_until(lambda name=name: trained(name), f"epochs on {name}") for name in ("one", "two"))
    assert killed.has_worker()
    lab.machines["one"].kill()
    lab.stop("two")
    seen = set()
    wait_until(lambda: seen.add(killed.state.message) or killed.state.machine == "three", "another machine")
    assert "one did not finish it. It has left the cluster." in seen
    wait_until(lambda: seen.add(hung.state.message) or hung.state.machine != "two", "its machine to be given up")
    assert "two did not finish it. It gave no answer for 3 seconds." in {*seen, hung.state.message}
    gone = {"one": "It has left the cluster.", "two": "It gave no answer for 3 seconds.", "three": ""}
    wait_until(
        lambda: gone == {machine.name: machine.gone for machine in read_machines(store.home).machines}, "word of them"
    )
    lab.let_go_on("two")
    wait_until(lambda: all(run.state.name == "finished" for run in runs), "all runs", 300)
    alone = runs[-1]
    for run in runs:
        assert compare(alone, run) == []
        assert run.dataset["source"].endswith("(DIGITLAB_DATA)")
    taken = [sum(event["type"] == "taken" for event in event_log(run.path / "events.jsonl").values()) for run in runs]
    assert taken == [2 if run in (killed, hung) else 1 for run in runs]


def test_requests_reach_a_run_elsewhere_and_where_its_dispatcher_is_killed_it_goes_on(store, launcher, wait_until):
    run = store.create(TrainingConfig("dense", epochs=200, batch_size=8, hidden_layers=(512, 256)))  # long enough
    wait_until(lambda: run.history().epochs and run.has_checkpoint, "an epoch")
    assert (run.state.name, run.has_worker()) == ("running", True)
    run.request(learning_rate=0.002)
    wait_until(lambda: run.history().last_batch["learning_rate"] == 0.002, "the new learning rate")
    launcher._dispatcher.kill()
    wait_until(lambda: run.state.name == "interrupted", "its end to be seen")
    steps = run.history().last_batch["step"]
    wait_until(lambda: run.state.name == "running" and run.history().start_step > 0, "it to go on")
    wait_until(lambda: run.history().last_batch["step"] > steps, "new batches")
    run.pause()
    wait_until(lambda: run.state.name == "paused" and not run.has_worker(), "it to pause")
    steps = [batch["step"] for batch in run.history().batches]
    assert steps == sorted(set(steps))
    assert run.checkpoint_flaw == ""
    assert run.has_model
    assert run.state.machine
    run.resume()
    wait_until(lambda: run.history().last_batch["step"] > steps[-1], "it to go on again")
    run.discard()
    wait_until(lambda: not run.path.exists(), "it to be deleted")
