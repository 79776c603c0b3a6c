"""Where digits come from, and what happens when they do not."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import io
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import data
from core.data import DatasetError, keras_cache_path, load_dataset, sklearn_digits
from tests.support.paths import ROOT

REAL_MNIST = os.environ.get("DIGITLAB_DATA")
IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


made_once = functools.cache(sklearn_digits.embedded_digits)  # most tests only ask whether these digits took over


@pytest.fixture(autouse=True)
def nothing_real_is_touched(tmp_path, monkeypatch):
    monkeypatch.delenv("DIGITLAB_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sklearn_digits, "embedded_digits", made_once)
    monkeypatch.setattr(data.download, "MNIST_URL", "http://127.0.0.1:1/mnist.npz")  # nobody listens on port 1


def digits(train: int = 5, test: int = 3, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        "x_train": generator.integers(0, 256, (train, 28, 28), dtype=np.uint8),
        "y_train": generator.integers(0, 10, train, dtype=np.uint8),
        "x_test": generator.integers(0, 256, (test, 28, 28), dtype=np.uint8),
        "y_test": generator.integers(0, 10, test, dtype=np.uint8),
    }


def write_npz(path: Path, **changes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: array for name, array in {**digits(), **changes}.items() if array is not None}
    np.savez_compressed(path, **arrays)
    return path


def idx_bytes(array: np.ndarray) -> bytes:
    """The format as its authors describe it: two zero bytes, type 8, rank, big-endian sizes, the bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, arrays: dict[str, np.ndarray], *, dot: bool = False, zipped: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in IDX_NAMES.items():
        file = file.replace("-idx", ".idx") if dot else file
        content = idx_bytes(arrays[name])
        (folder / (file + ".gz" * zipped)).write_bytes(gzip.compress(content) if zipped else content)
    return folder


def assert_holds(dataset: data.Dataset, arrays: dict[str, np.ndarray]) -> None:
    for name, wanted in arrays.items():
        found = getattr(dataset, name)
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == np.uint8
        assert not found.flags.writeable


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(train=st.integers(1, 12), test=st.integers(1, 12), seed=st.integers(0, 99), dot=st.booleans(),
       zipped=st.booleans(), labels=st.sampled_from(["u1", "i1", ">i2", "<i4", "i8", "u8"]))  # fmt: skip
def test_what_was_written_as_npz_or_idx_is_read_back(tmp_path, train, test, seed, dot, zipped, labels):
    arrays = digits(train, test, seed)
    typed = {name: array.astype(labels) for name, array in arrays.items() if name.startswith("y")}
    from_npz = load_dataset(write_npz(tmp_path / "own.npz", **{**arrays, **typed}))
    folder = tmp_path / f"idx-{train}-{test}-{seed}-{dot}-{zipped}"
    from_idx = load_dataset(write_idx(folder, arrays, dot=dot, zipped=zipped))
    assert_holds(from_npz, arrays)
    assert_holds(from_idx, arrays)
    assert from_npz.fingerprint == from_idx.fingerprint
    assert (from_npz.name, from_npz.is_mnist) == ("Own digits", False)
    assert f"{train} images for training and {test} for testing" in from_npz.note


