"""How much faster than the classic script training is, at the same accuracy: `python -m benchmarks.training`.

Every program runs in a process of its own, and they take turns (A B A B), so that a busy machine is busy for all.
`classic` is the classic script as people write it, plain Keras and `model.fit`; the others are Digit Lab's loop, timed
as its runs are: compilation included, evaluation and the import of TensorFlow left out, in both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

CLASSIC_EPOCHS = 10
OURS = {  # name: model, epochs, augmentation
    "seed": ("seed", 10, False),
    "seed, augmented": ("seed", 10, True),
    "dense": ("dense", 10, False),
    "cnn, 1 epoch": ("cnn", 1, False),
    "cnn, 2 epochs": ("cnn", 2, False),
    "cnn, 3 epochs": ("cnn", 3, False),
    "cnn, 3 epochs, augmented": ("cnn", 3, True),
}
QUICK = {"seed": ("seed", 2, False), "cnn, 1 epoch": ("cnn", 1, False)}


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


def ours(model: str, epochs: int, augment: bool, seed: int, training_images: int | None = None) -> dict[str, float]:
    """Train by Digit Lab's loop; its training seconds and test accuracy."""
    from core.config import TrainingConfig
    from core.data import load_dataset
    from core.training import Training

    config = TrainingConfig(model, epochs, augment=augment, seed=seed, training_images=training_images)
    digits = load_dataset()
    training = Training(config, digits)
    for _ in training:
        pass
    accuracy = training.accuracy(digits.x_test, digits.y_test)
    return {"seconds": training.position.training_seconds, "accuracy": accuracy}


def apart(call: str) -> dict[str, float]:
    """Evaluate a call of this module in a fresh Python process."""
    program = f"import json; from benchmarks import training as t; print('result:' + json.dumps(t.{call}))"
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "TF_ENABLE_ONEDNN_OPTS": "1"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith("result:")]
    if not lines:
        raise SystemExit(done.stderr[-2000:])
    return json.loads(lines[0].removeprefix("result:"))


def measure(repeats: int, quick: bool) -> Iterator[dict]:
    """One row a program: medians over the repeats, each with another seed, and the ratio to `classic`.

    The ratio is of equal work where both train ten epochs of a dense network, and else of the time to the accuracy.
    """
    programs = QUICK if quick else OURS
    epochs = 2 if quick else CLASSIC_EPOCHS
    results: dict[str, list[dict]] = {name: [] for name in ("classic", *programs)}
    for seed in range(repeats):
        results["classic"].append(apart(f"classic({epochs}, {seed})"))
        for name, arguments in programs.items():
            results[name].append(apart(f"ours(*{arguments}, {seed})"))
    reference = statistics.median(result["seconds"] for result in results["classic"])
    for name, found in results.items():
        seconds = [result["seconds"] for result in found]
        yield {
            "program": name,
            "seconds": statistics.median(seconds),
            "least": min(seconds),
            "most": max(seconds),
            "accuracy": statistics.mean(result["accuracy"] for result in found),
            "times_classic": reference / statistics.median(seconds),
        }


def growth() -> Iterator[dict]:
    """Seconds for a part of the images and for more epochs, of the classic network: both grow linearly."""
    for images in (6_000, 18_000, 60_000):
        yield {"images": images, "epochs": 10, **apart(f"ours('seed', 10, False, 0, {images})")}
    for epochs in (2, 10, 50):
        yield {"images": 60_000, "epochs": epochs, **apart(f"ours('seed', {epochs}, False, 0)")}


def show(rows: list[dict]) -> None:
    """Print the table of `measure`."""
    print(f"{'program':<26}{'seconds':>9}{'least':>8}{'most':>8}{'test accuracy':>15}{'classic/this':>14}")
    for row in rows:
        print(
            f"{row['program']:<26}{row['seconds']:>9.1f}{row['least']:>8.1f}{row['most']:>8.1f}"
            f"{row['accuracy']:>15.2%}{row['times_classic']:>14.1f}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="seeds 0 to N-1")
    parser.add_argument("--quick", action="store_true", help="two epochs, in about a minute")
    parser.add_argument("--growth", action="store_true", help="how time grows with images and epochs instead")
    options = parser.parse_args()
    if options.growth:
        for row in growth():
            print(
                f"{row['images']:>7,} images {row['epochs']:>3} epochs {row['seconds']:>7.1f} s {row['accuracy']:.2%}"
            )
        return
    show(list(measure(options.repeats, options.quick)))


if __name__ == "__main__":
    main()
