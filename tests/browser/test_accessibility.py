"""Pages for everybody, in Chromium: axe-core finds nothing, no other machine is asked, and a translated page lives."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.config import TrainingConfig
from core.data import Dataset
from core.report import Author, run_report
from core.runs import Run
from core.runs.weights import write_epoch_weights
from tests.support.browsing import Dashboard, draw_a_one, needs_browser
from tests.support.networks import random_weights
from tests.support.runs import fill_run

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.base")
expect = playwright.expect

pytestmark = needs_browser

PAGES = (
    "Train",
    "Learn",
    "Predictions",
    "Confidence",
    "Compare",
    "Tune",
    "Map",
    "Inside",
    "Robustness",
    "Draw",
    "Export",
)
NOT_OURS = {  # what axe-core finds in markup that pages cannot change, by rule
    # The column of the boxes that choose a row has no title: github.com/streamlit/streamlit/issues/688
    "empty-table-header": '[data-testid="stDataFrame"] th[aria-colindex="1"]',
    # The frame of an area that is marked in a chart is named by nothing: github.com/vega/vega-lite/issues/9623
    "svg-img-alt": '[class*="_brush"]',
}
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules that tell one theme from the other
TRIES = 10  # where the page was drawn anew while it was looked at
WATCH_PALER = """() => {
    window.paler = false
    const look = () => (window.paler ||= Boolean(document.querySelector("[data-stale=true]")))
    new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributeFilter: ["data-stale"]})
}"""
LOOK = """rules => axe.run(
    { exclude: ["[data-stale=true]"] }, // what fades is drawn anew
    { preload: false, resultTypes: ["violations"], ...(rules && { runOnly: rules }) },
)"""
IS_DARK = "matchMedia('(prefers-color-scheme: dark)').matches"
IS_NOT_OURS = "([path, selector]) => document.querySelector(path)?.matches(selector)"
NAMED_BY_THE_PAGE = """() => [...document.querySelectorAll('link[href], script[src], img[src], iframe[src]')]
    .map(each => each.href || each.src)"""
TRANSLATOR = """
    // A browser's translation as far as a page notices it: each text gives way to two elements with the translation.
    const translate = () => {
        const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
        const found = []
        while (texts.nextNode()) found.push(texts.currentNode)
        for (const text of found) {
            if (!text.data.trim() || text.parentElement.closest("script, style, font, [translate=no]")) continue
            const [outer, inner] = [document.createElement("font"), document.createElement("font")]
            inner.append(text.data.toUpperCase())
            outer.append(inner)
            text.replaceWith(outer)
        }
    }
    new MutationObserver(() => setTimeout(translate)).observe(
        document.body, { childList: true, subtree: true, characterData: true },
    )
    translate()
"""

WHAT_REACT_DOES = """async () => {
    // Change a text that was translated, put something after it, and remove both: after each, what is to be seen.
    const translated = () => new Promise(done => setTimeout(done, 100))
    const [place, text, next, last] = ["p", "a", "0", "4"].map((name, number) => number
        ? document.createTextNode(name) : document.body.appendChild(document.createElement(name)))
    const seen = []
    const does = async (step) => { step(); await translated(); seen.push(place.textContent) }
    await does(() => place.append(text, last))
    await does(() => text.data = "new")
    await does(() => place.insertBefore(next, last))
    await does(() => place.removeChild(text))
    await does(() => place.removeChild(next))
    place.remove()
    return seen
}"""


@pytest.fixture
def finished(dashboard: Dashboard, digits: Dataset) -> Iterator[Run]:
    """The newest of two finished runs."""
    for name in ("Earlier", "Newest"):
        run = fill_run(dashboard.store.create(TrainingConfig(model="dense", epochs=3), name), digits)
        for epoch in (0, 3):
            write_epoch_weights(run.path, random_weights(run.config.layers, epoch), epoch)
    yield run
    shutil.rmtree(dashboard.store.folder)


@contextmanager
def training(dashboard: Dashboard, digits: Dataset) -> Iterator[Run]:
    """A run as it is after three of forty epochs."""
    run = fill_run(dashboard.store.create(TrainingConfig(model="dense", epochs=40), "Learning"), digits)
    (run.path / "summary.json").unlink()
    with run.lock().acquire(timeout=0):
        run.set_state("running")
        yield run
    dashboard.store.delete(run)


def open_page(page: playwright.Page, url: str) -> None:
    """Open a page and wait until it is drawn to its end."""
    page.goto(url)
    settle(page)


def settle(page: playwright.Page) -> None:
    """Wait until the page is drawn to its end."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def look(page: playwright.Page, rules: object) -> list[dict]:
    """What axe-core finds while all of the page is drawn: it is drawn again for another theme, and is paler then."""
    for _ in range(TRIES):
        settle(page)
        expect(page.locator("[data-stale=true]")).to_have_count(0)
        page.evaluate(WATCH_PALER)
        found = page.evaluate(LOOK, rules)["violations"]
        if not found or not page.evaluate("paler"):
            break
    return found


