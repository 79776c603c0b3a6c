"""The numbers of core.evaluation.metrics against scikit-learn, hand-made cases and the laws that they obey."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation import label_errors, learning, metrics
from tests.support.digits import labelled_probabilities
from tests.support.paths import ROOT

law = settings(max_examples=30, deadline=None)  # a busy machine is no failure
seeds = st.integers(0, 2**32 - 1)


def test_a_small_case_agrees_with_paper_and_pencil():
    probabilities = np.zeros((3, 10), np.float32)
    probabilities[0, [4, 9]] = 0.75, 0.25
    probabilities[1, [4, 9]] = 0.25, 0.75
    probabilities[2, [0, 1]] = 0.5, 0.5
    labels = np.array([4, 4, 1], np.uint8)

    predictions = metrics.predicted_digits(probabilities)
    second_digits, second_probabilities = metrics.second_guess(probabilities)
    matrix = metrics.confusion_matrix(labels, predictions)

    assert predictions.tolist() == [4, 9, 0]
    assert metrics.accuracy(labels, predictions) == pytest.approx(1 / 3)
    assert metrics.confidence(probabilities).tolist() == [0.75, 0.75, 0.5]
    assert second_digits.tolist() == [9, 4, 1]
    assert second_probabilities.tolist() == [0.25, 0.25, 0.5]
    assert metrics.cross_entropy(labels, probabilities) == pytest.approx(-np.log([0.75, 0.25, 0.5]))
    assert metrics.worst_pairs(matrix) == [
        metrics.ConfusedPair(label=1, prediction=0, count=1),
        metrics.ConfusedPair(label=4, prediction=9, count=1),
    ]


@law
@given(seeds)
def test_everything_scikit_learn_also_knows_is_the_same(seed):
    labels, probabilities = labelled_probabilities(seed, n=30)
    predictions = metrics.predicted_digits(probabilities)
    matrix = metrics.confusion_matrix(labels, predictions)
    ours = metrics.per_digit(matrix)
    theirs = sklearn.metrics.precision_recall_fscore_support(
        labels, predictions, labels=range(10), zero_division=np.nan
    )
    kept = np.maximum(probabilities, 1e-12)

    assert metrics.accuracy(labels, predictions) == sklearn.metrics.accuracy_score(labels, predictions)
    np.testing.assert_array_equal(matrix, sklearn.metrics.confusion_matrix(labels, predictions, labels=list(range(10))))
    np.testing.assert_allclose(
        metrics.normalised_by_label(matrix),
        sklearn.metrics.confusion_matrix(labels, predictions, labels=list(range(10)), normalize="true"),
    )
    for mine, other in zip((ours.precision, ours.recall, ours.f1, ours.support), theirs, strict=True):
        np.testing.assert_allclose(mine, other)
    assert metrics.cross_entropy(labels, probabilities).mean() == pytest.approx(
        sklearn.metrics.log_loss(labels, kept / kept.sum(axis=1, keepdims=True), labels=range(10))
    )


@law
@given(seeds)
def test_a_matrix_sums_to_n_and_worst_pairs_hold_every_mistake_in_falling_order(seed):
    labels, probabilities = labelled_probabilities(seed)
    predictions = metrics.predicted_digits(probabilities)
    matrix = metrics.confusion_matrix(labels, predictions)
    pairs = metrics.worst_pairs(matrix)
    counts = [pair.count for pair in pairs]

    assert matrix.sum() == len(labels)
    assert np.trace(matrix) / len(labels) == pytest.approx(metrics.accuracy(labels, predictions))
    assert sum(counts) == np.count_nonzero(labels != predictions)
    assert counts == sorted(counts, reverse=True)
    assert all(matrix[p.label, p.prediction] == p.count and p.label != p.prediction for p in pairs)
    assert metrics.worst_pairs(matrix, limit=2) == pairs[:2]


@law
@given(seeds)
def test_the_order_of_images_changes_nothing(seed):
    labels, probabilities = labelled_probabilities(seed)
    order = np.random.default_rng(seed).permutation(len(labels))
    predictions = metrics.predicted_digits(probabilities)

    np.testing.assert_array_equal(metrics.predicted_digits(probabilities[order]), predictions[order])
    np.testing.assert_array_equal(
        metrics.cross_entropy(labels[order], probabilities[order]),
        metrics.cross_entropy(labels, probabilities)[order],
    )
    np.testing.assert_array_equal(
        metrics.confusion_matrix(labels[order], predictions[order]),
        metrics.confusion_matrix(labels, predictions),
    )


def test_the_second_guess_of_a_certain_network_is_another_digit_with_probability_0():
    digits, probabilities = metrics.second_guess(np.eye(10))

    assert digits.tolist() == [1] + [0] * 9
    assert not probabilities.any()


def test_a_zero_has_a_finite_loss_that_depends_on_what_the_type_can_tell_from_zero():
    certain_and_wrong = np.eye(10)[[3]]

    assert metrics.cross_entropy([5], certain_and_wrong) == pytest.approx(-np.log(1e-12))
    assert metrics.cross_entropy([5], certain_and_wrong.astype(np.float16)) == pytest.approx(24 * np.log(2))


def test_history_tells_learned_last_forgotten_and_never_right_apart():
    labels = np.array([0, 1, 2, 3, 4, 5])
    predictions = np.array(
        [
            # always, late, forgotten, never, there and back, right once in the middle
            [0, 9, 2, 9, 4, 9],
            [0, 9, 2, 9, 9, 5],
            [0, 1, 9, 9, 4, 9],
            [0, 1, 9, 9, 4, 9],
        ]
    )
    history = learning.learning_history(labels, predictions)

    assert history.first_learned_epoch.tolist() == [1, 3, 1, 0, 1, 2]
    assert history.settled_epoch.tolist() == [1, 3, 0, 0, 3, 0]
    assert history.forgotten.tolist() == [2, 5]
    assert history.never_right.tolist() == [3]


@law
@given(seeds, st.integers(1, 5))
def test_history_agrees_with_a_loop_over_images_and_with_every_form_of_its_input(seed, epochs):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, 20)
    predictions = np.where(rng.random((epochs, 20)) < 0.5, labels, (labels + 1) % 10)
    probabilities = np.eye(10, dtype=np.float16)[predictions]
    history = learning.learning_history(labels, predictions)

    for image, column in enumerate((predictions == labels).T.tolist()):
        settled = next((e + 1 for e in range(epochs) if all(column[e:])), 0)
        assert history.settled_epoch[image] == settled
        assert history.first_learned_epoch[image] == (column.index(True) + 1 if any(column) else 0)
        assert (image in history.forgotten) == (any(column) and not column[-1])
        assert (image in history.never_right) == (not any(column))
    for form in (probabilities, list(probabilities), (epoch for epoch in probabilities), list(predictions)):
        np.testing.assert_array_equal(learning.predictions_over_epochs(form), predictions)


def mnist_like_labels() -> np.ndarray:
    """10,000 labels that are MNIST's where its label errors are, and 0 elsewhere."""
    labels = np.zeros(10_000, np.uint8)
    for error in label_errors.KNOWN_LABEL_ERRORS:
        labels[error.index] = error.given
    return labels


