"""A run goes out as one zip and comes back the same; any other is refused and leaves nothing."""

from __future__ import annotations

import io
import json
import shutil
import stat
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.bundle import archive, model_check
from core.bundle.__main__ import main
from core.bundle.archive import BundleError, pack, unpack
from core.classroom.acts import pack as pack_class
from core.config import TrainingConfig
from core.interpretability.inside import load_inside
from core.predictor import ModelError
from core.runs import Run, RunError, RunStore
from core.runs.starter import Starter
from core.storage import write_json
from core.training.fine_tuning import FineTuningError, first_weights
from tests.support.paths import ROOT
from tests.support.runs import MODEL, files_of, fill_run, zip_of


@pytest.fixture(scope="module")
def trained(tmp_path_factory, digits) -> Run:
    """A finished run of another Digit Lab."""
    elsewhere = RunStore(tmp_path_factory.mktemp("elsewhere"))
    return fill_run(elsewhere.create(TrainingConfig("dense", epochs=3), "Mine (best)"), digits)


@pytest.fixture(scope="module")
def packed(trained) -> bytes:
    return pack(trained)


def array(values, **options) -> bytes:
    """An array as np.save writes it."""
    file = io.BytesIO()
    np.save(file, values, **options)
    return file.getvalue()


def nothing_in(store: RunStore) -> bool:
    """Whether not even a draft is in the folder of runs."""
    return not store.folder.exists() or not list(store.folder.iterdir())


# There and back


def test_a_run_comes_back_as_it_was(packed, trained, store, digits):
    run = unpack(packed, store, "mine.zip", digits)
    assert [one.id for one in store.runs()] == [run.id]
    assert run.id != trained.id
    assert (run.config, run.name, run.summary) == (trained.config, trained.name, trained.summary)
    assert (run.dataset, run.architecture) == (trained.dataset, trained.architecture)
    assert (run.history().epochs, run.history().batches) == (trained.history().epochs, trained.history().batches)
    assert run.history().epoch_images == 1000
    assert (run.state.name, run.state.message, run.state.target_epochs) == ("finished", "Stopped early.", 3)
    assert run.predicted_epochs() == [1, 2, 3]
    for epoch in (None, 1, 2, 3):
        assert np.array_equal(run.probabilities(epoch), trained.probabilities(epoch))
    for mine, theirs in zip(run.validation(), trained.validation(), strict=True):
        assert np.array_equal(mine, theirs)
    assert (run.path / "model.tflite").read_bytes() == MODEL
    assert run.imported["file"] == "mine.zip"
    assert run.imported["proof"] == {"images": len(digits.y_test), "different_predictions": 0}
    assert pack(run) == packed


STARTER_LAYERS = (
    "conv 32 5 same, relu, pool, norm, conv 64 5, relu, pool, norm, flatten, dense 96, relu, norm, output softmax"
)


@pytest.fixture
def with_weights(store, digits) -> Run:
    """A run of the starter's layers, with their weights."""
    run = fill_run(store.create(TrainingConfig("dense", network=STARTER_LAYERS, epochs=3)), digits)
    run.write_weights(load_inside(Starter()).weights, 3)
    return run


def test_weights_come_along_so_that_one_can_look_inside(with_weights, store):
    run = unpack(pack(with_weights), store)
    assert load_inside(run).epoch == 3
    for layer, arrays in load_inside(with_weights).weights.items():
        for name, array in arrays.items():
            assert np.array_equal(load_inside(run).weights[layer][name], array)


def test_the_validation_accuracy_of_what_was_saved_comes_along(store, digits):
    run = fill_run(store.create(TrainingConfig("dense", epochs=3)), digits)
    run.write_summary({**run.summary, "validation_accuracy": 0.96})  # another than after the last epoch
    assert unpack(pack(run), store).summary == run.summary


def test_large_weights_stay_at_home(with_weights, monkeypatch):
    monkeypatch.setitem(archive.LIMITS, "weights.npz", 1000)
    assert "weights.npz" not in files_of(pack(with_weights))


