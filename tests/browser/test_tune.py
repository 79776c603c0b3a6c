"""Sweeps by hand: values typed into a field and started at once, watched to their end, and deleted in another tab."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from core.sweeps import SweepStore
from tests.support.browsing import Dashboard, needs_browser, wait_until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory, small_data: None) -> Iterator[Dashboard]:
    """A dashboard that trains, each epoch in a moment."""
    dashboard = Dashboard(tmp_path_factory.mktemp("home"))
    dashboard.start()
    yield dashboard
    dashboard.end()


def type_into(page: playwright.Page, label: str, text: str) -> None:
    """Click into a field, mark all that is there, and type over it; no Enter."""
    page.get_by_role("textbox", name=label, exact=True).click()
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def test_values_typed_into_fields_of_train_are_trained_and_the_best_is_named(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    sweeps = SweepStore(dashboard.store)
    page.goto(f"{dashboard.url}/?model=linear&epochs=1")
    page.get_by_text("More settings").click()
    type_into(page, "Learning rate", "0.01, 0.001")
    type_into(page, "Seed", "2 seeds")
    page.locator(".st-key-start button").click()
    expect(page.get_by_role("heading", name="Tune · Linear: learning rate, seed")).to_be_visible()
    [sweep] = sweeps.sweeps()
    assert [(config.learning_rate, config.seed) for config in sweep.plan.configs] == [
        (0.01, 0),
        (0.01, 1),
        (0.001, 0),
        (0.001, 1),
    ]
    ended = page.get_by_text(re.compile(r"Finished · Linear, 1 epoch, .* · 2 learning rates × 2 seeds · 4 trials"))
    expect(ended).to_be_visible(timeout=120_000)
    expect(page.get_by_text("Best: lr 0.0").first).to_be_visible()  # that of the drawing before may still stand there
    expect(page.get_by_role("button", name="Repeat the best two with 5 new seeds")).to_be_visible()
    wait_until(lambda: not sweep.has_coordinator())  # it has nothing more to do


def test_values_typed_on_tune_and_started_at_once_are_those_of_the_sweep_which_another_tab_deletes(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    sweeps = SweepStore(dashboard.store)
    before = {sweep.id for sweep in sweeps.sweeps()}
    page.goto(f"{dashboard.url}/tune?differs=batch_size")
    if before:
        page.get_by_text("New sweep").click()
    type_into(page, "Batch size", "64, 256")
    page.get_by_role("button", name="Start").click()
    wait_until(lambda: {sweep.id for sweep in sweeps.sweeps()} > before)
    [sweep] = (sweep for sweep in sweeps.sweeps() if sweep.id not in before)
    assert [config.batch_size for config in sweep.plan.configs] == [64, 256]
    expect(page.get_by_role("heading", name=f"Tune · {sweep.name}")).to_be_visible()
    other = page.context.new_page()
    other.goto(f"{dashboard.url}/tune?sweep={sweep.id}")
    other.get_by_role("button", name="Stop").click()
    other.get_by_role("button", name="Delete", exact=True).click()
    other.get_by_role("button", name="Delete the sweep").click()
    expect(page.get_by_text("This sweep was not found")).to_be_visible()
    wait_until(lambda: not any(run.state.is_active for run in dashboard.store.runs()))


def test_a_damaged_sweep_says_so_until_another_deletes_it(dashboard: Dashboard, page: playwright.Page) -> None:
    folder = SweepStore(dashboard.store).folder / "20260101-000000-abcd"
    folder.mkdir(parents=True)
    page.goto(f"{dashboard.url}/tune?sweep={folder.name}")
    expect(page.get_by_text("sweep.json is missing, damaged or of a newer version")).to_be_visible()
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_visible()
    folder.rmdir()
    expect(page.get_by_text("This sweep was not found")).to_be_visible()
