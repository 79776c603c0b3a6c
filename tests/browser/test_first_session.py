"""The real dashboard in headless Chromium, from an empty home: train, watch, explore a mistake, draw, break it."""

from __future__ import annotations

import io
import os
import re
import signal

import pytest
from PIL import Image, ImageDraw

from core.data import load_dataset
from core.data.my_digits import MyDigits
from core.runs import Run, RunStore
from tests.support.browsing import (
    PATIENCE,
    Dashboard,
    LayoutShift,
    draw_a_one,
    needs_browser,
    start_long_run,
    touch_a_one,
    wait_until,
)
from tests.support.runs import worker_pid

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser


def only_run(store: RunStore) -> Run:
    """The one run there is."""
    [run] = store.runs()
    return run


def test_a_new_user_trains_watches_explores_a_mistake_and_draws(dashboard: Dashboard, page: playwright.Page) -> None:
    epochs = 8 if load_dataset().is_mnist else 40  # long enough to be watched, and not longer on a busy machine
    page.goto(dashboard.url)
    page.get_by_label("Epochs as a number").fill(str(epochs))
    page.keyboard.press("Enter")
    expect(page.get_by_role("slider", name="Epochs")).to_have_value(str(epochs))
    expect(page.get_by_text("Train a network to read handwritten digits")).to_be_visible()
    expect(page.get_by_text("Classic · 79,510 parameters")).to_be_visible()
    page.get_by_role("button", name="Start training").click()

    expect(page.get_by_text(re.compile(f"Epoch [0-9]+ of {epochs}")).first).to_be_visible()
    expect(page.get_by_text("Test accuracy", exact=True).first).to_be_visible()
    run = only_run(dashboard.store)
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
    expect(page.get_by_role("list", name="Nearest training images")).to_be_visible()  # it moves the matrix down,
    expect(page.get_by_role("img", name="Occlusion map")).to_be_visible()  # and so does this

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


def test_nothing_on_the_page_moves_from_start_to_the_end_of_a_run(
    dashboard: Dashboard, finished: Run, page: playwright.Page
) -> None:
    shift = LayoutShift(page)
    for address in ("model=Dense&epochs=3", "model=Classic&epochs=10"):
        page.goto(f"{dashboard.url}/?{address}&run={finished.id}")
        expect(page.get_by_role("listitem").and_(page.locator("[data-index='95']"))).to_be_attached()
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        shift.begin()
        page.get_by_role("button", name="Start training").click()
        expect(page.get_by_role("button", name="Stop and save")).to_be_visible()
        expect(page.get_by_role("button", name="See its mistakes")).to_be_visible()
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        assert shift.total() < 0.05


def test_mistakes_are_walked_by_keys_played_over_the_epochs_and_sent_to_draw(
    dashboard: Dashboard, finished: Run, page: playwright.Page
) -> None:
    page.goto(f"{dashboard.url}/predictions?run={finished.id}")
    tiles, panel = page.get_by_role("option"), page.locator(".st-key-one_image")
    first, second = (tiles.nth(at).get_attribute("data-index") for at in (0, 1))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the digits")).to_be_focused()
    page.keyboard.press("Enter")
    expect(tiles.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    assert panel.count() == 0  # walking opens nothing
    page.keyboard.press("Enter")
    expect(panel.get_by_text(f"Image {second}", exact=True)).to_be_visible()
    panel.get_by_role("button", name="Next", exact=True).focus()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(tiles.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel.get_by_text(f"Image {second}", exact=True)).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(panel.get_by_text(f"Image {first}", exact=True)).to_be_visible()  # with one open it turns the pages
    expect(tiles.first).to_be_focused()
    expect(tiles.first).to_have_attribute("aria-selected", "true")

    page.get_by_role("button", name="Play", exact=True).click()
    for epoch in (1, 2):
        page.get_by_text(f"{epoch} of 3", exact=True).wait_for()  # looks at every frame, unlike expect
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stMetric").filter(has_text="Epochs").get_by_text("3", exact=True)).to_be_visible()

    panel.get_by_role("button", name="Send to Draw").click()
    label = load_dataset().y_test[int(first)]
    expect(page.get_by_text(f"Image {first} of the test set, label {label}")).to_be_visible()
    expect(page.get_by_text("It reads", exact=True)).to_be_visible()
    expect(page.locator("canvas.upper-canvas")).to_be_visible()


def test_a_rectangle_on_the_map_shows_its_images(dashboard: Dashboard, finished: Run, page: playwright.Page) -> None:
    page.goto(f"{dashboard.url}/map?run={finished.id}&layout=PCA")  # t-SNE may come at any time
    chart, tiles = page.get_by_test_id("stVegaLiteChart").locator(".marks"), page.get_by_role("option")
    whole = page.get_by_text(re.compile(r"^[\d,]+ (of [\d,]+ )?images, "))
    expect(whole).to_be_visible()
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 90, y - 90)
    page.mouse.down()
    page.mouse.move(x + 90, y + 90, steps=8)
    page.mouse.up()

    told = page.get_by_text(re.compile(r"^[\d,]+ images? in the rectangle, [\d,]+ mistakes?$"))
    expect(told).to_be_visible()
    words = told.inner_text().replace(",", "")
    images, mistakes = map(int, re.findall(r"\d+", words))
    assert 0 < images < len(load_dataset().y_test)
    expect(tiles).to_have_count(min(images, 200))
    expect(page.locator("[role=option][data-mark=wrong]")).to_have_count(min(mistakes, 200))
    chart.dblclick(position={"x": box["width"] / 2 + 20, "y": box["height"] / 2 + 20})
    expect(whole).to_be_visible()


