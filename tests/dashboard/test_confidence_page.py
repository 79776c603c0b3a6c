"""The Confidence page: its numbers against scikit-learn and SciPy, its states, and the threshold in the run."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.calibration import calibration_curve

from core.runs.files import THRESHOLD
from tests.support.digits import mostly_right
from tests.support.pages import galleries, numbers, open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]


@pytest.fixture
def overconfident(make_run, digits):
    """A run whose probabilities are sharper than its mistakes allow, with validation images; returns it and both."""
    rng = np.random.default_rng(0)

    def sharp(labels):
        logits = rng.normal(0, 1.5, (len(labels), 10))
        logits[np.arange(len(labels)), labels] += 4
        return softmax(2.5 * logits, axis=1).astype(np.float32)

    run, labels = make_run(), digits.y_train[:1000]
    kept = sharp(labels)
    run.write_probabilities(sharp(digits.y_test))
    run.write_validation(labels, kept)
    return run, *run.validation()


def test_without_a_run_it_leads_to_training():
    assert [button.label for button in open_page("confidence").main.button] == ["Train a network"]


def test_its_numbers_are_those_of_scikit_learn_and_scipy(overconfident, digits):
    run, labels, validation = overconfident
    probabilities = run.probabilities().astype(float)

    def error(given):
        right, sure = given.argmax(axis=1) == digits.y_test, given.max(axis=1)
        accuracy, confidence = calibration_curve(right, sure, n_bins=15)
        counts = np.histogram(sure, bins=np.linspace(0, 1, 16))[0]
        return np.average(np.abs(accuracy - confidence), weights=counts[counts > 0])

    smallest = 6e-8  # of float16, the type of the run's files
    logits = np.log(np.maximum(validation, smallest))
    loss = minimize_scalar(lambda t: -log_softmax(logits / t, axis=1)[np.arange(len(labels)), labels].mean(), (0.5, 2))
    after = softmax(np.log(np.maximum(probabilities, smallest)) / loss.x, axis=1)
    shown = numbers(open_page("confidence"))
    assert shown["Calibration error"] == f"{100 * error(probabilities):.2f} %"
    assert shown["Mean confidence"] == f"{100 * probabilities.max(axis=1).mean():.2f} %"
    assert float(shown["Temperature"]) == pytest.approx(loss.x, abs=6e-4)
    assert float(shown["Temperature"]) > 1.2
    assert float(shown["With temperature"].split()[0]) == pytest.approx(100 * error(after), abs=0.02)


def test_the_threshold_is_kept_in_the_run_and_told_in_exact_numbers(overconfident, digits):
    run, *_ = overconfident
    at = open_page("confidence")
    at.slider[0].set_value(90.0).run()
    assert not at.exception
    assert run.threshold == 0.9
    probabilities = run.probabilities()
    right, answers = probabilities.argmax(axis=1) == digits.y_test, probabilities.max(axis=1) >= 0.9
    text = words(at)
    assert f"answers **{100 * answers.mean():.2f} %** of the images ({answers.sum()} of 397)" in text
    assert f"right on **{100 * right[answers].mean():.2f} %** of those" in text
    assert f"avoids **{(~right & ~answers).sum()}** of its {(~right).sum()} mistakes" in text
    assert f"**{(right & ~answers).sum()}** correct answer" in text

    run.set_threshold(0.95)  # another page or browser
    assert open_page("confidence").slider[0].value == 95.0
    (run.path / THRESHOLD).write_text("{")
    at = open_page("confidence")
    least = at.slider[0].min
    assert 0 < least <= 100 * probabilities.max(axis=1).min()
    assert at.slider[0].value == least
    assert "answers all 397 images" in words(at)

    run.set_threshold(0.05)  # below the axis: it stays until the slider is moved
    at = open_page("confidence")
    assert at.slider[0].value == least
    assert run.threshold == 0.05
    at.slider[0].set_value(90.0).run()
    at.slider[0].set_value(least).run()
    assert not run.threshold


def test_both_ends_are_the_least_sure_right_and_the_surest_wrong(overconfident, digits):
    run, *_ = overconfident
    probabilities = run.probabilities()
    right, sure = probabilities.argmax(axis=1) == digits.y_test, probabilities.max(axis=1)
    least, most = ([tile["index"] for tile in one] for one in galleries(open_page("confidence")))
    assert right[least].all()
    assert sure[least].tolist() == sorted(sure[right])[:12]
    assert not right[most].any()
    assert sure[most].tolist() == sorted(sure[~right], reverse=True)[:12]


def test_why_there_is_no_temperature_is_said_and_all_else_is_shown(make_run, digits):
    labels = digits.y_train[:200]
    run = make_run(model="seed")
    run.write_validation(labels, mostly_right(labels, slice(9)))  # even so: they are test images
    at = open_page("confidence", run=run.id)
    assert "validates on the test images" in words(at)
    assert "sigmoid" in words(at)
    assert set(numbers(at)) == {"Mean confidence", "Test accuracy", "Calibration error"}

    run = make_run()
    assert "predictions for its validation images are missing" in words(open_page("confidence", run=run.id))
    run.write_validation(labels, mostly_right(labels, slice(0)))
    assert "All 200 validation images" in words(open_page("confidence", run=run.id))
    run.write_validation(labels[:50], mostly_right(labels, slice(9)))
    assert "damaged" in words(open_page("confidence", run=run.id))
    (run.path / "validation.npz").write_bytes(b"nothing")
    assert "predictions for its validation images are missing" in words(open_page("confidence", run=run.id))

    run.write_validation(labels, mostly_right(labels, slice(9)))
    assert "Temperature" in numbers(open_page("confidence", run=run.id))
    run.set_state("running")
    with run.lock():
        at = open_page("confidence", run=run.id)
        assert "when training has ended" in words(at)
        assert words(at).index("still training") < words(at).index("When should it say")


def test_without_mistakes_and_with_damage_it_says_so(make_run, digits):
    run = make_run()
    run.write_probabilities(mostly_right(digits.y_test, slice(0)))
    assert "None" in words(open_page("confidence"))
    run.write_probabilities(np.full((5, 10), 0.1))
    assert "5 test images" in open_page("confidence").error[0].value
    run.write_probabilities(np.full((len(digits.y_test), 10), np.nan))
    assert "probabilities.npy of Dense 1 is damaged" in words(open_page("confidence"))
