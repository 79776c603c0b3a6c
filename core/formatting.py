"""How numbers are written for people, on pages, in figures, messages and terminals."""

from __future__ import annotations


def percent(fraction: float | None, decimals: int = 2) -> str:
    """A fraction in percent, with a space before the sign; "–" for None.

    Example:
        >>> percent(0.97691), percent(0.5, decimals=0)
        ('97.69 %', '50 %')
    """
    return "–" if fraction is None else f"{100 * fraction:.{decimals}f} %"
