"""MNIST's form: the centre of mass against SciPy's, and what its numbers cost to import."""

import ast
import subprocess
import sys

import numpy as np
from scipy import ndimage

from core.drawing import mnist_form
from tests.support.paths import ROOT


def test_a_digit_is_centred_by_its_mass_to_the_pixel_as_far_as_its_edges_allow(digits):
    for digit in (mnist_form.fit_box(mnist_form.crop(image)) for image in digits.x_test[:50]):
        centred = mnist_form.centre(digit)
        assert centred.shape == mnist_form.IMAGE_SHAPE
        assert np.array_equal(mnist_form.crop(centred), digit)
        np.testing.assert_allclose(ndimage.center_of_mass(centred), mnist_form.CENTRE_OF_MASS, atol=0.5)
    bar = np.zeros((28, 3), np.uint8)
    bar[0], bar[-1] = 255, 1  # its mass is at one end, and there is no room to move it
    assert np.array_equal(mnist_form.crop(mnist_form.centre(bar)), bar)


def test_many_digits_are_shifted_as_each_alone(digits):
    together = mnist_form.shift_to_centre(digits.x_test)
    alone = [mnist_form.shift_to_centre(image) for image in digits.x_test]
    assert (together.dtype, together.shape) == (int, (397, 2))
    assert np.array_equal(together, alone)


def test_in_whole_pixels_a_digit_fills_the_same_box(digits):
    for digit in (mnist_form.crop(image) for image in digits.x_test[:50]):
        exact, quick = mnist_form.fit_box(digit), mnist_form.fit_box(digit, whole_pixels=True)
        assert max(exact.shape) == max(quick.shape) == mnist_form.BOX_SIDE
        assert np.abs(np.subtract(exact.shape, quick.shape)).max() <= 1


def test_the_numbers_need_neither_pillow_nor_scipy_nor_tensorflow():
    code = "import sys, core.drawing.mnist_form; print({'PIL', 'scipy', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_side_of_an_image_is_written_in_one_place():
    written = []
    for path in (ROOT / "core").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.Constant) and node.value == 28 for node in ast.walk(tree)):
            written.append(path.stem)
    assert written == ["mnist_form"]
