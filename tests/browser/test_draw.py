"""Draw in a real browser, with hands: quick strokes and clicks, two fingers, a dropped connection."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.browsing import CHROMIUM, FLAGS, PATIENCE, needs_browser, touch_a_one, wait_until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = needs_browser

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

SHOWN_WIDTHS = """() => [...document.querySelectorAll("*")].map(e => e.shadowRoot?.querySelector("canvas.dc-canvas"))
  .filter(canvas => canvas).map(canvas => Math.round(canvas.getBoundingClientRect().width))"""
CHOSEN = {"tab": ("aria-selected", "true"), "radio": ("aria-checked", "true")}

GHOST_INK = """() => {
  const glass = document.querySelector("canvas[aria-label^='Drawing area']")
  return glass.getContext("2d").getImageData(0, 0, glass.width, glass.height).data.some(value => value)
}"""


@pytest.fixture(scope="module", autouse=True)
def another_name() -> Iterator[None]:
    """The dashboard answers to another machine's name as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITLAB_ALLOWED_HOSTS", "digits.example")
        yield


def strokes_seen(tab) -> list[int]:
    """Where the strokes on the canvas begin, from left to right, as the person sees them."""
    columns = np.array(tab.evaluate(INK_COLUMNS), int)
    return [] if not len(columns) else [int(columns[0]), *columns[1:][np.diff(columns) > 1].tolist()]


def tools(tab):
    """Undo and Clear of the page; the canvas has hidden buttons of these names."""
    return tab.locator(".st-key-undo, .st-key-clear")


def expect_strokes(tab, number: int) -> None:
    """Wait until there are as many strokes side by side on the canvas, and no canvas is on its way."""
    wait_until(lambda: len(strokes_seen(tab)) == number)


def stroke(tab, x: float) -> None:
    """A vertical stroke, as quick as a hand can."""
    box = tab.get_by_role("img", name="Drawing area").bounding_box()
    tab.mouse.move(box["x"] + x, box["y"] + 60)
    tab.mouse.down()
    tab.mouse.move(box["x"] + x, box["y"] + 150)
    tab.mouse.move(box["x"] + x, box["y"] + 240)
    tab.mouse.up()


def open_draw(page, dashboard) -> None:
    page.goto(f"{dashboard.url}/draw?run=starter")
    expect(page.get_by_role("img", name="Drawing area")).to_be_visible()


def test_undo_takes_back_the_last_of_two_quick_strokes(dashboard, page) -> None:
    open_draw(page, dashboard)
    answer = page.get_by_test_id("stMetric").filter(has_text=re.compile(r"It reads\s*1\D"))
    for pause in (0, 100, 300, 1000):
        for x in (100, 220):
            stroke(page, x)
        page.wait_for_timeout(pause)  # how long this hand takes to the button
        tools(page).get_by_role("button", name="Undo").click()
        expect(answer).to_be_visible()
        assert len(strokes_seen(page)) == 1
        page.get_by_role("link", name="Train", exact=True).click()  # what the session knows is what was seen
        expect(page.get_by_role("button", name="Start training")).to_be_visible()
        page.get_by_role("link", name="Draw", exact=True).click()
        expect(answer).to_be_visible()
        page.wait_for_function(f"({INK_COLUMNS})().length > 0")
        assert len(strokes_seen(page)) == 1
        tools(page).get_by_role("button", name="Undo").click()
        expect(page.get_by_text("The answer follows the pen")).to_be_visible()


@pytest.mark.parametrize("address", ["draw?run=starter", "inside?run=starter&part=One+image&source=Drawing"])
def test_the_answer_follows_the_pen_before_it_is_lifted(dashboard, page, address) -> None:
    page.goto(f"{dashboard.url}/{address}")
    drawing = page.get_by_role("img", name="Drawing area")
    answer = page.locator("[data-testid=stMetric], .st-key-inside_answer")
    expect(drawing).to_be_visible()
    wait_until(lambda: page.evaluate("Boolean(document.querySelector('[data-test-script-state=notRunning]'))"))
    box = drawing.bounding_box()

    def at(x: float, y: float) -> dict:
        return {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "steps": 8}

    page.mouse.move(**at(0.5, 0.2))
    page.mouse.down()
    page.mouse.move(**at(0.5, 0.8))
    expect(answer).to_contain_text(re.compile(r"(It reads|read as)\s*1"))
    page.mouse.move(**at(0.51, 0.8))
    page.mouse.move(**at(0.3, 0.5))
    page.mouse.move(**at(0.75, 0.55))  # a 4 that is open at the top, without lifting the pen
    expect(answer).not_to_contain_text(re.compile(r"(It reads|read as)\s*1"))
    assert drawing.bounding_box() == box
    assert len(strokes_seen(page)) == 0  # the canvas itself keeps a stroke when it ends
    keep = page.locator(".st-key-it_is").get_by_role("radio", name="4")
    if address.startswith("draw"):  # what is not yet drawn cannot be kept
        expect(keep).to_be_disabled()
    page.mouse.up()
    expect_strokes(page, 1)
    if address.startswith("draw"):
        expect(keep).to_be_enabled()
    tools(page).get_by_role("button", name="Undo").click()
    expect(page.get_by_text(re.compile("follows? the pen"))).to_be_visible()


