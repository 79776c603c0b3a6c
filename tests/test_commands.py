"""Every command: `--help` helps and does nothing else, what is unknown is refused, and the terminal may be any."""

import ast
import errno
import importlib
import os
import re
import subprocess
import sys

import pytest

from benchmarks import drawn_digits, not_digits
from core import home, terminal
from core.config import TrainingConfig
from core.runs import RunStore, starter
from core.training import make_starter
from tests.support.paths import ROOT

FILES = [path for folder in ("core", "benchmarks", "dashboard") for path in sorted((ROOT / folder).rglob("*.py"))]
FILES += sorted(ROOT.glob("*.py"))
COMMANDS = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for path in FILES
    if re.search(r'^if __name__ == "__main__":', path.read_text(encoding="utf-8"), re.MULTILINE)
]
CALL = """
import runpy, sys
for argument in ("--help", "--no-such-option"):
    sys.argv = ["command", argument]
    try:
        runpy.run_module(sys.orig_argv[-1], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        print(f"exit {end.code}")
"""


def snapshot():
    """Every file of the project with its size and when it was changed."""
    passed_over = {".git", "__pycache__", ".hypothesis", "digitlab-home"}
    files = [path for path in ROOT.rglob("*") if not passed_over & set(path.relative_to(ROOT).parts)]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file()}


def environment(tmp_path, **more):
    """Nothing of Digit Lab but a home that is not there yet."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DIGITLAB_")}
    return {**own, "DIGITLAB_HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1", **more}


@pytest.mark.slow
def test_help_of_every_command_changes_nothing_and_unknown_arguments_are_refused(tmp_path):
    assert {
        "core.training.make_starter",
        "core.training.worker",
        "core.bundle",
        "benchmarks",
        "digit_classification",
    } <= set(COMMANDS)
    before = snapshot()
    started = {
        name: subprocess.Popen(
            [sys.executable, "-c", CALL, name],
            cwd=ROOT,
            env=environment(tmp_path),
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name in COMMANDS
    }
    try:
        for name, process in started.items():
            output, errors = process.communicate(timeout=300)
            assert output.startswith("usage: "), f"{name}: {errors}"
            assert name.removesuffix(".__main__") in output.splitlines()[0]
            assert re.findall(r"^exit .*$", output, re.MULTILINE) == ["exit 0", "exit 2"], f"{name}: {errors}"
            assert "Traceback" not in errors
    finally:
        for process in started.values():
            process.kill()
    assert snapshot() == before
    assert not (tmp_path / "home").exists()


def test_the_shipped_network_is_only_replaced_where_that_is_asked(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("")
    for arguments in ([], ["--out", str(tmp_path)], ["--out", str(starter.FOLDER)], ["--replace", "--out", "new"]):
        with pytest.raises(SystemExit) as end:
            make_starter.main(arguments)
        assert end.value.code == 2
        assert "--out" in capsys.readouterr().err


def test_without_docstrings_help_is_there_too(tmp_path):
    done = subprocess.run(
        [sys.executable, "digit_classification.py", "--help"],
        cwd=ROOT, env=environment(tmp_path, PYTHONOPTIMIZE="2"), capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "--model" in done.stdout


NO_FILE = {  # what a command is given for a file, and what it says of it
    "nowhere.zip": "nowhere.zip does not exist",
    "nowhere/run.zip": "folder of",
    "folder": "folder is a folder",
    "file/run.zip": "what should be a folder in its path is a file",
}


@pytest.mark.parametrize("path", NO_FILE)
@pytest.mark.parametrize(
    "command",
    [
        ["core.bundle", "import"],
        ["benchmarks", "inference", "--quick", "--check"],
        ["benchmarks.drawn_digits", "--run", "core/starter", "--strokes"],
        ["benchmarks.not_digits", "--run", "core/starter", "--strokes"],
    ],
)
def test_a_command_that_cannot_use_a_file_says_which_and_why_in_words(tmp_path, monkeypatch, capsys, command, path):
    monkeypatch.setenv("DIGITLAB_HOME", str(tmp_path / "home"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    module = importlib.import_module(command[0] + (".__main__" if command[0] in ("benchmarks", "core.bundle") else ""))
    with pytest.raises(SystemExit) as end:
        terminal.exit_with(lambda: module.main([*command[1:], str(tmp_path / path)]))
    said = capsys.readouterr()
    assert end.value.code in (1, 2)
    assert NO_FILE[path] in said.err
    assert str(tmp_path) in said.err
    assert "Errno" not in said.err
    assert said.out == ""


def test_what_is_no_run_or_no_strokes_is_refused_before_it_is_measured(tmp_path, capsys):
    strokes = tmp_path / "strokes.npz"
    strokes.write_text("x")
    for module in (drawn_digits, not_digits):
        for run, reason in (("core/starter", "holds no pen strokes"), (str(tmp_path), "model.tflite does not exist")):
            with pytest.raises(SystemExit) as end:
                module.main(["--run", run, "--strokes", str(strokes)])
            assert end.value.code == 2
            assert reason in capsys.readouterr().err


def test_a_full_disk_while_a_run_is_made_names_the_folder_of_runs(tmp_path, monkeypatch, capsys):
    def full(file, *_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("core.storage.os.fsync", full)
    store = RunStore(tmp_path / "home")
    with pytest.raises(SystemExit):
        terminal.exit_with(lambda: store.create(TrainingConfig()))
    said = capsys.readouterr().err
    assert said == f"No space is left on the disk that holds {store.folder}. Free some space and try again.\n"


# The terminal

PRINT = """
import sys
from core.terminal import exit_with

