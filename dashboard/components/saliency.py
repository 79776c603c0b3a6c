"""Occlusion maps on the pages: cached, and explained in words."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.data.classes import DIGITS
from core.inference.answer import model_version
from core.interpretability import saliency
from core.predictor import Predictor
from core.runs import RunView
from dashboard.components.classes import Classes
from dashboard.components.text import escape_markdown

PATCH = 5


def describe_occlusion(effect: np.ndarray, number: int, classes: Classes = DIGITS) -> str:
    """How to read an occlusion map, with its largest effects in points, as sentences."""
    digit = escape_markdown(classes[number])
    lost, gained = 100 * float(effect.max()), -100 * float(effect.min())
    least = 100 * saliency.FAINTEST_EFFECT
    if max(lost, gained) < least:
        return f"No single patch matters: blanking any of them hardly changes the probability of {digit}."
    sentences = []
    if lost >= least:
        sentences.append(f":orange[**Orange**] ink supports {digit}: blanking it costs up to {lost:.0f} points.")
    if gained >= least:
        sentences.append(f":blue[**Blue**] ink opposes {digit}: blanking it adds up to {gained:.0f} points.")
    return " ".join(sentences)


def occlusion(run: RunView, model: Predictor, image: np.ndarray) -> tuple[int, np.ndarray]:
    """The class that the finished network predicts, by its number, and the occlusion map for it, cached."""
    return _occlusion(model_version(run), model, image.tobytes())


@st.cache_resource(max_entries=64, show_spinner=False)  # the page runs again at every click
def _occlusion(version: tuple, _model: Predictor, pixels: bytes) -> tuple[int, np.ndarray]:
    image = np.frombuffer(pixels, np.uint8).reshape(28, 28)
    digit = int(_model.probabilities(image[np.newaxis])[0].argmax())
    return digit, saliency.occlusion_map(_model, image, digit, patch=PATCH)