def test_a_drawing_comes_along_to_another_part_or_mode_and_is_drawn_on(dashboard, page) -> None:
    def go(name: str, role: str) -> None:
        page.get_by_role(role, name=name, exact=True).click()
        expect(page.get_by_role(role, name=name, exact=True)).to_have_attribute(*CHOSEN[role])

    def expect_whole(strokes: int) -> None:
        expect_strokes(page, strokes)
        wait_until(lambda: page.evaluate(SHOWN_WIDTHS) == [round(drawing.bounding_box()["width"])])

    drawing = page.get_by_role("img", name="Drawing area")
    page.goto(f"{dashboard.url}/inside?run=starter&part=One+image&source=Drawing")
    expect(drawing).to_be_visible()
    stroke(page, 60)
    expect_whole(1)
    go("Why this digit", "tab")
    expect(page.locator(".st-key-why_answer")).to_contain_text("read as")
    expect_whole(1)
    go("One image", "tab")
    expect_whole(1)
    stroke(page, 140)
    expect_whole(2)
    go("Why this digit", "tab")
    expect_whole(2)
    tools(page).get_by_role("button", name="Undo").click()
    expect_whole(1)

    page.get_by_role("link", name="Draw", exact=True).click()
    expect(page.get_by_text("It reads")).to_be_visible()
    expect_whole(1)
    for mode in ("Picture", "My digits"):
        go(mode, "radio")
        expect(drawing).to_have_count(0)
    go("Draw", "radio")
    expect(drawing).to_be_visible()
    stroke(page, 180)
    expect_whole(2)


def test_clear_right_after_a_stroke_clears_it_and_undo_brings_it_back(dashboard, page) -> None:
    open_draw(page, dashboard)
    stroke(page, 150)
    tools(page).get_by_role("button", name="Clear").click()
    page.wait_for_function(f"({INK_COLUMNS})().length == 0")
    expect(page.get_by_text("The answer follows the pen")).to_be_visible()
    tools(page).get_by_role("button", name="Undo").click()
    expect(page.get_by_test_id("stMetric").filter(has_text="It reads")).to_contain_text("1")
    page.wait_for_function(f"({INK_COLUMNS})().length > 0")


def test_the_buttons_that_keep_a_drawing_are_off_while_it_changes(dashboard, page) -> None:
    open_draw(page, dashboard)
    stroke(page, 150)
    buttons = page.locator(".st-key-it_is")
    off = buttons.locator("[inert]")
    expect(buttons).to_be_visible()
    expect(off).to_have_count(0)
    box = page.get_by_role("img", name="Drawing area").bounding_box()
    page.mouse.move(box["x"] + 150, box["y"] + 100)
    page.mouse.down()
    expect(off).to_have_count(1)
    page.mouse.move(box["x"] + 150, box["y"] + 300)
    page.mouse.up()
    expect(off).to_have_count(0)
    one = buttons.get_by_text("1", exact=True)
    one.click()
    expect(page.get_by_text("Saved as a 1 in My digits")).to_be_visible()
    one.click()  # this laboratory is shared
    expect(page.get_by_text("Every run is tested on your digits")).to_be_visible()


def test_a_stroke_right_after_clear_or_undo_is_kept(dashboard, page) -> None:
    open_draw(page, dashboard)
    answer = page.get_by_test_id("stMetric").filter(has_text="It reads")

    def press(name: str, pause: int) -> None:
        tools(page).get_by_role("button", name=name).click()
        page.wait_for_timeout(pause)  # how long this hand takes back to the canvas

    for pause in (0, 50, 150, 400):
        stroke(page, 60)
        expect(answer).to_be_visible()
        for x in (100, 150):  # twice, since each canvas is another
            press("Clear", pause)
            stroke(page, x)
            expect_strokes(page, 1)
            expect(answer).to_contain_text("1")
        press("Clear", pause)
        press(
            "Undo", pause
        )  # nothing of this is in the browser: what was cleared comes back, and the stroke is beside it
        stroke(page, 220)
        expect_strokes(page, 2)
        tools(page).get_by_role("button", name="Clear").click()
        stroke(page, 100)
        tools(page).get_by_role("button", name="Undo").click()  # and is taken back by itself
        stroke(page, 200)
        expect_strokes(page, 1)
        tools(page).get_by_role("button", name="Undo").click()
        expect_strokes(page, 0)
        tools(page).get_by_role("button", name="Undo").click()  # what the session knows is what was seen
        expect_strokes(page, 2)
        expect(answer).to_be_visible()
        tools(page).get_by_role("button", name="Clear").click()
        expect(page.get_by_text("The answer follows the pen")).to_be_visible()


