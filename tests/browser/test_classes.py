"""A run of 47 classes in a real browser: its confusion matrix fits a laptop, and scrolls by itself on a phone."""

from __future__ import annotations

import numpy as np
import pytest

from core.config import TrainingConfig
from core.data import Dataset
from core.data.classes import MOST_CLASSES
from core.data.kept import Datasets
from core.runs import Run
from tests.support.browsing import PATIENCE, Dashboard, needs_browser

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser

NAMES = tuple(f"{number:02}" for number in range(MOST_CLASSES))
WIDTHS = "matrix => [matrix.scrollWidth, matrix.clientWidth]"
MAIN = "() => document.querySelector('[data-testid=stMain]').scrollWidth"


@pytest.fixture(scope="module")
def many(dashboard: Dashboard) -> Run:
    """A finished run that reads half of its test images right, the others as the next class."""
    labels = np.repeat(np.arange(MOST_CLASSES), 4).astype(np.uint8)
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 28, 28), np.uint8)
    dataset = Dataset("Many", "a test", images, labels, images, labels, classes=NAMES)
    kept = Datasets(dashboard.store.home).add(dataset, "Many")
    run = dashboard.store.create(TrainingConfig("dense", epochs=1, dataset=kept.fingerprint, classes=MOST_CLASSES))
    identity = {"name": "Many", "source": "a test", "fingerprint": kept.fingerprint}
    run.write_dataset({**identity, "classes": list(NAMES)})
    right = np.eye(MOST_CLASSES)[(labels + np.arange(len(labels)) % 2) % MOST_CLASSES]
    for epoch in (1, None):
        run.write_probabilities(0.9 * right + 0.1 / MOST_CLASSES, *filter(None, [epoch]))
    run.set_state("finished")
    return run


@pytest.mark.parametrize(("width", "scrolls"), [(1366, False), (412, True)])
def test_a_matrix_of_47_classes_fits_a_laptop_and_scrolls_by_itself_on_a_phone(
    dashboard: Dashboard, browser: playwright.Browser, many: Run, width: int, scrolls: bool
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 768})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{dashboard.url}/predictions?run={many.id}")
    matrix = page.locator(".st-key-matrix")
    expect(matrix.locator("svg.marks, canvas.marks").first).to_be_visible()
    inner, outer = matrix.evaluate(WIDTHS)
    assert (inner > outer) == scrolls, (inner, outer)
    assert page.evaluate(MAIN) <= width
    expect(page.get_by_role("button", name="00 read as 01")).to_be_visible()
    context.close()
