"""How numbers, settings and states are written for people."""

from __future__ import annotations

import re

from core.config import TrainingConfig
from core.config_words import settings_in_words as settings_in_words
from core.data import Dataset
from core.data.split import image_count
from core.formatting import LEAST_CERTAINTY as LEAST_CERTAINTY
from core.formatting import certainty as certainty
from core.formatting import percent as percent
from dashboard.components.fields import number_text


def training_images_in_words(config: TrainingConfig, digits: Dataset) -> str:
    """How many training images of a dataset a run learns: "all (55,000)" or "5,000"."""
    count = f"{image_count(digits, config):,}"
    return count if config.training_images or config.left_out or config.imbalance > 1 else f"all ({count})"


_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|s|min)(?!\w))")


def joined(text: str) -> str:
    """A text in which no line ends between a number and the sign or unit behind it: "97.69 %", "8.2 s"."""
    return _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text)


def rate_text(rate: float) -> str:
    """A learning rate to two digits: "0.0021", "0.000026"."""
    return number_text(float(f"{rate:.2g}"))


def distance_text(distance: float) -> str:
    """A distance to three digits, of any size: "0.00214", "5.23", "1240"."""
    return number_text(float(f"{distance:.3g}"))


RUN_HEADER, TRIAL_HEADER = (  # after spaces as wide as a button's padding, so that they stand above the names
    f"\u2002\u2009{name}" for name in ("Run", "Trial")
)


def run_link(name: str, *, is_shown: bool = False) -> str:
    """A run's name in a table as a button that opens the run: an eye before the one that is shown, else an arrow."""
    return f":material/{'visibility' if is_shown else 'arrow_forward'}: {name}"


STEPS = ((20, 1), (60, 5), (300, 30), (1200, 60), (5400, 300))  # below so many seconds a time is told in such steps


def seconds_in_words(seconds: float) -> str:
    """Seconds as "8.2 s" or "3 min 5 s"."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)} min {rest:.0f} s" if minutes else f"{rest:.1f} s"


def duration_in_words(seconds: float) -> str:
    """A time to wait, the coarser the longer: "8 s", "45 s", "1 min 30 s", "7 min", "25 min", "1.5 h"."""
    step = next((step for below, step in STEPS if seconds < below), 1800)
    rounded = step * round(seconds / step)
    if rounded >= 5400:
        return f"{rounded / 3600:g} h"
    minutes, rest = divmod(rounded, 60)
    return " ".join(([f"{minutes} min"] if minutes else []) + ([f"{rest} s"] if rest or not minutes else []))


SIGMOID_SENTENCE = (
    "This network ends in sigmoid scores, one a class: each is brought between 0 and 1 by itself, so they need not sum "
    "to 1. Keras trains it on the values before the sigmoid, as it would a softmax. So the probabilities shown are the "
    "softmax of those values."
)


def ends_in_sigmoids(config: TrainingConfig | None) -> bool:
    """Whether a run's network ends in sigmoid scores; False where its settings are not known."""
    return config is not None and config.layers.activation == "sigmoid"


STATE_ICONS = {
    "queued": ":material/hourglass_empty:",
    "running": ":material/play_circle:",
    "paused": ":material/pause_circle:",
    "finished": ":material/check_circle:",
    "stopped": ":material/stop_circle:",
    "failed": ":material/error:",
    "interrupted": ":material/power_off:",
    "damaged": ":material/broken_image:",
    "newer": ":material/upgrade:",
}