def test_a_stroke_is_whole_where_the_brush_changes_in_the_middle_of_it(dashboard, page) -> None:
    open_draw(page, dashboard)
    box = page.get_by_role("img", name="Drawing area").bounding_box()
    page.mouse.move(box["x"] + 150, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 150)
    page.get_by_role("slider", name="Brush").press("End")
    for y in range(150, 240):
        page.mouse.move(box["x"] + 150, box["y"] + y)
        page.wait_for_timeout(25)  # a slow stroke, longer than the server's answer
    page.mouse.up()
    expect_strokes(page, 1)
    top = page.evaluate(INK_COLUMNS.replace("y < height", "y < 70"))  # where the stroke began
    assert len(top) > 20


def test_ink_lands_below_the_pointer_on_a_canvas_of_any_width_and_the_ghost_is_never_part_of_it(
    dashboard, page
) -> None:
    open_draw(page, dashboard)
    glass = page.get_by_role("img", name="Drawing area")
    for width in (1280, 412):
        page.set_viewport_size({"width": width, "height": 1000})
        expect(page.get_by_text("The answer follows the pen")).to_be_visible()
        page.wait_for_function(GHOST_INK)
        assert strokes_seen(page) == []
        box = glass.bounding_box()
        assert box["width"] == (420 if width == 1280 else pytest.approx(382, abs=20))
        page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
        page.mouse.down()
        page.mouse.move(box["x"] + 3 * box["width"] / 4, box["y"] + 3 * box["height"] / 4, steps=4)
        page.mouse.up()
        expect(page.locator(".st-key-it_is")).to_be_visible()  # it was read
        wait_until(lambda: page.evaluate(INK_COLUMNS))  # the canvas may be drawn anew at this moment
        columns = page.evaluate(INK_COLUMNS)
        brush = 28
        assert [columns[0], columns[-1]] == pytest.approx([105 - brush / 2, 315 + brush / 2], abs=3)
        assert not page.evaluate(GHOST_INK)
        tools(page).get_by_role("button", name="Clear").click()


def test_a_digit_is_chosen_by_keys_and_is_read_and_a_stroke_right_after_a_choice_is_kept(dashboard, page) -> None:
    open_draw(page, dashboard)
    page.get_by_role("option").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text("It reads", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Back to the image")).to_be_visible()
    tools(page).get_by_role("button", name="Clear").click()
    page.get_by_role("option").first.click()
    stroke(page, 30)  # at once, on the canvas that is there
    wait_until(lambda: {0, 1} <= {int(column < 50) for column in page.evaluate(INK_COLUMNS)})


def test_a_pinch_leaves_nothing_and_the_stroke_before_it_stays(dashboard, browser) -> None:
    context = browser.new_context(viewport={"width": 412, "height": 900}, has_touch=True, is_mobile=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    open_draw(page, dashboard)
    touch_a_one(page)
    expect(page.locator(".st-key-answer_line")).to_contain_text("1 ·")
    wait_until(lambda: page.evaluate(INK_COLUMNS))  # the answer follows the pen: the stroke itself may come after it
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
    touch_a_one(page)  # and one finger draws as before
    tools(page).get_by_role("button", name="Undo").click()
    tools(page).get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The answer follows the pen")).to_be_visible()
    context.close()


def test_a_drawing_a_filter_and_a_photo_survive_a_dropped_connection(dashboard, finished, page) -> None:
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
    tools(page).get_by_role("button", name="Undo").click()
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
    page.get_by_text("Resize it as it is").click()
    expect(page.get_by_text(re.compile("In MNIST's form: 7"))).to_be_visible()

    page.goto(f"{dashboard.url}/predictions?run={finished.id}")
    page.get_by_text("All", exact=True).first.wait_for()
    tiles = page.get_by_role("option")
    tiles.first.click()
    opened = page.locator(".st-key-one_image")
    expect(opened).to_be_visible()
    said = opened.get_by_text(re.compile(r"^Image \d+$")).inner_text()
    drop()
    expect(opened.get_by_text(said, exact=True)).to_be_visible()


LIVE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
CAMERAS = {
    "there": (LIVE, None),
    "refused": ([LIVE[0], "--deny-permission-prompts"], "Your browser blocks the camera for Digit Lab"),
    "none": ([LIVE[1]], "Your browser found no camera"),
    "insecure": ([*LIVE, "--host-resolver-rules=MAP digits.example 127.0.0.1"], "only over https"),
}


@pytest.mark.parametrize("case", CAMERAS)
def test_without_a_camera_the_reason_and_the_way_out_are_said(dashboard, browser, case) -> None:
    flags, reason = CAMERAS[case]
    chromium = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
    tab = chromium.new_page()
    tab.set_default_timeout(PATIENCE)
    host = "digits.example" if case == "insecure" else "127.0.0.1"
    tab.goto(f"http://{host}:{dashboard.port}/draw?run=starter")
    tab.get_by_text("Picture", exact=True).click()
    tab.get_by_text("Use the camera").click()
    camera = tab.get_by_test_id("stCameraInput")
    if reason is None:
        expect(camera.locator("video")).to_be_visible()
        expect(tab.get_by_test_id("stCameraInputButton")).to_be_enabled()
    else:
        expect(tab.get_by_text(reason)).to_be_visible()
        expect(camera).to_have_count(0)
        tab.get_by_text("Use the camera").click()
        expect(tab.get_by_test_id("stFileUploader")).to_be_visible()
    chromium.close()