def test_weights_that_are_not_the_models_are_refused_in_words(with_weights, store):
    files = files_of(pack(with_weights))
    with np.load(io.BytesIO(files["weights.npz"])) as arrays:
        arrays = dict(arrays)
    bias = arrays["output/bias"]
    for changed, message in (
        ({"output/bias": bias + np.arange(10, dtype=np.float32)}, "weights.npz and model.tflite are of two networks"),
        ({"output/bias": np.full(10, np.nan, np.float32)}, "weights.npz, output/bias holds what is not a number"),
        ({"output/bias": bias[:9]}, "must have the shape .10,., not"),
        ({"output/bias": bias.astype(np.float64)}, "must hold float32, not float64"),
        ({"other/bias": bias}, "other/bias.npy|at most"),
        ({"epoch": np.array([3])}, "weights.npz, epoch must"),
    ):
        file = io.BytesIO()
        np.savez(file, **{**arrays, **changed})
        with pytest.raises(BundleError, match=message):
            unpack(zip_of({**files, "weights.npz": file.getvalue()}), store)


def test_only_what_another_digit_lab_needs_is_packed(packed):
    assert set(files_of(packed)) == {
        *("config.json", "name.json", "state.json", "summary.json", "dataset.json", "architecture.json"),
        *("events.jsonl", "probabilities.npy", "validation.npz", "model.tflite", "model-card.md"),
        *(f"predictions/epoch-000{epoch}.npy" for epoch in (1, 2, 3)),
    }


def test_a_path_on_this_machine_is_not_packed(store, digits):
    run = fill_run(store.create(TrainingConfig("dense", epochs=3)), digits)
    sources = {
        "file /home/some one/mnist.npz (DIGITLAB_DATA)": "file …/mnist.npz (DIGITLAB_DATA)",
        "file C:\\Users\\some one\\own.npz": "file …/own.npz",
        "file /home/some one/\udcff.npz": "file …/?.npz",
        "download from https://host/a.npz, kept as /home/some one/a": "download from https://host/a.npz, kept as …/a",
    }
    for source, told in sources.items():
        for name in ("dataset", "summary"):
            values = {**run.dataset, "source": source}
            write_json(run.path / f"{name}.json", values if name == "dataset" else {**run.summary, "dataset": values})
        files = files_of(pack(run))
        assert json.loads(files["dataset.json"])["source"] == told
        assert not any(b"some one" in contents for contents in files.values())


@pytest.mark.parametrize(("before", "after"), [("paused", "stopped"), ("failed", "stopped"), ("stopped", "stopped")])
def test_a_run_that_ended_otherwise_arrives_as_stopped(before, after, store, digits, tmp_path):
    run = fill_run(RunStore(tmp_path / "other").create(TrainingConfig("dense", epochs=3)), digits)
    run.set_state(before, "Because.")
    assert unpack(pack(run), store).state.name == after


def test_a_run_that_is_not_ready_is_not_packed_and_says_why(store, digits):
    run = store.create(TrainingConfig("dense", epochs=3))
    with pytest.raises(BundleError, match="still in training"):
        pack(run)
    run.set_state("paused")
    with pytest.raises(BundleError, match="Train it to its end"):
        pack(run)
    fill_run(run, digits)
    (run.path / "probabilities.npy").write_bytes(b"damaged")
    with pytest.raises(BundleError, match=r"probabilities\.npy"):
        pack(run)


def test_an_imported_run_is_not_trained_further_nor_begun_with(packed, store):
    run = unpack(packed, store, "mine.zip")
    for going_on in (run.resume, lambda: run.extend(3)):
        with pytest.raises(RunError, match="was imported"):
            going_on()
    assert run.state.name == "finished"
    new = store.create(TrainingConfig("dense", epochs=3, start_from=run.id))
    with pytest.raises(FineTuningError, match="was imported"):
        first_weights(new)


def test_what_it_claims_is_held_against_the_same_test_images(packed, store, digits):
    files = files_of(packed)
    summary = json.loads(files["summary.json"])
    lie = zip_of({**files, "summary.json": json.dumps({**summary, "test_accuracy": 1.0}).encode()})
    with pytest.raises(BundleError, match=r"claims to read 100\.00 %"):
        unpack(lie, store, "lie.zip", digits)
    assert nothing_in(store)
    swapped = np.load(io.BytesIO(files["probabilities.npy"]))
    wrong = np.flatnonzero(swapped.argmax(axis=1) != digits.y_test)[:1]  # stays wrong, so the accuracy stays right
    other = next(digit for digit in range(10) if digit not in (digits.y_test[wrong[0]], swapped[wrong[0]].argmax()))
    swapped[wrong] = np.eye(10, dtype=np.float16)[other]
    run = unpack(zip_of({**files, "probabilities.npy": array(swapped)}), store, "other.zip", digits)
    assert run.imported["proof"]["different_predictions"] == 1


