"""A run's exported model and its activations for the training images, shared by all browser sessions."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import streamlit as st

from core.data import EMBEDDED, Dataset
from core.data.split import learned_places, split
from core.inference.answer import model_version
from core.interpretability.neighbours import HiddenLayer
from core.predictor import ModelError, Predictor
from core.runs import Run, RunView
from dashboard.components.session import jobs, models
from dashboard.components.text import escape_markdown

OOD_IMAGES = 10_000  # training images from which on the detector is reliable


def load(run: RunView, *, quiet: bool = False) -> Predictor | None:
    """The run's model; where it cannot be read, None and an error on the page unless `quiet`."""
    try:
        return models().predictor(run)
    except (ModelError, OSError) as error:
        if not quiet:
            st.error(escape_markdown(error), icon=":material/error:")
        return None


def fit_ood_detector(run: RunView) -> bool:
    """Fit the run's out-of-distribution detector in the background, where it has none and enough training images.

    Returns whether that is going on.

    The starter is shipped with one. Fitted on few images, or on the embedded digits, which are coarse and written by
    few people, it would refuse too many digits in other handwriting. It tells digits from other drawings, so a run of
    other classes has none.
    """
    if not run.is_digits:
        return False
    if not isinstance(run, Run) or not run.path.is_dir() or run.dataset.get("name") == EMBEDDED:
        return False
    enough = (run.summary or {}).get("training_images", 0) >= OOD_IMAGES
    if not enough or models().ood_detector(run) is not None:
        return False
    if jobs().status(run, "novelty").name in ("none", "finished"):
        with suppress(OSError):  # a home that cannot be written: go on without a detector
            jobs().start(run, "novelty")
    return is_fitting_detector(run)


def is_fitting_detector(run: Run) -> bool:
    """Whether the run's out-of-distribution detector is being fitted."""
    return jobs().status(run, "novelty").name == "running"


def hidden_layer(run: RunView, model: Predictor, digits: Dataset) -> tuple[HiddenLayer, np.ndarray]:
    """The last hidden layer for the images of the training set that the run learned, and their places there, (n,)."""
    if run.config is None:
        places = np.arange(len(digits.x_train))
    else:
        places = learned_places(split(digits, run.config).y_train, run.config)
    places = places[: run.history().epoch_images or None]  # fewer where it was trained on another copy of the dataset
    layer = _hidden_layer(model_version(run), places.tobytes(), digits.fingerprint, model, digits, places)
    return layer, places


@st.cache_resource(max_entries=1, show_spinner=False)
def _hidden_layer(version: tuple, which: bytes, fingerprint: str, _model, _digits, _places) -> HiddenLayer:
    is_beginning = len(_places) == 0 or _places[-1] == len(_places) - 1
    return HiddenLayer(_model, _digits.x_train[: len(_places)] if is_beginning else _digits.x_train[_places])
