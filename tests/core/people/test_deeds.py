"""What a teacher does to what is another's stands in the class's log: each thing once, in words, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.config import TrainingConfig
from core.people import Actor, People, acting_as, deed, log
from core.runs import Run, RunError
from core.services import Services
from core.sweeps import Plan, Sweep, SweepStore, every_combination

ON_RUNS = {
    "paused {}": Run.pause,
    "stopped {}": Run.stop,
    "resumed {}": Run.resume,
    "added 5 epochs to {}": lambda run: run.extend(5),
    "renamed {} to Blue {}": lambda run: run.rename("Blue {}"),
    "set the learning rate of {} to 0.01": lambda run: run.request(learning_rate=0.01),
    "set the threshold of {} to 0.9": lambda run: run.set_threshold(0.9),
    "removed the threshold of {}": lambda run: run.set_threshold(None),
    "deleted {}": lambda run: Services(run.home).delete_run(run),
    "changed {}": lambda run: run.write_summary({}),
}
ON_SWEEPS = {
    "paused the sweep {}": Sweep.pause,
    "stopped the sweep {}": Sweep.stop,
    "resumed the sweep {}": Sweep.resume,
    "gave more trials or minutes to the sweep {}": lambda sweep: sweep.set_budget(minutes=5),
    "added trials to the sweep {}": lambda sweep: sweep.extend(
        replace(sweep.plan, points=every_combination({"seed": (1, 2, 3)}))
    ),
    "deleted the sweep {}": lambda sweep: SweepStore(sweep.runs).delete(sweep),
}


@pytest.fixture
def teacher(store):
    people = People(store.home)
    return people.set_teacher(people.join("Ms Teacher")[0], True)


def run_of(store, person, state="finished"):
    with acting_as(Actor(person)):
        run = store.create(TrainingConfig(model="dense", epochs=1))
    run.set_state(state)
    return run


def noted(store):
    return [(line["name"], line["did"]) for line in log.read(store.home)]


@pytest.mark.parametrize("did", ON_RUNS)
def test_what_a_teacher_does_to_a_pupils_run_is_noted_once(did, store, ben, teacher):
    run = run_of(store, ben, "paused" if "resumed" in did else "finished")
    People(store.home).rename(ben, "Benno")
    with acting_as(Actor(teacher)):
        ON_RUNS[did](run)
    assert noted(store) == [("Ms Teacher", did.replace("{}", "Dense 1 of Benno", 1))]


@pytest.mark.parametrize("did", ON_SWEEPS)
def test_what_a_teacher_does_to_a_pupils_sweep_is_noted_once_and_not_for_each_trial(did, store, ben, teacher):
    with acting_as(Actor(ben)):
        sweep = SweepStore(store).create(Plan(TrainingConfig(epochs=1), every_combination({"seed": (1, 2)}), "Seeds"))
    trial = sweep.begin_trial()
    if "resumed" in did:
        sweep.pause()
    if "added" in did:
        trial.set_state("finished")
    with acting_as(Actor(teacher)):
        ON_SWEEPS[did](sweep)
    assert noted(store) == [("Ms Teacher", did.replace("{}", "Seeds of Ben"))]


def test_a_pupil_and_a_teacher_at_their_own_are_not_noted_nor_what_did_not_happen(store, ben, teacher):
    for person in (ben, teacher):
        run = run_of(store, person)
        with acting_as(Actor(person)):
            run.rename("Mine")
    run = run_of(store, ben)
    run.rename("Background")  # by the program itself
    with acting_as(Actor(teacher)), pytest.raises(RunError):
        run.resume()  # it has finished
    assert noted(store) == []


def test_what_a_page_notes_itself_is_not_noted_twice(store, ben, teacher):
    run = run_of(store, ben)
    with acting_as(Actor(teacher)), deed(""):
        run.rename("Blue")
    assert noted(store) == []
