"""What is said of digits that look wrong, and that nothing is said of those that do not."""

from __future__ import annotations

import numpy as np
import pytest

from core.data import Dataset, dataset
from core.data.doubts import MEANS, doubts
from core.data.sklearn_digits import embedded_digits


@pytest.fixture(scope="module")
def written() -> dict[str, np.ndarray]:
    """The embedded digits; of those to train, each once."""
    arrays = embedded_digits()
    return {name: array[::8] if "train" in name else array for name, array in arrays.items()}


def test_nothing_is_said_of_digits_that_are_as_they_should_be(written, digits):
    assert doubts(**written) == ()
    assert digits.doubts == ()
    for start in range(0, 1000, 100):
        some = slice(start, start + 100)
        assert doubts(written["x_train"][some], written["y_train"][some], written["x_test"], written["y_test"]) == ()


def test_the_shipped_means_are_those_of_the_embedded_digits():
    arrays = embedded_digits()
    wanted = [np.rint(arrays["x_train"][arrays["y_train"] == digit].mean(axis=0)) for digit in range(10)]
    np.testing.assert_array_equal(np.load(MEANS), wanted)


def test_mnist_and_the_embedded_digits_are_not_examined(written, monkeypatch):
    turned = {name: array.swapaxes(1, 2) if name.startswith("x") else array for name, array in written.items()}
    own = Dataset("Own digits", "somewhere", **turned)
    assert "transposed" in own.doubts[0]
    monkeypatch.setattr(dataset, "MNIST_FINGERPRINT", own.fingerprint)
    assert Dataset("MNIST", "somewhere", **turned).doubts == ()
    assert Dataset("Embedded digits", "here", **written | {"x_train": turned["x_train"]}).doubts == ()


@pytest.mark.parametrize(
    ("change", "looks", "remedy"),
    [
        (lambda x: x.transpose(0, 2, 1), "look transposed", "x.transpose(0, 2, 1)"),
        (lambda x: x[:, :, ::-1], "look mirrored", "x[:, :, ::-1]"),
        (lambda x: x[:, ::-1], "look upside down", "x[:, ::-1]"),
        (lambda x: np.rot90(x, 1, (1, 2)), "look turned by 90° to the left", "numpy.rot90(x, -1, (1, 2))"),
        (lambda x: np.rot90(x, -1, (1, 2)), "look turned by 90° to the right", "numpy.rot90(x, 1, (1, 2))"),
        (lambda x: np.rot90(x, 2, (1, 2)), "look turned by 180°", "x[:, ::-1, ::-1]"),
        (lambda x: 255 - x, "look inverted", "255 - x"),
    ],
)
def test_images_that_are_turned_or_inverted_are_told_with_what_undoes_it(written, change, looks, remedy):
    changed = {name: change(array) if name.startswith("x") else array for name, array in written.items()}
    [said] = doubts(**changed)
    assert looks in said
    assert f"In Python, for both arrays of images: x = {remedy}, and save" in said
    undone = {
        name: eval(remedy, {"x": array, "numpy": np}) if name.startswith("x") else array
        for name, array in changed.items()
    }
    assert doubts(**undone) == ()


def test_faint_images_are_told(written):
    faint = {name: array // 16 if name.startswith("x") else array for name, array in written.items()}
    [said] = doubts(**faint)
    assert "no pixel is stronger than 15 of 255" in said
    assert "multiply them by 17 " in said


@pytest.mark.parametrize(("more", "said"), [(1, "with 9 added: save (labels + 9) % 10"), (None, "in another order")])
def test_labels_that_contradict_the_images_in_masses_are_told(written, more, said):
    random = np.random.default_rng(0)
    labels = random.permutation(written["y_train"]) if more is None else (written["y_train"] + more) % 10
    [found] = doubts(**written | {"y_train": labels.astype(np.uint8)})
    assert found.startswith("The labels do not fit the images: a simple classifier of digits agrees with ")
    assert said in found


def test_a_few_wrong_labels_are_not_told(written):
    labels = written["y_train"].copy()
    labels[::5] = (labels[::5] + 3) % 10
    assert doubts(**written | {"y_train": labels}) == ()


def test_test_images_that_are_also_trained_on_are_counted(written):
    test = written["x_test"].copy()
    test[:7] = written["x_train"][100:107]
    [said] = doubts(**written | {"x_test": test})
    assert said.startswith("7 of 297 test images are also among the training images")


@pytest.mark.parametrize("reverse", [False, True])
def test_training_images_in_the_order_of_their_labels_are_told(written, reverse):
    order = np.argsort(written["y_train"], kind="stable")[:: -1 if reverse else 1]
    [said] = doubts(**written | {"x_train": written["x_train"][order], "y_train": written["y_train"][order]})
    assert said.startswith(f"The first 100 training images are all of the digit {9 if reverse else 0}")
    assert "numpy.random.default_rng(0).permutation" in said


def test_digits_of_which_there_is_no_image_are_told(written):
    here = ~np.isin(written["y_test"], (3, 8))
    [said] = doubts(**written | {"x_test": written["x_test"][here], "y_test": written["y_test"][here]})
    assert said.startswith("No test image shows 3 or 8")
