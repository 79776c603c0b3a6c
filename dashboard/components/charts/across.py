"""What learning curves are drawn over: epochs, updates of the weights, or seconds of training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """The column of a table, the title in a chart, and the ticks as Vega-Lite takes them."""

    column: str
    title: str
    ticks: dict


AXES = {
    "Epochs": Axis("epoch", "Epoch", {"format": "d", "tickMinStep": 1}),
    "Updates": Axis("step", "Updates of the weights", {"format": ",d", "tickCount": 6}),
    "Seconds": Axis("training_seconds", "Seconds of training", {"format": ",.6~g", "tickCount": 6}),
}
