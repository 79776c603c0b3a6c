"""A run's exported model, and what it makes of the training images: each once for all browser sessions."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from core.data import Dataset
from core.data.split import split
from core.inference.answer import model_version
from core.interpretability.neighbours import HiddenLayer
from core.predictor import ModelError, Predictor
from core.runs import Run, RunView
from dashboard.components.session import jobs, models
from dashboard.components.text import escape_markdown

OOD_IMAGES = 10_000  # training images that it takes to tell digits from other drawings


def load(run: RunView, *, quiet: bool = False) -> Predictor | None:
    """The run's model; where it cannot be read the page says so, unless it is to be quiet."""
    try:
        return models().predictor(run)
    except (ModelError, OSError) as error:
        if not quiet:
            st.error(escape_markdown(error), icon=":material/error:")
        return None


def learn_ood_detector(run: RunView) -> None:
    """Let the run learn in the background what is no digit, where it has not and learned from images enough.

    The starter brings its detector. One of few images, or of the embedded digits, which are few people's and coarse,
    refuses too many digits in other hands.
    """
    if not isinstance(run, Run) or not run.path.is_dir() or run.dataset.get("name") == "Embedded digits":
        return
    enough = (run.summary or {}).get("training_images", 0) >= OOD_IMAGES
    if enough and models().ood_detector(run) is None and jobs().status(run, "novelty").name in ("none", "finished"):
        with suppress(OSError):  # in a home that cannot be written it does without
            jobs().start(run, "novelty")


def hidden_layer(run: RunView, model: Predictor, digits: Dataset) -> HiddenLayer:
    """The layer of the images that the run learned from: the training set without what it was validated on."""
    learned = min(run.history().epoch_images or len(digits.x_train), len(digits.x_train))
    if run.config is not None:
        learned = min(learned, len(split(digits, run.config).x_train))  # augmentation mixes others in
    return _hidden_layer(model_version(run), learned, digits.fingerprint, model, digits)


@st.cache_resource(max_entries=1, show_spinner=False)
def _hidden_layer(version: tuple, learned: int, fingerprint: str, _model, _digits) -> HiddenLayer:
    return HiddenLayer(_model, _digits.x_train[:learned])