def test_fingerprint_changes_with_a_single_pixel_or_label(tmp_path):
    arrays = digits()
    prints = {load_dataset(write_npz(tmp_path / "a.npz")).fingerprint}
    for name in arrays:
        changed = arrays[name].copy()
        changed.flat[-1] = (int(changed.flat[-1]) + 1) % 10
        prints.add(load_dataset(write_npz(tmp_path / "b.npz", **{name: changed})).fingerprint)
    assert len(prints) == 5


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def pickled() -> np.ndarray:
    array = np.empty(5, object)
    array[:] = [Bomb() for _ in range(5)]
    return array


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, r"lacks labels for x_test; it holds x_train, y_train, x_test\. Wanted: .*y_test"),
        ({"x_train": np.zeros((5, 28, 27), np.uint8)}, r"x_train .*\(5, 28, 27\).*\(n, 28, 28\)"),
        ({"x_train": np.zeros((5, 783), np.uint8)}, r"x_train .*\(5, 783\).*\(n, 28, 28\)"),
        ({"x_train": np.zeros((5, 28, 28), complex)}, r"x_train .* holds complex128.*0 to 255"),
        ({"x_train": np.full((5, 28, 28), np.nan)}, r"x_train .* no numbers \(NaN"),
        ({"x_train": np.full((5, 28, 28), 3.5)}, r"x_train .* which scale that is cannot be known"),
        ({"x_train": np.full((5, 28, 28), 4095)}, r"x_train .* to 4095: which scale that is cannot be known"),
        ({"x_train": np.full((5, 32, 32), 9, np.uint8)}, r"x_train .* 32 × 32 pixels, with ink in the two outermost"),
        ({"y_train": np.full(5, 0.5)}, r"y_train .* float64 that are not whole numbers"),
        ({"y_train": np.array(["1", "2", "three", "4", "5"])}, r"y_train .* text that is no digit.*three"),
        ({"y_train": np.full((5, 10), 0.1)}, r"y_train .* not one-hot"),
        ({"X_TRAIN": digits()["x_train"]}, r"x_train and X_TRAIN, which may both be the same"),
        ({"y_train": np.array([0, 1, 2, 3, 10])}, r"y_train .* from 0 to 10.*0 to 9"),
        ({"y_test": np.array([-1, 0, 1], np.int8)}, r"y_test .* from -1 to 1.*0 to 9"),
        ({"y_train": np.zeros(4, np.uint8)}, r"y_train .*\(4,\), for 5 images"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)}, r"x_test .* 0 images"),
        (
            {"y_train": pickled()},
            r"y_train .* is a pickle: .* any code .* never loaded .*\nimport numpy\n.*\nnumpy.savez",
        ),
    ],
)
def test_npz_with_wrong_arrays_is_refused_by_name_fault_and_cure(tmp_path, changes, message):
    path = tmp_path / "wrong.npz"
    with_pickles = {name: array for name, array in changes.items() if getattr(array, "dtype", None) is np.dtype(object)}
    if with_pickles:
        write_npz(path, **dict.fromkeys(with_pickles))
        with zipfile.ZipFile(path, "a") as archive:
            for name, array in with_pickles.items():
                buffer = io.BytesIO()
                np.lib.format.write_array_header_1_0(
                    buffer, {"descr": "|O", "fortran_order": False, "shape": array.shape}
                )
                archive.writestr(f"{name}.npy", buffer.getvalue() + pickle.dumps(array))
    else:
        write_npz(path, **changes)
    with pytest.raises(DatasetError, match=message) as caught:
        load_dataset(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("damage", ["truncated", "no zip", "empty", "one byte", "array ends early", "header"])
def test_damaged_npz_is_refused(tmp_path, damage):
    path = write_npz(tmp_path / "damaged.npz")
    good = path.read_bytes()
    if damage in ("array ends early", "header"):
        with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                cut = content[:-100] if damage == "array ends early" else content.replace(b"}", b"(")
                new.writestr(name, cut if name == "x_train.npy" else content)
    else:
        middle = len(good) // 3
        flipped = good[:middle] + bytes([good[middle] ^ 0xFF]) + good[middle + 1 :]
        bad = {"truncated": good[: len(good) // 2], "no zip": b"<html>", "empty": b"", "one byte": flipped}
        path.write_bytes(bad[damage])
    with pytest.raises(DatasetError, match=r"damaged\.npz .*Wanted"):
        load_dataset(path)


def test_npz_that_announces_a_terabyte_is_refused_before_its_data_is_read(tmp_path):
    path = write_npz(tmp_path / "bomb.npz", x_train=None)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (2**31, 28, 28)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train.npy", header.getvalue())
    with pytest.raises(DatasetError, match=r"2,147,483,648 images"):
        load_dataset(path)


IMAGES = idx_bytes(digits()["x_train"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx_bytes(digits()["y_train"]), r"train-images.* have the shape \(5,\).*28 × 28"),
        (b"", "begins with the number 0"),
        (IMAGES[:9], "announces the shape"),
        (struct.pack(">IIII", 2051, 2**32 - 1, 28, 28), "announces the shape"),
        (struct.pack(">IIII", 2051, 5, 31, 31) + bytes(5 * 31 * 31), r"\(5, 31, 31\).*28 × 28"),
        (IMAGES[:-1], "ends too early"),
        (IMAGES + b"\0", "more data"),
        (gzip.compress(IMAGES)[:-20], "cannot be read"),
        (idx_bytes(digits(train=6)["x_train"]), r"train-labels.*\(5,\), for 6 images"),
        (idx_bytes(np.zeros((0, 28, 28), np.uint8)), "0 images"),
    ],
)
def test_damaged_idx_file_is_refused(tmp_path, content, message):
    folder = write_idx(tmp_path / "idx", digits())
    (folder / IDX_NAMES["x_train"]).write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        load_dataset(folder)
    assert str(folder) in str(caught.value)


def test_idx_label_above_nine_is_refused(tmp_path):
    folder = write_idx(tmp_path / "idx", {**digits(), "y_test": np.array([1, 2, 11], np.uint8)})
    with pytest.raises(DatasetError, match=r"t10k-labels-idx1-ubyte has labels from 1 to 11"):
        load_dataset(folder)


def test_missing_path_and_folder_that_lacks_an_idx_file_say_what_is_missing(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere\.npz does not exist"):
        load_dataset(tmp_path / "nowhere.npz")
    folder = write_idx(tmp_path / "idx", digits())
    (folder / IDX_NAMES["y_test"]).unlink()
    with pytest.raises(DatasetError, match=r"lacks the labels for testing, beside t10k-images-idx3-ubyte, train"):
        load_dataset(folder)
    (folder / IDX_NAMES["y_train"]).unlink()
    (folder / IDX_NAMES["x_train"]).rename(folder / "notes.txt")
    (folder / IDX_NAMES["x_test"]).unlink()
    with pytest.raises(DatasetError, match=r"no digits in a form that is known here; it holds notes\.txt\. Wanted:"):
        load_dataset(folder)


def test_sources_are_tried_in_order_and_a_broken_one_is_told_with_whatever_is_used(tmp_path, monkeypatch):
    own, cached = digits(seed=1), digits(seed=2)
    monkeypatch.setenv("DIGITLAB_DATA", str(write_npz(tmp_path / "own.npz", **own)))
    write_npz(keras_cache_path(), **cached)
    first = load_dataset()
    assert_holds(first, own)
    assert first.source == f"file {tmp_path / 'own.npz'} (DIGITLAB_DATA)"

    (tmp_path / "own.npz").write_bytes(b"broken")
    second = load_dataset()
    assert_holds(second, cached)
    assert second.source == f"Keras' cache, {tmp_path / 'keras' / 'datasets' / 'mnist.npz'}"
    assert second.warnings[0].startswith(f"DIGITLAB_DATA cannot be used: {tmp_path / 'own.npz'}")

    keras_cache_path().write_bytes(b"broken too")
    third = load_dataset(allow_download=False)
    assert third.name == "Embedded digits"
    assert third.warnings[0].startswith("DIGITLAB_DATA cannot be used")
    assert third.warnings[1].startswith("Keras' cache was skipped")
    assert keras_cache_path().read_bytes() == b"broken too"

    keras_cache_path().unlink()
    keras_cache_path().mkdir()
    assert load_dataset(allow_download=False).name == "Embedded digits"


@pytest.fixture
def serve(monkeypatch):
    """Serve `content` as MNIST from this machine; `stall` stops in the middle until the test is over."""
    over, servers = threading.Event(), []

    def start(content: bytes, *, sha256: str | None = None, stall: bool = False) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if stall else content)
                if stall:
                    self.wfile.flush()
                    over.wait(20)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        monkeypatch.setattr(data.download, "MNIST_URL", f"http://127.0.0.1:{server.server_port}/mnist.npz")
        monkeypatch.setattr(data.download, "MNIST_SHA256", sha256 or hashlib.sha256(content).hexdigest())

    yield start
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def cache_contents() -> list[str]:
    return sorted(path.name for path in keras_cache_path().parent.glob("*"))


def test_download_lands_in_keras_cache_with_progress_and_is_used_the_next_time(tmp_path, serve):
    content = write_npz(tmp_path / "served.npz", **digits(400, 100)).read_bytes()
    serve(content)
    seen = []
    dataset = load_dataset(progress=lambda done, total: seen.append((done, total)))
    assert_holds(dataset, digits(400, 100))
    assert dataset.source.startswith("download from http://127.0.0.1")
    assert seen == sorted(seen)
    assert seen[-1] == (len(content), len(content))
    assert cache_contents() == ["mnist.npz"]
    assert keras_cache_path().read_bytes() == content
    assert load_dataset(allow_download=False).source.startswith("Keras' cache")


def test_download_keeps_a_damaged_file_that_was_in_its_place(tmp_path, serve):
    keras_cache_path().parent.mkdir(parents=True)
    keras_cache_path().write_bytes(b"someone's")
    serve(write_npz(tmp_path / "served.npz").read_bytes())
    dataset = load_dataset()
    assert_holds(dataset, digits())
    (kept,) = keras_cache_path().parent.glob("mnist.npz.damaged-*")
    assert kept.read_bytes() == b"someone's"
    assert str(kept) in dataset.warnings[-1]


def test_download_with_another_checksum_leaves_nothing_and_the_embedded_digits_take_over(tmp_path, serve):
    serve(write_npz(tmp_path / "served.npz").read_bytes(), sha256="0" * 64)
    dataset = load_dataset()
    assert dataset.name == "Embedded digits"
    assert "SHA-256" in dataset.note
    assert cache_contents() == []


def test_stalled_download_gives_up_and_leaves_nothing(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(data.download, "STALL_SECONDS", 0.3)
    serve(write_npz(tmp_path / "served.npz", **digits(400, 100)).read_bytes(), stall=True)
    dataset = load_dataset()
    assert "timed out" in dataset.note
    assert cache_contents() == []


def test_silent_and_refused_servers_are_given_up_fast_and_the_note_tells_how_to_get_mnist(monkeypatch):
    refused = load_dataset()
    assert not refused.is_mnist
    assert "The download of http://127.0.0.1:1/mnist.npz failed" in refused.note
    assert f"put mnist.npz at {keras_cache_path()}" in refused.note
    assert "1,500 for training, each with 7 slightly warped copies" in refused.note
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(data.download, "MNIST_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/mnist.npz")
        monkeypatch.setattr(data.download, "CONNECT_SECONDS", 0.2)
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            data.download.download_mnist(keras_cache_path(), None)
        assert time.monotonic() - started < 2


def test_embedded_digits_have_mnists_form_and_are_the_same_each_time():
    first = load_dataset(allow_download=False)
    made_once.cache_clear()
    assert first.fingerprint == load_dataset(allow_download=False).fingerprint
    assert first.x_train.shape == (12_000, 28, 28)
    assert first.x_test.shape == (297, 28, 28)
    assert np.bincount(first.y_test).min() >= 28
    assert np.bincount(first.y_test).max() <= 31
    for images in (first.x_train, first.x_train[::8], first.x_test):
        assert images.max() == 255
        assert 0.11 < images.mean() / 255 < 0.15  # MNIST: 0.131
        strong = images > 127
        sides = np.maximum(strong.any(axis=2).sum(axis=1), strong.any(axis=1).sum(axis=1))
        assert np.median(sides) in (19, 20)
        assert np.percentile(sides, 99) <= 20  # the thickest strokes of the copies may reach a pixel further
        place = np.arange(28)
        mass = images.sum(axis=(1, 2), dtype=float)
        for axis in (1, 2):  # MNIST's centre of mass is pixel 14, within half a pixel
            centres = images.sum(axis=axis, dtype=float) @ place / mass
            assert np.percentile(np.abs(centres - 14), 99.5) <= 0.51


def test_embedded_digits_are_read_by_a_classifier_that_saw_only_their_training_part():
    from sklearn.neighbors import KNeighborsClassifier

    dataset = load_dataset(allow_download=False)
    originals = dataset.x_train[::8].reshape(-1, 784) / 255
    nearest = KNeighborsClassifier(1).fit(originals, dataset.y_train[::8])
    assert nearest.score(dataset.x_test.reshape(-1, 784) / 255, dataset.y_test) > 0.95
    assert not {image.tobytes() for image in dataset.x_train} & {image.tobytes() for image in dataset.x_test}


def test_importing_and_reading_a_file_loads_neither_tensorflow_nor_scikit_learn(tmp_path):
    path = write_npz(tmp_path / "own.npz")
    code = (
        "import sys; from core.data import load_dataset; load_dataset(sys.argv[1]); "
        "print(sorted({'tensorflow', 'keras', 'streamlit', 'sklearn', 'scipy', 'PIL'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.skipif(not REAL_MNIST, reason="DIGITLAB_DATA does not name MNIST")
def test_real_mnist_is_recognised(monkeypatch):
    monkeypatch.setenv("DIGITLAB_DATA", REAL_MNIST)
    dataset = load_dataset(allow_download=False)
    if len(dataset.y_train) != 60_000 or len(dataset.y_test) != 10_000:
        pytest.skip("DIGITLAB_DATA names other digits")
    assert (dataset.name, dataset.note) == ("MNIST", None)
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(dataset.y_test).tolist() == counts


# What is no file, and what nobody thought of


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_regular_file_is_refused_before_it_is_read(tmp_path, kind):
    path = tmp_path / "mnist.npz"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(DatasetError, match="is not a regular file"):
        load_dataset(path)


def test_without_a_home_folder_the_embedded_digits_are_loaded(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.delenv("DIGITLAB_DATA", raising=False)
    found = load_dataset()
    assert found.name == "Embedded digits"
    assert "No home folder was found" in found.note


@pytest.mark.parametrize(
    ("error", "words"), [(MemoryError(), "memory was not enough"), (RuntimeError("odd"), "could not be loaded: odd")]
)
def test_whatever_happens_while_digits_are_loaded_is_said_in_words(digits_file, monkeypatch, error, words):
    def fail(path, progress):
        raise error

    monkeypatch.setattr(data.files, "read", fail)
    with pytest.raises(DatasetError, match=words):
        load_dataset(digits_file)


def test_a_path_that_is_no_text_is_told_as_text(tmp_path):
    with pytest.raises(DatasetError) as caught:
        load_dataset(f"{tmp_path}/\udcff.npz")
    assert str(caught.value).startswith(f"{tmp_path}/?.npz does not exist")
