"""The words below the curves, on histories of real runs, and on whatever a damaged file may hold."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import FIRST_WEIGHTS, OPTIMIZERS, PIXELS, TrainingConfig
from core.endings import DIVERGED
from core.evaluation.learning_words import MOST, TROUBLE, cure, findings, off_when_validating, run_findings

FEW = {"training_images": 1000, "validation_images": 1000}
NAMES = ("loss", "accuracy", "val_loss", "val_accuracy", "train_loss", "train_accuracy")


@dataclass(frozen=True)
class Real:
    """What a run on MNIST measured after each epoch, in the order of `NAMES`, and how it read the test images."""

    config: TrainingConfig
    rows: list[tuple[float, ...]]
    predicted: list[int] | None = None

    def epochs(self, count: int | None = None) -> list[dict]:
        rows = enumerate(self.rows[:count], start=1)
        return [{"epoch": epoch, **dict(zip(NAMES, row, strict=False))} for epoch, row in rows]

    def words(self, count: int | None = None, *, ended: bool = True) -> str:
        found = findings(self.epochs(count), self.config, ended=ended, predicted=self.predicted if ended else None)
        return " ".join(finding.sentence for finding in found)


RUNS = {
    "overfits": Real(
        TrainingConfig("dense", hidden_layers=(256,), learning_rate=0.003, **FEW),
        [
            (1.056, 0.687, 0.5239, 0.84),
            (0.3896, 0.873, 0.4136, 0.9),
            (0.2175, 0.939, 0.3589, 0.904),
            (0.1391, 0.967, 0.3466, 0.914),
            (0.0922, 0.98, 0.342, 0.914),
            (0.0651, 0.99, 0.3582, 0.923),
            (0.0413, 0.998, 0.337, 0.923),
            (0.0289, 1, 0.3428, 0.92),
            (0.0208, 1, 0.3558, 0.925),
            (0.0147, 1, 0.3442, 0.925),
            (0.0115, 1, 0.3529, 0.922),
            (0.0095, 1, 0.362, 0.922),
            (0.0081, 1, 0.3576, 0.926),
            (0.0068, 1, 0.3606, 0.925),
            (0.0058, 1, 0.3702, 0.922),
        ],
    ),
    "zeros": Real(
        TrainingConfig("mlp", first_weights="zeros", **FEW),
        [
            (2.303, 0.113, 2.302, 0.107),
            (2.302, 0.117, 2.302, 0.107),
            (2.302, 0.117, 2.302, 0.107),
            (2.301, 0.117, 2.302, 0.107),
        ],
        [0, 0, 0, 0, 0, 0, 0, 10000, 0, 0],
    ),
    "rate1": Real(
        TrainingConfig("mlp", learning_rate=1.0, **FEW),
        [
            (9391, 0.103, 23.25, 0.108),
            (72.03, 0.114, 5.107, 0.108),
            (26.75, 0.106, 5.625, 0.102),
            (2.361, 0.097, 5.736, 0.108),
            (2.337, 0.109, 5.767, 0.108),
        ],
        [6, 0, 0, 2, 0, 0, 0, 9992, 0, 0],
    ),
    "raw_sgd": Real(
        TrainingConfig("mlp", pixels="0-255", optimizer="sgd", learning_rate=0.1, **FEW),
        [
            (6.98e15, 0.101, 4985, 0.103),
            (15760, 0.109, 4.886, 0.102),
            (2.303, 0.116, 4.886, 0.102),
            (2.302, 0.116, 4.885, 0.102),
        ],
        [1, 9987, 2, 0, 0, 0, 9, 0, 0, 1],
    ),
    "slow": Real(
        TrainingConfig("mlp", learning_rate=1e-6, **FEW),
        [
            (2.362, 0.09, 2.349, 0.131),
            (2.36, 0.091, 2.346, 0.134),
            (2.357, 0.092, 2.344, 0.138),
            (2.354, 0.094, 2.341, 0.14),
            (2.352, 0.096, 2.339, 0.143),
        ],
    ),
    "deep_sigmoid": Real(
        TrainingConfig("dense", network="flatten, " + 6 * "dense 64, sigmoid, " + "output softmax", **FEW),
        [
            (2.405, 0.096, 2.31, 0.102),
            (2.306, 0.116, 2.311, 0.102),
            (2.306, 0.11, 2.307, 0.107),
            (2.304, 0.118, 2.305, 0.102),
            (2.3, 0.115, 2.301, 0.102),
        ],
        [0, 10000, 0, 0, 0, 0, 0, 0, 0, 0],
    ),
    "sgd1": Real(
        TrainingConfig("mlp", optimizer="sgd", learning_rate=1.0, **FEW),
        [
            (2.381, 0.233, 1.293, 0.592),
            (3.268, 0.402, 30.88, 0.107),
            (6.191, 0.237, 2.58, 0.209),
            (2.11, 0.241, 2.054, 0.266),
            (1.888, 0.311, 1.96, 0.281),
        ],
    ),
    "classic_raw": Real(
        TrainingConfig("seed", training_images=5000, pixels="0-255"),
        [
            (12.53, 0.7498, 4.275, 0.8313),
            (2.025, 0.8838, 3.16, 0.855),
            (1.038, 0.9244, 3.029, 0.8389),
            (0.6401, 0.937, 2.845, 0.8618),
        ],
    ),
    "dropout_aug": Real(
        TrainingConfig("dense", dropout=0.3, augment=True, training_images=5000, validation_images=1000),
        [
            (1.393, 0.5882, 0.4438, 0.914, 0.5868, 0.8382),
            (0.9066, 0.7259, 0.3137, 0.935, 0.4315, 0.8834),
            (0.8032, 0.7655, 0.2739, 0.936, 0.3679, 0.8934),
            (0.7257, 0.7844, 0.2433, 0.947, 0.3114, 0.9138),
            (0.7057, 0.7971, 0.2065, 0.95, 0.2772, 0.9256),
        ],
    ),
    "wrong_not": Real(
        TrainingConfig("linear", wrong_labels=0.3, training_images=10_000, validation_images=1000),
        [
            (1.778, 0.503, 0.8524, 0.885),
            (1.569, 0.6035, 0.764, 0.906),
            (1.492, 0.6045, 0.5158, 0.916),
            (1.545, 0.6235, 0.6925, 0.919),
            (1.503, 0.6283, 0.7075, 0.917),
        ],
    ),
    "wrong_mem": Real(
        TrainingConfig("dense", hidden_layers=(512,), wrong_labels=0.3, learning_rate=0.002, **FEW),
        [
            (1.898, 0.435, 0.8544, 0.775),
            (1.429, 0.609, 0.7627, 0.865),
            (1.349, 0.644, 0.6295, 0.888),
            (1.169, 0.67, 0.7425, 0.857),
            (0.9737, 0.722, 0.7987, 0.805),
            (0.8401, 0.761, 0.7444, 0.817),
            (0.7358, 0.795, 0.7919, 0.8),
            (0.6255, 0.822, 0.7797, 0.784),
            (0.5398, 0.849, 0.7737, 0.783),
            (0.4661, 0.88, 0.7402, 0.79),
            (0.3937, 0.899, 0.8843, 0.728),
            (0.344, 0.927, 0.7798, 0.775),
            (0.2719, 0.942, 0.8736, 0.73),
            (0.2292, 0.953, 0.8523, 0.74),
            (0.1919, 0.964, 0.8081, 0.756),
            (0.1599, 0.975, 0.9117, 0.729),
            (0.1315, 0.98, 0.8489, 0.746),
            (0.1141, 0.985, 0.8889, 0.729),
            (0.1035, 0.985, 0.8073, 0.764),
            (0.0875, 0.988, 0.8833, 0.741),
        ],
    ),
    "left_out": Real(
        TrainingConfig("dense", hidden_layers=(64,), left_out=(8,), training_images=5000, validation_images=1000),
        [
            (0.9721, 0.7541, 1.069, 0.843),
            (0.3487, 0.9136, 1.124, 0.857),
            (0.262, 0.9323, 1.156, 0.856),
            (0.22, 0.9427, 1.223, 0.864),
        ],
        [1029, 1197, 1057, 1208, 1008, 1408, 970, 1128, 0, 995],
    ),
    "falls": Real(
        TrainingConfig("linear", learning_rate=0.0003, training_images=5000, validation_images=1000),
        [
            (1.999, 0.3498, 1.608, 0.667),
            (1.432, 0.729, 1.15, 0.839),
            (1.109, 0.7968, 0.8899, 0.879),
            (0.917, 0.829, 0.7339, 0.902),
        ],
    ),
    "rate003": Real(
        TrainingConfig("mlp", learning_rate=0.03, **FEW),
        [
            (3.687, 0.368, 0.9515, 0.679),
            (0.6379, 0.785, 0.4817, 0.849),
            (0.3186, 0.894, 0.4125, 0.889),
            (0.1932, 0.944, 0.416, 0.891),
            (0.1203, 0.963, 0.3525, 0.914),
        ],
    ),
    "cnn": Real(
        TrainingConfig("cnn", training_images=5000, validation_images=1000),
        [
            (0.4752, 0.8548, 0.2621, 0.927),
            (0.0732, 0.979, 0.0978, 0.977),
            (0.0425, 0.9872, 0.087, 0.982),
            (0.0166, 0.998, 0.0868, 0.98),
        ],
    ),
    "level": Real(
        TrainingConfig("linear", learning_rate=0.003, training_images=3000, validation_images=1000),
        [
            (1.136, 0.7097, 0.51, 0.91),
            (0.5178, 0.8697, 0.3728, 0.926),
            (0.4109, 0.897, 0.3342, 0.931),
            (0.3564, 0.9073, 0.3172, 0.928),
            (0.3196, 0.9147, 0.297, 0.934),
            (0.2945, 0.9267, 0.2911, 0.932),
            (0.2734, 0.9287, 0.2872, 0.935),
            (0.2549, 0.931, 0.291, 0.936),
            (0.2412, 0.9357, 0.2881, 0.933),
            (0.2281, 0.943, 0.2892, 0.933),
        ],
    ),
    "classic": Real(
        TrainingConfig("seed"),
        [
            (0.2774, 0.9217, 0.1552, 0.9542),
            (0.1257, 0.9637, 0.1029, 0.9686),
            (0.08713, 0.9737, 0.1056, 0.9651),
            (0.06739, 0.979, 0.08838, 0.9716),
            (0.05303, 0.984, 0.07868, 0.975),
            (0.04185, 0.9873, 0.07988, 0.9759),
            (0.03465, 0.9891, 0.07971, 0.9759),
            (0.03072, 0.9904, 0.08032, 0.9759),
            (0.02332, 0.9928, 0.07725, 0.9782),
            (0.02056, 0.9935, 0.08003, 0.9776),
        ],
    ),
}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "overfits",
            "The validation loss was lowest after epoch 7; since then it overfits. Early stopping, dropout, "
            "augmentation or more training images help against it.",
        ),
        (
            "zeros",
            "Accuracy stays at guessing, 10 %, and the loss at ln 10 = 2.303: it reads every image as a 7. All first "
            "weights are 0, so only the output's biases can learn: draw them by Glorot or He.",
        ),
        (
            "rate1",
            "Accuracy stays at guessing, 10 %: it reads nearly every image as a 7. The learning rate 1 is too high for "
            "Adam: try 0.001.",
        ),
        (
            "raw_sgd",
            "Accuracy stays at guessing, 10 %: it reads nearly every image as a 1. Pixels up to 255 instead of 1 make "
            "the first steps far too large: scale them to 0 to 1.",
        ),
        (
            "slow",
            "Accuracy stays at guessing, 10 %, and the loss at ln 10 = 2.303. The learning rate 0.000001 is too low to "
            "get anywhere: try 0.001.",
        ),
        (
            "deep_sigmoid",
            "Accuracy stays at guessing, 10 %, and the loss at ln 10 = 2.303: it reads every image as a 1. Through 6 "
            "layers of sigmoids hardly any gradient reaches the first one: try ReLU.",
        ),
        (
            "sgd1",
            "The validation loss jumped from 1.29 to 30.9 in epoch 2. The learning rate 1 is too high for SGD: try "
            "0.1.",
        ),
        (
            "classic_raw",
            "The pixels go in raw, up to 255, which makes each step too large: scale them to 0 to 1.",
        ),
        (
            "dropout_aug",
            "Validation is better than training because dropout and augmentation are off when it validates; read again "
            "without them, training images reach 92.6 %. The validation loss still falls, by 15 % in the last epoch: "
            "train more epochs.",
        ),
        (
            "wrong_not",
            "Validation is better than training because 30 % of the training labels are wrong, and those of validation "
            "right.",
        ),
        (
            "wrong_mem",
            "It learns wrong labels by heart: only 70 % of the training labels are right, but it agrees with 98.8 %. "
            "The validation loss was lowest after epoch 3; since then it overfits.",
        ),
        ("left_out", "It never predicts 8, which it was not trained on: about 90 % is the most it can reach."),
        ("falls", "The validation loss still falls, by 18 % in the last epoch: train more epochs."),
        ("rate003", "It reads its training images better than new ones, by 4.9 points."),
        ("cnn", "It reads its training images better than new ones, by 1.8 points."),
        (
            "level",
            "Training and validation stay close together: it does not overfit. The validation loss has levelled off: "
            "more epochs would change little.",
        ),
        (
            "classic",
            "It reads its training images better than new ones, by 1.6 points. The validation loss has levelled off: "
            "more epochs would change little.",
        ),
    ],
)
def test_the_curves_of_a_real_run_say_what_is_to_be_seen_in_them(name, words):
    assert RUNS[name].words() == words


@pytest.mark.parametrize("name", RUNS)
def test_in_training_the_words_come_after_two_epochs_and_change_seldom(name):
    run = RUNS[name]
    kinds = [
        tuple(finding.kind for finding in findings(run.epochs(count), run.config, ended=False))
        for count in range(len(run.rows) + 1)
    ]
    assert kinds[:2] == [(), ()]
    changes = sum(kind != before for before, kind in pairwise(kinds))
    assert changes <= 3
    said = [kind for kind in kinds if kind]
    assert {kind for kinds in said for kind in kinds} <= {*TROUBLE, "advice"}  # nothing is said of what may still come


def test_in_training_it_does_not_say_that_it_overfits_before_the_loss_has_risen_for_good():
    run = RUNS["overfits"]
    first = next(count for count in range(16) if "overfits" in run.words(count, ended=False))
    assert first > 7 + 2
    assert all("lowest after epoch 7" in run.words(count, ended=False) for count in range(first, 16))


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ((0.0058, 1, 0.3702, 0.93), "and is 10 % higher now: it overfits, though accuracy rose from 92.3 % to 93.0 %."),
        ((0.0058, 1, 0.3702, 0.922), "; since then it overfits."),
        ((0.0058, 1, 0.3410, 0.93), ""),  # the loss came back
    ],
)
def test_where_accuracy_still_rises_while_it_overfits_both_are_said(last, words):
    run = RUNS["overfits"]
    said = Real(run.config, [*run.rows[:-1], last]).words()
    assert words in said
    assert ("overfits" in said) == bool(words)


def test_a_run_that_forgot_all_says_after_which_epoch():
    learned, stuck = RUNS["rate003"], RUNS["rate1"]
    both = [{**epoch, "epoch": place} for place, epoch in enumerate([*learned.epochs(), *stuck.epochs()], start=1)]
    said = findings(both, stuck.config, ended=True)
    assert said[0].sentence == "Accuracy fell back to guessing, 10 %, after epoch 5."


def test_a_run_that_diverged_says_in_which_epoch_and_why(store):
    run = store.create(TrainingConfig("mlp", learning_rate=1.0, optimizer="momentum", epochs=3))
    measured = {"step": 8, "epoch": 1, "loss": 40.4, "accuracy": 0.16, "val_loss": 370.2, "val_accuracy": 0.045}
    run.append_event("epoch", **measured, learning_rate=1.0, training_seconds=1.0)
    run.set_state("failed", DIVERGED)
    assert [finding.sentence for finding in run_findings(run)] == [
        "It diverged in epoch 2: the loss grew until it was no number.",
        "The learning rate 1 is too high for SGD with momentum: try 0.01.",
    ]


def test_what_is_off_when_it_validates_is_read_from_the_layers():
    assert off_when_validating(TrainingConfig("best", augment=True)) == ["dropout", "augmentation"]
    assert off_when_validating(TrainingConfig("cnn", network="flatten, dropout 0.2, output softmax")) == ["dropout"]
    assert off_when_validating(TrainingConfig("cnn", network="flatten, dropout 0, output softmax")) == []
    assert off_when_validating(TrainingConfig("seed")) == []


anything = st.one_of(
    st.floats(), st.floats(0, 1), st.floats(2, 3), st.integers(), st.just(10**400), st.none(), st.booleans(), st.text()
)
damaged = st.lists(
    st.dictionaries(st.sampled_from([*NAMES, "epoch", "learning_rate", "step"]), anything)
    | st.just(dict.fromkeys(NAMES, 0.1)),
    max_size=12,
)
configs = st.builds(
    TrainingConfig,
    model=st.sampled_from(["seed", "linear", "dense", "cnn", "best"]),
    learning_rate=st.sampled_from([1e-6, 1e-3, 1.0]),
    optimizer=st.sampled_from(list(OPTIMIZERS)),
    pixels=st.sampled_from(list(PIXELS)),
    first_weights=st.sampled_from(list(FIRST_WEIGHTS)),
    wrong_labels=st.sampled_from([0.0, 0.3, 1.0]),
    left_out=st.sampled_from([(), (3, 8)]),
    augment=st.booleans(),
    imbalance=st.sampled_from([1, 10]),
)
counts = st.none() | st.lists(st.integers(0, 1000), min_size=10, max_size=10) | st.lists(st.integers(0, 5), max_size=3)


@given(damaged, configs, st.booleans(), st.booleans(), counts)
def test_of_any_history_there_are_at_most_two_sentences(epochs, config, ended, diverged, predicted):
    said = findings(epochs, config, ended=ended, diverged=diverged, predicted=predicted)
    assert len(said) <= MOST
    for finding in said:
        assert finding.sentence[0].isupper()
        assert finding.sentence.endswith(".")
        assert ". " not in finding.sentence
        assert "nan" not in finding.sentence


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"first_weights": "equal"}, "All first weights are equal"),
        ({"pixels": "0-255"}, "The pixels go in raw"),
        (
            {"network": "flatten, dense 128, dense 64, output softmax"},
            "No activation stands between “dense 128” and “dense 64”",
        ),
        ({"network": "conv 8 3, average pool, flatten, output softmax"}, "between “conv 8 3” and “output softmax”"),
    ],
)
def test_what_holds_a_network_back_is_said_alone_where_it_reads_worse_than_usual(settings, words):
    epochs = [
        {"epoch": n, "loss": 0.4 - n / 50, "accuracy": 0.88 + n / 100, "val_loss": 0.4 - n / 50, "val_accuracy": good}
        for n, good in ((1, 0.89), (2, 0.91), (3, 0.92))
    ]
    [said] = findings(epochs, TrainingConfig("dense", **settings), ended=True)
    assert words in said.sentence
    usual = findings(epochs, TrainingConfig("dense", network="conv 8 3, pool, flatten, output softmax"), ended=True)
    assert not any(finding.kind == "held back" for finding in usual)


def epochs_to(*accuracies):
    """Epochs whose losses are those of usual runs with these accuracies."""
    return [
        {"epoch": n, "loss": 2.3 * (1 - good), "accuracy": good, "val_loss": 2.3 * (1 - good), "val_accuracy": good}
        for n, good in enumerate(accuracies, 1)
    ]


@pytest.mark.parametrize(("accuracy", "step"), [(0.1, 4), (0.4, 4), (0.7, 157)])
def test_a_run_of_a_few_updates_has_hardly_trained_and_is_not_called_stuck(accuracy, step):
    def said(accuracy, step=step, **settings):
        epochs = [{**epoch, "step": step} for epoch in epochs_to(accuracy)]
        return findings(epochs, TrainingConfig(**settings), ended=True)

    [few] = said(accuracy)
    assert few.sentence == f"Only {step} updates so far: train more epochs or images."
    assert said(accuracy, 1)[0].sentence.startswith("Only 1 update so far")
    assert "few" not in {
        finding.kind
        for finding in (
            *said(0.9),
            *said(accuracy, first_weights="equal"),
            *said(accuracy, learning_rate=1.0),
            *said(accuracy, 1688),
            *said(accuracy, None),  # of an old run
        )
    }


def test_layers_without_an_activation_between_them_are_named_at_the_end_of_a_good_run_too():
    config = TrainingConfig("dense", network="conv 8 3, conv 8 3, relu, flatten, output softmax")
    good = epochs_to(0.96, 0.97, 0.98)
    assert "No activation stands between" in findings(good, config, ended=True)[0].sentence
    assert not any(finding.kind == "held back" for finding in findings(good, config, ended=False))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ""),
        ({"pixels": "0-255"}, "Scale the pixels to 0 to 1."),
        ({"first_weights": "zeros"}, "Draw the first weights by Glorot or He."),
        ({"first_weights": "equal", "network": "flatten, output softmax"}, ""),
    ],
)
def test_a_setting_that_spoils_training_has_its_own_cure(settings, words):
    assert cure(TrainingConfig(**settings)) == words


def test_of_a_run_that_crawls_it_is_not_said_that_it_does_not_overfit():
    said = {}
    for accuracy in (0.4, 0.97):
        epoch = {"loss": 0.5, "accuracy": accuracy, "val_loss": 0.5, "val_accuracy": accuracy, "step": 1000}
        epochs = [{"epoch": n, **epoch} for n in range(1, 5)]
        said[accuracy] = " ".join(finding.sentence for finding in findings(epochs, TrainingConfig("dense"), ended=True))
    assert "close together" in said[0.4]
    assert "overfit" not in said[0.4]
    assert "does not overfit" in said[0.97]


def test_rare_digits_that_are_hardly_predicted_are_named():
    def kinds(config, nines):
        counts = [(10_000 - nines) // 9] * 9 + [nines]
        found = findings(epochs_to(0.6, 0.7, 0.75), config, ended=True, predicted=counts)
        return {finding.kind: finding.sentence for finding in found}

    rare = TrainingConfig("dense", imbalance=100)
    said = kinds(rare, 172)["imbalanced"]
    assert "100 times as many 0 as 9" in said
    assert "predicts 9 for only 172 of" in said
    assert "imbalanced" not in kinds(rare, 1000)
    assert "imbalanced" not in kinds(TrainingConfig("dense"), 172)


def test_raw_pixels_are_named_also_where_the_network_nearly_copes():
    epochs = [{**epoch, "step": 900 * epoch["epoch"]} for epoch in epochs_to(0.93, 0.94, 0.955)]
    [said] = findings(epochs, TrainingConfig("dense", pixels="0-255"), ended=True)
    assert "raw" in said.sentence
    assert said.kind == "held back"