def test_a_finger_draws_on_a_phone_and_the_drawing_is_read_corrected_and_kept(
    dashboard: Dashboard, browser: playwright.Browser
) -> None:
    context = browser.new_context(viewport={"width": 412, "height": 900}, has_touch=True, is_mobile=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{dashboard.url}/draw?run=starter")
    answer = page.get_by_test_id("stMetric").filter(has_text="It reads")
    before = page.evaluate("window.scrollY")
    touch_a_one(page)
    expect(answer).to_contain_text("1")
    assert page.evaluate("window.scrollY") == before
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth + 1")
    page.locator(".st-key-it_is").get_by_text("7", exact=True).click()
    expect(page.get_by_text("Saved as a 7 in My digits")).to_be_visible()
    kept = MyDigits(dashboard.store.home).newest()
    assert (kept.label, kept.said, kept.run_id) == (7, 1, "starter")
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("The answer follows the pen")).to_be_visible()

    page.get_by_text("Picture", exact=True).click()
    file = io.BytesIO()
    picture = Image.new("RGB", (600, 800), "#eeeeea")
    ImageDraw.Draw(picture).line([(300, 200), (310, 600)], "#223388", 40)
    picture.save(file, "JPEG")
    upload = page.locator("input[type=file]")
    upload.set_input_files({"name": "one.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()})
    expect(answer).to_contain_text("1")
    upload.set_input_files({"name": "half.png", "mimeType": "image/png", "buffer": b"\x89PNG half of it"})
    expect(page.get_by_text("The file is damaged or not a PNG, JPEG or WebP picture")).to_be_visible()

    page.get_by_text("My digits", exact=True).click()
    tile = page.get_by_role("option")
    expect(tile).to_have_count(1)
    tile.click()
    page.get_by_role("button", name="Remove this 7").click()
    expect(page.get_by_text("Draw a digit and say what it is")).to_be_visible()
    assert MyDigits(dashboard.store.home).all() == ()
    assert page.get_by_test_id("stException").count() == 0
    context.close()


def test_a_second_browser_sees_the_same_run_and_pauses_and_resumes_it(
    dashboard: Dashboard, browser: playwright.Browser, page: playwright.Page
) -> None:
    page.goto(f"{dashboard.url}/?epochs=200")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("button", name="Stop and save")).to_be_visible()
    expect(page.get_by_text(re.compile("Epoch .* of 200"))).to_be_visible()

    other = browser.new_context(viewport={"width": 412, "height": 900}).new_page()
    other.set_default_timeout(PATIENCE)
    other.goto(page.url)
    expect(other.get_by_text(re.compile("Epoch .* of 200"))).to_be_visible()
    other.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth + 1")
    other.get_by_role("button", name="Pause").click()

    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(other.get_by_role("button", name="Stop and save")).to_be_visible()
    other.get_by_role("button", name="Stop and save").click()
    expect(page.get_by_role("strong").filter(has_text="Stopped")).to_be_visible()
    expect(page.get_by_text("Test accuracy", exact=True).first).to_be_visible()
    other.context.close()


def test_nothing_is_lost_when_worker_and_dashboard_are_killed(dashboard: Dashboard, page: playwright.Page) -> None:
    run = start_long_run(dashboard, page)

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
    epochs = [epoch["epoch"] for epoch in run.history().epochs]
    assert epochs == list(range(1, len(epochs) + 1))
    assert run.summary["parity"]["different_predictions"] == 0
