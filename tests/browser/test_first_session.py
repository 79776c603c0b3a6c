"""The real dashboard in headless Chromium, with MNIST where it is: train, watch, explore a mistake, draw, break it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from core.data import load_dataset
from tests.support.browsing import PATIENCE, Dashboard, draw_a_one, needs_browser, start_long_run, wait_until
from tests.support.runs import worker_pid, worker_pids

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard that trains on what everybody has."""
    dashboard = Dashboard(tmp_path_factory.mktemp("home"))
    dashboard.start()
    yield dashboard
    dashboard.end()


def test_a_new_user_trains_watches_explores_a_mistake_and_draws(dashboard: Dashboard, page: playwright.Page) -> None:
    epochs = 8 if load_dataset().is_mnist else 40  # long enough to be watched, and not longer on a busy machine
    page.goto(dashboard.url)
    page.get_by_label("Epochs as a number").fill(str(epochs))
    page.keyboard.press("Enter")
    expect(page.get_by_role("slider", name="Epochs")).to_have_value(str(epochs))
    expect(page.get_by_text("Train a network to read handwritten digits")).to_be_visible()
    expect(page.get_by_text("Classic · 79,510 parameters")).to_be_visible()
    page.locator(".st-key-choose_best button").click()
    page.locator(".st-key-train_best button").hover()
    page.mouse.down(click_count=2)  # the second of a slow double-click, where the button that trains it has come
    page.mouse.up(click_count=2)
    page.locator(".st-key-choose_seed button").click()
    expect(page.get_by_role("button", name=f"Train Classic, {epochs} epochs")).to_be_visible()
    assert not dashboard.store.runs()
    page.get_by_role("button", name="Start training").click()

    expect(page.get_by_text(re.compile(f"Epoch [0-9]+ of {epochs}")).first).to_be_visible()
    expect(page.get_by_text("Test accuracy", exact=True).first).to_be_visible()
    [run] = dashboard.store.runs()
    assert run.state.name == "finished"
    assert [epoch["epoch"] for epoch in run.history().epochs] == list(range(1, epochs + 1))
    expect(page.get_by_text(f"{100 * run.test_accuracy:.2f} %").first).to_be_visible()

    page.get_by_role("button", name="See its mistakes").click()
    mistake = page.get_by_role("option").first
    expect(mistake).to_be_visible()
    spoken = mistake.get_attribute("aria-label")
    assert "read as" in spoken
    mistake.click()
    expect(mistake).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("list", name="Nearest training images")).to_be_visible()
    expect(page.get_by_role("img", name="Occlusion map")).to_be_visible()
    page.locator(".st-key-image_header").get_by_text("Matrix", exact=True).click()

    label, prediction = re.search(r"a (\d), read as (\d)", spoken).groups()
    cell = f"path[aria-label*='Read as: {prediction}; Label: {label};']"
    page.locator("[class*=st-key-matrix] svg.marks").locator(cell).first.click(force=True)
    expect(page.get_by_text(f"mistakes, label {label}, read as {prediction}").first).to_be_visible()
    matrix = run.probabilities().argmax(axis=1), load_dataset().y_test
    shown = int(((matrix[0] == int(prediction)) & (matrix[1] == int(label))).sum())
    tiles = page.get_by_role("option")
    expect(tiles).to_have_count(min(shown, 100))
    for index in range(tiles.count()):
        assert f"a {label}, read as {prediction}" in tiles.nth(index).get_attribute("aria-label")
    panel = page.locator(".st-key-one_image")
    tiles.first.focus()
    for key, tile in (("End", tiles.last), ("Home", tiles.first)):
        page.keyboard.press(key)
        expect(tile).to_be_focused()
        expect(panel.get_by_text(f"Image {tile.get_attribute('data-index')}", exact=True)).to_be_visible()

    page.get_by_role("link", name="Draw", exact=True).click()
    draw_a_one(page)
    expect(page.get_by_text("It reads", exact=True)).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("The answer follows the pen")).to_be_visible()


def test_a_run_goes_on_after_a_pause_in_another_browser_a_killed_worker_and_a_killed_dashboard(
    dashboard: Dashboard, browser: playwright.Browser, page: playwright.Page
) -> None:
    run = start_long_run(dashboard, page)
    expect(page.get_by_text(re.compile("Epoch .* of 200"))).to_be_visible()
    other = browser.new_context(viewport={"width": 412, "height": 900}).new_page()
    other.set_default_timeout(PATIENCE)
    other.goto(page.url)
    expect(other.get_by_text(re.compile("Epoch .* of 200"))).to_be_visible()
    other.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth + 1")
    other.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()
    expect(other.get_by_role("button", name="Stop and save")).to_be_visible()
    other.context.close()

    wait_until(lambda: len(worker_pids(run)) == 2 and worker_pid(run))  # not the one that is still being paused
    os.kill(worker_pid(run), signal.SIGKILL)
    expect(page.get_by_text("Training stopped unexpectedly")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Stop and save")).to_be_visible()
    before = len(run.history().epochs)

    dashboard.end(signal.SIGKILL)
    wait_until(lambda: len(run.history().epochs) > before)  # the worker trains on
    dashboard.start()
    page.goto(dashboard.url)
    page.get_by_role("button", name="Stop and save").click()
    expect(page.get_by_role("strong").filter(has_text="Stopped")).to_be_visible()
    expect(page.get_by_text("Test accuracy", exact=True).first).to_be_visible()
    epochs = [epoch["epoch"] for epoch in run.history().epochs]
    assert epochs == list(range(1, len(epochs) + 1))
    assert run.summary["parity"]["different_predictions"] == 0
