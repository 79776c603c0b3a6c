"""What learning curves say: at most two sentences, from what a run measured after its epochs and from its settings.

A curve is read as in Goodfellow, Bengio and Courville (2016, Deep Learning): the training loss falls and the validation
loss rises where a network overfits (section 5.2), and the epoch to stop at is that of the lowest validation loss
(section 7.8). A network that guesses among ten digits is right in 10 % and has a loss of ln 10, among n classes in 1 /
n and ln n. Units that begin equal stay equal (section 8.4); large inputs make large steps (LeCun et al., 1998,
Efficient BackProp, section 4.3); wrong labels are learned by heart, and after the right ones (Zhang et al., 2017,
arXiv:1611.03530; Arpit et al., 2017, arXiv:1706.05394).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.config import OPTIMIZERS, TrainingConfig
from core.data.classes import DIGITS
from core.endings import DIVERGED
from core.formatting import percent
from core.layers import ACTIVATIONS
from core.runs import RunView

MOST = 2  # sentences
AT_GUESSING = 1.5  # times the accuracy of guessing: one digit for all images is right in up to 11.4 % of MNIST
CLEARLY = 0.75  # an accuracy that no two classes reach by guessing, unless one has most of the images
USUAL = 0.95  # an accuracy that a network of one hidden layer passes in its first epochs
USUAL_RAW = 0.97  # one that it passes a little later, unless pixels are raw or first weights equal
LEARNED = 3.0  # times the accuracy of guessing: it had learned something before it fell back
NEAR = 0.05  # of the loss of guessing
RISEN, STILL_RISEN = 0.03, 0.02  # share of the lowest validation loss that it rose by in two epochs, and in the last
STILL_RISES = 0.001  # of validation accuracy since the lowest loss: it is said, since the chart beside shows it
WAITED, WAITED_LIVE = 2, 3  # epochs without a lower validation loss before that is said, at the end and in training
AT_ONCE = 2  # epochs, before anything is said in training
FALLING = 0.02  # share of the validation loss that each of the last two epochs took off while it falls
LEVEL, LEVEL_OVER = 0.03, 3  # share that it changed by in so many epochs, where it has levelled off
BETTER = 0.003  # of accuracy: a difference that is worth a sentence
GAP = 0.01  # of accuracy between training and validation: above this, new images are clearly harder
SELDOM = 0.8  # of the mean: a digit that is predicted so seldom was too rare
LEARNED_BY_HEART = 0.15  # share of the wrong labels
JUMP = 3  # times the loss of the epoch before
ALL = 0.95  # share of images that are read as one digit: nearly all
HIGH_RATE = {"adam": 0.02, "rmsprop": 0.02, "sgd": 0.5, "momentum": 0.05}  # from which a failure is put down to it
LOW_RATE = {"adam": 1e-5, "rmsprop": 1e-5, "sgd": 1e-3, "momentum": 1e-4}
USUAL_RATE = {"adam": "0.001", "rmsprop": "0.001", "sgd": "0.1", "momentum": "0.01"}
FEW_UPDATES = 200  # of the weights in all: before that, most networks have hardly begun
BEGUN = 0.8  # an accuracy that shows that a network is on its way
DEEP_SIGMOIDS = 3  # layers, from which hardly any gradient reaches the first one (Hochreiter, 1991)

TROUBLE = (
    "diverged", "guessing", "few", "held back", "jumps", "by heart", "overfits", "left out",
    "imbalanced", "easier", "loud", "falls",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Something that the curves show: its kind, and a sentence of it. The kinds in `TROUBLE` are worth a look."""

    kind: str
    sentence: str


@dataclass(frozen=True, eq=False)
class _Curves:
    """What was measured after each epoch, float64 (epochs,) each, nan where it is missing or damaged."""

    epoch: NDArray
    loss: NDArray
    accuracy: NDArray
    val_loss: NDArray
    val_accuracy: NDArray
    train_loss: NDArray
    train_accuracy: NDArray
    learning_rate: NDArray
    step: NDArray
    count: int = field(default=0)


