"""`core.data.my_digits`: what people keep of their own digits, whole or not at all."""

import csv
import io
import threading
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.data import my_digits
from core.data.my_digits import MyDigits, MyDigitsError


@pytest.fixture
def mine(tmp_path):
    return MyDigits(tmp_path)


def image(seed):
    """Some image, another one for each seed."""
    return np.random.default_rng(seed).integers(0, 256, (28, 28), np.uint8)


def keep(mine, *labels):
    """Keep an image for each label."""
    return [mine.add(image(seed), label, said=label, run_id="run") for seed, label in enumerate(labels)]


def test_what_is_kept_comes_back_in_order(mine):
    assert mine.all() == ()
    assert mine.newest() is None
    picture = np.random.default_rng(0).integers(0, 256, (300, 400, 4), np.uint8)
    first = mine.add(image(1), 4, picture=picture, said=9, run_id="a-run")
    second = mine.add(image(2), 7, said=None, run_id="another")
    found = mine.all()
    assert [digit.id for digit in found] == [first, second] == sorted([first, second])
    assert (found[0].image == image(1)).all()
    assert [(digit.label, digit.said, digit.run_id) for digit in found] == [(4, 9, "a-run"), (7, None, "another")]
    assert found[0].when <= found[1].when
    assert mine.newest().id == second
    with np.load(mine.folder / f"{first}.npz", allow_pickle=False) as arrays:
        assert arrays["picture"].shape == (300, 400)


def test_a_large_picture_is_kept_small(mine):
    digit = mine.add(image(1), 4, picture=np.zeros((2000, 1000, 3), np.uint8), said=4, run_id="run")
    with np.load(mine.folder / f"{digit}.npz", allow_pickle=False) as arrays:
        assert arrays["picture"].shape == (512, 256)


def test_the_same_drawing_twice_in_a_row_is_kept_once_with_the_label_given_last(mine):
    first = mine.add(image(1), 4, said=4, run_id="run")
    assert mine.add(image(1), 4, said=4, run_id="run") == first
    mine.add(image(1), 9, said=4, run_id="run")
    assert [digit.label for digit in mine.all()] == [9]
    keep(mine, 3)
    mine.add(image(1), 9, said=4, run_id="run")
    assert [digit.label for digit in mine.all()] == [9, 3, 9]


def test_a_click_that_is_delivered_to_many_threads_keeps_one(mine):
    threads = [
        threading.Thread(target=mine.add, args=(image(1), 4), kwargs={"said": 4, "run_id": "run"}) for _ in "12345"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(mine.all()) == 1


def test_a_deleted_digit_is_gone_and_nothing_else(mine, tmp_path):
    first, second = keep(mine, 1, 2)
    (tmp_path / "x.npz").touch()
    mine.delete("../x")
    mine.delete(first)
    mine.delete(first)
    assert [digit.id for digit in mine.all()] == [second]
    assert (tmp_path / "x.npz").exists()


def test_a_corrected_label_changes_nothing_else(mine, tmp_path):
    first, second = keep(mine, 3, 4)
    picture = np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8)
    third = mine.add(image(9), 3, picture=picture, said=8, run_id="run")
    before = mine.all()[2]
    mine.relabel(third, 8)
    mine.relabel("../x", 8)
    mine.delete(second)
    mine.relabel(second, 8)
    assert [(digit.id, digit.label) for digit in mine.all()] == [(first, 3), (third, 8)]
    after = mine.newest()
    assert (after.image == before.image).all()
    assert (after.said, after.when, after.held_out) == (before.said, before.when, before.held_out)
    with np.load(mine.folder / f"{third}.npz", allow_pickle=False) as arrays:
        assert (arrays["picture"] == picture).all()
    assert sorted(path.name for path in mine.folder.iterdir()) == sorted([".lock", f"{first}.npz", f"{third}.npz"])
    with pytest.raises(ValueError, match="must be 0 to 9"):
        mine.relabel(third, 10)


