"""What was measured of a run's robustness, in words."""

from __future__ import annotations

from collections.abc import Sequence

from core.data.classes import DIGITS
from core.formatting import percent
from core.robustness.measure import Robustness


def in_words(result: Robustness, names: Sequence[str] = DIGITS) -> str:
    """The digits that lose most and least accuracy, and the changes that cost most and least, as Markdown.

    Other classes are called by their `names`. One sentence says that nothing matters where no change costs a point.
    """
    if all(abs(result.loss(measured)) <= 0.01 for measured in result.changed):
        return f"**No change matters**: it reads {percent(result.unchanged.accuracy, 0)} with or without."
    digits, changes, parts = result.fragile_digits(), result.hard_changes(), []
    if len(digits) > 3:
        (first, most), (last, least) = digits[0], digits[-1]
        others = [f"{names[digit]} ({points(loss)})" for digit, loss in digits[1:3] if _is_loss(loss)]
        then = f", then {' and '.join(others)}" if others else ""
        parts.append(
            f"**{names[first]} is most fragile**: over all changes it {loses(most)} on average{then}. "
            f"**{names[last]} is most robust** and {loses(least)}."
        )
    (hard, cost), (easy, little) = changes[0], changes[-1]
    least = f"least ({points(little)})" if _is_loss(little) else "nothing"
    parts.append(f"**{hard.capitalize()}** is worst on average and costs {points(cost)}, **{easy}** costs {least}.")
    return " ".join(parts)


def _is_loss(loss: float) -> bool:
    return round(100 * loss, 1) > 0


def loses(loss: float) -> str:
    """What a loss of accuracy does: "loses 1.2 points", "loses nothing", "gains 0.4 points"."""
    if _is_loss(loss):
        return f"loses {points(loss)}"
    return f"gains {points(-loss)}" if _is_loss(-loss) else "loses nothing"


def points(loss: float) -> str:
    """A loss of accuracy, a fraction, in percentage points: "1.2 points"."""
    return f"{100 * loss:.1f} points"
