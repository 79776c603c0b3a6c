"""`core.evaluation.figures`: the files open elsewhere, and the figures say what the numbers say."""

import io
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from core.evaluation.figures import RIGHT, WRONG, figure_bytes, history_figure, predictions_figure


def epochs(count):
    return [
        {"epoch": n, "loss": 0.5 / n, "accuracy": 1 - 0.1 / n, "val_loss": 0.4 / n, "val_accuracy": 1 - 0.08 / n}
        for n in range(1, count + 1)
    ]


def sample(predictions, confidence=0.91):
    """Seeded images, and probabilities whose arg-max is `predictions`."""
    images = np.random.default_rng(0).integers(0, 256, (len(predictions), 28, 28), dtype=np.uint8)
    probabilities = np.full((len(predictions), 10), (1 - confidence) / 9)
    probabilities[np.arange(len(predictions)), predictions] = confidence
    return images, probabilities


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_png_has_the_figure_s_size_and_is_not_blank():
    figure = history_figure(epochs(3), "Classic 1")
    with Image.open(io.BytesIO(figure_bytes(figure))) as image:
        assert image.format == "PNG"
        assert image.size == tuple(figure.get_size_inches() * 160)
        assert len(image.convert("RGB").getcolors(2**20)) > 10


def test_svg_is_xml_without_a_date():
    root = ElementTree.fromstring(figure_bytes(history_figure(epochs(3), "Classic 1"), "svg"))
    assert root.tag.endswith("svg")
    assert not [node for node in root.iter() if node.tag.endswith("}date")]


def test_history_shows_training_and_validation_of_loss_and_accuracy():
    figure = history_figure(epochs(4), "Classic 1")
    loss, accuracy = figure.axes
    expected = [(loss, "loss"), (loss, "val_loss"), (accuracy, "accuracy"), (accuracy, "val_accuracy")]
    lines = [*loss.lines, *accuracy.lines]
    for line, (axes, key) in zip(lines, expected, strict=True):
        assert line.axes is axes
        assert list(line.get_xdata()) == [1, 2, 3, 4]
        assert list(line.get_ydata()) == [epoch[key] for epoch in epochs(4)]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Training", "Validation"]
    assert accuracy.get_title("right") == "validation 98.00 % after epoch 4"


def test_one_epoch_is_drawn_as_markers_only():
    for axes in history_figure(epochs(1), "Classic 1").axes:
        assert {line.get_marker() for line in axes.lines} == {"o"}
        assert {line.get_linestyle() for line in axes.lines} == {"None"}
        assert list(axes.get_xticks()) == [1]


@pytest.mark.parametrize("count", [0, 1, 2, 200])
def test_history_of_any_length_has_whole_epochs_and_possible_values_on_its_axes(count):
    figure = history_figure(epochs(count), "Classic 1")
    figure_bytes(figure)
    loss, accuracy = figure.axes
    for axes in (loss, accuracy):
        assert all(tick == int(tick) and 1 <= tick <= max(1, count) for tick in axes.get_xticks())
    assert loss.get_ylim()[0] == 0
    assert accuracy.get_ylim()[0] >= 0
    assert accuracy.get_ylim()[1] <= 1.01


def test_a_name_with_dollar_signs_is_no_formula():
    figure = history_figure(epochs(2), r"50$ and \frac{ $")
    assert texts(figure) == [r"50$ and \frac{ $"]
    assert figure_bytes(figure)


def test_predictions_show_label_prediction_and_confidence_of_each_image():
    images, probabilities = sample([3, 7, 0, 1, 5, 9])
    figure = predictions_figure(images, np.array([3, 1, 0, 1, 5, 9]), probabilities, rows=2, columns=3)
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in figure.axes] == [f"label {digit}" for digit in (3, 1, 0, 1, 5, 9)]
    assert figure.axes[0].get_xlabel() == "✓ 3  91.0 %"
    assert figure.axes[1].get_xlabel() == "✗ 7  91.0 %"
    assert texts(figure)[:2] == ["✓ 5 right", "✗ 1 wrong"]


def test_a_mistake_differs_in_colour_sign_and_frame():
    images, probabilities = sample([3, 7])
    right, wrong = predictions_figure(images, np.array([3, 1]), probabilities, 1, 2).axes
    assert (right.xaxis.label.get_color(), wrong.xaxis.label.get_color()) == (RIGHT, WRONG)
    assert (right.get_xlabel()[0], wrong.get_xlabel()[0]) == ("✓", "✗")
    assert right.spines["left"].get_linewidth() < wrong.spines["left"].get_linewidth()


def test_images_are_white_on_black_with_hard_pixel_edges():
    images, probabilities = sample([3])
    (axes,) = predictions_figure(images, np.array([3]), probabilities, 1, 1).axes
    (picture,) = axes.images
    assert (picture.get_array() == images[0]).all()
    assert picture.get_interpolation() == "nearest"
    assert picture.get_clim() == (0, 255)
    assert picture.to_rgba(255)[:3] == (1, 1, 1)


@pytest.mark.parametrize(("images", "rows", "columns", "drawn"), [(2, 5, 8, 2), (9, 2, 2, 4), (0, 2, 2, 0)])
def test_a_grid_takes_what_fits_and_leaves_the_rest_free(images, rows, columns, drawn):
    pictures, probabilities = sample([4] * images)
    figure = predictions_figure(pictures, np.full(images, 4), probabilities, rows, columns)
    assert len(figure.axes) == drawn
    assert texts(figure)[0] == f"✓ {drawn} right"
    assert figure_bytes(figure)


@pytest.mark.parametrize(
    ("confidence", "shown"), [(0.914, "91.4 %"), (0.9991, "99.9 %"), (0.9995, "> 99.9 %"), (1, "> 99.9 %")]
)
def test_confidence_is_never_rounded_up_to_certainty(confidence, shown):
    images, probabilities = sample([2], confidence)
    (axes,) = predictions_figure(images, np.array([2]), probabilities, 1, 1).axes
    assert axes.get_xlabel() == f"✓ 2  {shown}"


def test_pyplot_is_not_used():
    code = "import sys, core.evaluation.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
