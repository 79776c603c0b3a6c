"""Warps against SciPy's interpolation and morphology, and what they claim to be; the written digits' form."""

import numpy as np
import pytest
from scipy import ndimage

from core.data import synthetic_digits
from core.training import augmentation
from core.training.augmentation import FUNCTIONS, draw_warps, warp


@pytest.fixture(scope="module")
def images(digits):
    return digits.x_train[:40]


def coordinates(fields):
    """Where each pixel of an image comes from, (2, 28, 28): down, across."""
    moved = fields.astype(np.float64) @ FUNCTIONS
    return np.indices((28, 28)) + moved[::-1].reshape(2, 28, 28)


def test_a_warp_is_scipys_bilinear_interpolation_at_the_moved_pixels(images):
    warps = draw_warps(np.random.default_rng(0), len(images))
    found = warp(images, warps.fields, np.zeros(len(images), np.float32)).numpy()
    assert (found.dtype, found.shape) == (np.uint8, images.shape)
    for image, fields, changed in zip(images, warps.fields, found, strict=True):
        expected = ndimage.map_coordinates(
            np.pad(image, 4).astype(float), coordinates(fields) + 4, order=1, mode="constant"
        )
        assert np.abs(expected - changed).max() <= 0.51 + 0.01 * 255  # float32 places, and rounding
    assert (found != images).mean() > 0.1


def test_a_pen_is_scipys_dilation_and_erosion_and_in_between_a_part_of_the_way(images):
    still = np.zeros((len(images), 2, len(FUNCTIONS)), np.float32)

    def with_pen(pen):
        return warp(images, still, np.full(len(images), pen, np.float32)).numpy().astype(int)

    np.testing.assert_array_equal(with_pen(0), images)
    thick = np.stack([ndimage.grey_dilation(image, (3, 3)) for image in images]).astype(int)
    thin = np.stack([ndimage.grey_erosion(image, (3, 3), mode="nearest") for image in images]).astype(int)
    np.testing.assert_array_equal(with_pen(1), thick)
    np.testing.assert_array_equal(with_pen(-1), thin)
    np.testing.assert_allclose(with_pen(0.5), (images + thick) / 2, atol=0.51)


def test_without_bending_a_warp_turns_slants_and_scales_within_its_ranges(monkeypatch):
    monkeypatch.setattr(augmentation, "BEND", 0.0)
    warps = draw_warps(np.random.default_rng(1), 2000)
    assert (warps.fields[:, :, 3:] == 0).all()
    assert 0.95 < np.abs(warps.fields[:, :, 0]).max() <= augmentation.SHIFT
    maps = warps.fields[:, :, 1:3] / 13.5 + np.eye(2)  # of (x, y) in -1 to 1
    turned = np.rad2deg(np.arctan2(maps[:, 1, 0], maps[:, 0, 0]))
    size = np.hypot(maps[:, 0, 0], maps[:, 1, 0])
    assert augmentation.ROTATION * 0.95 < np.abs(turned).max() <= augmentation.ROTATION + 1e-3
    assert augmentation.SCALE * 0.95 < np.abs(np.log(size)).max() <= augmentation.SCALE + 1e-5
    height = np.linalg.det(maps) / size**2  # height over width, the shear left out
    assert augmentation.ASPECT * 0.95 < np.abs(np.log(height)).max() <= augmentation.ASPECT + 1e-5
    across = np.einsum("ni,ni->n", maps[:, :, 0], maps[:, :, 1]) / (size * size * height)
    assert augmentation.SHEAR * 0.95 < np.abs(across).max() <= augmentation.SHEAR + 1e-5


def test_the_same_seed_draws_the_same_warps_and_another_one_others():
    one, same, other = (draw_warps(np.random.default_rng(seed), 50) for seed in (5, 5, 6))
    assert np.array_equal(one.fields, same.fields)
    assert np.array_equal(one.pens, same.pens)
    assert not np.array_equal(one.fields, other.fields)


def test_written_digits_have_the_form_of_mnist():
    images, labels = synthetic_digits.write_digits(np.random.default_rng(0), 400)
    assert (images.dtype, images.shape) == (np.uint8, (400, 28, 28))
    assert np.bincount(labels, minlength=10).tolist() == [0, 100, 0, 0, 100, 0, 0, 100, 0, 100]
    assert len({image.tobytes() for image in images}) == 400
    for image in images:
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 22
        assert ndimage.center_of_mass(image) == pytest.approx((14, 14), abs=0.6)
        assert image.max() == 255
    again, _ = synthetic_digits.write_digits(np.random.default_rng(0), 400)
    assert np.array_equal(images, again)


def test_no_digits_are_written_where_none_are_asked_for():
    images, labels = synthetic_digits.write_digits(np.random.default_rng(0), 0)
    assert (images.shape, labels.shape) == ((0, 28, 28), (0,))
