"""The rows that every benchmark returns: one figure each, beside a reference timed alternately in the same run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

from core.formatting import percent


def row(
    group: str,
    what: str,
    samples: Sequence[float],
    *,
    unit: str = "s",
    reference: str = "",
    reference_samples: Sequence[float] = (),
    **more: float,
) -> dict:
    """One figure: median, least and most of its samples, and how many times as large the reference's median is.

    Args:
        group: the part of the program, such as "Training".
        what: what was measured; `group` and `what` name the row in README's table and in later runs.
        samples: what was measured, in `unit`.
        unit: "s", "MB", "%" or the like.
        reference: what it is compared with; without one there is no ratio.
        reference_samples: the samples of the reference, in `unit`.
        more: further numbers of the row, such as `accuracy`, a fraction, or `within_95`, in `unit`: 95 % of the
            samples are not above it.
    """
    median = statistics.median(samples)
    ratio = statistics.median(reference_samples) / median if reference_samples else None
    figures = {"median": median, "least": min(samples), "most": max(samples)}
    return {"group": group, "what": what, "unit": unit, **figures, "reference": reference, "ratio": ratio, **more}


def in_turn(calls: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Call each in turn, A B A B, so that load on the machine affects all; returns the results by name."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            found[name].append(call())
    return found


def markdown(rows: Iterable[dict]) -> str:
    """The rows as a Markdown table, as in README."""
    lines = ["| what | median (least to most) | beside it | times |", "| --- | --- | --- | --- |"]
    for entry in rows:
        figures = " to ".join(_number(entry[name]) for name in ("least", "most"))
        figures += f", 95 % within {_number(entry['within_95'])}" if "within_95" in entry else ""
        ratio = entry["ratio"]
        times = (f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}") if ratio else "–"
        accuracy = f", {percent(entry['accuracy'])} test" if entry.get("accuracy") else ""
        lines.append(
            f"| {title(entry)}{accuracy} | {_number(entry['median'])} {entry['unit']} ({figures}) "
            f"| {entry['reference'] or '–'} | {times} |"
        )
    return "\n".join(lines)


def title(entry: dict) -> str:
    """The title of a row in the table."""
    return f"{entry['group']}: {entry['what']}"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"
