"""How a network's units and weights do: which units are dead, how many are on, and how far weights move.

Each finding comes with a sentence on what is normal and what to do. What counts as much or little was set by runs of
this program's networks on MNIST; the sentences are advice, not a proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.data.classes import DIGITS
from core.formatting import percent
from core.interpretability.inside import PROBABILITIES, Inside, load_inside, weight_epochs
from core.layers import ACTIVATIONS
from core.runs import RunView

AT_ONCE = 50  # images
BINS = 40  # of a histogram
MOST_VALUES = 200_000  # of a layer in a histogram; of more every second, third, … is taken
SATURATED = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99)}  # beyond these the slope is less than 2 % of the steepest
CAN_DIE = ("relu", "gelu")  # below 0 nothing, or hardly anything, flows back
SAME = 1e-3  # of a layer's largest number: units no further apart say the same
MANY_DEAD, ALMOST_ALL_OFF, ALMOST_ALL_ON, MANY_SATURATED = 0.2, 0.08, 0.95, 0.5
STILL, FAST, TORN = 5e-3, 0.5, 3.0  # of a layer's weights in an epoch; the last in the first epoch
OFTEN = 1.25  # times as often as it is there, or as seldom: a digit that is read so is named
ONE_DIGIT = 0.9  # of the images: so many are not read as one digit by a network that has learned

Histogram = tuple[np.ndarray, np.ndarray]  # counts int64 (bins,) and edges float (bins + 1,)


@dataclass(frozen=True, eq=False)
class Units:
    """The units of an activation layer on some images; a channel of a picture is one unit, in all its places.

    Attributes:
        layer: its name; `kind` the activation.
        count: how many units.
        dead: the units that are never on (ReLU, GELU) or always saturated (tanh, sigmoid): they learn no more.
        always_on: the units that are on in every place of every image: they only pass on a sum. Of ReLU and its kin.
        on: the share of all its numbers that are above 0.
        saturated: the share that is near an end of tanh or sigmoid; 0 for others.
        same: whether all units say the same of every image.
        histogram: of its numbers; of ReLU of those above 0, where there are any: the zeros would hide them.
        sentence: what this means; `advice` what to do, "" where nothing; `well` is whether that is as it should be.
    """

    layer: str
    kind: str
    count: int
    dead: tuple[int, ...]
    always_on: tuple[int, ...]
    on: float
    saturated: float
    same: bool
    histogram: Histogram
    sentence: str
    advice: str
    well: bool


@dataclass(frozen=True, eq=False)
class Kernel:
    """The weights of a layer: their histogram, and their mean and standard deviation."""

    layer: str
    histogram: Histogram
    mean: float
    deviation: float


@dataclass(frozen=True)
class Update:
    """How far a layer's weights moved between two epochs that are kept.

    Attributes:
        layer: its name.
        before, after: the epochs; 0 is before the first batch.
        distance: the Euclidean distance of the weights; `size` the Euclidean length of those before.
        ratio: distance / size / epochs between them: the share of itself that a layer changes in an epoch. Infinite
            where the weights before were all zero.
    """

    layer: str
    before: int
    after: int
    distance: float
    size: float

    @property
    def ratio(self) -> float:
        if not self.distance:
            return 0.0
        return self.distance / self.size / (self.after - self.before) if self.size else float("inf")


def units(inside: Inside, images: np.ndarray) -> tuple[list[Units], np.ndarray]:
    """How the units of each activation layer do on images uint8 (n, 28, 28), n > 0; a few hundred tell enough.

    Returns:
        What was found of each layer, and the probabilities of the images, float32 (n, classes).
    """
    tallies = {
        block.name: _Tally(block.layer.kind) for block in inside.network.blocks if block.layer.kind in ACTIVATIONS
    }
    probabilities = []
    for first in range(0, len(images), AT_ONCE):
        found = inside.activations(images[first : first + AT_ONCE], (*tallies, PROBABILITIES))
        probabilities.append(found[PROBABILITIES])
        for name, tally in tallies.items():
            tally.add(found[name].reshape(-1, found[name].shape[-1]), of=len(images))
    return [tally.result(name) for name, tally in tallies.items()], np.concatenate(probabilities)


class _Tally:
    """What is counted of a layer, image by image."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.low, self.high = SATURATED.get(kind, (-np.inf, np.inf))
        self.count = self.on = self.saturated = 0
        self.spread = self.largest = 0.0
        self.lowest = self.highest = self.always_saturated = None
        self.sample: list[np.ndarray] = []

    def add(self, values: np.ndarray, of: int) -> None:
        """Count numbers (places, units); `of` is how many images there will be."""
        lowest, highest = values.min(axis=0), values.max(axis=0)
        saturated = (values < self.low) | (values > self.high)
        everywhere = saturated.all(axis=0)
        if self.lowest is None:
            self.lowest, self.highest, self.always_saturated = lowest, highest, everywhere
        self.lowest, self.highest = np.minimum(self.lowest, lowest), np.maximum(self.highest, highest)
        self.always_saturated &= everywhere
        self.count += values.size
        self.on += int((values > 0).sum())
        self.saturated += int(saturated.sum())
        self.spread = max(self.spread, float((values.max(axis=1) - values.min(axis=1)).max()))
        self.largest = max(self.largest, float(np.abs(values).max()))
        every = max(1, values.size * -(-of // AT_ONCE) // MOST_VALUES)
        self.sample.append(values.ravel()[::every])

    def result(self, layer: str) -> Units:
        count, bounded = len(self.lowest), self.kind in SATURATED
        dead = self.always_saturated if bounded else (self.highest <= 0) & (self.kind in CAN_DIE)
        always_on = (self.lowest > 0) & (not bounded)
        found = {
            "count": count,
            "dead": tuple(np.flatnonzero(dead).tolist()),
            "always_on": tuple(np.flatnonzero(always_on).tolist()),
            "on": self.on / self.count,
            "saturated": self.saturated / self.count,
            "same": count > 1 and self.spread <= SAME * self.largest,
        }
        sentence, advice, well = _judge(self.kind, **found)
        sample = np.concatenate(self.sample)
        if self.kind == "relu" and (sample > 0).any():
            sample = sample[sample > 0]
        histogram = np.histogram(sample, BINS, (min(0.0, float(sample.min())), float(sample.max())))
        return Units(layer, self.kind, **found, histogram=histogram, sentence=sentence, advice=advice, well=well)


def _judge(
    kind: str,
    count: int,
    dead: tuple[int, ...],
    always_on: tuple[int, ...],
    on: float,
    saturated: float,
    same: bool,
) -> tuple[str, str, bool]:
    """A sentence on a layer of units, what to do, and whether all is well."""
    if len(dead) == count:
        if kind in SATURATED:
            return "All units are saturated, so almost no gradient passes.", "Try smaller first weights.", False
        return (
            "All units are dead: nothing passes this layer, so the network cannot learn.",
            "Start a new run with a lower learning rate, and first weights that are not all zero.",
            False,
        )
    if same:
        return (
            f"All {count} units say the same, so together they are one unit.",
            "Draw the first weights at random: Glorot or He.",
            False,
        )
    if len(dead) > MANY_DEAD * count:
        if kind in SATURATED:
            return f"{_of(dead, count)} are always saturated.", "Try a lower learning rate or scaled pixels.", False
        return (
            f"{_of(dead, count)} are dead: no image turns them on, so they learn no more.",
            "Try a lower learning rate, He weights or leaky ReLU.",
            False,
        )
    if kind in SATURATED:
        if saturated > MANY_SATURATED:
            return (
                f"{percent(saturated, 0)} of its numbers are saturated, so little gradient passes.",
                "Try smaller first weights, scaled pixels or norm before it.",
                False,
            )
        return f"{percent(saturated, 0)} of its numbers are saturated. This is normal.", "", True
    if on < ALMOST_ALL_OFF:
        return (
            f"Only {percent(on, 0)} of its numbers are above 0, so few units take part.",
            "Try scaled pixels or a lower learning rate.",
            False,
        )
    if on > ALMOST_ALL_ON and kind != "elu":
        return f"{percent(on, 0)} of its numbers are above 0, so the layer is nearly linear and adds little.", "", False
    few = f" {_of(dead, count)} are dead, which is common." if dead else ""
    return f"{percent(on, 0)} of its numbers are above 0. This is normal.{few}", "", True


def _of(some: tuple[int, ...], count: int) -> str:
    return f"{len(some)} of {count} units"


def kernels(inside: Inside) -> list[Kernel]:
    """The weights of each convolution and dense layer, biases left out."""
    found = []
    for layer, arrays in inside.weights.items():
        if (kernel := arrays.get("kernel")) is not None:
            found.append(
                Kernel(layer, np.histogram(kernel, BINS), float(kernel.mean()), float(kernel.std(dtype=np.float64)))
            )
    return found


def updates(run: RunView, most: int = 24) -> list[Update]:
    """How far the weights of each convolution and dense layer moved between the epochs that are kept, in order.

    Args:
        run: the run.
        most: how many epochs are compared at most; of more, those that `spread` takes.
    """
    found, before, before_epoch = [], None, 0
    for epoch in spread(weight_epochs(run), most):
        after = load_inside(run, epoch)
        if after is None:
            continue
        if before is not None:
            for layer, arrays in after.weights.items():
                if "kernel" in arrays:
                    first = before.weights[layer]["kernel"]
                    distance = float(np.linalg.norm(arrays["kernel"] - first))
                    found.append(Update(layer, before_epoch, epoch, distance, float(np.linalg.norm(first))))
        before, before_epoch = after, epoch
    return found


def spread(epochs: list[int], most: int) -> list[int]:
    """At most so many of the epochs, evenly spread, the first and the last among them."""
    if len(epochs) <= most:
        return epochs
    return [epochs[place] for place in np.linspace(0, len(epochs) - 1, most).round().astype(int)]


def judge_updates(moved: list[Update]) -> tuple[str, str, bool]:
    """A sentence on how far one layer's weights moved, what to do ("" where nothing), and whether all is well.

    Args:
        moved: of one layer, in order; at least one.
    """
    first, last = moved[0].ratio, moved[-1].ratio
    if not any(update.distance for update in moved):
        return (
            "Its weights have not moved: no gradient reaches them.",
            "Draw the first weights at random: Glorot or He.",
            False,
        )
    if max(update.ratio for update in moved) < STILL:
        return f"Its weights change by only {_share(last)} an epoch.", "Try a higher learning rate.", False
    if TORN < first < float("inf") and moved[0].before == 0:
        return (
            f"In the first epoch its weights changed by {first:,.0f} times their size.",
            "Try a lower learning rate.",
            False,
        )
    if last > FAST and moved[-1].after > 1:
        return (
            f"Its weights still change by {_share(last)} an epoch.",
            "Try a lower learning rate, or one that decays.",
            False,
        )
    if len(moved) == 1:
        return f"Its weights changed by {_share(first)} in the first epoch. This is normal.", "", True
    return f"Its weights change by {_share(last)} an epoch, after {_share(first)} at first. This is normal.", "", True


def _share(ratio: float) -> str:
    return percent(ratio, 1) if ratio < 10 else "many times their size"  # from all zero it is infinite


def digit_counts(
    probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str] = DIGITS
) -> tuple[np.ndarray, np.ndarray, str]:
    """How many images are read as each class, and are of it, int64 (classes,), and a sentence where they differ much.

    Args:
        probabilities: float (n, classes), n > 0.
        labels: (n,).
        names: of the classes, in their order; the digits where they are digits.
    """
    classes = probabilities.shape[1]
    names = names if len(names) == classes else tuple(map(str, range(classes)))
    read = np.bincount(probabilities.argmax(axis=1), minlength=classes)
    true = np.bincount(labels, minlength=classes)
    most, missing = int(read.argmax()), np.flatnonzero((read == 0) & (true > 0))
    if read[most] == read.sum():
        return read, true, f"Every image is read as {names[most]}."
    if read[most] >= ONE_DIGIT * read.sum():
        return read, true, f"{percent(float(read[most] / read.sum()), 0)} of the images are read as {names[most]}."
    if len(missing):
        return read, true, f"No image is read as {' or '.join(names[number] for number in missing)}."
    off = np.abs(np.log(read[true > 0] / true[true > 0]))
    if off.max() > np.log(OFTEN):
        digit = int(np.flatnonzero(true > 0)[off.argmax()])
        often = "often" if read[digit] > true[digit] else "seldom"
        words = f"{names[digit]} is read too {often}: {read[digit]:,} times, and it is there {true[digit]:,} times."
        return read, true, words
    return read, true, ""
