"""Datasets that are kept in a home: whole again, in little memory, and only where they may be."""

import io
import threading

import numpy as np
import pytest

from core.data import Dataset, DatasetError
from core.data.adding import Addition, from_files
from core.data.digits_of_people import dataset_of_digits
from core.data.kept import Datasets
from core.data.my_digits import MyDigits
from core.people import Actor, Person, acting_as


@pytest.fixture
def datasets(tmp_path):
    return Datasets(tmp_path)


def small(seed=0, name="Own digits", count=20):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count + 5, 28, 28), dtype=np.uint8)
    labels = np.arange(count + 5, dtype=np.uint8) % 10
    return Dataset(name, "a test", images[:count], labels[:count], images[count:], labels[count:], note="Made here.")


def test_a_dataset_comes_back_as_it_was_and_lies_on_the_disk(datasets, digits):
    kept = datasets.add(digits, "From school")
    assert (kept.name, sum(kept.train), sum(kept.test)) == ("From school", 1400, 397)
    assert kept.test == tuple(np.bincount(digits.y_test))
    found = Datasets(datasets.folder.parent).open(kept.fingerprint, verify=True)
    assert (found.name, found.note, found.fingerprint) == ("From school", digits.note, digits.fingerprint)
    assert isinstance(found.x_train, np.memmap)
    for array in ("x_train", "y_train", "x_test", "y_test"):
        assert np.array_equal(getattr(found, array), getattr(digits, array))
        assert not getattr(found, array).flags.writeable
    datasets.rest()
    assert np.array_equal(found.x_train, digits.x_train)


def test_equal_data_are_kept_once_and_names_are_told_apart(datasets):
    first = datasets.add(small(0), "Mine")
    assert datasets.add(small(0), "Other") == first
    assert datasets.add(small(1), "mine").name == "mine (2)"
    assert datasets.add(small(2), "MNIST").name == "Own digits"  # which it is not
    assert datasets.add(small(3, "MNIST"), "download").name == "MNIST"
    assert [kept.name for kept in datasets.all()] == ["Mine", "mine (2)", "Own digits", "MNIST"]
    assert datasets.named(" MINE ") == datasets.named(first.fingerprint) == first
    assert datasets.named("nobody's") is None


def test_a_dataset_that_was_changed_on_the_disk_is_found_out(datasets):
    kept = datasets.add(small(), "Mine")
    path = datasets.folder / f"{kept.fingerprint}.npz"
    whole = bytearray(path.read_bytes())
    whole[5000] ^= 1
    path.write_bytes(whole)
    with pytest.raises(DatasetError, match="Mine is damaged: it is not what was added"):
        datasets.open(kept.fingerprint, verify=True)
    path.write_bytes(whole[:3000])
    again = Datasets(datasets.folder.parent)
    with pytest.raises(DatasetError, match="Mine is damaged"):
        again.open(kept.fingerprint)
    assert again.of(kept.fingerprint, other := small(5)) is other
    assert again.add(small(), "Another name") == kept  # and whole again
    assert np.array_equal(again.open(kept.fingerprint, verify=True).x_train, small().x_train)
    again.remove(kept)
    assert again.all() == []
    assert again.open(kept.fingerprint) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": 3}', '{"fingerprint": "0", "train": [1]}'])
def test_a_damaged_description_is_no_dataset(datasets, text):
    kept = datasets.add(small())
    (datasets.folder / f"{kept.fingerprint}.json").write_text(text)
    assert datasets.all() == []
    assert datasets.get(kept.fingerprint) is None


def test_in_a_class_the_teacher_adds_and_whose_writing_it_is_may_remove_it(datasets):
    pupil, teacher = Person("a" * 12, "Ada"), Person("b" * 12, "Berta", is_teacher=True)
    with acting_as(Actor(teacher)):
        mine, other = datasets.add(small(0), writers=[pupil.id]), datasets.add(small(1))
    with acting_as(Actor(pupil)):
        for refused in (lambda: datasets.add(small(2)), lambda: datasets.remove(other)):
            with pytest.raises(DatasetError, match="The teacher adds datasets"):
                refused()
        datasets.remove(mine)
    with acting_as(Actor()), pytest.raises(DatasetError, match="only be looked at"):
        datasets.add(small(2))
    assert datasets.all() == [other]