def test_of_fifteen_label_errors_ten_have_a_majority_and_five_are_three_neithers_and_two_ties():
    errors = label_errors.KNOWN_LABEL_ERRORS
    left_out = [error for error in errors if error.corrected is None]

    assert len({error.index for error in errors}) == 15
    assert all(error.votes_given + error.votes_guess + error.votes_neither == 5 for error in errors)
    assert all(error.given != error.guess and error.votes_given < 3 for error in errors)
    assert {error.index for error in left_out if error.votes_neither >= 3} == {2654, 3520, 9679}
    assert {error.index for error in left_out if error.votes_given == error.votes_guess} == {2130, 8527}
    assert len(left_out) == 5


def test_corrected_accuracy_relabels_ten_and_leaves_out_five():
    labels = mnist_like_labels()
    as_published = label_errors.corrected_accuracy(labels, labels)
    as_people_see_it = labels.copy()
    for error in label_errors.KNOWN_LABEL_ERRORS:
        as_people_see_it[error.index] = error.guess

    assert as_published == label_errors.CorrectedAccuracy(official=1.0, corrected=9985 / 9995, n=9995)
    assert label_errors.corrected_accuracy(labels, as_people_see_it) == label_errors.CorrectedAccuracy(
        official=9985 / 10_000, corrected=1.0, n=9995
    )
    with pytest.raises(ValueError, match="not MNIST's 10,000 test labels"):
        label_errors.corrected_accuracy(labels[::-1], labels)
    with pytest.raises(ValueError, match="not MNIST's 10,000 test labels"):
        label_errors.corrected_accuracy(labels[:1797], labels[:1797])


