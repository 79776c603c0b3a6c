"""`core.drawing`: whatever is drawn, anywhere and with any pen, comes back as MNIST would have made it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy import ndimage

from core.drawing import drawing_steps, normalise_drawing, plain_resize

# Digits as pen paths in a unit square, y down.
_TURN = np.linspace(0, 2 * np.pi, 40)
PATHS = {
    0: [np.c_[0.5 + 0.32 * np.sin(_TURN), 0.5 - 0.5 * np.cos(_TURN)]],
    1: [np.array([[0.45, 0.0], [0.55, 1.0]])],
    4: [np.array([[0.2, 0.0], [0.1, 0.6], [0.8, 0.6]]), np.array([[0.6, 0.2], [0.6, 1.0]])],
    5: [np.array([[0.8, 0.0], [0.2, 0.0], [0.2, 0.45], [0.7, 0.45], [0.8, 0.7], [0.6, 1.0], [0.1, 0.95]])],
    7: [np.array([[0.1, 0.0], [0.8, 0.0], [0.4, 1.0]])],
}
digits = st.sampled_from(sorted(PATHS))
EVERY_DIGIT = pytest.mark.parametrize("digit", sorted(PATHS))


def draw(digit, *, length=150, pen=16, left=60, top=60, canvas=280):
    """Draw a digit's pen path as the canvas would: white on black, uint8 (canvas, canvas), soft edges."""
    image = Image.new("L", (4 * canvas, 4 * canvas))
    brush = ImageDraw.Draw(image)
    for stroke in PATHS[digit]:
        path = 4 * (stroke * length + [left, top])
        brush.line(path.ravel().tolist(), fill=255, width=round(4 * pen))
        for x, y in path.tolist():
            brush.circle((x, y), 2 * pen, fill=255)
    return np.asarray(image.reduce(4))


def difference(first, second):
    """Return how much of the ink differs, 0 to 2, once the second is moved by at most one pixel either way.

    Scaling changes each grey pixel a little, and the centre of mass with them: where it lay between two
    pixels, the digit is put one pixel further. MNIST does the same, and networks trained on it take both.
    """
    first, second = first.astype(float), second.astype(float)
    moved = (np.roll(second, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1))
    return min(np.abs(first - other).sum() for other in moved) / first.sum()


def pen_width(image):
    """Return the ink's area over its path's length for a digit whose path is straight: a 1."""
    return image.sum() / 255 / np.ptp(np.flatnonzero(image.max(axis=1) > 127))


@settings(max_examples=30, deadline=None)
@given(digit=digits, left=st.integers(12, 190), top=st.integers(12, 190))
def test_a_digit_in_a_corner_reads_like_one_in_the_middle(digit, left, top):
    """Moved by whole pixels, so nothing at all may change."""
    corner = draw(digit, length=70, left=12, top=12)
    moved = np.roll(corner, (top - 12, left - 12), axis=(0, 1))
    np.testing.assert_array_equal(normalise_drawing(moved), normalise_drawing(corner))


@settings(max_examples=30, deadline=None)
@given(digit=digits, length=st.integers(90, 240))
def test_size_changes_a_digit_by_at_most_a_fifth_of_its_ink(digit, length):
    """The pen grows with the digit. One canvas pixel of a digit 90 long, 0.22 of the image's, is as well as a
    canvas can say where an edge is; strokes two pixels wide have two edges, so that is about a fifth of the
    ink."""
    small = normalise_drawing(draw(digit, length=90, pen=6, left=20, top=20))
    large = normalise_drawing(draw(digit, length=length, pen=length / 15, left=20, top=20))
    assert difference(small, large) < 0.2


@settings(max_examples=30, deadline=None)
@given(digit=digits, ink=st.integers(0, 255), paper=st.integers(0, 255))
def test_only_the_shape_counts_not_ink_nor_paper(digit, ink, paper):
    """Up to a tenth of the ink: below 24 grey levels is background, the fainter third of a soft edge."""
    assume(abs(ink - paper) >= 64)
    drawing = draw(digit)
    recoloured = np.rint(paper + (ink - paper) * (drawing / 255)).astype(np.uint8)
    assert difference(normalise_drawing(drawing), normalise_drawing(recoloured)) < 0.1


@EVERY_DIGIT
def test_inverting_changes_nothing(digit):
    drawing = draw(digit)
    np.testing.assert_array_equal(normalise_drawing(255 - drawing), normalise_drawing(drawing))


@EVERY_DIGIT
@pytest.mark.parametrize("pen", [2, 8, 20, 28])
def test_every_pen_gives_a_full_bright_digit_of_twenty_pixels_centred_by_mass(digit, pen):
    image = normalise_drawing(draw(digit, pen=pen))
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert image.max() == 255
    assert ndimage.center_of_mass(image) == pytest.approx((13.75, 13.75), abs=1)


