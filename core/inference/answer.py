"""What a run answers to an image: a digit, or that it abstains and why. The one way to an answer.

Every page and the HTTP API come here, with the same models in memory, so they cannot answer differently.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.inference import ood
from core.inference.ood import OODDetector
from core.predictor import MODEL_FILE, Predictor
from core.runs import Run, results
from core.runs.threshold import read_threshold

_LOADING = threading.Lock()  # two threads that come at once get the same model, not one each


@dataclass(frozen=True, eq=False)
class Answer:
    """What a run reads in one image.

    Attributes:
        outputs: the model's outputs for it, float32 (d,) each.
        first, second: the most probable digits.
        confidence: the probability of the first.
        abstain_reason: why it abstains, as a sentence; "" where it answers.
    """

    outputs: dict[str, np.ndarray]
    first: int
    second: int
    confidence: float
    abstain_reason: str = ""

    @property
    def digit(self) -> int | None:
        """The digit that it answers, None where it abstains."""
        return None if self.abstain_reason else self.first


def answer_one(run: Run, model: Predictor, image: np.ndarray) -> Answer:
    """The run's answer to an image, uint8 (28, 28); `model` is the run's `predictor`."""
    return answer_all(run, model, image[np.newaxis])[0]


def answer_all(run: Run, model: Predictor, images: np.ndarray) -> list[Answer]:
    """The run's answers to uint8 (n, 28, 28), each what `answer_one` gives."""
    alone = [model.outputs(images[i : i + 1]) for i in range(len(images))]  # kernels may round a batch differently
    if not alone:
        return []
    outputs = {name: np.concatenate([each[name] for each in alone]) for name in alone[0]}
    reasons = _abstain_reasons(run, images, outputs)
    return [_answer({name: values[i] for name, values in outputs.items()}, reasons[i]) for i in range(len(images))]


def _answer(outputs: dict[str, np.ndarray], abstain_reason: str) -> Answer:
    probabilities = outputs["probabilities"]
    second, first = (int(place) for place in probabilities.argsort()[-2:])
    return Answer(outputs, first, second, float(probabilities[first]), abstain_reason)


def _abstain_reasons(run: Run, images: np.ndarray, outputs: dict[str, np.ndarray]) -> list[str]:
    detector, threshold = ood_detector(run), read_threshold(run.path) or 0.0
    reasons = [""] * len(images) if detector is None else detector.reasons(images, outputs)
    unsure = outputs["probabilities"].max(axis=1) < threshold
    words = f"Its confidence is below {100 * threshold:.2f} %, the threshold of this run."
    return [reason or (words if below else "") for reason, below in zip(reasons, unsure, strict=True)]


def version(run: Run) -> tuple[bytes, int]:
    """What tells this run's model from every other, also from its own before it was trained further.

    Raises OSError where there is none.
    """
    return os.fsencode(run.path), (run.path / MODEL_FILE).stat().st_mtime_ns


def answer_version(run: Run) -> tuple:
    """What changes whenever the run may answer otherwise: model, OOD detector or threshold.

    Raises OSError where there is no model.
    """
    return *version(run), _detector_modified(run), read_threshold(run.path)


def predictor(run: Run) -> Predictor:
    """The run's model, loaded once for everybody in this process.

    Raises:
        ModelError: where it is damaged or not this program's.
        OSError: where there is none.
    """
    with _LOADING:
        return _predictor(*version(run))


def ood_detector(run: Run) -> OODDetector | None:
    """What tells digits from other drawings for the run's model; None where it has not learned that."""
    modified = _detector_modified(run)
    if modified is None:
        return None
    try:
        with _LOADING:
            return _ood_detector(*version(run), modified)
    except OSError:
        return None


def forget() -> None:
    """Forget all models, so that tests can put others in their place."""
    _predictor.cache_clear()
    _ood_detector.cache_clear()


def _detector_modified(run: Run) -> int | None:
    try:
        return (run.path / results.OOD).stat().st_mtime_ns
    except OSError:
        return None


@lru_cache(maxsize=16)
def _predictor(folder: bytes, modified: int) -> Predictor:
    return Predictor.load(os.fsdecode(folder))


@lru_cache(maxsize=16)
def _ood_detector(folder: bytes, model_modified: int, modified: int) -> OODDetector | None:
    return ood.load(os.fsdecode(folder))
