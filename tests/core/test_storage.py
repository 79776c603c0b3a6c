"""Files that survive half-written lines, crashes of the writer and readers in between."""

import errno
import json
import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.storage import (
    LineLog,
    append_line,
    explain_os_error,
    read_array,
    read_json,
    until_changed,
    write_array,
    write_atomically,
    write_json,
)

events = st.dictionaries(st.text(max_size=4), st.integers(-(2**63), 2**63 - 1) | st.text(max_size=6), max_size=3)
lines = st.one_of(
    events.map(lambda event: json.dumps(event).encode()),
    st.sampled_from([b"", b"{", b'{"step": 1', b"[1, 2]", b"7", b"null", b"\xff\xfe", b'{"a": 1}\r', b"NaN"]),
)


def objects(data):
    """The JSON objects in the whole lines of `data`: what a reader should find, found the simple way."""
    found = []
    for line in data.split(b"\n")[:-1]:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [value for value in found if isinstance(value, dict)]


def test_a_half_written_line_is_not_seen_and_does_not_break_the_next_one(tmp_path):
    path = tmp_path / "events.jsonl"
    append_line(path, {"step": 1})
    with path.open("ab") as file:
        file.write(b'{"step": 2, "lo')
    log = LineLog(path)
    assert log.values() == [{"step": 1}]
    append_line(path, {"step": 3})
    append_line(path, {"step": 4})
    assert log.values() == LineLog(path).values() == [{"step": 1}, {"step": 3}, {"step": 4}]


@settings(max_examples=60)
@given(st.lists(lines, max_size=8), st.lists(st.integers(0, 200), max_size=6), st.booleans())
def test_reading_as_a_file_grows_gives_what_reading_it_at_once_gives(tmp_path_factory, contents, splits, ended):
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    data = b"\n".join(contents) + (b"\n" if ended else b"")
    growing, at = LineLog(path), 0
    assert growing.values() == []
    for split in [*sorted(split for split in splits if split < len(data)), len(data)]:
        with path.open("ab") as file:
            file.write(data[at:split])
        at = split
        assert growing.values() == objects(data[:at])
    assert LineLog(path).values() == objects(data)


def test_a_log_that_was_cut_or_replaced_or_removed_is_read_anew(tmp_path):
    path, other = tmp_path / "events.jsonl", tmp_path / "other.jsonl"
    log = LineLog(path)
    for step in range(5):
        append_line(path, {"step": step})
    assert len(log.values()) == 5
    path.write_bytes(b'{"step": 9}\n')
    assert log.values() == [{"step": 9}]
    for step in range(3):
        append_line(other, {"other step": step})
    other.replace(path)
    assert log.values() == [{"other step": step} for step in range(3)]
    path.unlink()
    assert log.values() == []


def test_values_that_were_handed_out_stay_as_they_were(tmp_path):
    path = tmp_path / "events.jsonl"
    append_line(path, {"step": 1})
    log = LineLog(path)
    before = log.values()
    append_line(path, {"step": 2})
    assert len(log.values()) == 2
    assert before == [{"step": 1}]


@pytest.mark.parametrize("damaged", [b"", b"{", b'{"name": "run', b"\xff\xfe\x00", b"{} {}"])
def test_damaged_json_is_none_and_so_is_missing_json(tmp_path, damaged):
    path = tmp_path / "state.json"
    assert read_json(path) is None
    write_json(path, {"name": "queued"})
    assert read_json(path) == {"name": "queued"}
    path.write_bytes(damaged)
    assert read_json(path) is None


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "summary.json"
    write_json(path, {"test_accuracy": 0.97})

    def half(file):
        file.write(b'{"test_accuracy": 0.')
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        write_atomically(path, half)
    with pytest.raises(TypeError):
        write_json(path, {"test_accuracy": object()})
    assert json.loads(path.read_bytes()) == {"test_accuracy": 0.97}
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_beside_a_writer_always_sees_one_whole_version(tmp_path):
    path = tmp_path / "control.json"
    write_json(path, {"number": 0, "text": ""})
    ended = threading.Event()

    def write():
        for number in range(1, 100):
            write_json(path, {"number": number, "text": "x" * (number % 7) * 1000})
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = [read_json(path)]
    while not ended.is_set():
        seen.append(read_json(path))
    writer.join()
    numbers = [value["number"] for value in seen]
    assert numbers == sorted(numbers)
    assert all(value["text"] == "x" * (value["number"] % 7) * 1000 for value in seen)
    assert read_json(path)["number"] == 99


