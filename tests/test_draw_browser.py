"""Draw in a real browser, with hands: quick strokes and clicks, two fingers, a dropped connection."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests import test_browser
from tests.test_browser import PATIENCE, browser, dashboard, finished, page, playwright  # noqa: F401

expect = playwright.expect
pytestmark = test_browser.pytestmark

DROP = """
window.sockets = []
window.WebSocket = class extends WebSocket {
  constructor(...given) { super(...given); window.sockets.push(this) }
}
"""
INK_COLUMNS = """() => {
  const host = [...document.querySelectorAll("*")].find(e => e.shadowRoot?.querySelector("canvas.dc-canvas"))
  const canvas = host?.shadowRoot.querySelector("canvas.dc-canvas")
  if (!canvas) return []
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
  const columns = []
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) if (data[4 * (y * width + x)] > 127) { columns.push(x); break }
  }
  return columns
}"""


def strokes_seen(tab) -> list[int]:
    """Where the strokes on the canvas begin, from left to right, as the person sees them."""
    columns = np.array(tab.evaluate(INK_COLUMNS), int)
    return [] if not len(columns) else [int(columns[0]), *columns[1:][np.diff(columns) > 1].tolist()]


def stroke(tab, x: float) -> None:
    """A vertical stroke, as quick as a hand can."""
    box = tab.locator("canvas.upper-canvas").bounding_box()
    tab.mouse.move(box["x"] + x, box["y"] + 60)
    tab.mouse.down()
    tab.mouse.move(box["x"] + x, box["y"] + 150)
    tab.mouse.move(box["x"] + x, box["y"] + 240)
    tab.mouse.up()


def open_draw(page, dashboard) -> None:  # noqa: F811
    page.goto(f"{dashboard.url}/draw?run=starter")
    expect(page.get_by_role("img", name="Drawing area")).to_be_visible()


@pytest.mark.parametrize("pause", [0, 100, 300, 1000])
def test_undo_takes_back_the_last_of_two_quick_strokes(dashboard, page, pause) -> None:  # noqa: F811
    open_draw(page, dashboard)
    answer = page.get_by_test_id("stMetric").filter(has_text=re.compile(r"It reads\s*1\b"))
    for x in (100, 220):
        stroke(page, x)
    page.wait_for_timeout(pause)  # how long this hand takes to the button
    page.get_by_role("button", name="Undo").click()
    expect(answer).to_be_visible()
    assert len(strokes_seen(page)) == 1
    page.get_by_role("link", name="Train", exact=True).click()  # what the session knows is what was seen
    expect(page.get_by_role("button", name="Start training")).to_be_visible()
    page.get_by_role("link", name="Draw", exact=True).click()
    expect(answer).to_be_visible()
    page.wait_for_function(f"({INK_COLUMNS})().length > 0")
    assert len(strokes_seen(page)) == 1
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nothing is drawn yet")).to_be_visible()


def test_clear_right_after_a_stroke_clears_it_and_undo_brings_it_back(dashboard, page) -> None:  # noqa: F811
    open_draw(page, dashboard)
    stroke(page, 150)
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function(f"({INK_COLUMNS})().length == 0")
    expect(page.get_by_text("Nothing is drawn yet")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_test_id("stMetric").filter(has_text="It reads")).to_contain_text("1")
    page.wait_for_function(f"({INK_COLUMNS})().length > 0")


def test_a_pinch_leaves_nothing_and_the_stroke_before_it_stays(dashboard, browser) -> None:  # noqa: F811
    context = browser.new_context(viewport={"width": 412, "height": 900}, has_touch=True, is_mobile=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()  # noqa: F811
    open_draw(page, dashboard)
    test_browser.touch_a_one(page)
    expect(page.get_by_test_id("stMetric").filter(has_text="It reads")).to_contain_text("1")
    before = page.evaluate(INK_COLUMNS)
    box = page.locator("canvas.upper-canvas").bounding_box()
    finger = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[int, int]) -> None:
        places = [{"x": box["x"] + x, "y": box["y"] + y, "id": number} for number, (x, y) in enumerate(points)]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    for together in (False, True):
        if not together:
            touch("touchStart", (40, 60))
            touch("touchMove", (50, 70))
        touch("touchStart", (40, 60), (90, 120))
        for apart in range(0, 60, 15):
            touch("touchMove", (40 - apart // 2, 60), (90 + apart, 120 + apart))
        touch("touchEnd", (90, 120))
        touch("touchMove", (20, 200))
        touch("touchEnd")
        page.wait_for_function(f"({INK_COLUMNS})().join() == {','.join(map(str, before))!r}")
    test_browser.touch_a_one(page)  # and one finger draws as before
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nothing is drawn yet")).to_be_visible()
    context.close()


def test_a_drawing_a_filter_and_a_photo_survive_a_dropped_connection(dashboard, finished, page) -> None:  # noqa: F811
    page.add_init_script(DROP)

    def drop() -> None:
        number = page.evaluate("sockets.forEach(socket => socket.close()) || sockets.length")
        page.wait_for_function(f"sockets.length > {number} && sockets.at(-1).readyState == 1")

    open_draw(page, dashboard)
    answer = page.get_by_test_id("stMetric").filter(has_text="It reads")
    stroke(page, 150)
    expect(answer).to_contain_text("1")
    drop()
    stroke(page, 250)
    page.get_by_role("button", name="Undo").click()
    expect(answer).to_contain_text("1")
    assert len(strokes_seen(page)) == 1

    page.get_by_text("Picture", exact=True).click()
    file, picture = io.BytesIO(), Image.new("RGB", (600, 800), "#eeeeea")
    ImageDraw.Draw(picture).line([(180, 200), (420, 200), (300, 620)], "#223388", 40, joint="curve")
    picture.save(file, "JPEG")
    upload = {"name": "seven.jfif", "mimeType": "image/jpeg", "buffer": file.getvalue()}
    page.locator("input[type=file]").set_input_files(upload)
    expect(answer).to_contain_text("7")
    drop()
    page.get_by_text("What it sees", exact=True).click()
    page.get_by_text("Resize the canvas as it is").click()
    expect(page.get_by_text(re.compile("as MNIST was made, it reads 7"))).to_be_visible()

    page.goto(f"{dashboard.url}/predictions?run={finished.id}")
    page.get_by_text("All", exact=True).first.wait_for()
    tiles = page.get_by_role("option")
    tiles.first.click()
    opened = page.locator(".st-key-one_image")
    expect(opened).to_be_visible()
    said = opened.get_by_text(re.compile(r"^Image \d+$")).inner_text()
    drop()
    expect(opened.get_by_text(said, exact=True)).to_be_visible()
