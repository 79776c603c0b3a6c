"""What a run says of an image: the digit, or that it does not know and why. The one way to an answer.

The pages and the HTTP API both ask here, with the same models in memory; so they cannot answer differently.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.inference import ood
from core.inference.ood import Judge
from core.predictor import Predictor
from core.runs import RunView
from core.runs.files import OOD

_LOADING = threading.Lock()  # two who ask at once shall get the same model, not one each


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network reads of one image.

    Attributes:
        outputs: the model's outputs for it, float32 (d,) each.
        first, second: the most probable digits.
        confidence: the probability of the first.
        doubt: why it had better not answer; "" where it answers.
    """

    outputs: dict[str, np.ndarray]
    first: int
    second: int
    confidence: float
    doubt: str = ""

    @property
    def vote(self) -> int | None:
        """The digit that it stands for, None where it does not know."""
        return None if self.doubt else self.first


def ask(run: RunView, model: Predictor, image: np.ndarray) -> Answer:
    """Let the run's model read an image, uint8 (28, 28), and the run say whether it can be trusted with it."""
    return ask_all(run, model, image[np.newaxis])[0]


def ask_all(run: RunView, model: Predictor, images: np.ndarray) -> list[Answer]:
    """The answers to uint8 (n, 28, 28), each as if it had been asked alone."""
    alone = [model.outputs(images[i : i + 1]) for i in range(len(images))]  # kernels may round a batch differently
    if not alone:
        return []
    outputs = {name: np.concatenate([each[name] for each in alone]) for name in alone[0]}
    doubts = _doubts(run, images, outputs)
    return [_answer({name: values[i] for name, values in outputs.items()}, doubts[i]) for i in range(len(images))]


def _answer(outputs: dict[str, np.ndarray], doubt: str) -> Answer:
    probabilities = outputs["probabilities"]
    second, first = (int(place) for place in probabilities.argsort()[-2:])
    return Answer(outputs, first, second, float(probabilities[first]), doubt)


def _doubts(run: RunView, images: np.ndarray, outputs: dict[str, np.ndarray]) -> list[str]:
    its_judge, threshold = judge(run), run.threshold
    verdicts = [None] * len(images) if its_judge is None else its_judge.verdicts(images, outputs)
    unsure = outputs["probabilities"].max(axis=1) < (threshold or 0.0)
    words = f"Its confidence is below {100 * (threshold or 0.0):.2f} %, the threshold of this run."
    return [verdict or (words if below else "") for verdict, below in zip(verdicts, unsure, strict=True)]


def version(run: RunView) -> tuple[bytes, int]:
    """What tells this run's model from every other, also from its own before it was trained further.

    Raises OSError where there is none.
    """
    return os.fsencode(run.path), run.model_path.stat().st_mtime_ns


def predictor(run: RunView) -> Predictor:
    """The run's model, loaded once for everybody in this process.

    Raises:
        ModelError: where it is damaged or not this program's.
        OSError: where there is none.
    """
    with _LOADING:
        return _predictor(*version(run))


def judge(run: RunView) -> Judge | None:
    """What tells digits from other drawings for the run's model; None where it has not learned that."""
    try:
        modified = (run.path / OOD).stat().st_mtime_ns
        with _LOADING:
            return _judge(*version(run), modified)
    except OSError:
        return None


def forget() -> None:
    """Forget all models, so that tests can put others in their place."""
    _predictor.cache_clear()
    _judge.cache_clear()


@lru_cache(maxsize=16)
def _predictor(folder: bytes, modified: int) -> Predictor:
    return Predictor.load(os.fsdecode(folder))


@lru_cache(maxsize=16)
def _judge(folder: bytes, model_modified: int, modified: int) -> Judge | None:
    return ood.load(os.fsdecode(folder))
