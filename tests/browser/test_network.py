"""What a real browser does on the network: all pages ask this machine only, and a stranger's name opens none."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from core.config import TrainingConfig
from core.runs import Run
from tests.support.browsing import CHROMIUM, FLAGS, PATIENCE, Dashboard, needs_browser, wait_until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = needs_browser

PAGES = ("", "predictions", "confidence", "compare", "map", "inside", "robustness", "draw", "export")
NAMED_BY_THE_PAGE = """() => [...document.querySelectorAll('link[href], script[src], img[src], iframe[src]')]
    .map(each => each.href || each.src)"""


@pytest.fixture
def training(dashboard: Dashboard) -> Iterator[Run]:
    run = dashboard.store.create(TrainingConfig(epochs=200, batch_size=8))
    wait_until(lambda: run.state.name == "running")
    yield run
    run.stop()
    wait_until(lambda: not run.state.is_active)


def test_all_pages_ask_this_machine_only(dashboard: Dashboard, browser, finished: Run, training: Run) -> None:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.on("websocket", lambda websocket: asked.append(websocket.url))
    for run in (finished, training):
        for path in PAGES:
            page.goto(f"{dashboard.url}/{path}?run={run.id}")
            expect(
                page.get_by_test_id("stMainBlockContainer").locator("h1, h2, h3, label, p").filter(visible=True).first
            ).to_be_visible()
            expect(page.get_by_test_id("stSidebarNavLink").first).to_be_visible()
            asked += page.evaluate(NAMED_BY_THE_PAGE)
    assert training.state.is_active
    page.goto(f"{dashboard.url}/api/docs")
    expect(page.get_by_text("/runs/{run_id}/predict", exact=True)).to_be_visible()
    asked += page.evaluate(NAMED_BY_THE_PAGE)
    context.close()
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:", "about:"))}
    assert hosts == {f"127.0.0.1:{dashboard.port}"}
    assert any(url.startswith("data:image/svg+xml") for url in asked)  # the icon in the browser's tab


def test_a_name_that_was_made_to_point_here_shows_words_and_no_page(dashboard: Dashboard, browser) -> None:
    rebound = [*FLAGS, "--host-resolver-rules=MAP evil.example 127.0.0.1"]
    with browser.browser_type.launch(executable_path=CHROMIUM, args=rebound) as stranger:
        page = stranger.new_page()
        answer = page.goto(f"http://evil.example:{dashboard.port}/")
        assert answer.status == 403
        expect(page.get_by_text("does not answer to the name evil.example")).to_be_visible()
        before = len(dashboard.store.runs())
        told = page.evaluate(
            """() => Promise.all([
                fetch('/api/runs', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})
                    .then(answer => answer.status),
                new Promise(done => {
                    const socket = new WebSocket(`ws://${location.host}/_stcore/stream`, ['streamlit'])
                    socket.onopen = () => done('open'); socket.onclose = () => done('closed')
                }),
            ])"""
        )
        assert told == [403, "closed"]
        assert len(dashboard.store.runs()) == before


class Prefixed(Dashboard):
    """A dashboard whose addresses all begin with /lab."""

    def start(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", "lab")
            super().start()

    def answers(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/lab/_stcore/health", timeout=2).status == 200
        except OSError:
            return False


def test_the_command_names_the_address_of_the_browser_with_the_base_path(tmp_path, page) -> None:
    dashboard = Prefixed(tmp_path)
    dashboard.start()
    try:
        page.goto(f"{dashboard.url}/lab/draw?run=starter")
        canvas = page.locator("canvas.upper-canvas")
        expect(canvas).to_be_visible()
        box = canvas.bounding_box()
        x = box["x"] + box["width"] / 2
        page.mouse.move(x, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(x, box["y"] + 240, steps=10)
        page.mouse.up()
        page.get_by_role("button", name="Use it from code").click()
        command = page.get_by_test_id("stCode").filter(has_text="curl").first
        expect(command).to_contain_text(f"curl -s {dashboard.url}/lab/api/runs/starter/predict")
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="/lab/api/docs").click()
        expect(opened.value.get_by_text("/runs/{run_id}/predict", exact=True)).to_be_visible()
        answer = urllib.request.urlopen(f"{dashboard.url}/lab/api/runs", timeout=30)
        assert answer.status == 200
    finally:
        dashboard.end()