def test_words_from_elsewhere_bring_no_markdown_and_unknown_values_stay_outside(packed, store):
    files = files_of(packed)
    files["name.json"] = json.dumps({"name": "![a](http://x/y.png)\n<b>`c`\u202e 👩\u200d🚀"}).encode()
    files["summary.json"] = json.dumps({**json.loads(files["summary.json"]), "exploit": "x"}).encode()
    files["events.jsonl"] += b'{"type":"later","anything":[1]}\n'
    run = unpack(zip_of(files), store, "[x](y).zip")
    assert run.name == "!(a)(http://x/y.png) (b)'c' 👩\u200d🚀"
    assert "exploit" not in run.summary
    assert len((run.path / "events.jsonl").read_text().splitlines()) == 7
    assert run.imported["file"] == "(x)(y).zip"


REZIPPED = {
    "Finder, the folder": ("RUN/", "RUN/.DS_Store", "__MACOSX/RUN/._.DS_Store", "__MACOSX/._RUN"),
    "Finder, the files": ("", ".DS_Store", "__MACOSX/._config.json", "._state.json"),
    "Windows, the folder": ("RUN/", "RUN/Thumbs.db", "RUN/desktop.ini"),
    "Finder, then Windows": ("RUN/", "RUN/__MACOSX/RUN/._config.json", "RUN/Desktop.ini", "RUN/.Trashes/501"),
    "tar of Windows": ("./", "./", "./.hidden"),
    "twice": ("RUN (1)/RUN/",),
    "a folder with a name of one's own": ("Lea 12:30 ... (best)/",),
}


@pytest.mark.parametrize("name", REZIPPED)
def test_a_zip_that_was_unpacked_and_zipped_again_is_imported(name, packed, trained, store):
    run = unpack(rezipped(*REZIPPED[name])(packed), store, "again.zip")
    assert (run.config, run.name, run.predicted_epochs()) == (trained.config, trained.name, [1, 2, 3])
    assert not list(run.path.rglob(".DS_Store"))


@pytest.mark.parametrize("method", [["zip", "-qr0"], ["zip", "-qr9"], ["zip", "-qr", "-fd", "-fz-"]], ids=" ".join)
@pytest.mark.skipif(not shutil.which("zip"), reason="there is no zip here")
def test_what_another_program_zipped_is_imported(method, packed, trained, store, tmp_path):
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path / "out" / "RUN")
    subprocess.run([*method, "-", "RUN"], cwd=tmp_path / "out", check=True, stdout=(tmp_path / "r.zip").open("wb"))
    run = unpack((tmp_path / "r.zip").read_bytes(), store)
    assert (run.config, run.name, run.predicted_epochs()) == (trained.config, trained.name, [1, 2, 3])


def test_folders_and_backslashes_of_other_zip_programs_are_read(packed, trained, store):
    assert unpack(added("predictions/")(packed), store).predicted_epochs() == [1, 2, 3]
    run = unpack(rezipped("RUN/", slash="\\")(packed), store)
    assert np.array_equal(run.probabilities(2), trained.probabilities(2))


