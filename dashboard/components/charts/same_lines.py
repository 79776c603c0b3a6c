"""Curves that lie on each other, as those of equal settings and seed do: drawn in turns, so that each is seen."""

from __future__ import annotations

import numpy as np
import pandas as pd

DASH = 8  # pixels


def longest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows in an order in which no curve is hidden by a longer one: later ones are drawn over earlier ones."""
    return frame.assign(length=frame.groupby("run")["run"].transform("size")).sort_values(
        "length", ascending=False, kind="stable"
    )


def same_lines(frame: pd.DataFrame, x: str, apart: tuple[float, float]) -> list[list[str]]:
    """The runs of curves that are nowhere further `apart` than this in x and accuracy, the longest of them first."""
    curves = {
        run: rows[[x, "accuracy"]].to_numpy(float) for run, rows in longest_first(frame).groupby("run", sort=False)
    }
    groups: list[list[str]] = []
    for run, points in curves.items():
        group = next(
            (group for group in groups if _on_each_other(curves[group[0]], points, apart)),
            None,
        )
        if group:
            group.append(run)
        else:
            groups.append([run])
    return [group for group in groups if len(group) > 1]


def dashes_in_turn(groups: list[list[str]]) -> dict[str, list[int]]:
    """For each run on a common line how it is drawn over the runs before it, so that all are seen in turn."""
    return {
        run: [DASH * (len(group) - place), DASH * place] if place else [1, 0]
        for group in groups
        for place, run in enumerate(group)
    }


def _on_each_other(longer: np.ndarray, shorter: np.ndarray, apart: tuple[float, float]) -> bool:
    """Whether the shorter of two curves, (points, 2), is a part of the longer one; single points are no curves."""
    together = longer[: len(shorter)]
    return len(shorter) > 1 and bool((np.abs(together - shorter) <= apart).all())