@pytest.mark.skipif(not Path(os.environ.get("DIGITLAB_DATA", "")).is_file(), reason="DIGITLAB_DATA is no mnist.npz")
def test_the_given_labels_are_those_of_the_real_test_set():
    with np.load(os.environ["DIGITLAB_DATA"], allow_pickle=False) as mnist:
        labels = mnist["y_test"]

    assert label_errors.corrected_accuracy(labels, labels).official == 1.0


def test_without_images_counts_are_zero_and_shares_are_nan():
    no_labels, no_probabilities = np.array([], np.int64), np.empty((0, 10), np.float32)
    matrix = metrics.confusion_matrix(no_labels, no_labels)
    table = metrics.per_digit(matrix)
    history = learning.learning_history(no_labels, np.empty((2, 0, 10), np.float16))

    assert np.isnan(metrics.accuracy(no_labels, no_labels))
    assert metrics.cross_entropy(no_labels, no_probabilities).shape == (0,)
    assert metrics.second_guess(no_probabilities)[1].shape == (0,)
    assert not matrix.any()
    assert not metrics.normalised_by_label(matrix).any()
    assert np.isnan([table.precision, table.recall, table.f1]).all()
    assert not table.support.any()
    assert metrics.worst_pairs(matrix) == []
    assert len(history.forgotten) == len(history.never_right) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.accuracy([1, 2], [1]),
            "predictions must have one entry for each of the 2 images; got 1",
        ),
        (lambda: metrics.accuracy([10], [1]), "labels must be digits from 0 to 9; got 10 to 10"),
        (lambda: metrics.accuracy([-1], [1]), "labels must be digits from 0 to 9"),
        (lambda: metrics.accuracy([1.0], [1]), "labels must be integers; got float64"),
        (lambda: metrics.accuracy([[1]], [1]), r"labels must have one digit per image.*\(1, 1\)"),
        (
            lambda: metrics.confidence(np.ones((2, 48))),
            r"probabilities must be floats \(n, 2 to 47\); got float64 \(2, 48\)",
        ),
        (lambda: metrics.confidence(np.full((2, 10), np.nan)), "2 of 2 images have NaN"),
        (lambda: metrics.confidence(np.ones((1, 10))), "sum to 1 for each image"),
        (lambda: metrics.confidence(np.array([[-1.0, 2.0] + [0.0] * 8])), "must be 0 or more"),
        (
            lambda: metrics.cross_entropy([1, 2], np.full((1, 10), 0.1)),
            "a row for each of the 2 images; got 1",
        ),
        (lambda: metrics.per_digit(np.zeros((10, 9), int)), r"matrix must be counts \(10, 10\)"),
        (lambda: learning.learning_history([1], []), "at least one epoch"),
        (lambda: learning.learning_history([1], [[1], [1, 2]]), "Epoch 2 has 2 images, epoch 1 has 1"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_dashboard_starts_without_scikit_learn_and_scipy():
    code = (
        "import sys, core.evaluation.metrics, core.evaluation.calibration, core.evaluation.comparison\n"
        "print({'sklearn', 'scipy', 'pandas', 'streamlit', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    root = ROOT
    shown = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "set()"
