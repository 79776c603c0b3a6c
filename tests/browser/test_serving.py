"""The pages as a class opens them: over https, where a WebSocket does not open, and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashboard.serving.network import addresses
from tests.support.browsing import PATIENCE, Dashboard, needs_browser

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser


@pytest.fixture
def stranger(browser: playwright.Browser) -> Iterator[playwright.BrowserContext]:
    """A browser that has accepted the certificate."""
    context = browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


def test_over_https_a_page_of_another_machine_may_use_the_camera(
    tmp_path, small_data: None, stranger: playwright.BrowserContext
) -> None:
    if not addresses():
        pytest.skip("this machine is in no network")
    dashboard = Dashboard(tmp_path, "--", "--https", "--class", address=addresses()[0])
    dashboard.start()
    try:
        page = stranger.new_page()
        page.goto(f"{dashboard.url}/draw")
        page.get_by_label("Your name").fill("Ann")
        page.get_by_role("button", name="Begin").click()
        expect(page.get_by_role("heading", name="Draw")).to_be_visible()  # so its WebSocket has opened
        assert page.evaluate("isSecureContext && 'getUserMedia' in navigator.mediaDevices")
        expect(page.locator("div.no-connection")).to_be_hidden()
    finally:
        dashboard.end()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, small_data: None) -> Iterator[Dashboard]:
    """A dashboard with all that app.py adds to the pages."""
    dashboard = Dashboard(tmp_path_factory.mktemp("home"))
    dashboard.start()
    yield dashboard
    dashboard.end()


def test_a_page_whose_websocket_does_not_open_says_so_until_it_does(
    served: Dashboard, stranger: playwright.BrowserContext
) -> None:
    page = stranger.new_page()
    page.route_web_socket("**/_stcore/stream", lambda socket: socket.close())
    page.goto(served.url)
    words = page.locator("div.no-connection")
    expect(words).to_be_visible()
    expect(words).to_contain_text("must let WebSocket through")
    assert page.evaluate("performance.now()") > 8000  # not at once: a busy server takes a while
    expect(words.get_by_role("link", name="HTTP API")).to_have_attribute("href", "api/docs")
    page.route_web_socket("**/_stcore/stream", lambda socket: socket.connect_to_server())  # the last one holds
    expect(page.get_by_role("button", name="Start training")).to_be_visible()
    expect(words).to_be_hidden()


def test_a_page_without_javascript_says_so(served: Dashboard, browser: playwright.Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served.url)
    expect(page.locator("p.no-connection")).to_be_visible()
    assert page.locator("body").inner_text().startswith("Digit Lab needs JavaScript")
    context.close()
