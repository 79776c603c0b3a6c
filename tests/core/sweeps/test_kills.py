"""Whatever is killed, whenever: a sweep ends with each of its trials once, trained as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from core.compute.launcher import Launcher
from core.config import TrainingConfig
from core.sweeps import Plan, SweepStore, every_combination
from core.sweeps.coordinators import Coordinators
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

TRIALS, KILLS = 10, 5


class Dashboard:
    """What a dashboard starts: a launcher, and what starts coordinators."""

    def __init__(self, store, sweeps):
        self.launcher, self.coordinators = Launcher(store, limit=1), Coordinators(sweeps)
        self.launcher.start()
        self.coordinators.start()

    def close(self):
        self.coordinators.close()
        self.launcher.close()

    def processes(self):
        workers = [sent.worker for sent in self.launcher._sent.values()]
        return [*self.coordinators._processes.values(), *workers, *(worker for worker, _ in self.launcher._warm)]


def test_each_trial_is_trained_once_whatever_is_killed(store, digits_file, wait_until, monkeypatch):
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    base = TrainingConfig("dense", epochs=6, network="flatten, dense 16, relu, output softmax")
    sweeps = SweepStore(store)
    sweep = sweeps.create(Plan(base, every_combination({"seed": range(TRIALS)}), "Seeds"))
    chance = random.Random(1)
    dashboard = Dashboard(store, sweeps)
    killed = 0
    try:
        while sweep.state.name == "active" and killed < KILLS:
            begun = len(sweep.trials())
            wait_until(dashboard.processes, "something to kill")
            time.sleep(chance.uniform(0, 2))  # any moment
            victims = [process for process in dashboard.processes() if process.poll() is None]
            if killed % 3 == 2:  # the dashboard ends, and another one starts
                dashboard.close()
                dashboard = Dashboard(store, sweeps)
            elif victims:
                os.kill(chance.choice(victims).pid, signal.SIGKILL)
            killed += 1
            wait_until(
                lambda begun=begun: len(sweep.trials()) > begun or sweep.state.name != "active", "the sweep to go on"
            )
        wait_until(lambda: sweep.state.name == "finished", "the sweep to end", 300)
    finally:
        processes = dashboard.processes()
        dashboard.close()
        for process in processes:
            process.kill()
    trials = sweep.trials()
    assert killed == KILLS
    assert sorted(trials) == list(range(TRIALS))
    assert len(store.runs()) == TRIALS
    assert {run.state.name for run in trials.values()} == {"finished"}
    for number in (0, TRIALS // 2, TRIALS - 1):
        alone = store.create(trials[number].config)
        subprocess.run([sys.executable, "-m", "core.training.worker", alone.path], cwd=ROOT, check=True)
        losses = [[epoch["loss"] for epoch in run.history().epochs] for run in (trials[number], alone)]
        assert len(losses[0]) == 6
        assert losses[0] == pytest.approx(losses[1], rel=1e-6)
