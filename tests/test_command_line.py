"""`digit_classification.py` as people call it: its own process, from another folder, on a small dataset."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from core.config import ConfigError
from core.data.kept import Datasets
from core.runs import History, RunStore, State
from core.terminal import bar_signs
from digit_classification import Terminal, progress_line, read_arguments, read_config, read_dataset
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

COMMAND = ROOT / "digit_classification.py"
SECONDS = 180  # TensorFlow's import alone takes ten on a busy machine


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """scikit-learn's digits as an mnist.npz: 1,000 for training, 200 for testing."""
    digits = load_digits()
    images = np.kron(digits.images, np.ones((3, 3))) * 255 / 16
    images = np.pad(images, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    path = tmp_path_factory.mktemp("data") / "own.npz"
    np.savez(path, x_train=images[:1000], y_train=labels[:1000], x_test=images[1000:1200], y_test=labels[1000:1200])
    return path


def call(folder, *arguments, **settings):
    """Start the command in `folder`, with nothing of Digit Lab in the environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DIGITLAB_")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    return subprocess.Popen(
        [sys.executable, COMMAND, *map(str, arguments)],
        cwd=folder,
        env={**environment, "PYTHONIOENCODING": "utf-8"},
        **{**pipes, **settings},
    )


def refused(folder, *arguments):
    """What the command says to settings that it refuses."""
    process = call(folder, *arguments)
    output, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 2, errors
    assert "Traceback" not in errors
    assert "Test Accuracy" not in output
    return errors


def test_an_epoch_ends_with_the_accuracy_a_finished_run_and_figures(tmp_path, data):
    relative = os.path.relpath(data, tmp_path)
    process = call(tmp_path, "--epochs", 1, "--data", relative, "--home", "home", "--name", "First try", "--seed", 3)
    output, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    lines = output.splitlines()

    (run,) = RunStore(tmp_path / "home").runs()
    assert (run.state.name, run.name, run.config.model, run.config.seed) == ("finished", "First try", "seed", 3)
    (kept,) = Datasets(tmp_path / "home").all()  # so that the dashboard shows the run
    assert (kept.name, run.config.dataset, run.dataset["fingerprint"]) == ("own", kept.fingerprint, kept.fingerprint)
    again = read_dataset(Path("OWN"), Terminal(), Datasets(tmp_path / "home"))
    assert again.fingerprint == kept.fingerprint
    assert re.fullmatch(r"Test Accuracy: \d+\.\d\d%", lines[-1])
    assert lines[-1] == f"Test Accuracy: {run.test_accuracy:.2%}"
    assert lines[0].startswith("Dataset: Own digits, 1,000 images for training, 200 for testing")
    assert f"Run: {run.path}" in lines
    (epoch,) = run.history().epochs
    (line,) = [line for line in lines if line.startswith("Epoch")]
    assert line.startswith(f"Epoch 1/1   loss {epoch['loss']:.4f}   accuracy")
    assert f"validation loss {epoch['val_loss']:.4f}" in line
    for name in ("history.png", "predictions.png"):
        assert f"Figure: {run.path / name}" in lines
        with Image.open(run.path / name) as image:
            image.verify()
    assert "\r" not in output  # no terminal, so nothing is rewritten


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_ctrl_c_stops_and_keeps_what_was_learned(tmp_path, data):
    process = call(
        tmp_path, "--model", "dense", "--hidden-layers", "512,512", "--batch-size", 8, "--epochs", 200,
        "--data", data, "--home", tmp_path,
    )  # fmt: skip
    try:
        lines = []
        for line in process.stdout:  # ends where the process does, so nothing waits for ever
            lines.append(line)
            if line.startswith("Epoch"):
                process.send_signal(signal.SIGINT)
                break
        rest, errors = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        for run in RunStore(tmp_path).runs():
            run.stop()  # a worker outlives its command, also where this test fails
    assert process.returncode == 0, errors
    assert "Stopping and saving the model" in rest

    (run,) = RunStore(tmp_path).runs()
    assert run.state.name == "stopped"
    assert run.has_model
    assert 1 <= len(run.history().epochs) < 200
    assert rest.splitlines()[-1] == f"Test Accuracy: {run.test_accuracy:.2%}"


def trained_to_its_end(process, home):
    """Wait for the command, and look whether its run was trained, and its figures drawn."""
    try:
        process.wait(timeout=SECONDS)
    finally:
        process.kill()
        (run,) = RunStore(home).runs()
        run.stop()  # a worker outlives its command, also where this test fails
    return process.returncode == 0 and run.state.name == "finished" and (run.path / "predictions.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither hang-ups nor terminals of this kind")
def test_it_goes_on_when_nobody_reads_any_more(tmp_path, data):
    import pty

    piped = call(tmp_path, "--epochs", 2, "--data", data, "--home", "piped")
    ours, theirs = pty.openpty()
    on_terminal = call(
        tmp_path, "--epochs", 2, "--data", data, "--home", "closed",
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(theirs), os.O_RDWR)),  # the first one opened becomes its own
    )  # fmt: skip
    os.close(theirs)
    assert piped.stdout.readline().startswith("Dataset:")
    piped.stdout.close()  # as `| head -1` does
    shown = b""
    while b"Run: " not in shown:
        shown += os.read(ours, 1000)
    os.close(ours)  # the terminal's window is closed, and the system sends SIGHUP
    assert trained_to_its_end(piped, tmp_path / "piped")
    assert piped.stderr.read() == ""
    assert trained_to_its_end(on_terminal, tmp_path / "closed")


@pytest.mark.parametrize("model", ["classic", "Classic", "SEED"])
def test_the_classic_network_has_two_names(model):
    assert read_config(read_arguments(["--model", model])).model == "seed"


def test_digits_left_out_and_raw_pixels_are_read_as_they_are_written():
    config = read_config(read_arguments(["--left-out", "3,8", "--pixels", "raw"]))
    assert (config.left_out, config.pixels) == ((3, 8), "0-255")
    config = read_config(read_arguments(["--optimizer", "SGD", "--first-weights", "He", "--validation-images", "300"]))
    assert (config.optimizer, config.first_weights, config.validation_images) == ("sgd", "he", 300)
    for written, words in (
        ("3,11", "11 is not a digit"),
        ("0,1,2,3,4,5,6,7,8,9", "keep at least one"),
        ("0,…,9", "Enter digits"),
    ):
        with pytest.raises(ConfigError, match=words):
            read_config(read_arguments(["--left-out", written]))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_the_bar_is_drawn_with_signs_that_the_terminal_has(encoding):
    history = History(
        ({"position": 1, "training_seconds": 1, "epoch": 1, "epoch_loss": 1, "epoch_accuracy": 1},), (), ""
    )
    line = progress_line(history, State("running", target_epochs=2), signs=bar_signs(encoding))
    assert len(line.encode(encoding).decode(encoding).split()[0]) == 24


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--epochs", 0), "Epochs must be between 1 and 200, not 0."),
        (("--epochs", "many"), "invalid int value: 'many'"),
        (
            ("--model", "resnet"),
            "Unknown model 'resnet'. Choose one of: classic, linear, dense, mlp, lenet-5, cnn, best.",
        ),
        (("--model", "dense", "--hidden-layers", "12,x"), "Enter the widths of hidden layers"),
        (("--hidden-layers", "64"), "The hidden layers of Classic are fixed. Choose the model dense"),
        (("--network", "flatten, dence 5, output"), 'Did you mean "dense"?'),
        (("--network", ""), "Name its layers, for instance"),
        (("--network", "flatten, output", "--model", "dense", "--dropout", "0.1"), "The network names all layers"),
        (("--first-weights", "random"), "First weights must be one of glorot, he, zeros, equal, large"),
        (("--dropout", "0.2"), "Classic has no dropout."),
        (("--model", "cnn", "--dropout", "nan"), "Dropout must be a number, not nan."),
    ],
)
def test_settings_out_of_range_are_explained(tmp_path, arguments, words):
    assert words in refused(tmp_path, "--home", tmp_path / "home", *arguments)
    assert not (tmp_path / "home").exists()


def test_a_wrong_data_path_is_named(tmp_path):
    missing = tmp_path / "no.npz"
    assert f"{missing} does not exist." in refused(tmp_path, "--data", missing, "--home", tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_home_that_is_a_file_and_a_name_that_is_none_are_refused(tmp_path, data):
    file = tmp_path / "file"
    file.write_text("")
    assert "Choose another --home." in refused(tmp_path, "--data", data, "--home", file)
    errors = refused(tmp_path, "--data", data, "--home", tmp_path / "home", "--name", "x" * 61)
    assert "A name has 1 to 60 characters that can be seen." in errors


def test_tensorflow_and_matplotlib_are_not_imported_to_begin():
    code = "import sys, digit_classification; print({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))"
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=COMMAND.parent, capture_output=True, text=True, check=True
    )
    assert output.stdout == "set()\n"
