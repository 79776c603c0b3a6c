"""`core.robustness.corruptions` against scipy.ndimage, and the laws that each change keeps."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from core.robustness import corruptions
from core.robustness.corruptions import CORRUPTIONS, STRENGTHS, corrupt, warped


@pytest.fixture(scope="module")
def images():
    """Blurred blobs well inside the frame, and pure noise."""
    random = np.random.default_rng(3)
    blobs = np.zeros((30, 28, 28))
    blobs[:, 9:19, 9:19] = random.uniform(0, 255, (30, 10, 10))
    return np.concatenate([blobs, random.uniform(0, 255, (10, 28, 28))]).astype(np.uint8)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_change_gives_pixels_is_always_the_same_and_leaves_its_input_alone(images, name, strength):
    before = images.copy()
    result = corrupt(images, name, strength)
    assert result.dtype == np.uint8
    assert result.shape == images.shape
    assert (result != images).any()
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(corrupt(images, name, strength), result)
    np.testing.assert_array_equal(corrupt(images[:7], name, strength), result[:7])  # whichever images come after
    assert corrupt(images[:0], name, strength).shape == (0, 28, 28)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_one_image_alone_is_changed_as_the_first_of_many(images, name):
    """One image is turned one way, so that there is none for the other."""
    assert (corrupt(images[:1], name, 3) == corrupt(images, name, 3)[:1]).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_strength_0_is_the_image_itself(images, name):
    np.testing.assert_array_equal(corrupt(images, name, 0), images)


@pytest.mark.parametrize("inverse", [(1, 0, 0, 1), (0.8, 0.6, -0.6, 0.8), (2, 0, 0, 2), (1, 0, 0.5, 1)])
def test_a_warp_is_the_one_of_scipy(images, inverse):
    matrix = np.reshape(inverse, (2, 2))
    middle = np.full(2, 13.5)
    pixels = images.astype(np.float32)
    oracle = [
        ndimage.affine_transform(image, matrix, middle - matrix @ middle, order=1, mode="grid-constant")
        for image in pixels
    ]
    np.testing.assert_allclose(warped(pixels, inverse), oracle, atol=1e-3)


@pytest.mark.parametrize(("strength", "pixels"), [(1, 2), (2, 4), (3, 6)])
def test_a_shift_moves_the_centre_of_mass_by_exactly_that_in_all_four_directions(images, strength, pixels):
    blobs = images[:30]
    result = corrupt(blobs, "shift", strength)
    moves = [
        np.subtract(ndimage.center_of_mass(after), ndimage.center_of_mass(before))
        for before, after in zip(blobs, result, strict=True)
    ]
    assert {tuple(move) for move in np.round(moves, 6) + 0.0} == {(pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels)}


def test_strokes_get_thinner_and_thicker_with_strength(images):
    inks = [corrupt(images, "thin", strength) for strength in (3, 2, 1)] + [images]
    inks += [corrupt(images, "thick", strength) for strength in STRENGTHS]
    for less, more in pairwise(inks):
        assert (less <= more).all()


def test_noise_has_its_deviation_and_occlusion_its_square():
    grey, white = np.full((200, 28, 28), 128, np.uint8), np.full((200, 28, 28), 255, np.uint8)
    assert corrupt(grey, "noise", 1).std() == pytest.approx(0.15 * 255, rel=0.02)
    black = (corrupt(white, "occlusion", 2) == 0).sum(axis=(1, 2))
    assert black.min() >= 81
    assert black.max() <= 100  # 9×9, where the edge meets pixel centres up to 10×10


def test_all_strengths_turn_an_image_the_same_way(images):
    bar = np.zeros((20, 28, 28), np.uint8)
    bar[:, 4:24, 13:15] = 255
    leans = []
    for strength in STRENGTHS:
        turned = corrupt(bar, "rotate", strength).astype(float)
        leans.append(np.sign([ndimage.center_of_mass(image[:14])[1] - 13.5 for image in turned]))
    assert (leans[0] == leans[1]).all()
    assert (leans[1] == leans[2]).all()
    assert set(leans[0]) == {-1, 1}


@pytest.mark.parametrize(
    "arguments",
    [(np.zeros((1, 28, 28)), "shift", 1), (np.zeros((1, 8, 8), np.uint8), "shift", 1)]
    + [(np.zeros((1, 28, 28), np.uint8), *rest) for rest in (("melt", 1), ("shift", 4))],
)
def test_what_does_not_fit_is_refused(arguments):
    with pytest.raises(ValueError, match=r"images must|There is no change"):
        corrupt(*arguments)


def test_each_strength_of_each_change_is_told(images):
    told = [change.describe(strength) for change in corruptions.CORRUPTIONS.values() for strength in STRENGTHS]
    assert len(set(told)) == len(told) == 3 * len(CORRUPTIONS)
    assert "A square hidden, 6 pixels wide." in told
    assert CORRUPTIONS["rotate"].describe_all() == "Turned by 15, 30 or 45°, left or right."
    assert CORRUPTIONS["rotate"].amounts_in_words == "15, 30, 45°"


def test_no_two_changes_share_a_seed():
    assert len({change.seed for change in CORRUPTIONS.values()}) == len(CORRUPTIONS)


def test_a_new_change_leaves_every_other_as_it_was(images, monkeypatch):
    before = {name: corrupt(images, name, 3) for name in CORRUPTIONS}
    new = {"new": replace(CORRUPTIONS["blur"], name="new"), **CORRUPTIONS}
    monkeypatch.setattr(corruptions, "CORRUPTIONS", new)
    for name, result in before.items():
        np.testing.assert_array_equal(corrupt(images, name, 3), result, name)
