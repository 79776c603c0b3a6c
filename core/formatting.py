"""How numbers are written for people, on pages, in figures, messages and terminals."""

from __future__ import annotations

import numpy as np


def percent(fraction: float | None, decimals: int = 2) -> str:
    """A fraction in percent, with a space before the sign; "–" for None.

    Example:
        >>> percent(0.97691), percent(0.5, decimals=0)
        ('97.69 %', '50 %')
    """
    return "–" if fraction is None else f"{100 * fraction:.{decimals}f} %"


LEAST_CERTAINTY = 0.001  # what is less likely is not worth a word of its own


def certainty(probability: float) -> str:
    """A network's probability for one image in percent, never "100 %" or "0 %", which it is not.

    It is rounded to float16 first, as runs keep what they say of the test images: what is read from a run and what its
    model says now are then written alike. That moves it by 0.03 points at most.

    Example:
        >>> certainty(0.873), certainty(0.99998), certainty(0.00002)
        ('87.3 %', '> 99.9 %', '< 0.1 %')
    """
    probability = float(np.float16(probability))
    if probability >= 0.9995:
        return "> 99.9 %"
    return "< 0.1 %" if probability < 0.0005 else percent(probability, 1)


def number_text(value: float) -> str:
    """A number as it stands in a field, exactly: "0.0005", "20"."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.10f}".rstrip("0").rstrip(".")
    return text if float(text) == value else repr(value)
