"""README's pictures, made anew: `python -m docs.make_pictures`.

It starts a dashboard on an empty home, trains the classic network and a CNN on the dataset that the dashboard finds,
and takes pictures of a live run, of one mistake explained, of the map, of an image in the CNN, of a drawing and of a
lesson. Takes two to three minutes, and needs what tests need (requirements-dev.txt, Chromium).
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.browser import APP, CHROMIUM, FLAGS, serve, wait_until
from core.config import TrainingConfig
from core.runs import RunStore

SIZE = {"width": 1440, "height": 1000}
EPOCHS = 8  # of the CNN, half of which are trained when its picture is taken
PATIENCE = 300  # seconds for what takes longest, training
LESSON = "epochs"
UNFINISHED = (
    "[data-testid=stSkeleton]",
    "[data-testid=stSpinner]",
    "[data-stale=true]",
    "[role=progressbar]:not(.st-key-guide *)",
)
TWO = "32,36 36,27 45,21 55,21 64,27 67,36 64,46 55,57 44,67 33,78 51,78 70,77"  # a 2, in hundredths of the canvas


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(prog="python -m docs.make_pictures", description=__doc__.partition(":")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder of the pictures (docs)")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        home = Path(folder)
        with serve(APP, home) as server, driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser:
            page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
            page.set_default_timeout(1000 * PATIENCE)
            expect.set_options(timeout=1000 * PATIENCE)
            take_pictures(page, server.url, RunStore(home), out)


def take_pictures(page: Page, url: str, store: RunStore, out: Path) -> None:
    """Train two runs and take the pictures."""
    classic = store.create(TrainingConfig(epochs=10))
    page.goto(url)
    wait_until(lambda: not classic.state.is_active, "the classic run", PATIENCE)

    cnn = store.create(TrainingConfig(model="cnn", epochs=EPOCHS))
    page.goto(f"{url}/?run={cnn.id}")
    wait_until(lambda: len(cnn.history().epochs) >= EPOCHS // 2, "half of the CNN's epochs", PATIENCE)
    expect(page.get_by_role("button", name="Stop and save")).to_be_visible()
    save(page, out / "train.png", moves=True)
    wait_until(lambda: not cnn.state.is_active, "the CNN's run", PATIENCE)

    page.goto(f"{url}/predictions?run={classic.id}")
    page.get_by_role("option").first.click()
    expect(page.get_by_text("Nearest training images")).to_be_attached()
    save(page, out / "predictions.png")

    page.goto(f"{url}/map?run={cnn.id}")
    expect(page.get_by_role("radio", name="t-SNE")).to_be_checked()
    save(page, out / "map.png")

    page.goto(f"{url}/inside?run={cnn.id}&part=One+image")
    expect(page.get_by_text("Convolution, 16 filters").first).to_be_visible()
    save(page, out / "inside.png")

    page.goto(f"{url}/draw?run={cnn.id}")
    draw(page)
    expect(page.get_by_test_id("stMain").get_by_text(re.compile(r"\d %")).first).to_be_visible()
    expect(page.get_by_text("Preparing")).to_have_count(0)  # what it needs to say "don't know"
    save(page, out / "draw.png")

    page.goto(f"{url}/?run={classic.id}&lesson={LESSON}")
    page.locator(".st-key-guide_next button").click()
    expect(page.get_by_text("What do you expect?")).to_be_visible()
    save(page, out / "learn.png")


def draw(page: Page) -> None:
    """Draw a 2 with the mouse."""
    canvas = page.locator("canvas.upper-canvas")
    canvas.wait_for()
    settle(page)
    box = canvas.bounding_box()
    for number, point in enumerate(TWO.split()):
        x, y = map(int, point.split(","))
        page.mouse.move(box["x"] + box["width"] * x / 100, box["y"] + box["height"] * y / 100, steps=4)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
    page.mouse.move(SIZE["width"] - 1, SIZE["height"] - 1)  # over nothing


def settle(page: Page) -> None:
    """Wait until the page is drawn to its end and nothing on it moves."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    for unfinished in (
        "[data-testid=stSkeleton]",
        "[data-testid=stSpinner]",
        "[role=progressbar]:not(.st-key-guide *)",
    ):
        expect(page.locator(unfinished)).to_have_count(0)
    shot = b""
    while shot != (shot := page.screenshot()):
        page.wait_for_timeout(500)


def save(page: Page, path: Path, *, moves: bool = False) -> None:
    """Take a picture, at once where the page always moves."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    if not moves:
        settle(page)
    page.screenshot(path=path)
    print(path)


if __name__ == "__main__":
    main()