@dataclass(frozen=True, eq=False)
class _Predicted:
    """The predictions of each class, (classes,), None where there are none; and what the classes are called."""

    counts: NDArray | None
    names: Sequence[str]

    @classmethod
    def of(cls, predicted: Sequence[int] | NDArray | None, names: Sequence[str], config: TrainingConfig) -> _Predicted:
        """What is known, as far as it has one entry a class."""
        counts = np.asarray([] if predicted is None else predicted)
        usable = counts.shape == (config.classes,) and counts.sum() > 0
        fits = len(names) == config.classes
        return cls(counts if usable else None, names if fits else tuple(map(str, range(config.classes))))

    def named(self, number: int) -> str:
        """A class in a sentence: "an 8", "Trouser"."""
        if tuple(self.names) != DIGITS:
            return self.names[number]
        return f"{'an' if number == 8 else 'a'} {number}"


def findings(
    epochs: Sequence[Mapping],
    config: TrainingConfig,
    *,
    ended: bool,
    diverged: bool = False,
    predicted: Sequence[int] | NDArray | None = None,
    names: Sequence[str] = DIGITS,
) -> tuple[Finding, ...]:
    """What the curves show, the most important first, at most two sentences; () before there is anything to say.

    It changes with epochs alone, and waits longer in training than at the end, so that it does not flicker.

    Args:
        epochs: epoch events in order, with `epoch`, `step`, `loss`, `accuracy`, `val_loss`, `val_accuracy`, and perhaps
            `learning_rate`, `train_loss` and `train_accuracy`; what is missing or is no number counts as unknown.
        config: the run's settings.
        ended: whether training has ended.
        diverged: whether it ended because the loss was no number.
        predicted: how many test images were read as each digit after the last epoch, (classes,), if that is known.
        names: of the classes, in the order of their labels.
    """
    curves = _curves(epochs)
    if diverged:
        return _diverged(curves, config)
    if curves.count < (1 if ended else AT_ONCE):
        return ()
    with np.errstate(all="ignore"):  # damaged numbers may be of any size
        return _read(curves, config, ended, _Predicted.of(predicted, names, config))


def _read(curves: _Curves, config: TrainingConfig, ended: bool, predicted: _Predicted) -> tuple[Finding, ...]:
    """What curves of at least one epoch show."""
    if few := _few_updates(curves, config, ended):
        return (few,)
    if guessing := _guessing(curves, config, ended, predicted):
        return guessing[:MOST]
    held_back = _held_back(curves, config, ended)
    if held_back and (cure(config) or curves.val_accuracy[-1] < USUAL):
        return (held_back,)  # other advice would lead away from it
    overfits = _overfits(curves, config, ended)
    found = [
        held_back,
        *_jumps(curves, config),
        _by_heart(curves, config),
        *overfits[:1],
        _left_out(config, predicted),
        _imbalanced(config, predicted),
        _easier(curves, config),
        _loud(curves, config),
        _falls(curves, config, ended),
        *overfits[1:],
    ]
    said = [finding for finding in found if finding is not None][:MOST]
    return tuple(said) or _as_usual(curves, config, ended)


def run_findings(run: RunView) -> tuple[Finding, ...]:
    """What the curves of a run show, as `findings` says; () where its settings are damaged."""
    config, state, epochs = run.config, run.state, run.history().epochs
    if config is None:
        return ()
    predicted = None
    if needs_predictions(config, epochs) and (probabilities := run.probabilities()) is not None:
        predicted = np.bincount(probabilities.argmax(axis=1), minlength=config.classes)
    diverged = state.name == "failed" and state.message.startswith(DIVERGED)
    return findings(
        epochs, config, ended=not state.is_active, diverged=diverged, predicted=predicted, names=run.classes
    )


def off_when_validating(config: TrainingConfig) -> list[str]:
    """What makes training images harder than validation images: "dropout", "augmentation", both or none of them."""
    drops = any(block.layer.kind == "dropout" and block.layer.share > 0 for block in config.layers.blocks)
    return ["dropout"] * drops + ["augmentation"] * config.augment


def needs_predictions(config: TrainingConfig, epochs: Sequence[Mapping]) -> bool:
    """Whether `findings` has a use for the predictions of the test images."""
    curves = _curves(epochs)
    return bool(config.left_out) or config.imbalance > 1 or (curves.count > 0 and _guesses(curves, config)[-1])


