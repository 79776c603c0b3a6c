"""A run's exported model, and what it makes of the training images: each once for all browser sessions."""

from __future__ import annotations

import threading
from contextlib import suppress

import numpy as np
import streamlit as st

from core.compute import job
from core.data import Dataset
from core.data.split import split
from core.inference.answer import judge, predictor, version
from core.predictor import ModelError, Predictor
from core.runs import Run
from dashboard.components.session import store
from dashboard.components.text import escape_markdown

JUDGE_IMAGES = 10_000  # training images that it takes to tell digits from other drawings
STEP = 1_000  # training images between two looks at the progress bar
MOST_NUMBERS = 2**24  # of a hidden layer in memory, 64 MB: all 60,000 images of a layer of up to 279 units


def load(run: Run, *, quiet: bool = False) -> Predictor | None:
    """The run's model; where it cannot be read the page says so, unless it is to be quiet."""
    try:
        return predictor(run)
    except (ModelError, OSError) as error:
        if not quiet:
            st.error(escape_markdown(error), icon=":material/error:")
        return None


def learn_judge(run: Run) -> None:
    """Let the run learn in the background what is no digit, where it has not and learned from images enough.

    The starter brings what it knows. A judge of few images, or of the embedded digits, which are few people's and
    coarse, refuses too many digits in other hands.
    """
    if not store().get(run.id) or run.dataset.get("name") == "Embedded digits":
        return
    enough = (run.summary or {}).get("training_images", 0) >= JUDGE_IMAGES
    if enough and judge(run) is None and job.status(run, "novelty").name in ("none", "finished"):
        with suppress(OSError):  # in a home that cannot be written it does without
            job.start(run, "novelty")


class HiddenLayer:
    """The last hidden layer of the images that a run learned from, computed step by step.

    Any session may do the next step, and a page that is left in the middle loses nothing.
    """

    def __init__(self, model: Predictor, images: np.ndarray) -> None:
        self._model = model
        self._images = images
        self._lock = threading.Lock()
        self._values: np.ndarray | None = None
        self._done = 0

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return self._done / len(self._images) if len(self._images) else 1.0

    @property
    def values(self) -> np.ndarray:
        """Float32 (n, d), whole once `progress` is 1."""
        return self._values if self._values is not None else np.zeros((0, 0), np.float32)

    def step(self) -> None:
        """Do the next thousand images."""
        with self._lock:
            chunk = self._model.hidden(self._images[self._done : self._done + STEP])
            if self._values is None:
                self._images = self._images[: MOST_NUMBERS // chunk.shape[1]]
                self._values = np.empty((len(self._images), chunk.shape[1]), np.float32)
            room = self._values[self._done : self._done + STEP]
            room[:] = chunk[: len(room)]
            self._done += len(room)


def hidden_layer(run: Run, model: Predictor, digits: Dataset) -> HiddenLayer:
    """The layer of the images that the run learned from: the training set without what it was validated on."""
    learned = min(run.history().epoch_images or len(digits.x_train), len(digits.x_train))
    if run.config is not None:
        learned = min(learned, len(split(digits, run.config).x_train))  # augmentation mixes others in
    return _hidden_layer(*version(run), learned, digits.fingerprint, model, digits)


@st.cache_resource(max_entries=1, show_spinner=False)
def _hidden_layer(folder: bytes, modified: int, learned: int, fingerprint: str, _model, _digits) -> HiddenLayer:
    return HiddenLayer(_model, _digits.x_train[:learned])
