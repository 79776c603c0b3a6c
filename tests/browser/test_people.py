"""Two people, old pages and odd names, in headless Chromium: the page shows the run that it says, by its very name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from core.config import TrainingConfig
from core.data import load_dataset
from core.data.my_digits import MyDigits
from core.runs import Run, RunStore
from core.runs.starter import Starter
from core.storage import write_json
from tests.support.browsing import Dashboard, needs_browser, wait_until
from tests.support.digits import mostly_right
from tests.support.odd_names import ODD_NAMES

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser

BLOCKS = re.compile(r"[#+>|-]|\d[.)]|:::|\$\$|<!--")  # what Markdown takes for a block where a text begins with it
MOST = 60  # characters of a name
IS_RED = """element => {
    const [red, green, blue] = getComputedStyle(element).backgroundColor.match(/\\d+/g).map(Number)
    return red > 2 * Math.max(green, blue)
}"""


def packed(names: list[str]) -> list[str]:
    """The names as few longer ones, those first in which it matters that they are."""
    first = [name for name in names if BLOCKS.match(name)]
    rest = [name for name in names if not BLOCKS.match(name)]
    found = []
    while first or rest:
        name = (first or rest).pop(0)
        while rest and len(f"{name} {rest[0]}") <= MOST:
            name += f" {rest.pop(0)}"
        found.append(name)
    return found


NAMES = packed(ODD_NAMES)


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory, digits_file: Path) -> Iterator[Dashboard]:
    """A dashboard that trains nothing, over small data in a file with an odd name."""
    folder = tmp_path_factory.mktemp("lab")
    data = shutil.copy(digits_file, folder / "![](http:x) *x* :red[x] :smile: $5 $6 <b>.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITLAB_DATA", str(data))
        (folder / "home").mkdir()
        dashboard = Dashboard(folder / "home", trains=False)
        dashboard.start()
        yield dashboard
        dashboard.end()


@pytest.fixture
def home(laboratory: Dashboard) -> Iterator[RunStore]:
    """The store of that dashboard, empty at first."""
    yield laboratory.store
    shutil.rmtree(laboratory.store.folder, ignore_errors=True)


@pytest.fixture
def make(home: RunStore, laboratory: Dashboard, digits_file: Path):
    """A finished run with this name, that reads the test images with a few mistakes."""
    digits = load_dataset(digits_file)

    def finished(name: str, *, wrong: int = 10, state: str = "finished") -> Run:
        run = home.create(TrainingConfig(model="dense", epochs=3), name)
        for epoch in (1, 2, 3):
            run.write_probabilities(mostly_right(digits.y_test, slice(wrong)), epoch)
            run.append_event("epoch", epoch=epoch, step=8 * epoch, val_accuracy=0.9)
        shutil.copy(Starter().path / "model.tflite", run.path)
        identity = {"name": digits.name, "source": "file x", "fingerprint": digits.fingerprint}
        write_json(run.path / "dataset.json", identity)
        write_json(run.path / "summary.json", {"test_accuracy": 1 - wrong / 397, "epochs": 3, "dataset": identity})
        run.set_state(state)
        return run

    return finished


def seen(text: str) -> str:
    """As a browser shows runs of spaces."""
    return " ".join(text.split())


def shows(page: playwright.Page, text: str, within: str = "[data-testid=stMain]") -> None:
    """Wait until this text stands on the page to the letter."""
    place = page.locator(within).first
    wait_until(lambda: seen(text) in seen(place.inner_text()))


def done(page: playwright.Page) -> None:
    """Wait until the page is drawn to its end."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def test_odd_names_are_shown_as_they_were_typed_and_load_nothing(
    laboratory: Dashboard, home: RunStore, make, page: playwright.Page
) -> None:
    asked_for = []
    page.on("request", lambda request: asked_for.append(request.url))
    best, first, second, foreign = (make("x", wrong=wrong) for wrong in (5, 10, 20, 30))
    waiting = home.create(TrainingConfig(), "x")
    MyDigits(home.home).add(load_dataset().x_test[0] // 2, 7, said=7, run_id=first.id)
    for turn in range(0, len(NAMES), 7):  # each name in one place or two; test_text has all by CommonMark
        names = NAMES[turn:] + NAMES[:turn]
        for run, name in zip((best, first, second, foreign, waiting), names, strict=False):
            run.rename(name)
            assert run.name == name
        write_json(foreign.path / "dataset.json", {"name": names[5], "source": names[6], "fingerprint": "x"})
        write_json(second.path / "imported.json", {"file": names[7], "when": 1e9})

        page.goto(f"{laboratory.url}/?run={second.id}")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Train · {second.name}")
        shows(page, best.name, "[data-testid=stMetric]:has-text('Test accuracy')")
        shows(page, f"Imported from {names[7]} on")
        page.get_by_role("button", name="Manage").click()
        page.get_by_role("button", name="Delete this run").click()
        shows(page, f"{second.name} with its model", "[role=dialog]:has-text('with its model')")

        with first.lock().acquire(timeout=0):
            first.set_state("running")
            page.goto(f"{laboratory.url}/?run={waiting.id}")
            shows(page, f"Next in line, after {first.name}")
            page.goto(f"{laboratory.url}/compare?a={first.id}&b={second.id}")
            shows(page, f"{first.name}: after epoch 3, still training")
            shows(page, f"{second.name} reads 377 of 397 images right, 10 fewer than {first.name} (387)")
            shows(page, f"{foreign.name} (it was trained and tested on {names[5]} ({names[6]}))")
        first.set_state("finished")
        page.goto(f"{laboratory.url}/predictions?run={waiting.id}")
        shows(page, f"{waiting.name} has no predictions yet.")
        shows(page, f"Show {best.name} · 98.74 %")
        shows(page, f"Go to {waiting.name}")
        page.goto(f"{laboratory.url}/predictions?run={foreign.id}")
        shows(page, f"This run was trained and tested on {names[5]} ({names[6]})")
        page.goto(f"{laboratory.url}/map?{urlencode({'run': names[8]})}")
        shows(page, f"Run {names[8]} was not found")
        page.goto(f"{laboratory.url}/draw?run={first.id}")
        page.get_by_text("My digits", exact=True).click()
        shows(page, f"{first.name} reads")
        shows(page, f"Fine-tune {first.name}")
        assert page.locator("[data-testid=stMain] a[href*=example]").count() == 0
    page.get_by_text("Own digits, not MNIST").click()
    shows(page, "![](http:x) *x* :red[x] :smile: $5 $6 <b>.npz")
    assert not {urlsplit(url).netloc for url in asked_for} & {"localhost:1", "example.com", "www.example.com"}


def test_a_run_that_another_tab_deletes_leaves_no_other_under_the_mouse(
    laboratory: Dashboard, home: RunStore, make, page: playwright.Page
) -> None:
    mine, others = (make(name, state="running") for name in ("Mine", "Another's"))
    with others.lock().acquire(timeout=0):
        with mine.lock().acquire(timeout=0):
            page.goto(f"{laboratory.url}/?run={mine.id}")
            expect(page.get_by_role("button", name="Pause")).to_be_visible()
        mine.set_state("paused")
        expect(page.get_by_role("strong").filter(has_text="Paused")).to_be_visible()
        home.delete(mine)
        expect(page.get_by_text("Mine was not found. It may have been deleted.")).to_be_visible()
        expect(page.get_by_role("button", name="Start a run")).to_be_visible()
        expect(page.get_by_role("heading", name="All runs")).to_have_count(1)  # two for an instant, while it moves up
        assert page.get_by_role("button", name="Pause").count() == 0
        page.get_by_role("link", name="Predictions", exact=True).click()
        expect(page.get_by_text("Mine was not found. It may have been deleted.")).to_be_visible()
        page.get_by_role("link", name="All runs").click()
        expect(page.get_by_role("button", name="Start a run")).to_be_visible()
        assert others.control == {}


def test_a_run_that_trains_is_stopped_and_deleted_by_one_click(
    laboratory: Dashboard, home: RunStore, make, page: playwright.Page
) -> None:
    make("Another")
    run = make("Mine", state="running")
    with run.lock().acquire(timeout=0):
        page.goto(f"{laboratory.url}/?run={run.id}")
        page.get_by_role("button", name="Manage").click()
        page.get_by_role("button", name="Delete this run").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("It is training now and will be stopped first.")).to_be_visible()
        expect(page.get_by_role("button", name="Delete this run")).to_have_count(0)  # the popover is closed
        dangerous = dialog.get_by_role("button", name="Stop and delete")
        page.wait_for_function(IS_RED, arg=dangerous.element_handle())  # its colour comes with a transition
        dangerous.click()
        expect(page.get_by_text("Stopping. The run is deleted once its worker has ended.")).to_be_visible()
        expect(dialog).to_have_count(0)
        assert run.control["request"] == "stop"
    home.delete(run)  # as a launcher does
    expect(page.get_by_text("Mine was deleted.")).to_be_visible()
    assert home.get(run.id) is None