# What went wrong


def held_back(config: TrainingConfig) -> str:
    """What in the settings holds a network back, also before it is trained, as a sentence; "" where nothing does."""
    if _begins_equal(config):
        return "All first weights are equal, so the units of a layer begin alike: draw them by Glorot or He."
    if config.pixels == "0-255":
        return "The pixels go in raw, up to 255, which makes each step too large: scale them to 0 to 1."
    if pair := _without_activation(config):
        return (
            f"No activation stands between “{pair[0]}” and “{pair[1]}”, so together they can do no more than one "
            "layer: put relu between them."
        )
    return ""


def cure(config: TrainingConfig) -> str:
    """What to do about settings that spoil training by themselves, as a sentence; "" where none does."""
    if _begins_equal(config):
        return "Draw the first weights by Glorot or He."
    return "Scale the pixels to 0 to 1." if config.pixels == "0-255" else ""


def _held_back(curves: _Curves, config: TrainingConfig, ended: bool) -> Finding | None:
    """What in the settings holds it back: where it reads worse than usual, and at the end also layers that are one."""
    words = held_back(config)
    usual = USUAL_RAW if cure(config) else USUAL
    said = curves.val_accuracy[-1] < usual or (ended and not cure(config))
    return Finding("held back", words) if words and said else None


def _few_updates(curves: _Curves, config: TrainingConfig, ended: bool) -> Finding | None:
    """That it has hardly trained yet, where it reads badly and its settings are not the reason."""
    if not ended or _why_guessing(curves, config) or not curves.val_accuracy.max() < BEGUN:
        return None
    updates = curves.step[-1]
    if not updates < FEW_UPDATES:
        return None
    so_far = "1 update" if updates == 1 else f"{updates:.0f} updates"
    return Finding("few", f"Only {so_far} so far: train more epochs or images.")


def _begins_equal(config: TrainingConfig) -> bool:
    """Whether all first weights are equal, and a layer with weights comes before the output."""
    hidden = any(block.layer.kind in ("dense", "conv") for block in config.layers.blocks)
    return hidden and config.first_weights in ("zeros", "equal")


def _without_activation(config: TrainingConfig) -> tuple[str, str] | None:
    """The first two layers with weights between which all is linear, as text; None where there are none."""
    before = None
    for block in config.layers.blocks:
        layer = block.layer
        if layer.kind in ("dense", "conv", "output"):
            if before is not None:
                return before.text, layer.text
            before = layer
        elif layer.kind in ACTIVATIONS or (layer.kind in ("pool", "global pool") and not layer.average):
            before = None
    return None


def _diverged(curves: _Curves, config: TrainingConfig) -> tuple[Finding, ...]:
    after = f"in epoch {_name(curves, -1) + 1}" if curves.count else "in the first epoch"
    said = [Finding("diverged", f"It diverged {after}: the loss grew until it was no number.")]
    if why := _too_large_steps(curves, config):
        said.append(Finding("diverged", _remedy(why)))
    return tuple(said)


def _guessing(curves: _Curves, config: TrainingConfig, ended: bool, predicted: _Predicted) -> tuple[Finding, ...]:
    """That it reads no better than by guessing, and why."""
    guesses, classes = _guesses(curves, config), config.classes
    if not guesses[-1] or not (ended or guesses[-2:].sum() == 2):
        return ()
    before = np.flatnonzero(curves.val_accuracy > min(LEARNED / classes, CLEARLY))
    if len(before):
        words = f"Accuracy fell back to guessing, {_guessed(config)}, after epoch {_name(curves, before[-1])}"
    else:
        near = abs(curves.val_loss[-1] - math.log(classes)) < NEAR
        words = f"Accuracy stays at guessing, {_guessed(config)}"
        words += f", and the loss at ln {classes} = {math.log(classes):.3f}" if near else ""
    counts = predicted.counts
    if counts is not None and counts.max() >= ALL * counts.sum():
        every = "every image" if counts.max() == counts.sum() else "nearly every image"
        words += f": it reads {every} as {predicted.named(int(counts.argmax()))}"
    why = _why_guessing(curves, config)
    return (Finding("guessing", f"{words}."), *([Finding("guessing", why)] if why else []))