# Adding


def test_files_that_were_sent_are_added_in_the_background_and_named_as_they_were_sent(
    datasets, digits, digits_file, wait_until
):
    shown = []
    addition = Addition(
        datasets,
        lambda progress: from_files(
            [("school.npz", digits_file.open("rb"))], lambda *at: (shown.append(at), progress(*at))
        ),
        "school",
    )
    wait_until(lambda: addition.is_through, "the dataset")
    assert addition.problem == ""
    assert (addition.kept.name, addition.kept.fingerprint) == ("school", digits.fingerprint)
    assert addition.kept.source == "the file school.npz"
    assert "/" not in addition.kept.note
    refused = Addition(datasets, lambda progress: from_files([("poem.npz", io.BytesIO(b"roses"))], progress))
    wait_until(lambda: refused.is_through, "the refusal")
    assert refused.problem.startswith("poem.npz ")
    assert refused.kept is None


def test_one_dataset_is_added_at_a_time_and_any_fault_is_said(datasets, wait_until):
    goes_on = threading.Event()

    def broken(progress):
        progress(1, 4)
        goes_on.wait(60)
        raise RuntimeError("a strange file")

    first = Addition(datasets, broken)
    with pytest.raises(DatasetError, match="Another dataset is being added"):
        Addition(datasets, lambda progress: small())
    wait_until(lambda: first.progress == (1, 4), "its progress")
    goes_on.set()
    wait_until(lambda: first.is_through, "its end")
    assert first.problem == "The dataset could not be added: a strange file."
    second = Addition(datasets, lambda progress: small())
    wait_until(lambda: second.kept, "the next one")


# My digits


def write(folder, labels, start=0):
    mine = MyDigits(folder)
    for number, label in enumerate(labels):
        image = np.zeros((28, 28), np.uint8)
        image[5, 5], image[6, 6] = start + number, 200
        mine.add(image, label, said=None, run_id="")
    return mine


def test_my_digits_alone_are_tested_on_those_that_are_held_out(tmp_path):
    mine = write(tmp_path, [1, 2] * 9)
    found = dataset_of_digits({"": mine})
    images, _, held_out = mine.arrays()
    assert np.array_equal(found.x_test, images[held_out])
    assert sorted(found.x_train[:, 5, 5]) == sorted(images[~held_out][:, 5, 5])
    assert (len(found.x_train), len(found.x_test), found.name) == (12, 6, "My digits")
    with pytest.raises(DatasetError, match="at least 10 labelled drawings; there are 2"):
        dataset_of_digits({"": write(tmp_path / "few", [1, 2])})


def test_the_digits_of_a_class_are_split_by_writer(tmp_path):
    written = {name: write(tmp_path / name, [3] * 5, 20 * place) for place, name in enumerate("abcd")}
    found = dataset_of_digits({**written, "nobody": MyDigits(tmp_path / "nobody")})
    assert sorted(found.x_test[:, 5, 5]) == [40, 41, 42, 43, 44]  # all of c, and c alone
    assert len(found.x_train) == 15
    assert "split by writer: 3 people are trained on, 1 tested" in found.note


def test_beside_other_digits_the_drawings_are_spread_and_no_image_that_may_validate_is_there_twice(tmp_path, digits):
    mine = write(tmp_path, range(10), 100)
    mine = write(tmp_path, [*range(10)] * 2, 150)
    found = dataset_of_digits({"": mine}, digits)
    assert len(found.x_test) == 10
    others = [tuple(image.ravel()) for image in digits.x_train]
    drawn = np.array([image[5, 5] >= 100 and image[6, 6] == 200 for image in found.x_train])
    assert drawn.sum() > 20  # some of them several times
    assert [tuple(image.ravel()) for image in found.x_train[~drawn]] == others  # in their order
    last_sixth = slice(len(found.x_train) - len(found.x_train) // 6, None)
    validating = found.x_train[last_sixth][drawn[last_sixth]][:, 5, 5].tolist()
    learned = found.x_train[: last_sixth.start][drawn[: last_sixth.start]][:, 5, 5].tolist()
    assert len(set(validating)) == len(validating)
    assert not set(validating) & set(learned)
