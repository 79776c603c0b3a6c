"""Processes: what they are started with, and the words for their end."""

from __future__ import annotations

import pytest

from core.compute import process


def test_a_process_gets_the_places_that_were_written_from_here(tmp_path, monkeypatch):
    called = {}
    monkeypatch.setattr(process.subprocess, "Popen", lambda command, **settings: called.update(settings))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "person"))
    for name, written in {"DIGITLAB_HOME": "home", "DIGITLAB_DATA": "../mnist.npz", "KERAS_HOME": "~/keras"}.items():
        monkeypatch.setenv(name, written)
    process.start_process("core.training.worker", log=tmp_path / "log.txt")
    places = [called["env"][name] for name in ("DIGITLAB_HOME", "DIGITLAB_DATA", "KERAS_HOME")]
    assert places == [str(tmp_path / "home"), str(tmp_path.parent / "mnist.npz"), str(tmp_path / "person" / "keras")]
    monkeypatch.setenv("DIGITLAB_DATA", "'file:///my%20digits/train.csv'")
    process.start_process("core.training.worker", log=tmp_path / "log.txt")
    assert called["env"]["DIGITLAB_DATA"] == "/my digits/train.csv"


@pytest.mark.parametrize(
    ("printed", "status", "words"),
    [
        (None, None, "It stopped."),
        ("all is well", 1, "It stopped (exit status 1)."),
        ("line\n" * 1000 + "MemoryError", -9, "It stopped (SIGKILL, it was killed, or the memory ran out). The memory"),
        ("No module named 'keras'", None, "It stopped. A package is missing or broken."),
    ],
)
def test_an_end_is_explained_by_its_status_and_by_what_was_printed_last(tmp_path, printed, status, words):
    log = tmp_path / "log.txt"
    if printed is not None:
        log.write_text(printed)
    assert process.explain_end("It stopped", status, log).startswith(words)