def main():
    print("first")
    print("数字 ━ \\udcff")
    print("third", file=sys.stderr)
    open(sys.argv[1], "w").write("done")
    return 0

exit_with(main)
"""


def printed(tmp_path, *options, **settings):
    """A command that prints and then does its work, and whether it did."""
    done = subprocess.run(
        [sys.executable, *options, "-c", PRINT, tmp_path / "work"], cwd=ROOT, stderr=subprocess.PIPE, **settings
    )
    return done, (tmp_path / "work").exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("options", [[], ["-u"]])
def test_text_that_the_terminal_lacks_is_printed_as_escapes(tmp_path, encoding, options):
    done, worked = printed(tmp_path, *options, stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert (done.returncode, worked) == (0, True), done.stderr
    text = done.stdout.decode(encoding).splitlines()
    assert text == ["first", "数字 ━ \\udcff" if encoding == "utf-8" else r"\u6570\u5b57 \u2501 \udcff"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows' shells cannot close an output")
def test_a_reader_that_goes_away_and_a_closed_output_end_nothing(tmp_path):
    ours, theirs = os.pipe()
    os.close(ours)
    done, worked = printed(tmp_path, stdout=theirs)
    os.close(theirs)
    assert (done.returncode, worked, done.stderr) == (0, True, b"third\n")
    (tmp_path / "work").unlink()
    done, worked = printed(tmp_path, preexec_fn=lambda: os.close(1))
    assert (done.returncode, worked, done.stderr) == (0, True, b"third\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full to write to")
def test_an_output_that_cannot_be_written_is_said_after_the_work(tmp_path):
    with open("/dev/full", "wb") as full:
        done, worked = printed(tmp_path, stdout=full)
    assert (done.returncode, worked) == (1, True)
    assert b"could not be written: No space left on device." in done.stderr


def test_ctrl_c_ends_a_command_without_a_trace(monkeypatch):
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # both are put back afterwards
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    with pytest.raises(SystemExit) as end:
        terminal.exit_with(lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert end.value.code == terminal.INTERRUPTED


# Python

OTHER = "import sys; sys.version_info = ({}, {}, 0, 'final', 0); import core"
MAC = "import os, sys; sys.platform = 'darwin'; os.uname = lambda: type('', (), dict(machine='{}')); import core"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        *((OTHER.format(3, minor), "Digit Lab needs Python 3.11, 3.12 or 3.13") for minor in (8, 10, 14)),
        *((OTHER.format(3, minor), None) for minor in (11, 12, 13)),
        (MAC.format("x86_64"), "Digit Lab needs a Mac with Apple silicon"),
        (MAC.format("arm64"), None),
    ],
)
def test_what_it_cannot_run_on_is_said_in_a_sentence(code, words):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == (1 if words else 0)
    assert done.stderr.startswith(words) if words else not done.stderr
    assert done.stderr.count("\n") == bool(words)


@pytest.mark.parametrize("entry", ["digit_classification.py", "dashboard/app.py", "core/__init__.py"])
def test_other_pythons_can_read_far_enough_to_say_so(entry):
    ast.parse((ROOT / entry).read_text(encoding="utf-8"), feature_version=(3, 8))


# Where runs are


def test_the_home_is_beside_the_program_wherever_it_is_started(tmp_path, monkeypatch):
    monkeypatch.delenv("DIGITLAB_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert home.home_folder() == ROOT / "digitlab-home"
    monkeypatch.setenv("DIGITLAB_HOME", "mine")
    assert home.home_folder() == tmp_path / "mine"
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "person"))
    for written in ("~/digits", "~/x/../digits"):
        monkeypatch.setenv("DIGITLAB_HOME", written)
        assert home.home_folder() == tmp_path / "person" / "digits"
    assert home.home_folder("~/other") == tmp_path / "person" / "other"


def test_an_older_home_where_it_was_started_is_found_unless_it_is_in_use(tmp_path, monkeypatch):
    monkeypatch.delenv("DIGITLAB_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert home.older_home() is None
    older = tmp_path / "digitlab-home"
    (older / "runs").mkdir(parents=True)
    assert home.older_home() == older
    monkeypatch.setenv("DIGITLAB_HOME", "elsewhere")
    assert home.older_home() is None
