"""Runs from Start to their end in headless Chromium, by real workers on small data: nothing moves; one is deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from core.config import TrainingConfig
from core.data import Dataset
from core.runs import RunStore
from core.runs.checkpoint import Position
from tests.support.browsing import Dashboard, LayoutShift, needs_browser, start_long_run, wait_until
from tests.support.runs import fill_run

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, small_data: None, digits: Dataset) -> Iterator[Dashboard]:
    """A dashboard that trains, each epoch in a moment, with a finished run."""
    home = tmp_path_factory.mktemp("home")
    finished = fill_run(RunStore(home).create(TrainingConfig(epochs=3)), digits)
    (finished.path / "model.keras").unlink()
    finished.write_checkpoint({"position": Position().as_array()})
    assert not finished.damage()  # else the page has a note, which goes where another run is shown
    dashboard = Dashboard(home)
    dashboard.start()
    yield dashboard
    dashboard.end()


def test_all_networks_are_in_sight_above_start_on_small_screens_and_in_the_menu_of_a_phone(
    training: Dashboard, page: playwright.Page
) -> None:
    [finished] = training.store.runs()
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{training.url}/?run={finished.id}")
    networks, start = page.get_by_role("radiogroup", name="Model"), page.get_by_role("button", name="Start training")
    for width, height in ((1366, 768), (1440, 900), (412, 900)):
        page.set_viewport_size({"width": width, "height": height})
        if width == 412:
            page.get_by_test_id("stExpandSidebarButton").click()
            expect(page.get_by_test_id("stSidebarNavLink").first).to_be_in_viewport()
        expect(start).to_be_in_viewport(ratio=1)
        wait_until(lambda: bottom(networks) < start.bounding_box()["y"])  # the font may still come


def bottom(locator: playwright.Locator) -> float:
    """Where an element ends, in pixels from the top of the window."""
    box = locator.bounding_box()
    return box["y"] + box["height"]


def test_nothing_on_the_page_moves_from_start_to_the_end_of_a_run(training: Dashboard, page: playwright.Page) -> None:
    [finished] = training.store.runs()
    shift = LayoutShift(page)
    page.goto(f"{training.url}/?model=Dense&epochs=40&run={finished.id}")
    expect(page.get_by_role("listitem").and_(page.locator("[data-index='95']"))).to_be_attached()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    shift.begin()
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("button", name="Stop and save")).to_be_visible()
    expect(page.get_by_role("button", name="See its mistakes")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    assert shift.total() < 0.03


def test_stop_and_delete_is_carried_out_though_the_page_is_reloaded_at_once(
    training: Dashboard, page: playwright.Page
) -> None:
    run = start_long_run(training, page)
    page.get_by_role("button", name="Manage").click()
    page.get_by_role("button", name="Delete this run").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop and delete").click()
    wait_until(lambda: training.store.get(run.id) is None or run.is_discarded)  # the click has arrived
    page.reload()
    wait_until(lambda: training.store.get(run.id) is None)
    expect(page.get_by_text(re.compile("was deleted|was not found"))).to_be_visible()