@pytest.mark.parametrize("name", ["predictions", "confidence", "map", "robustness", "draw", "export"])
def test_a_page_notices_by_itself_that_its_run_was_deleted_in_another_tab(
    laboratory: Dashboard, home: RunStore, make, page: playwright.Page, name: str
) -> None:
    run, _ = make("Mine"), make("Another")
    page.goto(f"{laboratory.url}/{name}?run={run.id}")
    expect(page.get_by_role("combobox", name="Run", exact=True)).to_have_value("Mine · 97.48 %")
    done(page)
    home.delete(run)
    expect(page.get_by_text("Mine was not found. It may have been deleted.")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 412])
def test_two_ticked_runs_lead_to_their_comparison(laboratory: Dashboard, make, page: playwright.Page, width) -> None:
    runs = [make(f"Run {number}") for number in range(4)]  # the newest is in the first row
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{laboratory.url}/compare?a={runs[3].id}&b={runs[2].id}")
    done(page)
    table, button = page.get_by_test_id("stDataFrame").first, page.get_by_role("button", name="Compare the two")
    expect(page.get_by_role("button", name="Tick two to compare")).to_be_disabled()
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    for row in (1, 3):
        page.mouse.click(box["x"] + 18, box["y"] + 37 + 35 * (row + 0.5))
        done(page)
    button.click()
    heading = page.get_by_role("heading", name="Two runs on the same images")
    expect(heading).to_be_in_viewport(ratio=1)
    for label, run in (("First run", runs[0]), ("Second run", runs[2])):
        expect(page.get_by_role("combobox", name=label)).to_have_value(run.name)


