"""What a real browser does on the network: below a base path, and by a stranger's name, which opens no page."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.browsing import CHROMIUM, FLAGS, Dashboard, draw_a_one, needs_browser

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = needs_browser


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


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefixed]:
    dashboard = Prefixed(tmp_path_factory.mktemp("home"))
    dashboard.start()
    yield dashboard
    dashboard.end()


def test_a_name_that_was_made_to_point_here_shows_words_and_no_page(dashboard: Prefixed, browser) -> None:
    rebound = [*FLAGS, "--host-resolver-rules=MAP evil.example 127.0.0.1"]
    with browser.browser_type.launch(executable_path=CHROMIUM, args=rebound) as stranger:
        page = stranger.new_page()
        answer = page.goto(f"http://evil.example:{dashboard.port}/lab/")
        assert answer.status == 403
        expect(page.get_by_text("does not answer to the name evil.example")).to_be_visible()
        before = len(dashboard.store.runs())
        told = page.evaluate(
            """() => Promise.all([
                fetch('/lab/api/runs', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})
                    .then(answer => answer.status),
                new Promise(done => {
                    const socket = new WebSocket(`ws://${location.host}/lab/_stcore/stream`, ['streamlit'])
                    socket.onopen = () => done('open'); socket.onclose = () => done('closed')
                }),
            ])"""
        )
        assert told == [403, "closed"]
        assert len(dashboard.store.runs()) == before


def test_the_command_names_the_address_of_the_browser_with_the_base_path_and_its_docs_ask_this_machine_only(
    dashboard: Prefixed, page: playwright.Page
) -> None:
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.goto(f"{dashboard.url}/lab/draw?run=starter")
    draw_a_one(page)
    page.get_by_role("button", name="Use it from code").click()
    command = page.get_by_test_id("stCode").filter(has_text="curl").first
    expect(command).to_contain_text(f"curl -s {dashboard.url}/lab/api/runs/starter/predict")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="/lab/api/docs").click()
    expect(opened.value.get_by_text("/runs/{run_id}/predict", exact=True)).to_be_visible()
    assert urllib.request.urlopen(f"{dashboard.url}/lab/api/runs", timeout=30).status == 200
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:", "about:"))}
    assert hosts == {urlsplit(dashboard.url).netloc}
    assert f"{dashboard.url}/lab/api/docs" in asked
