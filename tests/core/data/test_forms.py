"""Digits in every form that people have them: what loads, as what, and what is refused with which words."""

from __future__ import annotations

import gzip
import os
import re
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
from PIL import Image

from core.data import DatasetError, files, load_dataset
from core.data.forms import folder as folders
from core.data.forms import npz, table
from tests.support.paths import ROOT

TRAIN, TEST = 60, 20
NAMES = ("x_train", "y_train", "x_test", "y_test")
SEVERAL = 60  # images of a table


@pytest.fixture(scope="module")
def some(digits) -> dict[str, np.ndarray]:
    """Arrays of a few digits, of which no image begins or ends with ink."""
    parts = {"train": slice(TRAIN), "test": slice(TRAIN, TRAIN + TEST)}
    return {
        f"{kind}_{part}": getattr(digits, f"{kind}_train")[places] for part, places in parts.items() for kind in "xy"
    }


def assert_same(found, some: dict[str, np.ndarray]) -> None:
    for name, wanted in some.items():
        np.testing.assert_array_equal(getattr(found, name), wanted, err_msg=name)
        assert getattr(found, name).dtype == np.uint8


def assert_split(found, images: np.ndarray, labels: np.ndarray) -> None:
    """A seventh is for testing, and every image is there once, with its own label."""
    assert len(found.y_test) == len(labels) // 7
    wanted = sorted((image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True))
    parts = [*zip(found.x_train, found.y_train, strict=True), *zip(found.x_test, found.y_test, strict=True)]
    assert sorted((image.tobytes(), int(label)) for image, label in parts) == wanted
    assert f"{len(labels) // 7} of its {len(labels)} images" in found.note
    assert "(seed 0: always the same ones)" in found.note


# Arrays


def saved(path: Path, some: dict, images: Callable = np.asarray, labels: Callable = np.asarray, names=NAMES) -> Path:
    changed = [images(array) if name.startswith("x") else labels(array) for name, array in some.items()]
    np.savez_compressed(path / "digits.npz", **dict(zip(names, changed, strict=True)))
    return path / "digits.npz"


@pytest.mark.parametrize(
    "names",
    [
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("training_images", "training_labels", "test_images", "test_labels"),
        ("XTrain", "YTrain", "XTest", "YTest"),
        ("trainX", "trainY", "testX", "testY"),
        ("xtr", "ytr", "xte", "yte"),
        ("arr_0", "arr_1", "arr_2", "arr_3"),
    ],
)
def test_arrays_are_known_by_other_names_or_their_shapes(tmp_path, some, names):
    found = load_dataset(saved(tmp_path, some, names=names))
    assert_same(found, some)
    assert ("told apart by their shapes: arr_0 as images with arr_1 as labels" in found.note) == ("arr_0" in names)


@pytest.mark.parametrize(
    "images",
    [
        lambda x: x.reshape(-1, 784),
        lambda x: x[..., None],
        lambda x: x[:, None],
        lambda x: np.moveaxis(x, 0, -1),
        lambda x: np.moveaxis(x, 0, -1)[:, :, None],
        lambda x: x.reshape(-1, 784).T,
        lambda x: np.asfortranarray(x),
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.int64),
        lambda x: x.astype(">i2"),
    ],
)
def test_images_of_other_shapes_and_types_are_the_same_images(tmp_path, some, images):
    found = load_dataset(saved(tmp_path, some, images))
    assert_same(found, some)
    assert found.note.endswith("MNIST has 60,000 and 10,000.")


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (lambda x: (x / 255).astype(np.float32), "from 0 to 1 and were multiplied by 255"),
        (lambda x: x / 255, "from 0 to 1 and were multiplied by 255"),
        (lambda x: x.astype(np.uint16) * 257, "16 bits, 0 to 65,535"),
        (lambda x: np.pad(x, ((0, 0), (2, 2), (2, 2))), "the empty border of 2 pixels was cut off"),
    ],
)
def test_pixels_on_another_scale_or_padded_are_brought_to_mnists_and_that_is_said(tmp_path, some, images, said):
    found = load_dataset(saved(tmp_path, some, images))
    assert_same(found, some)
    assert said in found.note


def test_pixels_that_are_true_or_false_become_full_ink(tmp_path, some):
    found = load_dataset(saved(tmp_path, some, lambda x: x > 127))
    np.testing.assert_array_equal(found.x_test, np.where(some["x_test"] > 127, 255, 0))