@pytest.mark.parametrize(("length", "pen"), [(240, 1), (240, 8), (84, 20), (84, 28)])
def test_a_1_is_neither_faded_nor_a_blob(length, pen):
    """Between the 1st and the 99th percentile of MNIST's own pens: 1.4 and 5.0 pixels."""
    assert 1.4 < pen_width(normalise_drawing(draw(1, length=length, pen=pen, left=30, top=20))) < 5.0


def test_dust_and_faint_background_are_ignored():
    drawing = draw(4)
    dusty = np.maximum(drawing, np.random.default_rng(1).integers(0, 20, drawing.shape, dtype=np.uint8))
    dusty[5:9, 270:274] = 255
    assert difference(normalise_drawing(drawing), normalise_drawing(dusty)) < 0.05


def test_a_shadow_across_the_paper_is_not_ink():
    drawing = draw(5, pen=8).astype(float) / 255
    light = np.linspace(1.0, 0.55, 280)
    photo = np.rint(230 * light * (1 - 0.8 * drawing)).astype(np.uint8)
    assert difference(normalise_drawing(draw(5, pen=8)), normalise_drawing(photo)) < 0.15


@pytest.mark.parametrize("ink", [0, 255])
def test_ink_on_a_transparent_canvas_is_found(ink):
    drawing = draw(7)
    layer = np.dstack([np.full((280, 280, 3), ink, np.uint8), drawing])
    np.testing.assert_array_equal(normalise_drawing(layer), normalise_drawing(drawing))


def test_coloured_ink_reads_like_white():
    drawing = draw(7)
    blue = np.dstack([np.zeros_like(drawing), np.zeros_like(drawing), drawing])
    np.testing.assert_array_equal(normalise_drawing(blue), normalise_drawing(drawing))


def test_blank_and_dust_are_nothing():
    dust = np.zeros((280, 280), np.uint8)
    dust[40:44, 200:204] = 255
    for picture in (
        np.zeros((280, 280, 4), np.uint8),
        np.full((100, 50, 3), 200, np.uint8),
        dust,
        255 - dust,
    ):
        assert normalise_drawing(picture) is None


def _pictures(shape):
    def speckled(seed, levels):
        return np.random.default_rng(seed).choice(np.array(levels, np.uint8), shape)

    levels = st.lists(st.integers(0, 255), min_size=1, max_size=60)
    return st.builds(speckled, st.integers(0, 2**32 - 1), levels)


_sides = st.integers(8, 120)
any_picture = st.one_of(
    st.tuples(_sides, _sides), st.tuples(_sides, _sides, st.just(3)), st.tuples(_sides, _sides, st.just(4))
).flatmap(_pictures)


@settings(max_examples=100, deadline=None)
@given(picture=any_picture)
def test_any_picture_gives_an_image_or_none_and_never_raises(picture):
    image = normalise_drawing(picture)
    assert image is None or (image.shape == (28, 28) and image.dtype == np.uint8 and image.max() == 255)
    assert plain_resize(picture).shape == (28, 28)


@pytest.mark.parametrize("shape", [(8, 4096), (4096, 8, 4), (4096, 4096, 3)])
def test_the_largest_pictures_are_read(shape):
    picture = np.zeros(shape, np.uint8)
    picture[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 255
    assert normalise_drawing(picture).shape == (28, 28)


def test_scattered_points_on_a_faint_line_do_not_vanish():
    picture = np.zeros((1024, 1024), np.uint8)
    picture[500, 10:1000] = 30
    picture[500, [11, 500, 998]] = 255
    assert normalise_drawing(picture).max() == 255


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((28, 28)),
        np.zeros((28, 28, 2), np.uint8),
        np.zeros(784, np.uint8),
        np.zeros((7, 28), np.uint8),
        np.zeros((8, 4097), np.uint8),
        [[0, 255]],
    ],
)
def test_other_arrays_are_refused_by_name(picture):
    for function in (normalise_drawing, plain_resize):
        with pytest.raises(ValueError, match="picture must"):
            function(picture)


def test_an_enlarged_image_comes_back_as_it_was():
    """The law behind keeping a model's accuracy on MNIST: what already has MNIST's form is left as it is."""
    image = normalise_drawing(draw(5))
    canvas = np.zeros((280, 280), np.uint8)
    canvas[40:264, 10:234] = np.kron(image, np.ones((8, 8), np.uint8))
    assert difference(normalise_drawing(canvas), image) < 0.05


def test_the_steps_end_in_the_normalised_drawing():
    steps = drawing_steps(draw(4, left=150, top=100, length=100))
    assert steps.ink.shape == (280, 280)
    assert max(steps.cropped.shape) < 130
    assert max(steps.scaled.shape) == 20
    np.testing.assert_array_equal(steps.centred, normalise_drawing(draw(4, left=150, top=100, length=100)))