def _guesses(curves: _Curves, config: TrainingConfig) -> NDArray:
    """Whether it only guessed after each epoch, bool (epochs,), as far as that is known."""
    known, guessing = np.isfinite(curves.val_accuracy), min(AT_GUESSING / config.classes, CLEARLY)
    trained = ~np.isfinite(curves.accuracy) | (curves.accuracy < guessing)
    return known & (curves.val_accuracy < guessing) & trained


def _guessed(config: TrainingConfig) -> str:
    """The accuracy of guessing: "10 %", or "3.8 %" of 26 classes."""
    return percent(1 / config.classes, 0 if 100 % config.classes == 0 else 1)


def _most_wrong(config: TrainingConfig) -> float:
    """The share of wrong labels from which nothing can be learned: there are as many of each class, or nearly so."""
    return 1 - 1 / config.classes - 0.1


def _why_guessing(curves: _Curves, config: TrainingConfig) -> str:
    if _begins_equal(config):
        if config.first_weights == "zeros" and all(block.layer.kind != "sigmoid" for block in config.layers.blocks):
            # What comes out of each layer is 0, and so is each gradient but that of the output's biases
            return "All first weights are 0, so only the output's biases can learn: draw them by Glorot or He."
        return "All first weights are equal, so all units of a layer learn the same: draw them by Glorot or He."
    if config.wrong_labels > _most_wrong(config):
        return (
            f"Of the labels it learns, {percent(config.wrong_labels, 0)} are wrong, so there is nothing to be learned."
        )
    if why := _too_large_steps(curves, config):
        return _remedy(why)
    rate = config.learning_rate
    if rate <= LOW_RATE[config.optimizer]:
        return f"The learning rate {_plain(rate)} is too low to get anywhere: {_usual_rate(config)}."
    sigmoids = sum(block.layer.kind == "sigmoid" for block in config.layers.blocks)
    if sigmoids >= DEEP_SIGMOIDS:
        return f"Through {sigmoids} layers of sigmoids hardly any gradient reaches the first one: try ReLU."
    return ""


def _too_large_steps(curves: _Curves, config: TrainingConfig) -> tuple[str, str] | None:
    """What makes the steps of training too large, as a clause, and what to do about it; None where nothing does."""
    rates = curves.learning_rate[np.isfinite(curves.learning_rate)]
    rate = max(config.learning_rate, float(rates.max(initial=0.0)))
    if config.pixels == "0-255" and rate < 10 * HIGH_RATE[config.optimizer]:
        return "pixels up to 255 instead of 1 make the first steps far too large", "scale them to 0 to 1"
    if rate >= HIGH_RATE[config.optimizer]:
        return f"the learning rate {_plain(rate)} is too high for {OPTIMIZERS[config.optimizer]}", _usual_rate(config)
    if config.first_weights == "large":
        return "the first weights are far too large", "draw them by Glorot or He"
    return None


def _remedy(why: tuple[str, str]) -> str:
    """A cause and what to do about it, as a sentence."""
    return f"{_capital(why[0])}: {why[1]}."


def _usual_rate(config: TrainingConfig) -> str:
    return f"try {USUAL_RATE[config.optimizer]}"


def _jumps(curves: _Curves, config: TrainingConfig) -> tuple[Finding, ...]:
    """That the validation loss jumped, and has not come back since."""
    before, after = curves.val_loss[:-1], curves.val_loss[1:]
    jumped = np.flatnonzero((after > JUMP * before) & (after > math.log(config.classes)))
    if not len(jumped) or not curves.val_loss[-1] > 1.5 * np.nanmin(curves.val_loss):
        return ()
    place = int(jumped[0])
    words = f"The validation loss jumped from {before[place]:.3g} to {after[place]:.3g} in epoch"
    why = _too_large_steps(curves, config)
    return (
        Finding("jumps", f"{words} {_name(curves, place + 1)}."),
        *([Finding("jumps", _remedy(why))] if why else []),
    )


