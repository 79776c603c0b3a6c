"""The OOD detector: its scores against scikit-learn and by hand, its reasons, its file."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from sklearn.decomposition import PCA

from core.config import TrainingConfig
from core.inference import ood, ood_samples
from core.predictor import model_fingerprint
from core.runs import files


class FakePredictor:
    """A network of fixed random weights: one hidden layer of 30 units."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.first = rng.normal(0, 0.08, (784, 30)).astype(np.float32)
        self.last = rng.normal(0, 0.3, (30, 10)).astype(np.float32)

    def outputs(self, images: np.ndarray) -> dict[str, np.ndarray]:
        hidden = np.maximum(images.reshape(len(images), 784) / np.float32(255) @ self.first, 0)
        powers = np.exp(hidden @ self.last)
        return {"hidden": hidden, "probabilities": powers / powers.sum(axis=1, keepdims=True)}


@pytest.fixture(scope="module")
def predictor() -> FakePredictor:
    return FakePredictor()


@pytest.fixture(scope="module")
def fitted(predictor, digits):
    """A detector of 300 drawings of each side, and the digits held out for its threshold."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ood, "DIGITS", 300)
        patch.setattr(ood, "NOT_DIGITS", 300)
        detector = ood.fit(predictor, digits.x_train[:1000], digits.y_train[:1000], digits.x_train[1000:])
    return detector


@pytest.fixture(scope="module")
def mixed(digits) -> np.ndarray:
    """Digits, drawings that are none, and a blank."""
    others = ood_samples.not_digits(np.random.default_rng(9), digits.x_train, 40)
    return np.concatenate([digits.x_test[:40], others, np.zeros((1, 28, 28), np.uint8)])


def square() -> np.ndarray:
    drawing = np.zeros((28, 28), np.uint8)
    drawing[4:24, 4:24] = 255
    return drawing


def test_the_distance_to_a_digits_plane_is_what_scikit_learns_pca_cannot_rebuild(digits, predictor):
    images, labels = digits.x_train[:800], digits.y_train[:800]
    means, directions = ood._planes(images, labels)
    drawings = digits.x_test[:50]
    probabilities = predictor.outputs(drawings)["probabilities"]
    edges, left = ood._edges(drawings), []
    for digit in range(10):
        pca = PCA(ood.PLANE_DIRECTIONS, svd_solver="full").fit(ood._edges(images[labels == digit]))
        left.append(((edges - pca.inverse_transform(pca.transform(edges))) ** 2).sum(axis=1))
    left = np.array(left).T
    nearest = np.sort(left, axis=1)
    expected = [nearest[:, 0], nearest[:, 1], left[np.arange(50), probabilities.argmax(axis=1)]]
    scores = ood._scores(drawings, probabilities, means, directions)
    np.testing.assert_allclose(scores[:, 1:4], np.log1p(np.column_stack(expected)), atol=0.01)  # kept as float16
    np.testing.assert_allclose(scores[:, 0], np.log(1 - probabilities.max(axis=1) + 1e-5), rtol=1e-5)


def test_edges_tell_upright_from_level_strokes_whichever_side_is_inked():
    upright = np.zeros((28, 28), np.uint8)
    upright[:, 10:14] = 255
    by_direction = ood._edges(np.stack([upright, upright.T])).reshape(2, 49, 4).sum(axis=1)
    assert by_direction[0, 0] > 0
    assert by_direction[0, 2] == pytest.approx(0, abs=10)  # only the ends at the frame
    np.testing.assert_allclose(by_direction[0, 0], by_direction[1, 2], rtol=1e-4)


def test_facts_of_a_ring_are_those_counted_by_hand():
    ring = square()
    ring[8:20, 8:20] = 0
    pieces, large, holes, area, height, width, thickest, path, down, right = ood._facts(ring)
    assert (pieces, large, holes, area, height, width) == (1, 1, 1, 400 - 144, 20, 20)
    assert thickest == pytest.approx(np.hypot(2, 2), abs=0.9)
    assert path == pytest.approx(4 * 16 * 4 / 1.6, rel=0.15)
    assert down == right == 2 * 20 + 2 * 12


def test_log_odds_are_the_logistic_regressions_formula(fitted, predictor, mixed):
    outputs = predictor.outputs(mixed)
    scores = ood._scores(mixed, outputs["probabilities"], fitted.means, fitted.directions)
    by_hand = []
    for row, hidden in zip(scores, outputs["hidden"], strict=True):
        z = [max(-6.0, min(6.0, (s - c) / d)) for s, c, d in zip(row, fitted.centre, fitted.scale, strict=True)]
        pairs = sum(fitted.square[i, j] * z[i] * z[j] for i in range(len(z)) for j in range(len(z)))
        by_hand.append(pairs + np.dot(fitted.linear, z) + np.dot(fitted.hidden, hidden) + fitted.bias)
    np.testing.assert_allclose(fitted.log_odds(mixed, outputs), by_hand, rtol=1e-6, atol=1e-6)


def test_the_reason_for_a_drawing_does_not_depend_on_the_others(fitted, predictor, mixed):
    outputs = predictor.outputs(mixed)
    together = fitted.reasons(mixed, outputs)
    order = np.random.default_rng(1).permutation(len(mixed))
    shuffled = fitted.reasons(mixed[order], {name: values[order] for name, values in outputs.items()})
    assert shuffled == [together[index] for index in order]
    for index in (0, 39, 45, 80):
        alone = {name: values[index : index + 1] for name, values in outputs.items()}
        assert fitted.reasons(mixed[index : index + 1], alone) == [together[index]]


def test_most_digits_pass_and_most_other_drawings_do_not(fitted, predictor, digits):
    passed = fitted.reasons(digits.x_test, predictor.outputs(digits.x_test))
    assert np.mean([not reason for reason in passed]) > 0.9
    others = ood_samples.not_digits(np.random.default_rng(77), digits.x_test, 160)
    refused = fitted.reasons(others, predictor.outputs(others))
    assert np.mean([bool(reason) for reason in refused]) > 0.6


def test_the_threshold_lets_the_stated_share_of_held_out_digits_through(predictor, digits, monkeypatch):
    monkeypatch.setattr(ood, "DIGITS", 200)
    monkeypatch.setattr(ood, "NOT_DIGITS", 200)
    seen, hands = [], ood_samples.other_hands
    monkeypatch.setattr(ood_samples, "other_hands", lambda *given: seen.append(hands(*given)) or seen[-1])
    detector = ood.fit(predictor, digits.x_train[:700], digits.y_train[:700], digits.x_train[700:])
    refused = detector.log_odds(seen[-1], predictor.outputs(seen[-1])) > detector.threshold
    assert ood.PASS_SHARE <= np.mean(~refused) <= ood.PASS_SHARE + 1 / len(refused) + 1e-9


def test_the_same_digits_give_the_same_detector(predictor, digits, monkeypatch):
    monkeypatch.setattr(ood, "DIGITS", 60)
    monkeypatch.setattr(ood, "NOT_DIGITS", 60)
    given = predictor, digits.x_train[:300], digits.y_train[:300], digits.x_train[300:400]
    first, second = ood.fit(*given), ood.fit(*given)
    assert first.threshold == second.threshold
    np.testing.assert_array_equal(first.square, second.square)


def test_a_blank_and_a_filled_square_and_two_digits_are_told_apart(fitted, predictor):
    strict = replace(fitted, threshold=np.array(-1e9))  # refuses everything, so that only the reason is tested
    two = np.zeros((28, 28), np.uint8)
    two[9:19, 5:8] = two[9:19, 14:20] = 255
    line = np.zeros((28, 28), np.uint8)
    line[4:24, 13:15] = 255
    drawings = np.stack([np.zeros((28, 28), np.uint8), square(), two, line])
    reasons = strict.reasons(drawings, predictor.outputs(drawings))
    assert reasons == [ood.BLANK, ood.FILLED, ood.SEVERAL, ood.UNKNOWN]
    assert fitted.reasons(square()[np.newaxis], predictor.outputs(square()[np.newaxis])) == [ood.FILLED]
    assert fitted.reasons(drawings[:1], predictor.outputs(drawings[:1])) == [ood.BLANK]


def test_faint_ink_has_a_reason_too(fitted, predictor):
    faint = np.full((1, 28, 28), 60, np.uint8)
    strict = replace(fitted, threshold=np.array(-1e9))
    assert strict.reasons(faint, predictor.outputs(faint)) == [ood.UNKNOWN]


def test_no_drawings_have_no_reasons(fitted, predictor):
    none = np.zeros((0, 28, 28), np.uint8)
    assert fitted.reasons(none, predictor.outputs(none)) == []


@pytest.mark.parametrize("images", [np.zeros((1, 27, 28), np.uint8), np.zeros((1, 28, 28))])
def test_other_arrays_are_refused_with_what_is_wanted(fitted, images):
    with pytest.raises(ValueError, match=r"uint8 \(n, 28, 28\) with a hidden layer \(n, 30\)"):
        fitted.reasons(images, {"hidden": np.zeros((1, 30)), "probabilities": np.full((1, 10), 0.1)})


def test_without_digits_there_is_no_detector(predictor, digits):
    with pytest.raises(ValueError, match="there are none"):
        ood.fit(predictor, digits.x_train[:0], digits.y_train[:0], digits.x_train[:5])


def test_a_digit_without_images_is_compared_with_all(digits):
    kept = digits.y_train != 3
    means, _ = ood._planes(digits.x_train[kept], digits.y_train[kept])
    np.testing.assert_allclose(means[3], ood._edges(digits.x_train[kept]).mean(axis=0), atol=0.01)


def test_a_detector_comes_back_from_the_run_as_it_was(fitted, tmp_path, predictor, mixed):
    (tmp_path / "model.tflite").write_bytes(b"a model")
    detector = replace(fitted, model=model_fingerprint(tmp_path))
    detector.save(tmp_path)
    back = ood.load(tmp_path)
    np.testing.assert_array_equal(
        back.log_odds(mixed, predictor.outputs(mixed)), detector.log_odds(mixed, predictor.outputs(mixed))
    )
    assert (tmp_path / files.OOD).stat().st_size < 100_000


def test_after_further_training_the_old_detector_is_not_used(fitted, tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"a model")
    replace(fitted, model=model_fingerprint(tmp_path)).save(tmp_path)
    (tmp_path / "model.tflite").write_bytes(b"trained further")
    assert ood.load(tmp_path) is None


def test_missing_and_damaged_files_are_no_detector(fitted, tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"a model")
    assert ood.load(tmp_path) is None
    replace(fitted, model=model_fingerprint(tmp_path)).save(tmp_path)
    whole = (tmp_path / files.OOD).read_bytes()
    for damaged in (b"", b"no zip", whole[: len(whole) // 2], whole[:5000] + b"\0" * 500 + whole[5500:]):
        (tmp_path / files.OOD).write_bytes(damaged)
        assert ood.load(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("linear", np.zeros(3)),
        ("bias", np.array(np.nan)),
        ("threshold", np.array("high")),
        ("hidden", np.zeros((2, 2))),
    ],
)
def test_arrays_of_another_kind_are_no_detector(fitted, tmp_path, name, value):
    (tmp_path / "model.tflite").write_bytes(b"a model")
    replace(fitted, model=model_fingerprint(tmp_path), **{name: value}).save(tmp_path)
    assert ood.load(tmp_path) is None


@pytest.mark.parametrize("model", ["seed", "dense"])
def test_a_runs_detector_never_sees_the_test_images(store, digits, predictor, monkeypatch, model):
    run = store.create(TrainingConfig(model=model))
    (run.path / "model.tflite").write_bytes(b"a model")
    given = []
    monkeypatch.setattr(ood, "fit", lambda *values, **bound: given.append((values, bound)))
    ood.fit_for_run(run, predictor, digits)
    (_, images, labels, held_out), bound = given[0]
    model = (run.path / "model.tflite").read_bytes()
    assert bound["model"] == model_fingerprint(run.path) == hashlib.sha256(model).hexdigest()[:16]
    assert len(images) == len(labels)
    assert len(images) + len(held_out) == len(digits.x_train)
    np.testing.assert_array_equal(np.concatenate([images, held_out]), digits.x_train)


@pytest.mark.parametrize("model", ["seed", "dense"])
def test_a_digit_that_the_run_did_not_learn_is_none_to_its_detector(store, digits, predictor, monkeypatch, model):
    run = store.create(TrainingConfig(model=model, left_out=(3, 8)))
    (run.path / "model.tflite").write_bytes(b"a model")
    given = []
    monkeypatch.setattr(ood, "fit", lambda *values, **bound: given.extend(values))
    ood.fit_for_run(run, predictor, digits)
    _, images, labels, held_out = given
    others = [image.tobytes() for image in digits.x_train[np.isin(digits.y_train, (3, 8))]]
    assert len(others) > 0
    assert not {image.tobytes() for image in (*images, *held_out)} & set(others)
    assert set(labels.tolist()) == set(range(10)) - {3, 8}


def test_boxed_ink_is_as_mnist_has_it():
    picture = Image.new("L", (70, 50))
    ImageDraw.Draw(picture).rectangle((3, 5, 12, 44), fill=200)
    image = ood_samples.boxed(np.asarray(picture))
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1, image.max()) == (20, 5, 255)
    assert (image.sum(axis=1) @ np.arange(28)) / image.sum() == pytest.approx(14, abs=0.51)
    assert not ood_samples.boxed(np.zeros((9, 9), np.uint8)).any()


def test_made_drawings_are_images_and_come_again_from_the_same_seed(digits):
    first, again = (ood_samples.not_digits(np.random.default_rng(4), digits.x_train, 24) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first.shape, first.dtype) == ((24, 28, 28), np.uint8)
    hands = ood_samples.other_hands(np.random.default_rng(4), digits.x_train[:5])
    assert (hands.shape, hands.dtype) == ((5, 28, 28), np.uint8)
    blank = np.zeros((2, 28, 28), np.uint8)
    assert not ood_samples.other_hands(np.random.default_rng(4), blank).any()
    assert ood_samples.not_digits(np.random.default_rng(4), blank, 16).shape == (16, 28, 28)