OTHERS = {
    "my-digits.zip": (("7-20261126-031711-000000001-ab12.png", "labels.csv"), "an export of My digits"),
    "model-savedmodel.zip": (("1/saved_model.pb", "1/variables/variables.index"), "a TensorFlow SavedModel"),
    "older-savedmodel.zip": (("saved_model.pb",), "a TensorFlow SavedModel"),
    "model.keras": (("metadata.json", "config.json", "model.weights.h5"), "a Keras model"),
    "mnist.npz": (("x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"), "a dataset, as NumPy keeps it"),
    "archive.zip": (("MNIST/raw/train-images-idx3-ubyte.gz",), "a dataset in the form of MNIST"),
    "digit-recognizer.zip": (("train.csv", "test.csv"), "a dataset as CSV"),
    "folders.zip": (("train/3/18.png", "test/5/15.png"), "a dataset of pictures"),
    "photos.zip": (("IMG_1.JPG", "IMG_2.jpg"), "a folder of pictures"),
    "thesis.zip": (("chapter.tex",), "another zip"),
    "empty.zip": ((), "an empty zip"),
    "phone.zip": (("model-int8.tflite",), "an exported network"),
    "exports.zip": (("exports.json", "model.onnx", "model.keras"), "an exported network"),
    "my_digits.zip": (("my_digits/20261126-031711-000000001-ab12.npz",), "a folder of My digits"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_wrong_zip_is_told_what_it_is_and_what_is_wanted(name, store, tmp_path, capsys):
    names, words = OTHERS[name]
    path = tmp_path / name
    path.write_bytes(zip_of(dict.fromkeys(names, b"x")))
    assert main(["--home", str(store.home), "import", str(path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{name} was not imported: it is {words}")
    assert "Download run.zip" in said
    assert nothing_in(store)


@pytest.mark.parametrize(
    ("change", "is_what", "remedy"),
    [
        (lambda data: zip_of({"run.zip": data}), 'a zip around "run.zip".', "Unpack it, and choose the zip of a run"),
        (lambda data: zip_of({f"RUN {n}/run.zip": data for n in (1, 2, 3)}), "and 2 more", "Unpack it"),
        (
            lambda data: zip_of(below("A/", data) | below("B/", data)),
            "it holds 2 runs",
            "zip of the run's folder alone",
        ),
        (
            lambda data: zip_of(below("runs/A/", data) | below("runs/B/", data) | {"people/a.json": b"{}"}),
            "it is all runs of a class, not one",
            "DIGITLAB_HOME",
        ),
        (lambda data: zip_of(below("home/runs/A/", data) | {"home/names.json": b"{}"}), "of a Digit Lab", "run.zip"),
        (lambda data: added("checkpoint.npz")(data), "a run's folder as it is on the disk", "Download run.zip"),
        (lambda data: rezipped("RUN/")(added("model.keras")(data)), "it is a run's folder", "python -m core.bundle"),
        (
            lambda data: added("of-tomorrow.json")(changed("config.json", format=99)(data)),
            "by a newer version of Digit Lab (folder format 99; this version opens formats up to",
            "Update Digit Lab",
        ),
    ],
)
def test_what_is_a_run_in_another_way_is_told_how_to_become_one(change, is_what, remedy, packed, store):
    with pytest.raises(BundleError) as refusal:
        unpack(change(packed), store, "wrong.zip")
    said = str(refusal.value)
    assert said.startswith("wrong.zip was not imported: ")
    assert is_what in said
    assert remedy in said
    assert nothing_in(store)


def test_the_zip_of_a_class_that_was_cleared_is_told_what_it_is(trained, tmp_path, store):
    home = tmp_path / "class"
    shutil.copytree(trained.path, home / "runs" / trained.id)
    (home / "people").mkdir()
    (home / "people" / "ann.json").write_text("{}")
    with pytest.raises(BundleError, match="it is all runs of a class, not one"):
        unpack(pack_class(home).read_bytes(), store)


def below(folder: str, data: bytes) -> dict[str, bytes]:
    """The files of a bundle in a folder."""
    return {folder + name: contents for name, contents in files_of(data).items()}


# Refused


def added(name: str, *, mode: int = 0, contents: bytes = b"x"):
    """One more entry."""

    def change(data: bytes) -> bytes:
        file = io.BytesIO(data)
        with zipfile.ZipFile(file, "a") as archive:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, contents)
        return file.getvalue()

    return change


def replaced(name: str, contents: bytes | None):
    """Other contents under a name of the bundle, None to leave it out."""

    def change(data: bytes) -> bytes:
        files = {**files_of(data), name: contents}
        return zip_of({name: contents for name, contents in files.items() if contents is not None})

    return change


def changed(name: str, **values):
    """Other values in a JSON file of the archive."""

    def change(data: bytes) -> bytes:
        return replaced(name, json.dumps({**json.loads(files_of(data)[name]), **values}).encode())(data)

    return change


def bomb(name: str, megabytes: int, says: int | None = None):
    """Zeros that decompress to many megabytes; the headers may say that there are only a few bytes."""

    def change(data: bytes) -> bytes:
        files = {name: bytes(megabytes * 2**20), **{n: c for n, c in files_of(data).items() if n != name}}
        packed = zip_of(files)
        real = struct.pack("<L", megabytes * 2**20)
        assert packed.count(real) == 2
        return packed if says is None else packed.replace(real, struct.pack("<L", says))

    return change


def flagged(bit: int):
    """A flag in the directory's first entry, as an encrypted file has it."""

    def change(data: bytes) -> bytes:
        place = data.index(b"PK\x01\x02") + 8
        return data[:place] + bytes([data[place] | bit]) + data[place + 1 :]

    return change


def twice(data: bytes) -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return added("name.json", contents=b'{"name": "Other"}')(data)


def rezipped(folder: str = "", *extra: str, slash: str = "/"):
    """The same files in a folder, as after they were unpacked and zipped again, and what systems put beside them."""

    def change(data: bytes) -> bytes:
        files = {(folder + name).replace("/", slash): contents for name, contents in files_of(data).items()}
        return zip_of({**dict.fromkeys(extra, b"x"), **files})

    return change


def with_shape(shape: str, rows: int) -> bytes:
    """An array of float16 whose header says this shape."""
    header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(20 * rows)


UNIFORM = np.full((397, 10), 0.1, np.float16)
NOT_A_NUMBER = np.where(np.arange(10) == 3, np.float16("nan"), UNIFORM)
INFINITE = np.where(np.arange(10) == 3, np.float16("inf"), UNIFORM)
HUGE_SHAPE = array(UNIFORM).replace(b"(397, 10), ", b"(299999, 10), ").replace(b"     \n", b"  \n", 1)
REFUSED = {
    "nothing": (lambda data: b"", "not a zip"),
    "no zip": (lambda data: b"GIF89a" + data, "not a zip. Choose the zip of a run"),
    "cut off": (lambda data: data[: len(data) // 2], "cut off"),
    "added behind": (lambda data: data + b"x", "cut off, or something is added"),
    "traversal": (added("../../evil.py"), "leads out"),
    "traversal in predictions": (added("predictions/../../x.npy"), "leads out"),
    "absolute": (added("/etc/passwd"), "leads out"),
    "windows": (added("C:\\x.json"), "leads out"),
    "backslashes": (added("predictions\\evil.npy"), "does not belong"),
    "a link among what is not read": (added("__MACOSX/._x", mode=stat.S_IFLNK | 0o777, contents=b"/etc"), "link"),
    "traversal among what is not read": (added("__MACOSX/../../._x"), "leads out"),
    "a link": (
        replaced("state.json", None),
        added("state.json", mode=stat.S_IFLNK | 0o777, contents=b"/etc/passwd"),
        "link",
    ),
    "a device": (replaced("state.json", None), added("state.json", mode=stat.S_IFCHR | 0o666), "does not belong"),
    "a Keras model": (added("model.keras"), "a run's folder as it is on the disk"),
    "a checkpoint": (added("checkpoint.npz"), "a run's folder as it is on the disk"),
    "its own mark": (added("imported.json"), "does not belong"),
    "two folders": (lambda data: added("other/config.json")(rezipped("run/")(data)), "a run among other files"),
    "a zero in a name": (lambda data: data.replace(b"name.json", b"name.\0son"), "does not belong|damaged"),
    "twice": (twice, "twice"),
    "encrypted": (flagged(0x1), "encrypted"),
    "other compression": (
        lambda data: data[: data.index(b"PK\x01\x02") + 10] + b"\x0e" + data[data.index(b"PK\x01\x02") + 11 :],
        "compressed by lzma, and only Deflate is read",
    ),
    "too many files": (
        lambda data: zip_of({"name.json": b"", **{f"predictions/epoch-{n:04d}.npy": b"" for n in range(1000)}}),
        "1,001 files",
    ),
    "a bomb": (bomb("model.tflite", 49), "larger than"),
    "a bomb that lies": (bomb("model.tflite", 49, says=1000), "damaged"),
    "bombs together": (
        lambda data: zip_of(
            {"name.json": b"{}", **{f"predictions/epoch-{n:04d}.npy": bytes(5 * 2**20) for n in range(1, 45)}}
        ),
        "larger than any run",
    ),
    "a large config": (replaced("config.json", b" " * 20_000 + b"{}"), "larger than"),
    **{f"without {name}": (replaced(name, None), f"{name} is missing") for name in archive.NEEDED},
    "no JSON": (replaced("state.json", b"{"), "state.json is not valid JSON"),
    "no UTF-8": (replaced("name.json", b'{"name": "\xff"}'), "name.json is not valid JSON"),
    "deep JSON": (replaced("architecture.json", b"[" * 60_000), "architecture.json is not valid JSON"),
    "a deep event": (replaced("events.jsonl", b'{"type":' + b"[" * 500_000 + b"\n"), "line 1 is not valid JSON"),
    "NaN in JSON": (changed("summary.json", test_loss=float("nan")), "NaN is no number"),
    "a long number": (replaced("state.json", b'{"target_epochs": ' + b"9" * 9000 + b"}"), "state.json"),
    "a number beyond all floats": (changed("summary.json", test_loss=10**400), "test_loss: Input should be"),
    "an infinite number": (
        replaced("events.jsonl", b'{"type":"finishing","time":1e999}'),
        "line 1, time: .* finite number",
    ),
    "a list as config": (replaced("config.json", b"[]"), "config.json cannot be used"),
    "an unknown network": (changed("config.json", model="__init__"), "Unknown model"),
    "another network": (changed("config.json", model="cnn"), "another network"),
    "too many epochs": (changed("config.json", epochs=10**9), "Epochs must be between"),
    "accuracy as text": (
        changed("summary.json", test_accuracy="much"),
        "test_accuracy: .* valid number",
    ),
    "accuracy above 1": (
        changed("summary.json", test_accuracy=1.5),
        "test_accuracy: .* less than or equal to 1",
    ),
    "true as a number": (changed("summary.json", parameters=True), "parameters: Input should be a valid integer"),
    "no fingerprint": (changed("dataset.json", fingerprint="../x"), "fingerprint: Input should be 16 hex"),
    "a name that is none": (replaced("name.json", b'{"name": [1]}'), "name: Input should be a valid string"),
    "layers that are no list": (
        replaced("architecture.json", b"{}"),
        "architecture.json: Input should be a valid list",
    ),
    "a layer of text": (replaced("architecture.json", b'["x"]'), "item 1: Input should be a JSON object"),
    "an event without numbers": (
        replaced("events.jsonl", b'{"type":"epoch","time":1}'),
        "line 1, step: .* required",
    ),
    "a pickle": (
        replaced("probabilities.npy", array(np.array([print], object), allow_pickle=True)),
        "not object",
    ),
    "no array": (replaced("probabilities.npy", b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16), "not an array"),
    "float64": (replaced("probabilities.npy", array(UNIFORM.astype(float))), "must hold float16"),
    "nine digits": (replaced("probabilities.npy", array(UNIFORM[:, :9])), r"shape \(n, 10\)"),
    "no images": (replaced("probabilities.npy", array(UNIFORM[:0])), "n from 1"),
    "a shape that lies": (replaced("probabilities.npy", HUGE_SHAPE), "cut off"),
    "bytes behind": (replaced("probabilities.npy", array(UNIFORM) + b"PK"), "cut off, or something is added"),
    "a shape of true": (replaced("probabilities.npy", with_shape("(True, 10)", 1)), "whole numbers for its shape"),
    "a shape below 0": (replaced("probabilities.npy", with_shape("(-1, 10)", 1)), "n from 1"),
    "a shape beyond all memory": (replaced("probabilities.npy", with_shape(f"({9 * 10**29}, 10)", 1)), "n from 1"),
    "a shape of text": (replaced("probabilities.npy", with_shape("('<b>', 10)", 1)), "not an array"),
    "NaN": (replaced("probabilities.npy", array(NOT_A_NUMBER)), "have NaN"),
    "infinite": (replaced("probabilities.npy", array(INFINITE)), "sum to 1"),
    "below 0": (replaced("probabilities.npy", array(UNIFORM - np.float16(0.2))), "0 or more"),
    "not summing to 1": (replaced("probabilities.npy", array(UNIFORM * np.float16(2))), "sum to 1"),
    "fewer in an epoch": (replaced("predictions/epoch-0002.npy", array(UNIFORM[:9])), "epoch-0002.npy: .* each of the"),
    "epoch 0": (added("predictions/epoch-0000.npy", contents=array(UNIFORM)), "count from 1"),
    "validation without labels": (replaced("validation.npz", zip_of({"probabilities.npy": b""})), "must hold labels"),
    "validation that leads out": (replaced("validation.npz", zip_of({"../labels.npy": b""})), "leads out"),
    "a label 10": (
        replaced(
            "validation.npz",
            zip_of({"labels.npy": array(np.uint8([10])), "probabilities.npy": array(UNIFORM[:1])}),
        ),
        "digits from 0 to 9",
    ),
    "no model": (replaced("model.tflite", b"garbage" * 100), "damaged and cannot be read"),
    "half a model": (replaced("model.tflite", MODEL[: len(MODEL) // 2]), "model.tflite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_words_and_leaves_nothing(name, packed, store):
    *changes, message = REFUSED[name]
    data = packed
    for change in changes:
        data = change(data)
    with pytest.raises(BundleError, match=message) as refusal:
        unpack(data, store, "evil.zip")
    assert str(refusal.value).startswith("evil.zip was not imported: ")
    assert nothing_in(store)


def test_a_zip_that_is_too_large_is_not_even_opened(monkeypatch, packed, store):
    monkeypatch.setattr(archive, "MOST_ZIPPED", len(packed) - 1)
    with pytest.raises(BundleError, match="at most"):
        unpack(packed, store)


def test_a_full_disk_leaves_nothing(packed, store, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "write_imported", full)
    with pytest.raises(OSError, match="No space"):
        unpack(packed, store)
    assert nothing_in(store)


@pytest.mark.parametrize(("code", "said"), [("import os; os.abort()", "crashed"), ("while True: 0", "took more than")])
def test_a_model_that_crashes_or_hangs_does_so_elsewhere(code, said, monkeypatch, tmp_path):
    (tmp_path / "core" / "bundle").mkdir(parents=True)
    (tmp_path / "core" / "bundle" / "model_check.py").write_text(code)
    monkeypatch.setattr(model_check, "ROOT", tmp_path)
    monkeypatch.setattr(model_check, "SECONDS", 3)
    with pytest.raises(ModelError, match=said):
        model_check.check_model(MODEL)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bits_are_refused_or_change_nothing(data, packed, trained, tmp_path_factory, monkeypatch):
    """Most flips meet a checksum; those in what no reader looks at, such as a date, change nothing."""
    monkeypatch.setattr(archive, "check_model", model_check.try_out)
    flipped = bytearray(packed)
    directory = packed.index(b"PK\x01\x02")
    places = st.one_of(st.integers(0, len(packed) - 1), st.integers(directory, len(packed) - 1), st.integers(0, 600))
    for place in data.draw(st.lists(places, min_size=1, max_size=3)):
        flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    store = RunStore(tmp_path_factory.mktemp("flipped"))
    try:
        run = unpack(bytes(flipped), store)
    except BundleError:
        assert nothing_in(store)
        return
    assert (run.config, run.name, run.summary) == (trained.config, trained.name, trained.summary)
    assert np.array_equal(run.probabilities(), trained.probabilities())
    assert (run.path / "model.tflite").read_bytes() == MODEL


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bits_inside_the_files_are_refused_or_can_be_read(data, packed, tmp_path_factory, monkeypatch):
    """Here the checksums are right, as a hostile author would make them."""
    monkeypatch.setattr(archive, "check_model", lambda model, classes: None)
    files = files_of(packed)
    name = data.draw(st.sampled_from(sorted(files.keys() - {"model.tflite"})))
    contents = bytearray(files[name])
    for place in data.draw(st.lists(st.integers(0, min(len(contents), 700) - 1), min_size=1, max_size=3)):
        contents[place] ^= 1 << data.draw(st.integers(0, 7))
    store = RunStore(tmp_path_factory.mktemp("inside"))
    try:
        run = unpack(zip_of({**files, name: bytes(contents)}), store)
    except BundleError:
        assert nothing_in(store)
        return
    assert run.state.name in ("finished", "stopped")
    assert run.config.as_dict()
    assert run.probabilities().shape == (397, 10)
    assert 0 <= run.test_accuracy <= 1
    assert run.history().phase in ("training", "waiting")


def test_pages_do_not_wait_for_pydantic():
    code = "import sys, core.bundle.archive; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


# The command line


def test_the_command_packs_and_imports(trained, tmp_path, capsys, monkeypatch, digits_file):
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    file, home = tmp_path / "run.zip", tmp_path / "home"
    assert main(["--home", str(home), "pack", str(trained.path), "--out", str(file)]) == 0
    assert main(["--home", str(home), "import", str(file)]) == 0
    [run] = RunStore(home).runs()
    assert run.name == trained.name
    assert run.imported["proof"]["different_predictions"] == 0
    assert str(run.path) in capsys.readouterr().out
    assert main(["--home", str(home), "pack", "no-such-run"]) == 1
    assert f"There: {run.id}" in capsys.readouterr().err
    file.write_bytes(b"PK")
    assert main(["--home", str(home), "import", str(file)]) == 1
    assert "run.zip was not imported" in capsys.readouterr().err
