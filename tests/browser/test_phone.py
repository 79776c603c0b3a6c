"""Pages on a phone: what the first screen holds, and what a finger hits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.config import TrainingConfig
from core.data import Dataset
from core.runs import Run
from tests.support.browsing import PATIENCE, Dashboard, needs_browser
from tests.support.digits import mostly_right
from tests.support.runs import fill_run

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser

AROUND = """([x, y]) => [[-20, 0], [20, 0], [0, -20], [0, 17]].map(
    ([right, down]) => document.elementFromPoint(x + right, y + down)?.ariaLabel)"""


@pytest.fixture(scope="module")
def phone(browser: playwright.Browser) -> Iterator[playwright.Page]:
    context = browser.new_context(viewport={"width": 412, "height": 900}, has_touch=True, is_mobile=True)
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def other(dashboard: Dashboard, digits: Dataset) -> Run:
    """A second run, which is better."""
    run = fill_run(dashboard.store.create(TrainingConfig(model="linear", epochs=3)), digits)
    run.write_probabilities(mostly_right(digits.y_test, [1]))
    return run


def test_compare_begins_with_table_and_curves_and_the_groups_of_images_stand_in_pairs(
    dashboard: Dashboard, phone: playwright.Page, finished: Run, other: Run
) -> None:
    phone.goto(f"{dashboard.url}/compare")
    title, table = phone.get_by_role("heading", name="Compare"), phone.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    expect(phone.get_by_text("Both right ·")).to_be_visible()
    assert 50 < title.bounding_box()["y"] < 70  # right below the menu's button
    choices = phone.locator(".st-key-run_choice").bounding_box()
    assert choices["height"] < 125  # two rows
    assert table.bounding_box()["y"] - choices["y"] < 140
    expect(phone.get_by_role("heading", name="Validation accuracy")).to_be_in_viewport()
    groups = phone.get_by_role("radiogroup", name="Images").get_by_role("radio")
    places = [group.bounding_box() for group in groups.all()]
    assert len(places) == 4
    assert places[0]["y"] == places[1]["y"] < places[2]["y"] == places[3]["y"]
    expect(phone.locator(".st-key-without_network")).to_be_hidden()  # it is the star's help
    phone.get_by_role("button", name="Help", exact=True).first.click()
    expect(phone.get_by_test_id("stTooltipContent")).to_contain_text("Without a network: always the same digit")


@pytest.mark.parametrize("name", ["draw", "map", "learn", "tune", "predictions"])
def test_every_title_begins_at_the_same_height_below_the_menu(
    dashboard: Dashboard, phone: playwright.Page, finished: Run, name: str
) -> None:
    phone.goto(f"{dashboard.url}/{name}")
    title = phone.get_by_test_id("stMain").get_by_role("heading", level=1)
    expect(title).to_be_visible()
    menu = phone.get_by_test_id("stExpandSidebarButton").bounding_box()
    phone.wait_for_function("document.querySelector('h1').getBoundingClientRect().top < 70")  # its style has come
    assert menu["y"] + menu["height"] <= title.bounding_box()["y"] <= 70


def test_a_finger_hits_a_help_mark_also_beside_it(dashboard: Dashboard, phone: playwright.Page, finished: Run) -> None:
    phone.goto(f"{dashboard.url}/compare")
    mark = phone.get_by_role("button", name="Help for Filter")
    expect(mark).to_be_visible()
    box = mark.bounding_box()
    assert box["width"] < 20
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    assert set(phone.evaluate(AROUND, middle)) == {"Help for Filter"}


def test_digits_fill_the_rows_of_a_gallery(
    dashboard: Dashboard, phone: playwright.Page, finished: Run, other: Run
) -> None:
    phone.goto(f"{dashboard.url}/compare")
    phone.get_by_text("Both right ·").click()
    tiles = phone.locator("[role=option]")
    expect(tiles).to_have_count(24)
    digits = [tile.locator(".digit").bounding_box() for tile in tiles.all()]
    columns = sum(digit["y"] == digits[0]["y"] for digit in digits)
    assert 24 % columns == 0
    assert digits[1]["x"] - digits[0]["x"] - digits[0]["width"] < 18
    assert digits[0]["width"] == digits[0]["height"] > 56
    assert 380 < digits[columns - 1]["x"] + digits[columns - 1]["width"] < 400


def test_labels_of_choices_beside_each_other_stand_in_line(
    dashboard: Dashboard, phone: playwright.Page, finished: Run
) -> None:
    phone.goto(f"{dashboard.url}/map?run={finished.id}")
    labels = [phone.get_by_test_id("stWidgetLabel").filter(has_text=words) for words in ("Layout", "Label", "Read as")]
    for label in labels:
        expect(label.first).to_be_visible()
    tops = [label.first.bounding_box()["y"] for label in labels]
    assert max(tops) - min(tops) <= 3


def test_the_panel_of_an_image_fades_below_until_it_is_scrolled_to_its_end(
    dashboard: Dashboard, phone: playwright.Page, finished: Run
) -> None:
    phone.goto(f"{dashboard.url}/predictions?run={finished.id}")
    phone.get_by_role("option").first.click()
    expect(phone.get_by_text("Nearest training images")).to_be_attached()
    panel, fades = (
        phone.locator(".st-key-one_image"),
        "panel => getComputedStyle(panel.parentElement, '::after').opacity",
    )
    assert panel.evaluate(fades) == "1"
    panel.evaluate("panel => panel.scrollTo(0, panel.scrollHeight)")
    phone.wait_for_function(f"({fades})(document.querySelector('.st-key-one_image')) === '0'")
