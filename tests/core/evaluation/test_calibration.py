"""The numbers of core.evaluation.calibration against scikit-learn, SciPy, brute force and the laws that they obey."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.calibration import calibration_curve

from core.evaluation import calibration, metrics
from tests.support.digits import labelled_probabilities

law = settings(max_examples=30, deadline=None)  # a busy machine is no failure
seeds = st.integers(0, 2**32 - 1)


def calibrated_logits(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from their softmax: the best temperature for these is 1."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 10))
    labels = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=9)
    return labels, logits


def mean_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    return float(metrics.cross_entropy(labels, probabilities).mean())


def rows_with_confidence(values: list[float]) -> np.ndarray:
    """Probabilities whose prediction is 0 with these confidences (the rest spread evenly)."""
    confidence = np.array(values)[:, None]
    return np.hstack([confidence, np.repeat((1 - confidence) / 9, 9, axis=1)])


def test_a_small_calibration_error_agrees_with_paper_and_pencil():
    probabilities = rows_with_confidence([0.8, 0.9, 1.0, 0.5])
    labels = np.array([0, 1, 0, 1])
    diagram = calibration.reliability_diagram(labels, probabilities, bins=2)

    assert diagram.edges.tolist() == [0, 0.5, 1]
    assert diagram.count.tolist() == [1, 3]
    assert diagram.mean_confidence == pytest.approx([0.5, 0.9])
    assert diagram.accuracy == pytest.approx([0, 2 / 3])
    ece = calibration.expected_calibration_error(labels, probabilities, bins=2)
    assert ece == pytest.approx(1 / 4 * 0.5 + 3 / 4 * (0.9 - 2 / 3))


@law
@given(seeds, st.integers(1, 20))
def test_reliability_agrees_with_scikit_learn_and_the_error_lies_between_0_and_1(seed, bins):
    labels, probabilities = labelled_probabilities(seed)
    right = probabilities.argmax(axis=1) == labels
    diagram = calibration.reliability_diagram(labels, probabilities, bins=bins)
    filled = diagram.count > 0
    accuracy, confidence = calibration_curve(right, probabilities.max(axis=1), n_bins=bins)
    error = calibration.expected_calibration_error(labels, probabilities, bins=bins)

    np.testing.assert_allclose(diagram.accuracy[filled], accuracy)
    np.testing.assert_allclose(diagram.mean_confidence[filled], confidence)
    assert np.isnan(diagram.accuracy[~filled]).all()
    assert diagram.count.sum() == len(labels)
    assert error == pytest.approx(np.average(np.abs(accuracy - confidence), weights=diagram.count[filled]))
    assert 0 <= error <= 1


@law
@given(seeds)
def test_temperature_1_is_the_identity_and_others_are_softmax_of_the_logits(seed):
    _, probabilities = labelled_probabilities(seed)
    _, logits = calibrated_logits(seed, n=20)

    np.testing.assert_allclose(calibration.apply_temperature(probabilities, 1), probabilities, atol=1e-10)
    np.testing.assert_allclose(
        calibration.apply_temperature(softmax(logits, axis=1), 2.5), softmax(logits / 2.5, axis=1), atol=1e-12
    )


@law
@given(seeds, st.sampled_from([np.float16, np.float32, np.float64]))
def test_the_fitted_temperature_is_never_worse_than_none_and_none_nearby_is_better(seed, dtype):
    labels, probabilities = labelled_probabilities(seed)
    probabilities = probabilities.astype(dtype)
    fitted = calibration.fit_temperature(labels, probabilities)
    loss = mean_loss(labels, calibration.apply_temperature(probabilities, fitted))
    untouched = mean_loss(labels, calibration.apply_temperature(probabilities, 1))

    assert 0.05 <= fitted <= 20
    assert loss <= untouched + 1e-9
    for other in np.clip([fitted * 0.8, fitted * 1.25], 0.05, 20):
        assert loss <= mean_loss(labels, calibration.apply_temperature(probabilities, other)) + 1e-6


@pytest.mark.parametrize("overconfidence", [0.5, 1.0, 3.0])
def test_a_known_overconfidence_is_found_again(overconfidence):
    labels, logits = calibrated_logits(seed=0, n=5_000)
    logits = logits * overconfidence
    fitted = calibration.fit_temperature(labels, softmax(logits, axis=1))
    images = np.arange(len(labels))
    by_scipy = minimize_scalar(lambda t: -log_softmax(logits / t, axis=1)[images, labels].mean(), (0.5, 2))

    assert fitted == pytest.approx(by_scipy.x, rel=1e-3)
    assert fitted == pytest.approx(overconfidence, rel=0.05)


@law
@given(seeds, st.floats(0, 1))
def test_the_coverage_curve_is_what_counting_at_any_threshold_gives(seed, threshold):
    labels, probabilities = labelled_probabilities(seed)
    curve = calibration.coverage_curve(labels, probabilities)
    right = probabilities.argmax(axis=1) == labels
    confidence = probabilities.max(axis=1)

    for t in (threshold, *curve.threshold):
        answers = confidence >= t
        upper = np.searchsorted(curve.threshold, t)
        if upper < len(curve.threshold):
            assert curve.coverage[upper] == pytest.approx(answers.mean())
            assert curve.accuracy[upper] == pytest.approx(right[answers].mean())
        else:
            assert not answers.any()


@law
@given(seeds)
def test_coverage_falls_from_all_images_and_their_accuracy(seed):
    labels, probabilities = labelled_probabilities(seed)
    curve = calibration.coverage_curve(labels, probabilities)

    assert (curve.threshold[0], curve.coverage[0]) == (0, 1)
    assert curve.accuracy[0] == metrics.accuracy(labels, metrics.predicted_digits(probabilities))
    assert (np.diff(curve.threshold) > 0).all()
    assert (np.diff(curve.coverage[1:]) < 0).all()


@law
@given(seeds)
def test_the_order_of_images_changes_nothing(seed):
    labels, probabilities = labelled_probabilities(seed)
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = labels[order], probabilities[order]

    assert calibration.expected_calibration_error(*shuffled) == pytest.approx(
        calibration.expected_calibration_error(labels, probabilities)
    )
    assert calibration.fit_temperature(*shuffled) == pytest.approx(
        calibration.fit_temperature(labels, probabilities), rel=1e-3
    )
    for one, other in zip(
        vars(calibration.coverage_curve(*shuffled)).values(),
        vars(calibration.coverage_curve(labels, probabilities)).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_without_images_there_are_no_shares_and_no_temperature():
    labels, probabilities = np.array([], np.int64), np.empty((0, 10), np.float32)

    assert np.isnan(calibration.expected_calibration_error(labels, probabilities))
    assert calibration.apply_temperature(probabilities, 2).shape == (0, 10)
    assert np.isnan(calibration.coverage_curve(labels, probabilities).coverage).all()
    with pytest.raises(ValueError, match="needs images"):
        calibration.fit_temperature(labels, probabilities)


def test_impossible_settings_are_refused_by_name():
    labels, probabilities = np.array([0]), rows_with_confidence([0.9])

    with pytest.raises(ValueError, match="bins must be 1 or more; got 0"):
        calibration.reliability_diagram(labels, probabilities, bins=0)
    for temperature in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match="temperature must be positive and finite"):
            calibration.apply_temperature(probabilities, temperature)
