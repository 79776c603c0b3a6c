"""Inside: a network's weights as they form, one image layer by layer, why it is read so, and its units' health."""

from __future__ import annotations

import streamlit as st

from dashboard.components.classes import noun
from dashboard.components.inside.health import show_health
from dashboard.components.inside.layers import show_layers
from dashboard.components.inside.moments import choose_weights
from dashboard.components.inside.weights import show_weights
from dashboard.components.inside.why import show_why
from dashboard.components.page_head import begin_page, say_whose_images

PART = "part"


def page() -> None:
    """The whole page, from top to bottom."""
    digits, run = begin_page("Inside", needs="any")
    if run is None:
        return
    say_whose_images(run, digits)
    inside = choose_weights(run)
    if inside is None:
        return
    # Only the open part is computed
    parts = "Weights", "One image", f"Why this {noun(run.classes)}", "Health"
    if str(st.session_state.get(PART, "")).startswith("Why"):
        st.session_state[PART] = parts[2]  # of a run of other classes it has another name
    weights, image, why, health = st.tabs(parts, key=PART, bind="query-params")
    if weights.open:
        with weights:
            show_weights(run, digits, inside)
    if image.open:
        with image:
            show_layers(run, digits, inside)
    if why.open:
        with why:
            show_why(run, digits, inside)
    if health.open:
        with health:
            show_health(run, digits, inside)


page()
