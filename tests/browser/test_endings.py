"""How a run ends on the page, in headless Chromium with real workers: deleted, cancelled, or gone in another tab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browsing import Dashboard, needs_browser, start_long_run, wait_until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, digits_file: Path) -> Iterator[Dashboard]:
    """A dashboard that trains on small data, each epoch in a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITLAB_DATA", str(digits_file))
        dashboard = Dashboard(tmp_path_factory.mktemp("home"))
        dashboard.start()
        yield dashboard
        dashboard.end()


def stop_and_delete(page: playwright.Page) -> None:
    """Ask for it and answer the question with yes."""
    page.get_by_role("button", name="Manage").click()
    page.get_by_role("button", name="Delete this run").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop and delete").click()


@pytest.mark.parametrize("leaves", ["by a reload at once", "by a link", "not at all"])
def test_stop_and_delete_is_carried_out_wherever_the_browser_goes(
    training: Dashboard, page: playwright.Page, leaves: str
) -> None:
    run = start_long_run(training, page)
    name = run.name
    stop_and_delete(page)
    if leaves == "by a reload at once":
        wait_until(lambda: training.store.get(run.id) is None or run.is_discarded)  # the click has arrived
        page.reload()
    else:
        said = page.get_by_text("Stopping. The run is deleted once its worker has ended.")
        expect(said.or_(page.get_by_text(f"{name} was deleted."))).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
    if leaves == "by a link":
        page.get_by_role("link", name="Draw", exact=True).click()
        expect(page.get_by_role("heading", name="Draw")).to_be_visible()
    wait_until(lambda: training.store.get(run.id) is None)
    if leaves == "not at all":
        expect(page.get_by_text(f"{name} was deleted.")).to_be_visible()
        assert page.get_by_role("button", name="Pause").count() == 0