def _by_heart(curves: _Curves, config: TrainingConfig) -> Finding | None:
    """That it learns wrong labels by heart: it agrees with more labels than are right."""
    wrong, (accuracy, _) = config.wrong_labels, _in_training(curves)
    if not 0 < wrong <= _most_wrong(config) or not math.isfinite(accuracy):
        return None
    if accuracy - (1 - wrong) < LEARNED_BY_HEART * wrong:
        return None
    return Finding(
        "by heart",
        f"It learns wrong labels by heart: only {percent(1 - wrong, 0)} of the training labels are right, but it "
        f"agrees with {percent(accuracy, 1)}.",
    )


def _overfits(curves: _Curves, config: TrainingConfig, ended: bool) -> tuple[Finding, ...]:
    """Since when it overfits, and what is against it that it does not use yet."""
    if config.left_out or not np.isfinite(curves.val_loss).any():
        return ()  # of digits that are left out the loss rises in any case
    best = int(np.nanargmin(curves.val_loss))
    if curves.count - 1 - best < (WAITED if ended else WAITED_LIVE):
        return ()
    lowest, since = curves.val_loss[best], curves.val_loss[best + 1 :]
    risen = since > (1 + RISEN) * lowest
    loss = curves.train_loss if np.isfinite(curves.train_loss[[best, -1]]).all() else curves.loss
    rises = (risen[1:] & risen[:-1]).any() and since[-1] > (1 + STILL_RISEN) * lowest
    if not (rises and loss[-1] < loss[best] and loss[-1] < since[-1]):
        return ()
    words = f"The validation loss was lowest after epoch {_name(curves, best)}"
    before, now = curves.val_accuracy[[best, -1]]
    if now - before >= STILL_RISES:
        words += f" and is {percent(-_fall(curves.val_loss[[best, -1]]), 0)} higher now: it overfits, though accuracy "
        words += f"rose from {percent(before, 1)} to {percent(now, 1)}."
    else:
        words += "; since then it overfits."
    against = ["early stopping"] * (not config.patience) + ["dropout"] * ("dropout" not in off_when_validating(config))
    against += ["augmentation"] * (not config.augment) + ["more training images"] * (config.training_images is not None)
    if not against:
        return (Finding("overfits", words),)
    helps = f"{_capital(_listed(against, 'or'))} {'helps' if len(against) == 1 else 'help'} against it."
    return Finding("overfits", words), Finding("advice", helps)


def _left_out(config: TrainingConfig, predicted: _Predicted) -> Finding | None:
    """That it never predicts the digits that were left out."""
    counts = predicted.counts
    if not config.left_out or counts is None or counts[list(config.left_out)].any():
        return None
    digits, most = (
        _listed([predicted.names[number] for number in config.left_out], "or"),
        1 - len(config.left_out) / config.classes,
    )
    return Finding(
        "left out",
        f"It never predicts {digits}, which it was not trained on: about {percent(most, 0)} is the most it can reach.",
    )


def _imbalanced(config: TrainingConfig, predicted: _Predicted) -> Finding | None:
    """That it predicts the digit too seldom that was rarest in training."""
    counts, (first, *_, last) = predicted.counts, predicted.names
    if config.imbalance <= 1 or counts is None or counts[-1] > SELDOM * counts.mean():
        return None
    return Finding(
        "imbalanced",
        f"It learned from {config.imbalance:,} times as many {first} as {last}, and predicts {last} for only "
        f"{counts[-1]:,} of "
        f"{counts.sum():,} test images: what it hardly saw, it hardly predicts.",
    )


def _easier(curves: _Curves, config: TrainingConfig) -> Finding | None:
    """That validation looks better than training, and why that is so."""
    ahead = curves.val_accuracy[-2:] - curves.accuracy[-2:]
    if not (ahead > BETTER).all() or not curves.val_loss[-1] < curves.loss[-1]:
        return None
    words, again = "Validation is better than training because", curves.train_accuracy[-1]
    if config.wrong_labels:
        wrong = percent(config.wrong_labels, 0)
        return Finding("easier", f"{words} {wrong} of the training labels are wrong, and those of validation right.")
    if off := off_when_validating(config):
        words = f"{words} {_listed(off, 'and')} {'is' if len(off) == 1 else 'are'} off when it validates"
        without = "it" if len(off) == 1 else "them"
        read = f"; read again without {without}, training images reach {percent(again, 1)}"
        return Finding("easier", words + (read if math.isfinite(again) else "") + ".")
    if config.imbalance > 1 or config.left_out or curves.count > WAITED_LIVE:
        return None
    return Finding("easier", f"{words} training images are counted during the epoch, while it still learns.")