def test_a_comparison_notices_by_itself_that_one_of_its_runs_was_deleted(
    laboratory: Dashboard, home: RunStore, make, page: playwright.Page
) -> None:
    first, second, _ = (make(name) for name in ("Mine", "Hers", "Another"))
    page.goto(f"{laboratory.url}/compare?a={first.id}&b={second.id}")
    expect(page.get_by_text("Under each digit: what Mine reads")).to_be_visible()
    home.delete(first)
    expect(page.get_by_text("Not found: Mine. Showing others instead.")).to_be_visible()
    page.get_by_role("button", name="Swap").click()
    expect(page.get_by_text("Not found")).to_have_count(0)  # who swaps has seen which two are compared


def test_the_choice_in_the_sidebar_follows_the_state_of_its_run(
    laboratory: Dashboard, home: RunStore, make, page: playwright.Page
) -> None:
    run = make("Mine", state="queued")
    page.goto(f"{laboratory.url}/?run={run.id}")
    choice = page.get_by_role("combobox", name="Run", exact=True)
    expect(choice).to_have_value("Mine · queued")
    with run.lock().acquire(timeout=0):
        run.set_state("running")
        expect(page.get_by_role("strong").filter(has_text="Running")).to_be_visible()
        expect(choice).to_have_value("Mine · running")
        page.get_by_role("link", name="Predictions", exact=True).click()
        expect(page.get_by_role("heading", name="Predictions · Mine", exact=True)).to_be_visible()
        run.set_state("finished")
    expect(page.get_by_role("combobox", name="Run", exact=True)).to_have_value("Mine · 97.48 %")


