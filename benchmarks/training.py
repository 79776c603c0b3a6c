"""The speed and accuracy of training beside plain Keras: `python -m benchmarks.training`.

Every program runs in a process of its own, in turn (A B A B), so that load on the machine affects all.
`classic` is the classic script as people write it, plain Keras and `model.fit`; ours is Digit Lab's loop, timed as its
runs are: compilation included, evaluation and the import of TensorFlow left out, in both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

from benchmarks.table import markdown, row
from core.terminal import command_line, exit_with

CLASSIC_EPOCHS = 10
QUICK_EPOCHS = 4
GROUP = "Training"


def classic(epochs: int, seed: int) -> dict[str, float]:
    """Train the classic script's network by plain Keras; seconds of `fit` and test accuracy."""
    import keras

    from core.data import load_dataset

    digits = load_dataset()
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(100, activation="relu"),
            layers.Dense(10, activation="sigmoid"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x_train, x_test = digits.x_train / 255, digits.x_test / 255
    began = time.perf_counter()
    model.fit(x_train, digits.y_train, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "accuracy": float(model.evaluate(x_test, digits.y_test, verbose=0)[1])}


def fit(model: str, epochs: int, seed: int) -> dict[str, float]:
    """Train one of our networks with Keras' `model.fit`, without a schedule; returns the seconds."""
    from core.config import TrainingConfig
    from core.data import load_dataset
    from core.data.split import split
    from core.models import build

    config = TrainingConfig(model, epochs, seed=seed)
    images = split(load_dataset(), config)
    network = build(config)
    began = time.perf_counter()
    network.fit(images.x_train, images.y_train, batch_size=config.batch_size, epochs=epochs, verbose=0)
    return {"seconds": time.perf_counter() - began}


def ours(model: str, epochs: int, augment: bool, seed: int, training_images: int | None = None) -> dict[str, float]:
    """Train by Digit Lab's loop; its training seconds, test accuracy and the process's largest memory in MB."""
    import resource

    from core.config import TrainingConfig
    from core.data import load_dataset
    from core.training.loop import Training

    config = TrainingConfig(model, epochs, augment=augment, seed=seed, training_images=training_images)
    digits = load_dataset()
    training = Training(config, digits)
    for _ in training:
        pass
    accuracy = training.accuracy(digits.x_test, digits.y_test)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {"seconds": training.position.training_seconds, "accuracy": accuracy, "memory": memory}


def apart(call: str) -> dict[str, float]:
    """Evaluate a call of this module in a fresh Python process."""
    program = f"import json; from benchmarks import training as t; print('result:' + json.dumps(t.{call}))"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith("result:")]
    if not lines:
        raise SystemExit(done.stderr[-2000:])
    result = json.loads(lines[0].removeprefix("result:"))
    print(
        f"  {call}: {', '.join(f'{name} {value:.4g}' for name, value in result.items())}", file=sys.stderr, flush=True
    )
    return result


def rows(quick: bool, repeats: int) -> list[dict]:
    """Each program with its own reference; every repeat has another seed, from 0."""
    epochs = QUICK_EPOCHS if quick else CLASSIC_EPOCHS
    calls = {
        "classic": f"classic({epochs}, {{seed}})",
        "seed": f"ours('seed', {epochs}, False, {{seed}})",
        "cnn fit": "fit('cnn', 1, {seed})",
        "cnn 1": "ours('cnn', 1, False, {seed})",
    }
    if not quick:
        calls |= {
            "seed augmented": f"ours('seed', {epochs}, True, {{seed}})",
            "dense": f"ours('dense', {epochs}, False, {{seed}})",
            "cnn 3": "ours('cnn', 3, False, {seed})",
            "cnn 3 augmented": "ours('cnn', 3, True, {seed})",
        }
    found: dict[str, list[dict]] = {name: [] for name in calls}
    for seed in range(repeats):
        for name, call in calls.items():
            found[name].append(apart(call.format(seed=seed)))
    compared = [
        ("classic network", "seed", "classic", "the same by Keras' fit"),
        ("CNN, an epoch", "cnn 1", "cnn fit", "the same by Keras' fit"),
    ]
    if not quick:
        script = f"the classic script's {epochs} epochs"
        compared += [
            ("dense network", "dense", "classic", script),
            ("CNN, 1 epoch", "cnn 1", "classic", script),
            ("CNN, 3 epochs", "cnn 3", "classic", script),
            ("classic network, augmented", "seed augmented", "seed", "without augmentation"),
            ("CNN, 3 epochs, augmented", "cnn 3 augmented", "cnn 3", "without augmentation"),
        ]
    return [_row(what, found[name], found[beside], words) for what, name, beside, words in compared]


def best(seeds: int) -> list[dict]:
    """The network Best with its recommended settings, for each seed."""
    from core.config import MODELS

    epochs, augment = MODELS["best"].recipe
    found = [apart(f"ours('best', {epochs}, {augment}, {seed})") for seed in range(seeds)]
    reference = [apart(f"classic({CLASSIC_EPOCHS}, 0)")]
    return [_row(f"Best, {epochs} epochs", found, reference, f"the classic script's {CLASSIC_EPOCHS} epochs")]


def growth() -> list[dict]:
    """The classic network with fewer images and more epochs: seconds beside 10 epochs of all images, and memory."""
    whole = ours_samples(CLASSIC_EPOCHS, 60_000)
    table = []
    for epochs, images in ((10, 6_000), (10, 18_000), (10, 60_000), (2, 60_000), (50, 60_000)):
        found = whole if (epochs, images) == (CLASSIC_EPOCHS, 60_000) else ours_samples(epochs, images)
        what = f"classic network, {epochs} epochs of {images:,} images"
        table.append({**_row(what, found, whole, "10 epochs of 60,000 images"), "memory": found[0]["memory"]})
    return table


def ours_samples(epochs: int, images: int) -> list[dict]:
    """One run of the classic network."""
    return [apart(f"ours('seed', {epochs}, False, 0, {images})")]


def _row(what: str, found: list[dict], beside: list[dict], reference: str) -> dict:
    accuracies = [result["accuracy"] for result in found if "accuracy" in result]
    return row(
        GROUP,
        what,
        [result["seconds"] for result in found],
        reference=reference,
        reference_samples=[result["seconds"] for result in beside],
        accuracy=statistics.mean(accuracies),
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = command_line("python -m benchmarks.training", __doc__)
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="seeds 0 to N-1")
    parser.add_argument("--quick", action="store_true", help="four epochs of one seed, in about half a minute")
    parser.add_argument("--growth", action="store_true", help="measure how time grows with images and epochs instead")
    parser.add_argument(
        "--best", action="store_true", help="measure the network Best instead, some minutes for each seed"
    )
    options = parser.parse_args(arguments)
    if options.growth:
        table = growth()
        print(markdown(table))
        print("Memory, MB:", ", ".join(f"{entry['memory']:.0f}" for entry in table))
    elif options.best:
        print(markdown(best(options.repeats)))
    else:
        print(markdown(rows(options.quick, 1 if options.quick else options.repeats)))


if __name__ == "__main__":
    exit_with(main)
