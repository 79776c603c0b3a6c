"""Which pixels decided, computed once and said in words."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.inference.answer import model_version
from core.interpretability import saliency
from core.predictor import Predictor
from core.runs import RunView

PATCH = 5


def in_words(effect: np.ndarray, digit: int) -> str:
    """How to read an occlusion map, with its largest numbers."""
    lost, gained = 100 * float(effect.max()), -100 * float(effect.min())
    least = 100 * saliency.FAINTEST_EFFECT
    if max(lost, gained) < least:
        return f"No single patch matters: without any of them, {digit} is about as probable as before."
    sentences = []
    if lost >= least:
        sentences.append(f":orange[**Orange**] ink speaks for {digit}: blank it, and up to {lost:.0f} points are lost.")
    if gained >= least:
        sentences.append(f":blue[**Blue**] ink speaks against it: blank it, and up to {gained:.0f} are gained.")
    return " ".join(sentences)


def occlusion(run: RunView, model: Predictor, image: np.ndarray) -> tuple[int, np.ndarray]:
    """The digit that the finished network reads, and the occlusion map for it."""
    return _occlusion(model_version(run), model, image.tobytes())


@st.cache_resource(max_entries=64, show_spinner=False)  # the page runs again with every touch
def _occlusion(version: tuple, _model: Predictor, pixels: bytes) -> tuple[int, np.ndarray]:
    image = np.frombuffer(pixels, np.uint8).reshape(28, 28)
    digit = int(_model.probabilities(image[np.newaxis])[0].argmax())
    return digit, saliency.occlusion_map(_model, image, digit, patch=PATCH)
