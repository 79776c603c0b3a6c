"""The speed of inference by LiteRT, as in the dashboard, and by Keras: `python -m benchmarks.inference`.

The network is the untrained CNN, since training does not change its speed.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.table import in_turn, markdown, row
from core.terminal import command_line, exit_with

GROUP = "Reading"


def rows(quick: bool, repeats: int) -> list[dict]:
    """10,000 images, and one, through the exported CNN beside `model.predict` and `model(x)`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import numpy as np

    from core import models
    from core.config import TrainingConfig
    from core.predictor import Predictor

    model = models.build(TrainingConfig("cnn"))
    with tempfile.TemporaryDirectory() as folder:
        models.save(model, Path(folder))
        predictor = Predictor.load(folder)
    images = np.random.default_rng(0).integers(0, 256, (10_000, 28, 28), dtype=np.uint8)
    table = []
    for count, times in ((10_000, 1), (1, 20)):
        some = images[:count]
        calls = {
            "ours": lambda some=some: predictor.probabilities(some),
            "predict": lambda some=some: model.predict(some, verbose=0),
            "call": lambda some=some: model(some).numpy(),
        }
        found = in_turn({name: _timed(call, times) for name, call in calls.items()}, repeats + 1)
        factor, unit = (1, "s") if count > 1 else (1000, "ms")
        # The first one builds what the others use.
        found = {name: [factor * seconds for seconds in samples[1:]] for name, samples in found.items()}
        for name, words in (("predict", "Keras' model.predict"), ("call", "Keras' model(x)")):
            what = f"{count:,} image{'s' * (count > 1)} by LiteRT, and {words.split()[1]}"
            table.append(row(GROUP, what, found["ours"], unit=unit, reference=words, reference_samples=found[name]))
    return table


def _timed(call: Callable, times: int) -> Callable[[], float]:
    """A function that makes the call `times` times and returns the seconds of one."""

    def timed() -> float:
        began = time.perf_counter()
        for _ in range(times):
            call()
        return (time.perf_counter() - began) / times

    return timed


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = command_line("python -m benchmarks.inference", __doc__)
    parser.add_argument("--repeats", type=int, default=7, metavar="N")
    print(markdown(rows(quick=False, repeats=parser.parse_args(arguments).repeats)))


if __name__ == "__main__":
    exit_with(main)
