"""Nobody changes what is another's: asked in the core, whichever way a request came."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from core.classroom.roll import call_the_roll
from core.compute.launcher import Launcher
from core.config import TrainingConfig
from core.data.my_digits import MyDigits, MyDigitsError
from core.people import Actor, People, acting_as, change_rules
from core.runs import NotYoursError, Run, RunStore
from core.services import Services
from core.sweeps import Plan, Sweep, SweepStore, coordinator, every_combination

RUN_CHANGES: dict[str, Callable[[Run], object]] = {
    "pause": Run.pause,
    "stop": Run.stop,
    "discard": Run.discard,
    "resume": Run.resume,
    "extend": lambda run: run.extend(1),
    "rename": lambda run: run.rename("Mine"),
    "rate": lambda run: run.request(learning_rate=0.1),
    "threshold": lambda run: run.set_threshold(0.5),
    "no threshold": lambda run: run.set_threshold(None),
    "state": lambda run: run.set_state("stopped"),
    "summary": lambda run: run.write_summary({}),
    "predictions": lambda run: run.write_probabilities(np.zeros((3, 10))),
    "delete": lambda run: RunStore(run.home).delete(run),
}
SWEEP_CHANGES: dict[str, Callable[[Sweep], object]] = {
    "pause": Sweep.pause,
    "stop": Sweep.stop,
    "resume": Sweep.resume,
    "budget": lambda sweep: sweep.set_budget(minutes=1),
    "failed": Sweep.try_failed_again,
    "extend": lambda sweep: sweep.extend(sweep.plan),
    "trial": Sweep.begin_trial,
    "delete": lambda sweep: SweepStore(sweep.runs).delete(sweep),
}


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


@pytest.fixture
def ann(store):
    return People(store.home).join("Ann")[0]


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


@pytest.mark.parametrize("change", RUN_CHANGES)
@pytest.mark.parametrize("state", ["queued", "finished"])
def test_a_run_is_changed_by_its_owner_and_the_teacher_alone(store, ann, ben, change, state):
    with acting_as(Actor(ann)):
        run = store.create(TrainingConfig(epochs=2))
        run.set_state(state)
    assert run.owner == (ann.id, "Ann")
    before = files_of(run.path)
    for who in (Actor(ben), Actor(why="Only look.")):
        with acting_as(who), pytest.raises(NotYoursError, match=r"is Ann's|Only look"):
            RUN_CHANGES[change](run)
    assert files_of(run.path) == before


@pytest.mark.parametrize("change", SWEEP_CHANGES)
def test_a_sweep_is_changed_by_its_owner_and_the_teacher_alone(store, ann, ben, change):
    with acting_as(Actor(ann)):
        sweep = SweepStore(store).create(Plan(TrainingConfig(), every_combination({"seed": (1, 2)}), "Seeds"))
    trial = sweep.begin_trial()  # by the coordinator
    assert trial.owner == sweep.owner == (ann.id, "Ann")
    before = files_of(store.home)
    with acting_as(Actor(ben)), pytest.raises(NotYoursError, match="is Ann's"):
        SWEEP_CHANGES[change](sweep)
    assert files_of(store.home) == before


def test_the_teacher_may_and_so_may_the_owner(store, ann, ben):
    teacher = People(store.home).set_teacher(ben, True)
    for who in (ann, teacher):
        with acting_as(Actor(ann)):
            run = store.create(TrainingConfig(epochs=2))
        with acting_as(Actor(who)):
            run.rename("Changed")
            run.pause()
            store.delete(run)
        assert store.get(run.id) is None


def test_what_is_nobodys_only_the_teacher_changes(store, ann):
    run = store.create(TrainingConfig())
    with acting_as(Actor(ann)), pytest.raises(NotYoursError, match="Only the teacher"):
        run.pause()
    run.pause()


def test_whoever_only_looks_makes_nothing(store, tmp_path):
    plan = Plan(TrainingConfig(), every_combination({"seed": (1, 2)}), "Seeds")
    image = np.full((28, 28), 9, np.uint8)
    with acting_as(Actor(why="Only look.")):
        with pytest.raises(NotYoursError, match="Only look"):
            store.create(TrainingConfig())
        with pytest.raises(NotYoursError, match="Only look"):
            SweepStore(store).create(plan)
        with pytest.raises(MyDigitsError, match="Only look"):
            MyDigits(tmp_path).add(image, 1, said=None, run_id="")
    assert not files_of(tmp_path)


def test_limits_hold_for_runs_sweeps_and_more_epochs(store, ann):
    change_rules(store.home, epochs=3, waiting=2)
    with acting_as(Actor(ann)):
        with pytest.raises(NotYoursError, match="at most 3 epochs"):
            store.create(TrainingConfig(epochs=4))
        with pytest.raises(NotYoursError, match="at most 3 epochs"):
            SweepStore(store).create(Plan(TrainingConfig(), every_combination({"epochs": (1, 4)}), "Epochs"))
        run = store.create(TrainingConfig(epochs=2))
        run.set_state("finished")
        with pytest.raises(NotYoursError, match="at most 3 epochs"):
            run.extend(4)
        run.extend(3)
        paused = store.create(TrainingConfig(epochs=1))
        paused.pause()
        store.create(TrainingConfig(epochs=1))
        with pytest.raises(NotYoursError, match="2 runs in the line"):
            paused.resume()
        with pytest.raises(NotYoursError, match="2 runs in the line"):
            store.create(TrainingConfig(epochs=1))


def test_a_limit_of_images_holds_for_each_trial_of_a_sweep(store, ann):
    change_rules(store.home, images=500)
    base = TrainingConfig(training_images=500)
    with acting_as(Actor(ann)):
        for images in ((100, 501), (100, None)):
            with pytest.raises(NotYoursError, match="at most 500 training images"):
                SweepStore(store).create(Plan(base, every_combination({"training_images": images}), "Images"))
        SweepStore(store).create(Plan(base, every_combination({"training_images": (100, 500)}), "Images"))


def test_the_line_goes_round(store, ann, ben):
    def runs_of(person, count):
        with acting_as(Actor(person)):
            return [store.create(TrainingConfig(epochs=1)) for _ in range(count)]

    first, second, third = runs_of(ann, 3)
    (only,) = runs_of(ben, 1)
    assert [run.id for run in store.queued()] == [run.id for run in (first, only, second, third)]


def test_limits_hold_for_sweeps_that_go_on_and_for_each_trial(store, ann):
    sweeps = SweepStore(store)
    with acting_as(Actor(ann)):
        sweep = sweeps.create(Plan(TrainingConfig(epochs=5), every_combination({"seed": (1, 2, 3)}), "Seeds"))
        change_rules(store.home, waiting=1)
        assert sweep.begin_trial() is not None
        assert sweep.begin_trial() is None  # one is in the line
        assert (sweep.state.name, sweep.begun) == ("active", 1)
        store.runs()[0].set_state("finished")
        change_rules(store.home, epochs=3)
        assert sweep.begin_trial() is None
        assert (sweep.state.name, sweep.begun) == ("paused", 1)
        assert "at most 3 epochs" in sweep.state.message
        before, more = sweep.plan, sweep.plan.with_seeds([0], 2)
        for go_on in (sweep.resume, lambda: sweep.set_budget(minutes=9), lambda: sweep.extend(more)):
            with pytest.raises(NotYoursError, match="at most 3 epochs"):
                go_on()
        assert sweep.plan == before
        change_rules(store.home, epochs=None)
        sweep.resume()
        assert sweep.begin_trial() is not None


def test_of_many_requests_at_once_no_more_come_to_the_line_than_may(store, ann):
    change_rules(store.home, waiting=3)
    refused = []

    def request():
        with acting_as(Actor(ann)):
            try:
                store.create(TrainingConfig(epochs=1))
            except NotYoursError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=request) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(store.runs()), len(refused)) == (3, 9)


def test_minutes_count_of_runs_that_train_and_of_those_that_were_deleted(store, ann):
    change_rules(store.home, minutes=10)
    with acting_as(Actor(ann)):
        run = store.create(TrainingConfig(epochs=1))
    run.append_event("batch", step=1, epoch=1, training_seconds=540.0)
    with acting_as(Actor(ann)):
        other = store.create(TrainingConfig(epochs=1))
    other.append_event("batch", step=1, epoch=1, training_seconds=61.0)
    for _ in range(2):
        with acting_as(Actor(ann)), pytest.raises(NotYoursError, match="10 minutes"):
            store.create(TrainingConfig(epochs=1))
        if store.get(run.id):
            with acting_as(Actor(ann)):
                store.delete(run)


def test_nobody_has_the_machine_work_on_what_is_anothers(store, ann, ben):
    with acting_as(Actor(ann)):
        run = store.create(TrainingConfig(epochs=1))
    run.set_state("finished")
    before, services = files_of(run.path), Services(store.home)
    with acting_as(Actor(ben)), pytest.raises(NotYoursError, match="is Ann's"):
        services.after_training.do_now(run, "map")
    assert files_of(run.path) == before


def test_a_run_that_the_teacher_stops_or_pauses_says_so_until_it_goes_on_and_the_pupils_own_stop_does_not(
    store, ann, ben
):
    teacher = People(store.home).set_teacher(ben, True)
    with acting_as(Actor(ann)):
        run = store.create(TrainingConfig(epochs=1))
    with acting_as(Actor(teacher)):
        run.stop()
    assert (run.state.name, run.state.message) == ("paused", "Paused by the teacher.")  # it had not begun
    with acting_as(Actor(ann)):
        run.resume()
    assert (run.state.message, run.control["reason"]) == ("", "")
    run.set_state("running")
    with run.lock().acquire(timeout=0), acting_as(Actor(teacher)):
        run.stop()
        assert run.control["reason"] == "Stopped by the teacher."
        run.pause()
        assert run.control["reason"] == "Paused by the teacher."
    with run.lock().acquire(timeout=0), acting_as(Actor(ann)):
        run.stop()
    assert run.control["reason"] == ""


def test_the_roll_counts_minutes_as_the_limit_does(store, ann):
    with acting_as(Actor(ann)):
        first, second = (store.create(TrainingConfig(epochs=1)) for _ in range(2))
    for run, seconds in ((first, 120.0), (second, 60.0)):
        run.append_event("batch", step=1, epoch=1, training_seconds=seconds)
    store.delete(first)
    [row] = call_the_roll(People(store.home), store)
    assert row.minutes == 3


def test_nobody_deletes_all_of_another(store, ann, ben):
    services = Services(store.home)
    with acting_as(Actor(ann)), pytest.raises(NotYoursError, match="Ben"):
        services.delete_all_of(ben)
    assert services.people.get(ben.id) == ben


def test_with_a_person_goes_every_dataset_that_holds_their_writing(store, ann, ben, digits):
    services = Services(store.home)
    of_both = services.datasets.add(digits, "Our digits", writers=[ann.id, ben.id])
    others = services.datasets.add(replace(digits, x_train=255 - digits.x_train), "From a book")
    with acting_as(Actor(ben)):
        services.delete_all_of(ben)
    assert services.datasets.all() == [others]
    assert services.datasets.open(of_both.fingerprint) is None


def test_all_images_of_a_dataset_count_against_the_limit(store, ann, digits):
    kept = Services(store.home).datasets.add(digits)
    config = TrainingConfig(epochs=1, dataset=kept.fingerprint)  # of 1,400 images
    change_rules(store.home, images=1399)
    with acting_as(Actor(ann)):
        with pytest.raises(NotYoursError, match="at most 1,399 training images"):
            store.create(config)
        change_rules(store.home, images=1400)
        run = store.create(config)
        assert SweepStore(store).create(Plan(config, every_combination({"seed": (1, 2)})))
    assert run.config == config


def test_a_coordinator_launches_nothing_where_a_launcher_does_or_everybody_waits(store, monkeypatch):
    made = []
    monkeypatch.setattr(coordinator, "ALONE_SECONDS", -1.0)
    monkeypatch.setattr(coordinator, "make_launcher", lambda runs: made.append(runs) or Launcher(runs))
    monkeypatch.setattr(Launcher, "start", lambda self: None)
    sweep = SweepStore(store).create(Plan(TrainingConfig(epochs=1), every_combination({"seed": (1, 2)}), "Seeds"))
    one = coordinator.Coordinator(sweep)
    one.step()  # the first trial comes to the line
    launcher = Launcher(store)
    launcher._hold_lock()
    one.step()
    assert not made
    change_rules(store.home, everybody_waits=True)
    launcher.close()
    one.step()
    assert not made
    change_rules(store.home, everybody_waits=False)
    one.step()
    assert made == [store]