@pytest.mark.parametrize(
    "labels",
    [
        lambda y: np.eye(10)[y],
        lambda y: np.eye(10, dtype=bool)[y],
        lambda y: y[:, None],
        lambda y: y[None],
        lambda y: y.astype(np.float32),
        lambda y: y.astype(str),
        lambda y: y.astype("S1"),
    ],
)
def test_labels_of_other_shapes_and_types_are_the_same_labels(tmp_path, some, labels):
    assert_same(load_dataset(saved(tmp_path, some, labels=labels)), some)


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (lambda x: (x - x.mean()) / x.std(), np.asarray, "as after standardising: which scale .* before they are"),
        (np.asarray, lambda y: y + 1, "from 1 to 10.*labels % 10.*labels - 1"),
    ],
)
def test_what_cannot_be_known_is_refused_with_what_to_do(tmp_path, some, images, labels, said):
    with pytest.raises(DatasetError, match=said):
        load_dataset(saved(tmp_path, some, images, labels))


def test_images_and_labels_alone_are_split_here_and_always_alike(tmp_path, some):
    np.savez(tmp_path / "all.npz", images=some["x_train"], labels=some["y_train"])
    found = load_dataset(tmp_path / "all.npz")
    assert_split(found, some["x_train"], some["y_train"])
    assert found.fingerprint == load_dataset(tmp_path / "all.npz").fingerprint


def test_a_validation_set_is_for_testing_where_there_is_no_other_and_that_is_said(tmp_path, some):
    path = saved(tmp_path, some, names=("x_train", "y_train", "x_val", "y_val"))
    found = load_dataset(path)
    assert_same(found, some)
    assert "no test set: x_val is used as one" in found.note
    np.savez(path, **some, x_val=some["x_test"][:3], y_val=some["y_test"][:3])
    found = load_dataset(path)
    assert_same(found, some)
    assert "x_val and y_val are not used" in found.note


def test_npy_files_in_a_folder_are_arrays_too(tmp_path, some):
    for name, array in some.items():
        np.save(tmp_path / f"{name}.npy", array)
    assert_same(load_dataset(tmp_path), some)


def test_an_array_that_is_too_large_as_it_is_stored_is_refused_before_it_is_read(tmp_path, some, monkeypatch):
    monkeypatch.setattr(npz, "MOST_BYTES", 100_000)
    path = saved(tmp_path, some, lambda x: x.astype(np.float64))
    with pytest.raises(DatasetError, match=r"of float64; the limit is .*astype\('uint8'\)"):
        load_dataset(path)


# IDX