@given(st.binary(max_size=300))
def test_damaged_files_are_passed_over(tmp_path_factory, junk):
    mine = MyDigits(tmp_path_factory.mktemp("home"))
    [first] = keep(mine, 5)
    whole = (mine.folder / f"{first}.npz").read_bytes()
    for number, data in enumerate((junk, whole[: len(whole) // 2], whole[:-1] + junk[:1], junk + whole[len(junk) :])):
        (mine.folder / f"20990101-000000-{number:09d}-abcd.npz").write_bytes(data)
    (mine.folder / ".something.partial").write_bytes(junk)
    (mine.folder / "notes.npz").write_bytes(whole)
    for digit in mine.all():
        assert digit.image.shape == (28, 28)
        assert digit.label in range(10)
    assert first in [digit.id for digit in mine.all()]
    mine.newest()
    mine.arrays()
    mine.export_zip()


def test_every_third_of_a_label_is_held_out_and_stays_so_when_others_come_or_go(mine):
    ids = keep(mine, 1, 2, 1, 1, 2, 2, 1, 1, 1)
    apart = dict(zip(ids, mine.arrays()[2].tolist(), strict=True))
    assert list(apart.values()) == [False, False, False, True, False, True, False, False, True]
    mine.delete(ids[0])
    mine.add(image(98), 1, said=None, run_id="run")
    for digit in mine.all()[:-1]:
        assert digit.held_out == apart[digit.id]


def test_a_new_digit_does_not_change_what_was_held_out_before(mine):
    keep(mine, 1, 2, 1, 1, 2, 2)
    images, labels, apart = mine.arrays()
    assert (images.shape, images.dtype) == ((6, 28, 28), np.uint8)
    assert labels.tolist() == [1, 2, 1, 1, 2, 2]
    assert apart.tolist() == [False, False, False, True, False, True]
    mine.add(image(99), 1, said=1, run_id="run")
    assert mine.arrays()[2][:6].tolist() == apart.tolist()


def test_nothing_kept_is_empty_arrays(mine):
    images, labels, apart = mine.arrays()
    assert images.shape == (0, 28, 28)
    assert len(labels) == len(apart) == 0
    assert ZipFile(io.BytesIO(mine.export_zip())).namelist() == ["labels.csv"]


def test_the_export_holds_every_image_and_its_label(mine):
    ids = keep(mine, 4, 4, 4)
    with ZipFile(io.BytesIO(mine.export_zip())) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("labels.csv").decode())))
        assert [row["file"] for row in rows] == [f"4-{digit}.png" for digit in ids]
        assert [row["held_out"] for row in rows] == ["0", "0", "1"]
        for seed, row in enumerate(rows):
            assert (np.asarray(Image.open(archive.open(row["file"]))) == image(seed)).all()


def test_above_the_limit_it_says_what_to_do(mine, monkeypatch):
    monkeypatch.setattr(my_digits, "MOST", 3)
    keep(mine, 1, 2, 3)
    with pytest.raises(MyDigitsError, match="Delete some"):
        mine.add(image(7), 4, said=4, run_id="run")
    mine.add(image(2), 8, said=3, run_id="run")  # the newest, with another label
    assert [digit.label for digit in mine.all()] == [1, 2, 8]


@pytest.mark.parametrize(
    ("pixels", "label"),
    [
        (np.zeros((28, 28)), 1),
        (np.zeros((27, 28), np.uint8), 1),
        (np.zeros((28, 28), np.uint8), 10),
        (np.zeros((28, 28), np.uint8), None),
    ],
)
def test_what_is_no_digit_is_refused(mine, pixels, label):
    with pytest.raises(ValueError, match="must be"):
        mine.add(pixels, label, said=None, run_id="run")


def test_a_digit_that_is_kept_again_is_kept_once_also_after_the_clock_fell_back(mine, monkeypatch):
    clock = [2_000_000_000 * 10**9]
    monkeypatch.setattr(my_digits.time, "time_ns", lambda: clock[0])
    ids = [mine.add(image(1), 4, said=4, run_id="run")]
    clock[0] -= 365 * 86_400 * 10**9
    ids += [mine.add(image(2), 5, said=5, run_id="run")]
    for label in (6, 5, 6):
        ids += [mine.add(image(2), label, said=5, run_id="run")]
    assert ids == sorted(ids)
    assert [digit.label for digit in mine.all()] == [4, 6]


def test_digits_are_exported_by_a_clock_that_says_1970(mine, monkeypatch):
    keep(mine, 4)
    monkeypatch.setattr("zipfile.time.time", lambda: 0.0)
    with ZipFile(io.BytesIO(mine.export_zip())) as archive:
        assert len(archive.namelist()) == 2
