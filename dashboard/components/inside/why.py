"""Why an image is read as it is: the template of this image, and what each pixel adds; or what blanking costs."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import streamlit as st

from core.data import Dataset
from core.interpretability import saliency
from core.interpretability.inside import PROBABILITIES, Contributions, Inside
from core.runs import RunView
from dashboard.components.classes import Classes, are_digits, noun
from dashboard.components.inside.choice import Chosen, choose_image
from dashboard.components.inside.layers import show_answer, values_of
from dashboard.components.inside.words import fixed
from dashboard.components.learn.glossary import MOST_WORDS, linked
from dashboard.components.saliency import PATCH, describe_occlusion
from dashboard.components.text import escape_markdown
from dashboard.components.widgets.gallery import picture
from dashboard.components.widgets.wall import Group, wall

READ, OTHER, NONE = "read", "other", "none"
WHY = "Why this digit"  # the part of the page
METHODS = ("Contributions", "Occlusion")
WORDS = {OTHER: "the label, or its second guess", NONE: "nothing: the logit alone"}
WIDTH = 224  # CSS pixels of a picture


def show_why(run: RunView, digits: Dataset, inside: Inside) -> None:
    """Show the choice of image, and what speaks for its digit."""
    with st.container(horizontal=True, gap="large", key="inside_why"):
        with st.container(width=300, gap="small"):
            chosen = choose_image(digits, run, part=WHY)
            answer = st.container(key="why_answer")
        with st.container(width="stretch", key="why_side"):
            if chosen is None:
                what = "a digit" if are_digits(run.classes) else "an image"
                st.markdown(f"Choose or draw {what}: what speaks for it appears here.")
                return
            values = values_of(inside, chosen.pixels)
            with answer:
                show_answer(run, values, chosen)
            if all(np.ptp(arrays["kernel"]) == 0 for arrays in inside.weights.values() if "kernel" in arrays):
                st.info(
                    f"All weights are equal, so no pixel speaks for any {noun(run.classes)}.", icon=":material/info:"
                )
                return
            method = st.segmented_control(
                "Method",
                METHODS,
                default=METHODS[0],
                required=True,
                key="why_method",
                persist_state="session",
                label_visibility="collapsed",
            )
            if method == "Occlusion":
                digit = _digit("Look for", "why_for", chosen, values, (READ,), run.classes)
                _show_occlusion(inside, chosen, digit, run.classes)
                return
            with st.container(horizontal=True):
                digit = _digit("What speaks for", "why_for", chosen, values, (READ,), run.classes)
                against = _digit("and not for", "why_against", chosen, values, (OTHER, NONE), run.classes)
            if digit == against:
                st.info(
                    f"Choose two different {'digits' if are_digits(run.classes) else 'classes'}.",
                    icon=":material/info:",
                )
                return
            _show_contributions(inside, chosen, digit, against, run.classes)


def _digit(
    label: str,
    key: str,
    chosen: Chosen,
    values: dict[str, np.ndarray],
    special: tuple[str, ...],
    classes: Classes,
) -> int | None:
    """Choose a class, or the one that is read, or that it was to be read as, whichever that is; None for none.

    The other one is the label of a mistake, and the second guess where an image is read right or has no label.
    What can be chosen is called the same for every image: the browser knows a choice by its words.
    """
    first, second = np.argsort(-values[PROBABILITIES], kind="stable")[:2].tolist()
    words = {**WORDS, READ: f"the {noun(classes)} that it reads", **dict(enumerate(classes))}
    options = [*special, *range(len(classes))]
    choice = st.selectbox(label, options, format_func=lambda each: words.get(each, str(each)), key=key, width=230)
    choice = choice if choice in options else options[0]  # else it was chosen for a run of more classes
    other = second if chosen.label in (None, first) else chosen.label
    return {READ: first, OTHER: other, NONE: None}.get(choice, choice)


def _show_contributions(inside: Inside, chosen: Chosen, digit: int, against: int | None, classes: Classes) -> None:
    found = inside.contributions(chosen.pixels, digit, against)
    name = escape_markdown(classes[digit])
    other = None if against is None else escape_markdown(classes[against])
    with st.container(horizontal=True, gap="medium", key="why_pictures"):
        if found.template is not None:
            _show_picture("Template", found.template, "why_template")
        _show_picture("Contributions", found.pixels, "why_contributions")
    st.markdown(linked(_how_to_read(name, other, exact=found.exact, linear=inside.linear), MOST_WORDS))
    biases = "Biases" if inside.linear else "Biases of the units that are on"
    with st.container(key="inside_sum"):
        st.markdown(_as_table(found, name, other, biases if found.exact else "A black image"))


def _show_picture(title: str, pixels: np.ndarray, key: str) -> None:
    with st.container(width=WIDTH + 8):
        wall([Group(title, title, pixels[np.newaxis], width=WIDTH, selectable=False, unit="picture")], key=key)


def _how_to_read(digit: str, against: str | None, *, exact: bool, linear: bool) -> str:
    other = "against it" if against is None else f"for {against}"
    colors = f"**Orange** speaks for {digit}, **blue** {other}."
    if exact:
        which = "For every image" if linear else "For this image, with the units that are on,"
        return (
            f"{which} the whole network is one **template**. Template × pixel is "
            f"what each pixel **contributes**. {colors}"
        )
    return (
        f"{colors} These are integrated gradients: what each pixel contributes, added up on the way from a black "
        "image to this one (Sundararajan et al., 2017)."
    )


def _as_table(found: Contributions, digit: str, against: str | None, start: str) -> str:
    """What the pixels add up to, from `start`, every number rounded so that what is shown adds up exactly."""
    pixels = found.pixels.astype(np.float64)
    total = round(found.value, 3)
    offset = round(found.offset, 3)
    opposing = round(float(pixels[pixels < 0].sum()), 3)
    error = 0.0 if found.exact else round(found.error, 3)
    parts = [Decimal(repr(part)) for part in (total, offset, opposing, error)]
    supporting = float(parts[0] - parts[1] - parts[2] - parts[3])
    other = "against it" if against is None else f"for {against}"
    what = f"Logit of {digit}" if against is None else f"Logit of {digit} minus logit of {against}"
    rows = [(f"Pixels that speak for {digit}", supporting), (f"Pixels that speak {other}", opposing), (start, offset)]
    if not found.exact:
        rows.append(("Error of the calculation", error))
    table = ["| What | Adds |", "|:--|--:|"] + [f"| {name} | {fixed(value)} |" for name, value in rows]
    return "\n".join([*table, f"| **{what}** | **{fixed(total)}** |"])


def _show_occlusion(inside: Inside, chosen: Chosen, digit: int, classes: Classes) -> None:
    effect = inside.occlusion(chosen.pixels, digit, PATCH)
    st.image(picture(saliency.overlay(chosen.pixels, effect)), width=WIDTH, alt=f"Occlusion map for {classes[digit]}")
    st.markdown(describe_occlusion(effect, digit, classes))
    st.caption(
        f"Each {PATCH} × {PATCH} patch is blanked in turn, and the network reads the rest (Zeiler & Fergus, 2014)."
    )
