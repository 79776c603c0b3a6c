"""A finished run in headless Chromium: its mistakes by keys, a rectangle on its map; and a finger on a phone."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image, ImageDraw

from core.data import load_dataset
from core.data.my_digits import MyDigits
from core.runs import Run
from tests.support.browsing import PATIENCE, Dashboard, needs_browser, touch_a_one

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser


def test_mistakes_are_walked_by_keys_played_over_the_epochs_and_sent_to_draw(
    dashboard: Dashboard, finished: Run, page: playwright.Page
) -> None:
    page.goto(f"{dashboard.url}/predictions?run={finished.id}")
    tiles, panel = page.get_by_role("option"), page.locator(".st-key-one_image")
    first, second = (tiles.nth(at).get_attribute("data-index") for at in (0, 1))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the images")).to_be_focused()
    page.keyboard.press("Enter")
    expect(tiles.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    tiles.nth(5).focus()  # as a screen reader moves the focus, from where keys go on
    page.keyboard.press("ArrowLeft")
    expect(tiles.nth(4)).to_be_focused()
    tiles.nth(1).focus()
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
    answer = page.locator(".st-key-answer_line")
    before = page.evaluate("window.scrollY")
    touch_a_one(page)
    expect(answer).to_contain_text("1 ·")
    expect(page.get_by_text("It reads", exact=True)).to_be_hidden()  # said once, and what comes next is next
    keep, tools = (page.locator(name).bounding_box() for name in (".st-key-it_is", ".st-key-tools"))
    assert 0 < keep["y"] - tools["y"] - tools["height"] < 40
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
    expect(answer).to_contain_text("1 ·")
    upload.set_input_files({"name": "half.png", "mimeType": "image/png", "buffer": b"\x89PNG half of it"})
    expect(page.get_by_text("The file is damaged or not a PNG, JPEG or WebP picture")).to_be_visible()

    page.get_by_test_id("stExpandSidebarButton").click()
    expect(page.get_by_test_id("stSidebarNavLink").first).to_be_in_viewport()
    page.reload()
    expect(page.get_by_text("The answer follows the pen")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink").first).not_to_be_in_viewport()

    MyDigits(dashboard.store.home).add(kept.image, 7, picture=kept.image, said=1, run_id="starter")
    page.get_by_text("My digits", exact=True).click()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    expect(page.get_by_test_id("stElementToolbar").first).to_be_hidden()  # it would lie over the heading
    tile = page.get_by_role("option")
    expect(tile).to_have_count(1)
    tile.click()
    page.get_by_role("button", name="Remove this 7").click()
    expect(page.get_by_text("Draw a digit and say what it is")).to_be_visible()
    assert MyDigits(dashboard.store.home).all() == ()
    assert page.get_by_test_id("stException").count() == 0
    context.close()
