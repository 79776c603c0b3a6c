"""The wall: the best of each name by the validation images, and the test images by fixed halves."""

import numpy as np
import pytest

from core.classroom.roll import call_the_roll
from core.classroom.wall import accuracy_by_halves, places
from core.config import TrainingConfig
from core.people import Actor, People, acting_as
from tests.support.digits import mostly_right


@pytest.fixture
def make(store, digits):
    """A finished run of a person, that reads all test images right but those of some indices."""

    def finished(person, validation, wrong=(), model="dense"):
        with acting_as(Actor(person)):
            run = store.create(TrainingConfig(model=model, epochs=1))
        run.write_probabilities(mostly_right(digits.y_test, np.array(wrong, int)))
        run.write_summary({"test_accuracy": 0.9, "validation_accuracy": validation, "epochs": 1})
        run.set_state("finished")
        return run

    return finished


def test_halves_are_the_even_and_the_odd_test_images(store, digits, make):
    ann = People(store.home).join("Ann")[0]
    run = make(ann, 0.9, wrong=[0, 2, 4, 1])
    even, odd = len(digits.y_test[::2]), len(digits.y_test[1::2])
    assert accuracy_by_halves(run, digits) == pytest.approx(((even - 3) / even, (odd - 1) / odd))
    run.set_state("queued")
    assert accuracy_by_halves(run, digits) is None  # it goes on


def test_the_best_of_each_name_is_chosen_by_validation_whatever_the_test_says(store, digits, make):
    people = People(store.home)
    ann, ben = (people.join(name)[0] for name in ("Ann", "Ben"))
    teacher, other = (people.set_teacher(people.join(name)[0], True) for name in ("Ms Teacher", "Mr Other"))
    make(ann, 0.91)
    best = make(ann, 0.95, wrong=range(40))
    make(ben, 0.97, model=TrainingConfig().model)  # the classic network
    make(teacher, 0.96)
    make(other, 0.94)
    people.join("Cem")  # has no run
    found = places(call_the_roll(people, store), digits)
    assert [(place.name, place.is_teacher, place.accuracy) for place in found] == [
        ("Ben", False, 0.97),
        ("Ms Teacher", True, 0.96),
        ("Ann", False, 0.95),
    ]
    assert [place.on_test for place in found] == [True, False, False]
    assert found[2].run.id == best.id
