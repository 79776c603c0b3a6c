"""The time from lifting or moving the pen to the new answer on the page, beside the bare canvas component.

    python -m benchmarks.pen_to_answer [--strokes N]

Both apps run on this machine in headless Chromium, and strokes alternate between them. The bare app draws with the same
canvas and writes how many strokes there are. Digit Lab answers with the shipped starter, in an empty home, on Draw and
on Inside, where every layer follows; there the time from a movement of the pen, which stays down, is measured as well.
Needs `requirements-dev.txt` and Chromium.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.browser import APP, CHROMIUM, FLAGS, serve
from core.terminal import command_line, exit_with

SHEET = 14  # strokes of each kind that have room on a canvas
BARE = """
import streamlit as st
from streamlit_drawable_canvas import st_canvas

drawn = st_canvas(stroke_width=20, stroke_color="#fff", background_color="#000", height=308, width=308,
                  return_image_data=True, key="canvas")
st.metric("Strokes", len((drawn.json_data or {"objects": []})["objects"]))
"""
# Resolves to the milliseconds from the pen's lifting, or its next movement, until the page answers: another text, or
# another picture of what the network sees, since two drawings may well be read alike; on Inside other pictures of the
# layers.
WATCH = """event => {
  const layers = root => {
    for (const element of root?.querySelectorAll("*") ?? []) {
      const found = element.tagName === "STYLE" ? element.textContent : layers(element.shadowRoot)
      if (found.includes("data-group")) return found
    }
    return ""
  }
  const answer = () => [...document.querySelectorAll("[data-testid=stMetric], [data-testid=stImage] img")]
    .map(element => element.src ?? element.innerText).join() + layers(document.querySelector(".st-key-layers_wall"))
  const before = answer()
  window.answered = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no answer within 20 s")), 20000)
    document.addEventListener(event, () => {
      const began = performance.now()
      const look = () => answer() === before ? requestAnimationFrame(look) : resolve(performance.now() - began)
      look()
    }, { once: true, capture: true })
  })
}"""


def begin(page, address: str) -> None:
    """Open a page with an empty canvas, and draw a first dot, which is not measured."""
    page.goto(address)
    page.locator("canvas.upper-canvas").wait_for()
    stroke(page, 0)


def stroke(page, number: int, *, held: bool = False) -> float:
    """Draw a dot at the left or, where the pen is `held`, a short stroke at the right. Returns milliseconds.

    The place is another one for each number below `SHEET`: ink on ink would change no answer.

    They count from the pen's lifting or, where it is held, from its movement, to the answer.
    """
    box = page.locator("canvas.upper-canvas").bounding_box()
    x = box["x"] + (150 if held else 30) + number % 3 * 35
    y = box["y"] + 30 + number // 3 * 40
    page.mouse.move(x, y)
    if held:
        page.mouse.down()
        page.evaluate(WATCH, "mousemove")
        page.mouse.move(x + 15, y + 20)
        time = page.evaluate("window.answered")
        page.mouse.up()
        return time
    page.evaluate(WATCH, "mouseup")
    page.mouse.down()
    page.mouse.up()
    return page.evaluate("window.answered")


def main(arguments: list[str] | None = None) -> None:
    """Print median and spread of both, and the difference."""
    from playwright.sync_api import sync_playwright

    parser = command_line("python -m benchmarks.pen_to_answer", __doc__)
    parser.add_argument("--strokes", type=int, default=30, metavar="N")
    strokes = parser.parse_args(arguments).strokes
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with serve(bare, Path(folder)) as bare_server, serve(APP, Path(folder)) as server:
            addresses = {
                "bare component": bare_server.url,
                "Draw": f"{server.url}/draw",
                "Inside": f"{server.url}/inside?part=One+image&source=Drawing&run=starter",
            }
            pages = {name: browser.new_page() for name in addresses}
            for name, page in pages.items():
                begin(page, addresses[name])
            held = {name: f"{name}, held" for name in pages if name != "bare component"}
            times = {name: [] for name in (*pages, *held.values())}
            for number in range(1, strokes + 1):
                for name, page in pages.items():
                    page.bring_to_front()
                    if number % SHEET == 0:
                        begin(page, addresses[name])
                    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
                    times[name].append(stroke(page, number % SHEET + 1))
                    if name in held:
                        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
                        times[held[name]].append(stroke(page, number % SHEET + 1, held=True))
        browser.close()
    print(f"{'':<20}{'median ms':>11}{'5th':>8}{'95th':>8}   ({strokes} strokes each)")
    for name, values in times.items():
        low, *_, high = statistics.quantiles(values, n=20)
        print(f"{name:<20}{statistics.median(values):>11.0f}{low:>8.0f}{high:>8.0f}")
    bare = statistics.median(times.pop("bare component"))
    for name, values in times.items():
        print(f"{name + ' above':<20}{statistics.median(values) - bare:>11.0f}")


if __name__ == "__main__":
    exit_with(main)