def check(page: playwright.Page, what: str) -> list[str]:
    """What axe-core finds on the page in the theme that it has, and what its colours are in the other."""
    found = []
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.AXE_SCRIPT)
    themes = ("dark", "light") if page.evaluate(IS_DARK) else ("light", "dark")
    for theme, rules in zip(themes, (None, COLOURS), strict=True):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # colours change at once
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", theme)
        for violation in look(page, rules):
            foreign = NOT_OURS.get(violation["id"])
            for node in violation["nodes"]:
                if foreign and page.evaluate(IS_NOT_OURS, [node["target"][-1], foreign]):
                    continue
                why = " ".join(reason["message"] for kind in ("any", "all", "none") for reason in node[kind])
                found.append(f"{what}, {theme}: {violation['id']} at {node['target']}: {node['html'][:200]} {why}")
    return found


def test_axe_finds_nothing_on_any_page_and_all_ask_this_machine_only(
    dashboard: Dashboard, digits: Dataset, finished: Run, page: playwright.Page
) -> None:
    found, asked = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda websocket: asked.append(websocket.url))
    page.goto(dashboard.url)
    for name in PAGES:
        page.get_by_role("navigation", name="App pages").get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        settle(page)
        if name == "Draw":
            found += check(page, "Draw, empty")
            draw_a_one(page)
            settle(page)
        if name == "Predictions":
            page.get_by_role("option").first.click()
            expect(page.locator(".st-key-one_image")).to_be_visible()
            page.get_by_role("button", name="More filters").click()
            settle(page)
        found += check(page, name)
        asked += page.evaluate(NAMED_BY_THE_PAGE)
        for part in ("One image", "Why this digit", "Health") if name == "Inside" else ():
            page.get_by_role("tab", name=part).click()
            settle(page)
            found += check(page, f"Inside, {part}")
    with training(dashboard, digits) as run:
        open_page(page, f"{dashboard.url}/?run={run.id}")
        expect(page.get_by_role("button", name="Stop and save")).to_be_visible()
        found += check(page, "Train, live")
    assert not found, "\n".join(found)
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:", "about:"))}
    assert hosts == {urlsplit(dashboard.url).netloc}
    assert any(url.startswith("data:image/svg+xml") for url in asked)  # the icon in the browser's tab


def test_units_are_reached_and_chosen_by_keyboard(dashboard: Dashboard, finished: Run, page) -> None:
    open_page(page, f"{dashboard.url}/inside?run={finished.id}&part=One+image")
    units = page.get_by_role("listbox", name="Dense, 128 units").get_by_role("option")
    units.first.focus()
    for key in ("ArrowRight", "End", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Unit 126 of Dense 128")).to_be_visible()
    expect(page.get_by_role("cell", name="Sum")).to_be_visible()
    expect(units.nth(126)).to_have_attribute("aria-selected", "true")
    expect(units.nth(126)).to_be_focused()


def test_before_the_first_run_axe_finds_nothing_and_the_dark_theme_is_printed_dark_on_white(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    open_page(page, f"{dashboard.url}/?build=true")
    expect(page.get_by_role("button", name="Train Classic, 10 epochs")).to_be_visible()
    expect(page.get_by_role("listitem", name="layer 2, dense")).to_be_visible()
    assert check(page, "Train, empty, with the builder") == []
    expect(page.locator(":root")).to_have_attribute("data-theme", "dark")
    page.emulate_media(media="print")
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(page.get_by_role("heading", level=1)).to_have_css("color", "rgb(16, 19, 30)")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()


def test_a_report_fits_a_phone_asks_nobody_and_is_printed_dark_on_white(
    digits: Dataset, finished: Run, page: playwright.Page, tmp_path: Path
) -> None:
    file, asked, violations = tmp_path / "report.html", [], []
    file.write_bytes(run_report(finished, digits, Author("Ann", "It reads well.")))
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 412, "height": 900})
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.goto(file.as_uri())
        expect(page.get_by_role("heading", level=1)).to_have_text(finished.name)
        page.evaluate(axe.AXE_SCRIPT)
        violations += page.evaluate(LOOK, None)["violations"]
        assert page.evaluate("document.documentElement.scrollWidth") == 412
    assert [each["id"] for each in violations] == []
    assert {url for url in asked if not url.startswith("data:")} == {file.as_uri()}
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(page.get_by_role("heading", level=1)).to_have_css("color", "rgb(31, 41, 51)")


def test_a_live_page_goes_on_while_the_browser_translates_it(
    dashboard: Dashboard, digits: Dataset, page: playwright.Page
) -> None:
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    with training(dashboard, digits) as run:
        open_page(page, f"{dashboard.url}/?run={run.id}")
        page.evaluate(TRANSLATOR)
        expect(page.get_by_text("TRAINING ACCURACY")).to_be_visible()
        for epoch in (10, 20):
            measured = {"step": 8 * epoch, "epoch": epoch, "position": float(epoch), "loss": 0.1, "accuracy": 0.9}
            means = {"epoch_loss": 0.1, "epoch_accuracy": 0.5 + epoch / 1000, "images_per_second": 900.0}
            run.append_event("batch", **measured, **means, images=1000, training_seconds=9.0, learning_rate=0.001)
            expect(page.get_by_text(f"{50 + epoch / 10:.2f} %")).to_be_visible()
        assert page.evaluate(WHAT_REACT_DOES) == ["A4", "NEW4", "NEW04", "04", "4"]
        run.set_state("finished")
        expect(page.get_by_text("FINISHED")).to_be_visible()
    assert not errors
