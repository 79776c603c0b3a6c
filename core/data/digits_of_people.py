"""My digits as a dataset: the drawings that people labelled, alone or beside the digits of another one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np

from core.data.dataset import EMBEDDED, Dataset
from core.data.files import DatasetError
from core.data.my_digits import HOLD_OUT, MyDigits
from core.data.sklearn_digits import embedded_digits

LEAST = 10  # digits, of which a few are held out
MOST_TIMES, BESIDE = 10, 10  # a drawing is repeated so often, where there are so many times as many other images
REPEATED = 0.8  # of the training images from the first on: the last sixth may validate, and has nothing twice
SEED = 0


def embedded() -> Dataset:
    """The digits in scikit-learn."""
    return Dataset(EMBEDDED, "scikit-learn's 1,797 digits (UCI)", **embedded_digits())


def dataset_of_digits(written: Mapping[str, MyDigits], beside: Dataset | None = None) -> Dataset:
    """A dataset of the drawings that are labelled today; those of tomorrow are not in it.

    Where several people have drawn, it is split by writer: every third of them is tested, and trained on in no drawing.
    Else the drawings are tested that are held out, which no run is fine-tuned on either.

    Args:
        written: the labelled drawings of each writer, by the writer's id.
        beside: whose training images are trained on too, in a random order; it is tested on the drawings alone.

    Raises:
        DatasetError: where there are too few drawings, or those beside them are no digits.
    """
    if beside is not None and not beside.is_digits:
        raise DatasetError(f"{beside.name} has no digits, which My digits could be beside. Choose another dataset.")
    arrays = {writer: found for writer in sorted(written) if len((found := written[writer].arrays())[0])}
    count = sum(len(images) for images, *_ in arrays.values())
    if count < LEAST:
        raise DatasetError(f"It needs at least {LEAST} labelled drawings; there are {count}. Draw some more on Draw.")
    writers = list(arrays)
    tested = writers[HOLD_OUT - 1 :: HOLD_OUT] or writers[1:2]
    images, labels = (np.concatenate([found[place] for found in arrays.values()]) for place in (0, 1))
    if tested:
        is_test = np.repeat([writer in tested for writer in writers], [len(arrays[writer][0]) for writer in writers])
        how = f"split by writer: {len(writers) - len(tested)} people are trained on, {len(tested)} tested"
    else:
        is_test = arrays[writers[0]][2]
        how = "every third of a digit is tested"
    if is_test.all() or not is_test.any():
        raise DatasetError("It needs drawings to train on and others to test on. Draw some more on Draw.")
    trained = int((~is_test).sum())
    others = 0 if beside is None else len(beside.x_train)
    times = max(1, min(MOST_TIMES, others // (BESIDE * trained)))
    chosen, order = _in_order(trained, times, others)
    x_train, y_train = images[~is_test][chosen], labels[~is_test][chosen]
    if beside is not None:
        x_train, y_train = np.concatenate([beside.x_train, x_train]), np.concatenate([beside.y_train, y_train])
    whose = "my digits" if len(writers) == 1 else f"the digits of {len(writers)} people"
    learned = f"{trained:,} drawings for training" + (f", most of them {times} times" if times > 1 else "")
    besides = f", beside the {others:,} training images of {beside.name}" if beside else ""
    return Dataset(
        _name(len(writers), beside),
        f"{whose}, as they were on {date.today().isoformat()}",
        x_train[order],
        y_train[order],
        images[is_test],
        labels[is_test],
        note=f"These are {whose}, {how}. {learned}{besides}; {count - trained:,} drawings for testing.",
    )


def _in_order(drawings: int, times: int, others: int) -> tuple[np.ndarray, np.ndarray]:
    """Which drawings are taken, some of them several times, and the order of all images, the others being first.

    The others stay in their order, since the copies of a digit may follow it, and the drawings come between them.
    """
    random = np.random.default_rng(SEED)
    places = random.random(drawings)  # from 0 to 1, along all training images
    again = np.tile(np.flatnonzero(places < REPEATED), times - 1)
    along = (np.arange(others) + 0.5) / max(1, others)
    places = np.concatenate([along, places, REPEATED * random.random(len(again))])
    return np.concatenate([np.arange(drawings), again]), np.argsort(places, kind="stable")


def _name(writers: int, beside: Dataset | None) -> str:
    mine = "My digits" if writers == 1 else "Our digits"
    return mine if beside is None else f"{mine} and {beside.name}"
