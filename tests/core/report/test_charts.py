"""Charts: whatever was measured is drawn within the picture, and ticks are round numbers around it."""

from __future__ import annotations

import math
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation.calibration import reliability_diagram
from core.report.charts import HEIGHT, LARGEST, WIDTH, Line, _ticks, dot_chart, line_chart, reliability_chart
from tests.support.digits import labelled_probabilities
from tests.support.html import Page

PLACES = ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy")
VALUES = st.lists(st.floats(), min_size=1, max_size=40)


def assert_within(chart, height=HEIGHT):
    page = Page(chart.encode())
    drawn = [attributes for name, attributes in page.elements if name in ("line", "circle", "text", "rect")]
    numbers = [float(each[place]) for each in drawn for place in PLACES if place in each]
    numbers += [float(n) for each in page.of("polyline") for n in re.split("[ ,]", each["points"])]
    assert all(math.isfinite(number) and -1 <= number <= max(WIDTH, height) for number in numbers)


@given(VALUES, VALUES)
def test_lines_of_any_numbers_stay_within_the_picture(first, second):
    lines = [Line("a", range(1, 1 + len(y)), y, look) for y, look in ((first, "blue"), (second, "orange"))]
    chart = line_chart("Loss", lines, is_share=False)
    if any(abs(value) < LARGEST for value in first + second):
        assert_within(chart)
    else:
        assert chart is None


@given(st.lists(st.floats(0, 1), min_size=1))
def test_lines_of_shares_stay_within_the_picture(shares):
    assert_within(line_chart("Accuracy", [Line("a", range(1, 1 + len(shares)), shares)], is_share=True))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 1)), min_size=1))
def test_dots_stay_within_the_picture(values):
    assert_within(dot_chart("Accuracy", values, note="A dot."), 26 * 3 + 32)


def test_a_line_is_drawn_where_its_values_are():
    lines = [Line("a", [1, 2, 3], [0.0, math.nan, 1.0]), Line("b", [1, 2, 3], [1, 0, 1])]
    chart = line_chart("Loss", lines, is_share=False)
    [points] = [each["points"] for each in Page(chart.encode()).of("polyline")]  # a gap is not bridged
    assert points == "66.0,14.0 235.0,208.0 404.0,14.0"


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_around_the_values(low, span):
    ticks = _ticks(low, low + span)
    assert ticks[0] <= low + 1e-6 * span + 1e-9 * abs(low)
    assert ticks[-1] >= low + span - 1e-6 * span - 1e-9 * abs(low)
    assert 2 <= len(ticks) <= 8
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])


def test_a_reliability_diagram_has_a_bar_for_each_bin_with_images():
    diagram = reliability_diagram(*labelled_probabilities(3))
    chart = reliability_chart("Accuracy by confidence", diagram, few=5)
    assert_within(chart)
    bars = Page(chart.encode()).of("rect")
    assert len(bars) == np.count_nonzero(diagram.count)
    assert sum(bar["class"] == "bar" for bar in bars) == (diagram.count >= 5).sum()