def _loud(curves: _Curves, config: TrainingConfig) -> Finding | None:
    """That it began far worse than by guessing."""
    first = curves.loss[0]
    if not (
        math.isfinite(first) and first > 2 * math.log(config.classes) and (why := _too_large_steps(curves, config))
    ):
        return None
    return Finding("loud", f"It began far worse than by guessing, with a loss of {first:.3g}, since {why[0]}.")


def _falls(curves: _Curves, config: TrainingConfig, ended: bool) -> Finding | None:
    """That more epochs would help, at the end of a run whose learning rate does not end at 0."""
    val_loss = curves.val_loss[-3:]
    falls = [_fall(val_loss[at : at + 2]) for at in range(len(val_loss) - 1)]
    if not ended or config.schedule != "constant" or not falls or not all(fall > FALLING for fall in falls):
        return None
    if curves.val_loss[-1] > np.nanmin(curves.val_loss):
        return None
    slow = config.learning_rate <= LOW_RATE[config.optimizer] or curves.val_accuracy[-1] < min(
        LEARNED / config.classes, CLEARLY
    )
    more = "train more epochs" + (", or with a higher learning rate" if slow else "")
    return Finding("falls", f"The validation loss still falls, by {percent(falls[-1], 0)} in the last epoch: {more}.")


def _fall(losses: NDArray) -> float:
    """The share of the first loss that the last one is below it."""
    return float(1 - losses[-1] / losses[0])


def _as_usual(curves: _Curves, config: TrainingConfig, ended: bool) -> tuple[Finding, ...]:
    """What is to be said at the end where nothing stands out."""
    accuracy, loss = _in_training(curves)
    apart, val_loss = accuracy - curves.val_accuracy[-1], curves.val_loss
    if not ended or curves.count < AT_ONCE or not math.isfinite(apart + loss + val_loss[-1]):
        return ()
    said = []
    if apart > GAP:
        words = f"It reads its training images better than new ones, by {100 * apart:.1f} points."
        said.append(Finding("gap", words))
    elif val_loss[-1] < 2 * loss:
        tells = ": it does not overfit" if curves.val_accuracy[-1] > BEGUN else ""  # what has not learned cannot
        said.append(Finding("together", f"Training and validation stay close together{tells}."))
    if config.schedule == "constant" and curves.count > LEVEL_OVER and abs(_fall(val_loss[-1 - LEVEL_OVER :])) < LEVEL:
        said.append(Finding("level", "The validation loss has levelled off: more epochs would change little."))
    return tuple(said)


# What was measured


def _curves(epochs: Sequence[Mapping]) -> _Curves:
    names = [name for name in _Curves.__dataclass_fields__ if name != "count"]
    columns = {name: np.array([_number(epoch.get(name)) for epoch in epochs], float) for name in names}
    return _Curves(**columns, count=len(epochs))


def _number(value: object) -> float:
    """A value as a finite number, nan where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value) if math.isfinite(value) else math.nan
    except OverflowError:
        return math.nan


def _in_training(curves: _Curves) -> tuple[float, float]:
    """Accuracy and loss of training images in the last epoch, without dropout and augmentation where that is known."""
    again = float(curves.train_accuracy[-1]), float(curves.train_loss[-1])
    counted = float(curves.accuracy[-1]), float(curves.loss[-1])
    return again if all(map(math.isfinite, again)) else counted


def _name(curves: _Curves, place: int) -> int:
    """The number of the epoch at `place`."""
    number = curves.epoch[place]
    return int(number) if math.isfinite(number) else place % curves.count + 1


def _plain(rate: float) -> str:
    """A learning rate without an exponent."""
    return np.format_float_positional(rate, precision=3, fractional=False, trim="-")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _listed(words: Sequence[str], last: str) -> str:
    """Words as "a", "a or b", "a, b or c"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