def idx_bytes(array: np.ndarray) -> bytes:
    kind = {"u1": 8, "i4": 12}[array.dtype.str[1:]]
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, some: dict[str, np.ndarray], names: str, *, zipped: bool = False, upper: bool = False):
    """IDX files; `names` has {part} and {kind}."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in some.items():
        kind = (
            f"{'images' if name.startswith('x') else 'labels'}-idx{array.ndim}-{'int' if array.ndim == 2 else 'ubyte'}"
        )
        file = names.format(part=name[2:].replace("test", "t10k") if "t10k" in names else name[2:], kind=kind)
        file = file.removeprefix("t10k:").upper() if upper else file.removeprefix("t10k:")
        content = idx_bytes(array)
        (folder / (file + ".gz" * zipped)).write_bytes(gzip.compress(content) if zipped else content)


@pytest.mark.parametrize(
    ("below", "names", "zipped", "upper"),
    [
        ("", "emnist-digits-{part}-{kind}", True, False),
        ("MNIST/raw", "t10k:{part}-{kind}", False, False),
        ("mnist", "t10k:{part}-{kind}", True, True),
        ("", "{part}-{kind}", False, True),
    ],
)
def test_idx_files_are_found_under_their_names_in_a_folder_or_below(tmp_path, some, below, names, zipped, upper):
    write_idx(tmp_path / below, some, names, zipped=zipped, upper=upper)
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    found = load_dataset(tmp_path)
    assert_same(found, some)
    assert found.source == f"folder {tmp_path / below}"


def test_the_first_of_qmnists_eight_numbers_is_the_digit(tmp_path, some):
    eight = {
        name: array if name.startswith("x") else np.stack([array, *[array + 7] * 7], axis=1).astype(">i4")
        for name, array in some.items()
    }
    write_idx(tmp_path, eight, "qmnist-{part}-{kind}")
    assert_same(load_dataset(tmp_path), some)


def test_of_emnists_datasets_the_digits_are_read_and_that_is_said(tmp_path, some):
    for dataset in ("letters", "digits", "byclass"):
        write_idx(tmp_path, some, f"emnist-{dataset}-{{part}}-{{kind}}")
    assert "emnist-digits was read, and not emnist-byclass, emnist-letters" in load_dataset(tmp_path).note


def test_one_idx_file_alone_says_to_name_its_folder(tmp_path, some):
    write_idx(tmp_path, some, "{part}-{kind}", zipped=True)
    with pytest.raises(DatasetError, match=f"is one IDX file. Name the folder that has all of them: {tmp_path}"):
        load_dataset(next(tmp_path.glob("train-images*")))


# Tables


def frame(images: np.ndarray, labels: np.ndarray, label: str = "label", first: bool = True) -> pd.DataFrame:
    pixels = pd.DataFrame(images.reshape(len(images), -1)).add_prefix("pixel")
    pixels.insert(0 if first else len(pixels.columns), label, labels)
    return pixels


@pytest.mark.parametrize(
    ("label", "first", "options"),
    [
        ("label", True, {"index": False}),
        ("label", True, {"index": False, "header": False}),
        ("class", False, {"index": False}),
        ("anything", False, {"index": False, "header": False}),
        ("label", True, {}),  # with the numbers of lines, as pandas writes them if not told otherwise
        ("Label", True, {"index": False, "sep": ";"}),
        ("label", True, {"index": False, "sep": "\t", "quoting": 1}),
        ("label", True, {"index": False, "encoding": "utf-8-sig", "lineterminator": "\r\n"}),
        ("label", True, {"index": False, "float_format": "%.1f"}),
        ("label", True, {"index": False, "sep": " ", "header": False}),
        ("label", True, {"index": False, "compression": "gzip"}),
    ],
)
def test_tables_of_pandas_load_and_the_split_made_here_is_said(tmp_path, some, label, first, options):
    images, labels = some["x_train"], some["y_train"]
    frame(images, labels, label, first).to_csv(tmp_path / "train.csv", **options)
    found = load_dataset(tmp_path / "train.csv")
    assert_split(found, images, labels)
    assert found.source == f"file {tmp_path / 'train.csv'}"
    assert ("the last one was taken as the label" in found.note) == (label == "anything")
    assert ("numbers the lines and was left out" in found.note) == (not options)


def test_a_table_is_read_in_blocks_with_progress_and_its_pixels_from_0_to_1_are_multiplied(tmp_path, some, monkeypatch):
    monkeypatch.setattr(table, "BLOCK", 60_000)
    images, labels = some["x_train"], some["y_train"]
    frame(images / 255, labels).to_csv(tmp_path / "train.csv", index=False)
    seen = []
    found = load_dataset(tmp_path / "train.csv", progress=lambda done, whole: seen.append((done, whole)))
    assert_split(found, images, labels)
    assert "from 0 to 1 and were multiplied by 255" in found.note
    size = (tmp_path / "train.csv").stat().st_size
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)


def arff(path: Path, images: np.ndarray, labels: np.ndarray, quote: str = "") -> Path:
    columns = [f"@ATTRIBUTE pixel{place} real" for place in range(1, 785)]
    kinds = "@attribute 'class' {0,1,2,3,4,5,6,7,8,9}"
    lines = [
        ",".join([*map(str, image.ravel()), f"{quote}{label}{quote}"])
        for image, label in zip(images, labels, strict=True)
    ]
    path.write_text("\n".join(["% a comment", "@RELATION mnist_784", "", *columns, kinds, "@DATA", *lines]))
    return path


@pytest.mark.parametrize("quote", ["", "'"])
def test_openmls_arff_loads(tmp_path, some, quote):
    path = arff(tmp_path / "mnist_784.arff", some["x_train"], some["y_train"], quote)
    assert_split(load_dataset(path), some["x_train"], some["y_train"])
    assert len(scipy.io.arff.loadarff(path)[0]) == TRAIN  # it is what others read too


def test_a_folder_with_a_table_to_train_and_one_to_test_is_both(tmp_path, some):
    for part in ("train", "test"):
        frame(some[f"x_{part}"], some[f"y_{part}"]).to_csv(tmp_path / f"mnist_{part}.csv", index=False)
    assert_same(load_dataset(tmp_path), some)


def test_kaggles_folder_is_read_without_its_test_set_which_has_no_labels(tmp_path, some):
    frame(some["x_train"], some["y_train"]).to_csv(tmp_path / "train.csv", index=False)
    frame(some["x_test"], some["y_test"]).drop(columns="label").to_csv(tmp_path / "test.csv", index=False)
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    found = load_dataset(tmp_path)
    assert_split(found, some["x_train"], some["y_train"])
    assert "test.csv has no labels and is not used" in found.note
    with pytest.raises(DatasetError, match="784 pixels a line and no label"):
        load_dataset(tmp_path / "test.csv")


def test_a_table_that_gets_narrower_between_two_blocks_is_refused(tmp_path, some, monkeypatch):
    monkeypatch.setattr(table, "BLOCK", 60_000)
    text = frame(some["x_train"], some["y_train"]).to_csv(index=False)
    (tmp_path / "train.csv").write_text(text + "1,2,3\n" * 30_000)
    with pytest.raises(DatasetError, match="columns"):
        load_dataset(tmp_path / "train.csv")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("label,", "label,extra,", 1).replace("\n", "\n7,"), "has 786 columns.*784 pixels"),
        (lambda text: text + "1,2,3\n", "columns changed from 785 to 3.*a label"),
        (lambda text: text.replace(",0,", ",x,", 1), "could not convert string 'x'"),
        (lambda text: text.replace(",0,", ",-3,", 1), "as after standardising"),
        (lambda text: text.replace("\n", "\n1", 1), r"has labels from .* to 1\d\..*0 to 9"),
        (lambda text: text.partition("\n")[0] + "\n", "has no line with numbers"),
        (lambda text: "name,age\nA,1\n", "could not convert"),
        (lambda text: "<!DOCTYPE html><html>", "is a web page or XML; a download may have failed"),
        (lambda text: " \n\n", "is empty"),
        (lambda text: '[{"label": 3}]', "is JSON. Make a CSV"),
        (lambda text: "1" * 3_000_000, "a line of more than a million characters"),
    ],
)
def test_tables_of_something_else_are_refused_in_words(tmp_path, some, change, said):
    path = tmp_path / "train.csv"
    path.write_text(change(frame(some["x_train"], some["y_train"]).to_csv(index=False)))
    with pytest.raises(DatasetError, match=said) as caught:
        load_dataset(path)
    assert str(path) in str(caught.value)


# Pictures


def write_pictures(folder: Path, images: np.ndarray, labels: np.ndarray, ending="png", mode="L", **changes) -> None:
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(255 - image if changes.get("dark") else image)
        picture = picture.resize((changes.get("side", 28),) * 2)
        picture.convert(mode).save(folder / str(label) / f"{place}.{ending}")


def as_set(images: np.ndarray, labels: np.ndarray) -> list[tuple[bytes, int]]:
    return sorted((image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True))


@pytest.mark.parametrize(
    ("train", "ending", "mode"),
    [("train", "png", "L"), ("mnist_png/training", "bmp", "RGB"), ("train", "gif", "P"), ("Train", "PNG", "RGB")],
)
def test_pictures_by_label_load_as_they_are_where_they_have_mnists_form(tmp_path, some, train, ending, mode):
    for part in ("train", "test"):
        write_pictures(tmp_path / train.replace("train", part).replace("Train", part.title()),
                       some[f"x_{part}"], some[f"y_{part}"], ending, mode)  # fmt: skip
    (tmp_path / "README.txt").write_text("pictures")
    seen = []
    found = load_dataset(tmp_path, progress=lambda done, whole: seen.append((done, whole)))
    for part in ("train", "test"):
        images, labels = getattr(found, f"x_{part}"), getattr(found, f"y_{part}")
        assert as_set(images, labels) == as_set(some[f"x_{part}"], some[f"y_{part}"])
    assert (np.diff(found.y_train.astype(int)) < 0).any()  # not in the order of the folders
    assert "the pictures were shuffled (seed 0)" in found.note
    assert seen[-1] == (TRAIN + TEST, TRAIN + TEST)


def test_pictures_that_are_dark_on_light_are_inverted_and_that_is_said(tmp_path, some):
    write_pictures(tmp_path, some["x_train"], some["y_train"], dark=True)
    found = load_dataset(tmp_path)
    assert_split(found, some["x_train"], some["y_train"])
    assert f"{TRAIN} of {TRAIN} pictures were dark on light and are inverted" in found.note


def test_pictures_of_another_size_are_brought_to_mnists_form_as_a_drawing_is(tmp_path, some):
    from core.drawing import normalise_drawing

    write_pictures(tmp_path, some["x_train"], some["y_train"], "jpg", side=84, dark=True)
    (tmp_path / "3" / "empty.png").write_bytes(b"")
    Image.new("L", (40, 40), 255).save(tmp_path / "4" / "blank.png")
    found = load_dataset(tmp_path)
    [first] = (tmp_path / str(some["y_train"][0])).glob("0.jpg")
    wanted = normalise_drawing(np.asarray(Image.open(first)))
    assert any((image == wanted).all() for image in [*found.x_train, *found.x_test])
    assert f"{TRAIN} of {TRAIN + 2} pictures are not 28 × 28, or transparent" in found.note
    assert "2 of 62 pictures were left out, the first:" in found.note


@pytest.mark.parametrize("change", ["letters", "nothing", "no pictures", "damaged"])
def test_folders_of_something_else_are_refused_in_words(tmp_path, some, change):
    names = [str(label) for label in range(12 if change == "letters" else 10)]
    for name in names:
        (tmp_path / name).mkdir()
        if change == "damaged":
            (tmp_path / name / "1.png").write_bytes(b"no picture")
    if change == "nothing":
        (tmp_path / "other").mkdir()
    said = {
        "letters": "has subfolders to 11. Wanted: 0 to 9",
        "nothing": "has no pictures",
        "no pictures": "has no pictures. Wanted: files that end in .png",
        "damaged": "10 of 10 pictures cannot be read, the first: .*1.png",
    }
    with pytest.raises(DatasetError, match=said[change]):
        load_dataset(tmp_path)


def test_a_folder_with_several_datasets_asks_for_one(tmp_path, some):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        saved(tmp_path / name, some)
    with pytest.raises(DatasetError, match=r"has several datasets: .*a, .*b\. Name one of them"):
        load_dataset(tmp_path)
    assert_same(load_dataset(tmp_path / "a"), some)


def test_a_folder_of_more_files_than_a_dataset_has_is_given_up_at_once(tmp_path, monkeypatch):
    looked_at = []
    real = os.scandir

    class Endless:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def __iter__(self):
            with real(tmp_path) as entries:
                [entry] = entries
            for _ in range(1_000_000):
                looked_at.append(1)
                yield entry

    (tmp_path / "one.txt").write_text("")
    monkeypatch.setattr(folders.os, "scandir", lambda path: Endless())
    with pytest.raises(DatasetError, match="has more than 10,000 files"):
        load_dataset(tmp_path)
    assert len(looked_at) < 20_000


def test_a_folder_of_pictures_without_labels_beside_the_others_is_passed_over(tmp_path, some, monkeypatch):
    monkeypatch.setattr(folders, "MOST_ENTRIES", 12)
    write_pictures(tmp_path / "all" / "labelled", some["x_train"], some["y_train"])
    (tmp_path / "all" / "unlabelled").mkdir()
    for place, image in enumerate(some["x_test"]):
        Image.fromarray(image).save(tmp_path / "all" / "unlabelled" / f"{place}.png")
    assert_split(load_dataset(tmp_path), some["x_train"], some["y_train"])


# What is not loaded, and why


def pickled(path: Path, some) -> Path:
    pd.to_pickle(some, path)
    return path


def zipped(path: Path, some) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train.csv", "label\n")
        archive.writestr("__MACOSX/._train.csv", "")
    return path


def torched(path: Path, some) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("training/data.pkl", b"\x80\x02")
    return path


def tarred(path: Path, some) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        archive.add(__file__, "0/1.png")
    return path


def with_scipy(path: Path, some) -> Path:
    scipy.io.savemat(path, some)
    return path


def with_pandas(path: Path, some) -> Path:
    frame(some["x_train"], some["y_train"]).to_parquet(path)
    return path


def with_numpy(path: Path, some) -> Path:
    np.save(path, some["x_train"])
    return path


def one_picture(path: Path, some) -> Path:
    Image.fromarray(some["x_train"][0]).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("mnist.pkl", pickled, r"is a pickle: .* any code .* make an npz of it\.\n.*pickle.load\(open.*\n.*savez"),
        ("mnist.pkl.gz", pickled, r"is a pickle: .*\n.*pickle.load\(gzip.open.*\n.*savez"),
        ("training.pt", torched, r"is a pickle: .*\n.*torch.load.*\n.*savez"),
        ("archive.zip", zipped, r"is a zip archive with train.csv\. Unpack it and name the folder"),
        ("digits.tar.gz", tarred, "is a tar archive. Unpack it and name the folder"),
        ("digits.mat", with_scipy, r"is a MATLAB file.*\n.*loadmat.*\n.*savez"),
        ("digits.parquet", with_pandas, "is a Parquet file.*npz"),
        ("x_train.npy", with_numpy, r"is one array alone.*\n.*savez"),
        ("digit.png", one_picture, "is one picture.*subfolder of pictures for each digit"),
    ],
)
def test_other_forms_are_refused_with_what_to_do_in_python(tmp_path, some, name, make, said):
    with pytest.raises(DatasetError) as caught:
        load_dataset(make(tmp_path / name, some))
    words, _, program = str(caught.value).partition("\n")
    assert words.startswith(str(tmp_path / name))
    assert re.search(said, str(caught.value), re.DOTALL), caught.value
    if program:
        assert len(program.splitlines()) == 3
        compile(program, "program", "exec")


def test_the_program_for_a_pickle_makes_an_npz_that_loads(tmp_path, some, monkeypatch):
    path = tmp_path / "it's mnist.pkl"
    pd.to_pickle(((some["x_train"], some["y_train"]), (some["x_test"], some["y_test"])), path)
    with pytest.raises(DatasetError) as caught:
        load_dataset(path)
    program = str(caught.value).partition("\n")[2]
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert_same(load_dataset(tmp_path / "digits.npz"), some)


@pytest.mark.parametrize("kind", ["pipe", "device", "picture is a pipe", "IDX file is a pipe"])
def test_what_would_never_end_is_answered_at_once(tmp_path, some, kind):
    path = tmp_path / "digits"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "picture is a pipe":
        write_pictures(path, some["x_train"], some["y_train"])
        os.mkfifo(path / "5" / "endless.png")
    else:
        write_idx(path, some, "{part}-{kind}")
        (path / "train-labels-idx1-ubyte").unlink()
        os.mkfifo(path / "train-labels-idx1-ubyte")
    began = time.monotonic()
    if kind == "picture is a pipe":
        assert "1 of 61 pictures were left out" in load_dataset(path).note
    else:
        with pytest.raises(DatasetError, match=r"is not a regular file|lacks the labels for training"):
            load_dataset(path)
    assert time.monotonic() - began < 5


# Paths, and what reading loads


@pytest.mark.parametrize(
    "written", ["{path}", "'{path}'", '"{path}" ', "file://{url}", "~/my digits.npz", "{relative}"]
)
def test_a_path_may_be_in_quotes_an_address_or_below_home(tmp_path, some, monkeypatch, written):
    path = saved(tmp_path, some).rename(tmp_path / "my digits.npz")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    text = written.format(path=path, url=str(path).replace(" ", "%20"), relative="./my digits.npz")
    found = load_dataset(text)
    assert found.source == f"file {path}"
    monkeypatch.setenv("DIGITLAB_DATA", text)
    assert load_dataset().fingerprint == found.fingerprint


def test_reading_a_table_loads_neither_pandas_nor_pillow(tmp_path, some):
    frame(some["x_train"], some["y_train"]).to_csv(tmp_path / "train.csv", index=False)
    code = (
        "import sys; from core.data import load_dataset; load_dataset(sys.argv[1]); "
        "print(sorted({'pandas', 'pyarrow', 'tensorflow', 'sklearn'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "train.csv")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_more_images_than_are_loaded_are_refused(tmp_path, some, monkeypatch):
    monkeypatch.setattr(table, "MOST_IMAGES", TRAIN - 1)
    frame(some["x_train"], some["y_train"]).to_csv(tmp_path / "train.csv", index=False)
    with pytest.raises(DatasetError, match="has more than 59 lines"):
        load_dataset(tmp_path / "train.csv")
    assert files.MOST_IMAGES == 300_000
