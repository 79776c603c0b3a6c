"""Datasets of other things than digits: where the names of their classes come from, and what is off for them."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data import Dataset, DatasetError, load_dataset
from core.data.classes import DIGITS, checked
from core.data.kept import Datasets
from tests.support.classes import LETTERS, SHAPES, arrays, dataset


def save(path: Path, values: dict[str, np.ndarray], **more) -> Path:
    np.savez(path, **values, **more)
    return path


def write_idx(path: Path, array: np.ndarray) -> None:
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


def write_idx_files(folder: Path, prefix: str, values: dict[str, np.ndarray]) -> Path:
    folder.mkdir(parents=True)
    for part in ("train", "test"):
        write_idx(folder / f"{prefix}{part}-images-idx3-ubyte", values[f"x_{part}"])
        write_idx(folder / f"{prefix}{part}-labels-idx1-ubyte", values[f"y_{part}"])
    return folder


def write_table(path: Path, images: np.ndarray, labels: np.ndarray) -> Path:
    rows = np.column_stack([labels, images.reshape(len(images), -1)])
    np.savetxt(path, rows, "%d", delimiter=",")
    return path


def write_pictures(folder: Path, values: dict[str, np.ndarray], names: tuple[str, ...], part: str) -> Path:
    for number, (image, label) in enumerate(zip(values[f"x_{part}"], values[f"y_{part}"], strict=True)):
        place = folder / names[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number}.png")
    return folder


@pytest.mark.parametrize("name", ["labels", "classes", "class_names", "label_names"])
def test_an_array_of_text_in_an_npz_names_the_classes(tmp_path, name):
    values = arrays(3, 4, 2)
    found = load_dataset(save(tmp_path / "some.npz", values, **{name: np.array(SHAPES)}))
    assert (found.classes, found.is_digits, found.name) == (SHAPES, False, "Own images")
    assert f"3 classes by the array {name}: Bag, Coat, Ankle boot" in found.note
    np.testing.assert_array_equal(found.y_train, values["y_train"])


@pytest.mark.parametrize("name", ["classes.txt", "labels.txt", "class_names.txt"])
def test_a_text_file_beside_it_names_the_classes(tmp_path, name):
    (tmp_path / name).write_text("\n".join(LETTERS))
    values = arrays(26, 4, 2)
    one_hot = {**values, "y_train": np.eye(26)[values["y_train"]]}
    for path in (save(tmp_path / "some.npz", one_hot), tmp_path):
        found = load_dataset(path)
        assert found.classes == LETTERS
        np.testing.assert_array_equal(found.y_train, values["y_train"])
        assert f"by the file {name}: A, B, C … Z" in found.note


def test_a_table_and_idx_files_have_names_beside_them(tmp_path):
    values = arrays(26, 4, 2)
    folder = write_idx_files(tmp_path / "idx", "", values)
    write_table(folder.parent / "letters.csv", values["x_train"], values["y_train"])
    for place in (folder, folder.parent):
        (place / "classes.txt").write_text("\n".join(LETTERS))
    assert load_dataset(folder).classes == load_dataset(folder.parent / "letters.csv").classes == LETTERS


def test_emnist_letters_begin_at_1_and_are_told_by_mapping_or_name(tmp_path):
    values = arrays(26, 4, 2)
    shifted = {name: array + 1 if name.startswith("y") else array for name, array in values.items()}
    folder = write_idx_files(tmp_path / "by_name" / "raw", "emnist-letters-", shifted)
    mapped = write_idx_files(tmp_path / "mapped", "emnist-letters-", shifted)
    (mapped / "emnist-letters-mapping.txt").write_text("".join(f"{n} {64 + n} {96 + n}\n" for n in range(1, 27)))
    told = {folder: "by the name emnist-letters", mapped: "by the file emnist-letters-mapping.txt"}
    for place, words in told.items():
        found = load_dataset(place)
        assert found.classes == LETTERS
        np.testing.assert_array_equal(found.y_test, values["y_test"])
        assert words in found.note
        assert "begin at 1, and were made to begin at 0" in found.note
        assert "rows and columns exchanged" in found.note
    assert load_dataset(folder).name == "EMNIST letters"


def test_fashion_is_known_by_its_name_alone_and_that_is_said(tmp_path):
    values = arrays(10, 4, 2)
    found = load_dataset(write_table(tmp_path / "fashion-mnist_train.csv", values["x_train"], values["y_train"]))
    assert (found.name, found.classes[:2], len(found.classes)) == ("Fashion-MNIST", ("T-shirt/top", "Trouser"), 10)
    assert "by the name fashion-mnist" in found.note
    raw = write_idx_files(tmp_path / "FashionMNIST" / "raw", "", values)
    assert load_dataset(raw.parent).classes[-1] == "Ankle boot"
    assert load_dataset(save(tmp_path / "mnist.npz", values)).is_digits


def test_folders_of_pictures_are_classes_in_the_order_of_their_names(tmp_path):
    values = arrays(3, 4, 2)
    alone = write_pictures(tmp_path / "alone", values, SHAPES, "train")
    found = load_dataset(alone)
    assert found.classes == tuple(sorted(SHAPES)) == ("Ankle boot", "Bag", "Coat")
    assert len(found.y_train) + len(found.y_test) == 12
    for part in ("train", "test"):
        write_pictures(tmp_path / "both" / part, values, SHAPES, part)
    found = load_dataset(tmp_path / "both")
    assert np.bincount(found.y_train).tolist() == [4, 4, 4]
    images = {image.tobytes(): SHAPES[label] for image, label in zip(values["x_test"], values["y_test"], strict=True)}
    assert [found.classes[label] for label in found.y_test] == [images[image.tobytes()] for image in found.x_test]


def test_digits_and_letters_are_36_folders(tmp_path):
    names = (*DIGITS, *LETTERS)
    folder = write_pictures(tmp_path, arrays(36, 2, 1), names, "train")
    assert load_dataset(folder).classes == names


def test_labels_beyond_9_without_names_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(DatasetError, match=r"labels from 0 to 25.*classes\.txt.*a line: the first is that of label 0"):
        load_dataset(save(tmp_path / "some.npz", arrays(26, 4, 2)))
    (tmp_path / "classes.txt").write_text("\n".join(LETTERS[:12]))
    with pytest.raises(DatasetError, match=r"12 classes are named by the file classes\.txt, for labels 0 to 11"):
        load_dataset(tmp_path / "some.npz")


@pytest.mark.parametrize("names", [LETTERS, SHAPES])
def test_names_that_belong_to_something_else_leave_digits_digits(tmp_path, names):
    (tmp_path / "labels.txt").write_text("\n".join(names))
    found = load_dataset(save(tmp_path / "mnist.npz", arrays(10, 4, 2)))
    assert found.is_digits
    assert f"are digits, and not {len(names)} classes by the file labels.txt" in found.note


@pytest.mark.parametrize("names", [["A"], ["A", "A"], ["A", ""], [str(n) for n in range(48)], ["A", 1]])
def test_names_are_2_to_47_texts_each_once(names):
    assert checked(names) is None


def test_a_kept_dataset_has_its_names_and_one_without_is_digits(tmp_path):
    datasets, used = Datasets(tmp_path), dataset(SHAPES)
    kept = datasets.add(used, "Shapes")
    assert (kept.classes, kept.train, kept.test) == (SHAPES, (40,) * 3, (8,) * 3)
    assert Datasets(tmp_path).open(kept.fingerprint, verify=True).classes == SHAPES
    digits = datasets.add(replace(used, classes=DIGITS), "Digits")
    assert digits.fingerprint != kept.fingerprint
    stored = json.loads((datasets.folder / f"{digits.fingerprint}.json").read_text())
    assert "classes" not in stored
    assert Datasets(tmp_path).open(digits.fingerprint).is_digits
    path = datasets.folder / f"{kept.fingerprint}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "classes": ["A", "B"]}))
    assert datasets.get(kept.fingerprint) is None


def test_nobody_asks_a_classifier_of_digits_about_other_things():
    values = arrays(10)
    assert any("do not fit the images" in words for words in Dataset("Own", "", **values).doubts)
    names = tuple("abcdefghij")
    assert Dataset("Own", "", **values, classes=names).doubts == ()
    train = {**values, "y_train": np.zeros_like(values["y_train"])}
    missing = [words for words in Dataset("Own", "", **train, classes=names).doubts if "No training image" in words]
    assert missing[0].startswith("No training image shows b or c or d")
