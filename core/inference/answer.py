"""What a run answers to an image: a digit, or that it abstains and why. The one way to an answer.

Every page and the HTTP API come here, with the same models in memory, so they cannot answer differently.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

import numpy as np

from core.inference import ood
from core.inference.ood import OODDetector
from core.predictor import Predictor
from core.runs import RunView, files
from core.storage import until_changed, version


@dataclass(frozen=True, eq=False)
class Answer:
    """What a run reads in one image.

    Attributes:
        outputs: the model's outputs for it, float32 (d,) each.
        first, second: the most probable digits, or numbers of other classes.
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


class LoadedModels:
    """The exported models and OOD detectors of runs, each loaded once and again when its file has changed.

    All threads of a process share one, and up to 16 of each stay in memory.
    """

    def __init__(self) -> None:
        self._loading = threading.Lock()  # two threads that come at once get the same model, not one each
        self._predictors = until_changed(maxsize=16)(lambda path: Predictor.load(path.parent))
        self._detectors = until_changed(maxsize=16)(lambda path, of_model: ood.load(path.parent))

    def predictor(self, run: RunView) -> Predictor:
        """The run's model.

        Raises:
            ModelError: where it is damaged or not this program's.
            OSError: where there is none.
        """
        with self._loading:
            return self._predictors(run.model_path)

    def ood_detector(self, run: RunView) -> OODDetector | None:
        """What tells digits from other drawings for the run's model; None where it has not learned that."""
        try:
            with self._loading:
                return self._detectors(run.path / files.OOD, version(run.model_path))
        except OSError:
            return None

    def answer_one(self, run: RunView, model: Predictor, image: np.ndarray) -> Answer:
        """The run's answer to an image, uint8 (28, 28); `model` is what `predictor` gave."""
        return self.answer_all(run, model, image[np.newaxis])[0]

    def answer_all(self, run: RunView, model: Predictor, images: np.ndarray) -> list[Answer]:
        """The run's answers to uint8 (n, 28, 28), each what `answer_one` gives."""
        alone = [model.outputs(images[i : i + 1]) for i in range(len(images))]  # kernels may round a batch differently
        if not alone:
            return []
        outputs = {name: np.concatenate([each[name] for each in alone]) for name in alone[0]}
        reasons = self._abstain_reasons(run, images, outputs)
        return [_answer({name: values[i] for name, values in outputs.items()}, reasons[i]) for i in range(len(images))]

    def _abstain_reasons(self, run: RunView, images: np.ndarray, outputs: dict[str, np.ndarray]) -> list[str]:
        detector = self.ood_detector(run) if run.is_digits else None  # it knows how digits are drawn
        threshold = run.threshold or 0.0
        reasons = [""] * len(images) if detector is None else detector.reasons(images, outputs)
        unsure = outputs["probabilities"].max(axis=1) < threshold
        words = f"Its confidence is below {100 * threshold:.2f} %, the threshold of this run."
        return [reason or (words if below else "") for reason, below in zip(reasons, unsure, strict=True)]


def _answer(outputs: dict[str, np.ndarray], abstain_reason: str) -> Answer:
    probabilities = outputs["probabilities"]
    second, first = (int(place) for place in probabilities.argsort()[-2:])
    return Answer(outputs, first, second, float(probabilities[first]), abstain_reason)


def model_version(run: RunView) -> tuple:
    """What tells this run's model from every other, also from its own before it was trained further.

    Raises OSError where there is none.
    """
    return os.fsencode(run.path), *version(run.model_path)


def answer_version(run: RunView) -> tuple:
    """What changes whenever the run may answer otherwise: model, OOD detector or threshold.

    Raises OSError where there is no model.
    """
    return *model_version(run), version(run.path / files.OOD, missing_ok=True), run.threshold