@given(st.integers(0, 200), st.integers(0, 255), st.integers(0, 300))
def test_an_array_with_a_wrong_byte_or_a_missing_end_is_an_array_or_none_and_never_an_error(
    tmp_path_factory, at, byte, length
):
    path = tmp_path_factory.mktemp("arrays") / "probabilities.npy"
    write_array(path, np.arange(50, dtype=np.float16).reshape(5, 10))
    data = bytearray(path.read_bytes())
    data[at] = byte
    path.write_bytes(data[:length])
    assert isinstance(read_array(path), np.ndarray | None)


def test_an_array_file_that_is_an_archive_or_holds_objects_is_none(tmp_path):
    path = tmp_path / "probabilities.npy"
    with path.open("wb") as file:
        np.savez(file, np.zeros(3))
    assert read_array(path) is None
    path.write_bytes(b"PK\x03\x04")
    assert read_array(path) is None
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    assert read_array(path) is None


DEEP = b"[" * 100_000
ODD_JSON = {
    "nested too deeply": (DEEP + b"]" * 100_000, None),
    "nested too deeply in a line": (b'{"a":' + DEEP + b"]" * 100_000 + b"}", None),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), {"a": 1}),
    "Latin-1": ('{"a": "é"}'.encode("latin-1"), None),
    "a number of 5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", None),
    "a number of 40 digits": (b'{"a": ' + b"9" * 40 + b"}", {"a": None}),
    "no number": (b'{"a": NaN, "b": -Infinity, "c": 1e999}', {"a": None, "b": None, "c": None}),
    "half a surrogate pair": (b'{"\\ud800": "\\udfff!", "b": ["\\ud83d\\ude00"]}', {"?": "?!", "b": ["😀"]}),
}


@pytest.mark.parametrize(("data", "value"), ODD_JSON.values(), ids=ODD_JSON)
def test_whatever_json_a_file_holds_reading_it_gives_values_that_pages_can_show_or_none(tmp_path, data, value):
    path = tmp_path / "summary.json"
    path.write_bytes(data)
    assert read_json(path) == value
    path.write_bytes(b'{"step": 1}\n' + data + b'\n{"step": 2}\n')
    log = LineLog(path)
    assert [each for each in log.values() if "step" in each] == [{"step": 1}, {"step": 2}]
    json.dumps(log.values(), allow_nan=False, ensure_ascii=False).encode()


def test_a_file_that_is_read_while_it_shall_be_replaced_is_replaced_when_it_was_read(tmp_path, monkeypatch):
    """As on Windows, where replacing a file that somebody reads is refused."""
    path, refusals = tmp_path / "state.json", [PermissionError(13, "Access is denied")] * 3
    write_json(path, {"name": "running"})
    replace = type(path).replace

    def refused_at_first(self, target):
        if refusals:
            raise refusals.pop()
        return replace(self, target)

    monkeypatch.setattr(type(path), "replace", refused_at_first)
    write_json(path, {"name": "finished"})
    assert (read_json(path), refusals) == ({"name": "finished"}, [])


def test_what_the_system_refuses_is_said_with_the_file_and_what_to_do(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_json(tmp_path / "state.json", {})
    assert explain_os_error(caught.value) == (
        f"No space is left on the disk that holds {tmp_path / 'state.json'}. Free some space and try again."
    )
    assert "read-only" in explain_os_error(OSError(errno.EROFS, "Read-only file system", "/home/x"))
    assert "permission denied" in explain_os_error(PermissionError(errno.EACCES, "Permission denied", "/home/x"))
    assert "file locks" in explain_os_error(OSError(errno.ENOLCK, "No locks available", "/home/x"))
    assert explain_os_error(OSError(errno.EIO, "Input/output error", "/home/\udcff")).startswith("/home/? cannot")


def test_what_was_made_of_a_file_is_kept_until_the_file_changes(tmp_path):
    read = []

    @until_changed(maxsize=2)
    def first_word(path, end=""):
        read.append(path.name)
        return path.read_text().split()[0] + end

    path = tmp_path / "words.txt"
    path.write_text("one two")
    before = path.stat()
    assert [first_word(path), first_word(path), first_word(path, "!")] == ["one", "one", "one!"]
    assert len(read) == 2
    other = tmp_path / "other.txt"
    other.write_text("six ten")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))  # of the same time and size
    other.replace(path)
    assert first_word(path) == "six"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        first_word(path)