def test_a_click_on_a_row_of_all_runs_brings_it_into_sight(laboratory: Dashboard, make, page: playwright.Page) -> None:
    for number in range(5):
        make(f"Run {number}")
    rows = laboratory.store.runs()
    page.goto(f"{laboratory.url}/?run={rows[0].id}")
    heading = page.get_by_role("heading", level=1)
    for row in (3, 2):
        done(page)
        table = page.get_by_test_id("stDataFrame").last
        table.scroll_into_view_if_needed()
        box = table.bounding_box()
        page.mouse.click(box["x"] + 20, box["y"] + 35 * (row + 1.5))
        expect(heading).to_have_text(f"Train · {rows[row].name}")
        expect(heading).to_be_in_viewport()


def test_back_goes_one_step_and_opens_the_image_again(laboratory: Dashboard, make, page: playwright.Page) -> None:
    run = make("Mine")
    page.goto(f"{laboratory.url}/predictions?run={run.id}")
    tiles, panel = page.get_by_role("option"), page.locator(".st-key-one_image")
    tiles.first.click()
    expect(panel.get_by_text("Image 0", exact=True)).to_be_visible()
    tiles.nth(3).click()
    expect(panel.get_by_text("Image 3", exact=True)).to_be_visible()
    for name in ("Confidence", "Map", "Train"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=f"{name} · Mine", exact=True)).to_be_visible()
        done(page)
        page.go_back()
        expect(panel.get_by_text("Image 3", exact=True)).to_be_visible()
    for before in (page.reload, page.go_back):  # and a link at once, before the page that came is whole
        before()
        expect(page).to_have_url(re.compile("image=3"))
        page.get_by_role("link", name="Map", exact=True).dblclick()
        expect(page).to_have_url(re.compile("/map.*run="))
        expect(page.get_by_role("heading", name="Map · Mine", exact=True)).to_be_visible()
    page.go_back()
    expect(panel.get_by_text("Image 3", exact=True)).to_be_visible()
    page.go_back()
    expect(panel.get_by_text("Image 0", exact=True)).to_be_visible()
    page.go_back()
    expect(panel).to_have_count(0)
    page.go_forward()
    expect(panel.get_by_text("Image 0", exact=True)).to_be_visible()


def test_the_runs_of_the_selected_rows_are_those_that_are_deleted(
    laboratory: Dashboard, home: RunStore, make, page: playwright.Page
) -> None:
    runs = [make(name) for name in ("Mine", "Hers", "Another")]
    rows = laboratory.store.runs()
    page.goto(f"{laboratory.url}/compare?runs={','.join(run.id for run in rows)}")
    expect(page.get_by_role("heading", name="Two runs on the same images")).to_be_visible()
    done(page)
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 35 * 2.5)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Delete 1 run").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem")).to_have_text([rows[1].name])
    expect(page.get_by_role("button", name="Delete 1 run")).to_have_count(1)  # the menu is closed
    dialog.get_by_role("button", name="Delete 1 run").click()
    expect(page.get_by_text("Deleted 1 run.")).to_be_visible()
    assert {run.id for run in home.runs()} == {run.id for run in runs} - {rows[1].id}


def test_a_comparison_is_printed_with_all_its_columns_and_without_the_sidebar(
    laboratory: Dashboard, make, page: playwright.Page
) -> None:
    for number in range(2):
        make(f"Run {number}", wrong=10 * number)
    page.goto(f"{laboratory.url}/compare")
    expect(page.get_by_role("heading", name="Two runs on the same images")).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})  # a sheet of paper
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    titles = page.get_by_role("columnheader")
    for title in ("Run", "Test accuracy", "Calibration error"):
        expect(titles.get_by_text(title, exact=True)).to_be_in_viewport(ratio=1)
