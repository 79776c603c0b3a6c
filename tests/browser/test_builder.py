"""The builder of networks as hands use it: rows and text are one network, and it is the one that is trained."""

from __future__ import annotations

import pytest

from tests.support.browsing import Dashboard, needs_browser, wait_until

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.base")
expect = playwright.expect

pytestmark = needs_browser


def row(page: playwright.Page, number: int) -> playwright.Locator:
    """A layer's row, the first is 1."""
    return page.get_by_role("listitem", name=f"layer {number}, ")


def test_a_preset_is_changed_in_rows_and_in_text_and_what_is_on_the_screen_is_trained(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    page.goto(dashboard.url)
    text = page.get_by_role("textbox", name="Layers")
    cost = page.locator(".cost")
    page.get_by_role("button", name="Build").click()
    expect(cost).to_contain_text("79,510 parameters, 79,400 multiplications")
    row(page, 2).get_by_label("activation").select_option("none")
    expect(text).to_have_value("flatten, dense 100, output sigmoid")

    row(page, 2).get_by_role("button", name="Add").click()
    page.keyboard.press("Enter")  # the first of the menu, whose size is marked to be typed over
    page.keyboard.type("50")
    expect(text).to_have_value("flatten, dense 100, dense 50, relu, output sigmoid")
    expect(row(page, 3).get_by_label("units")).to_be_focused()
    expect(cost).to_contain_text("84,060 parameters")  # 78,500 + 100 · 50 + 50 + 50 · 10 + 10
    page.keyboard.press("Alt+ArrowUp")
    expect(text).to_have_value("flatten, dense 50, relu, dense 100, output sigmoid")
    expect(row(page, 2).get_by_label("units")).to_be_focused()
    page.keyboard.press("Control+z")
    expect(text).to_have_value("flatten, dense 100, dense 50, relu, output sigmoid")

    start = page.get_by_role("button", name="Start training")
    row(page, 1).get_by_role("button", name="Remove").click()
    expect(row(page, 1)).to_contain_text('Needs a row of numbers, but gets 28 × 28 × 1. Put "flatten" before it.')
    expect(start).to_be_disabled()
    for typed in ("flatten; dense 30; output", "Conv2D(8, 3) relu; flatten; dense 300, tanh, output softmax"):
        text.click()
        page.keyboard.press("Control+a")
        page.keyboard.type(typed)
        if "30;" in typed:
            expect(row(page, 2).get_by_label("units")).to_have_value("30")
            expect(start).to_be_enabled()
    start.click()  # at once
    wait_until(lambda: dashboard.store.runs())
    [run] = dashboard.store.runs()
    assert run.config.network == "conv 8 3, relu, flatten, dense 300, tanh, output softmax"
    assert run.config.title == "Custom"

    units = row(page, 3).get_by_label("units")
    expect(units).to_have_value("300")
    units.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("40")
    start.click()  # at once
    wait_until(lambda: len(dashboard.store.runs()) == 2)
    networks = {run.config.network for run in dashboard.store.runs()}
    assert "conv 8 3, relu, flatten, dense 40, tanh, output softmax" in networks
