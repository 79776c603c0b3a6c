"""A teacher and a pupil in two browsers: what the teacher decides, the pupil's page says and obeys."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

import pytest

from core.config import TrainingConfig
from core.people import Actor, People, acting_as, change_rules, read_rules
from tests.support.browsing import Dashboard, needs_browser, wait_until
from tests.support.runs import fill_run

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser
PIN = "271828"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory, small_data: None) -> Iterator[Dashboard]:
    """A dashboard for a class, which trains."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITLAB_CLASS", "1")
        patch.setenv("DIGITLAB_TEACHER", PIN)
        dashboard = Dashboard(tmp_path_factory.mktemp("school"))
        dashboard.start()
        yield dashboard
        dashboard.end()


@pytest.fixture
def come(school: Dashboard, browser: playwright.Browser) -> Iterator:
    """Somebody who opens an address in a browser of their own, and types a name."""
    contexts = []

    def open_as(name: str, address: str = "/") -> playwright.Page:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        page = contexts[-1].new_page()
        page.goto(f"{school.url}{address}")
        page.get_by_role("textbox", name="Your name").fill(name)
        page.get_by_role("button", name="Begin").click()
        return page

    yield open_as
    for context in contexts:
        assert context.pages[0].get_by_test_id("stException").count() == 0
        context.close()


def open_class(page: playwright.Page) -> None:
    """Open Class by its PIN."""
    page.get_by_role("link", name="Class", exact=True).click()
    page.get_by_role("textbox", name="Teacher's PIN").fill("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is not the PIN.")).to_be_visible()
    page.get_by_role("textbox", name="Teacher's PIN").fill(PIN)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Everybody waits", exact=True)).to_be_visible()


def test_what_a_teacher_decides_holds_for_a_pupil(school: Dashboard, come) -> None:
    teacher, pupil = come("Ms Teacher"), come("Ben", "/?epochs=200&model=cnn")  # which takes longer than all here
    open_class(teacher)
    expect(teacher.get_by_text(re.compile("2 names · 2 here"))).to_be_visible()

    teacher.get_by_text("Everybody waits", exact=True).click()
    wait_until(lambda: read_rules(school.store.home).everybody_waits)
    pupil.get_by_role("button", name="Start training").click()
    paused = pupil.get_by_text("The teacher has paused starting: your run stays in the line.")
    expect(paused).to_be_visible()
    [run] = school.store.runs()
    assert run.state.name == "queued"
    expect(teacher.get_by_text(re.compile("0 in training · 1 in the line"))).to_be_visible()
    teacher.get_by_text("Everybody waits", exact=True).click()
    expect(paused).to_have_count(0)
    wait_until(lambda: run.history().epochs)
    expect(teacher.get_by_text(re.compile("1 in training · 0 in the line"))).to_be_visible()

    teacher.get_by_role("button", name="Stop", exact=True).click()
    teacher.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(pupil.get_by_role("strong").filter(has_text="Stopped")).to_be_visible()
    assert len(run.history().epochs) < 200

    teacher.get_by_text("Limits", exact=True).click()
    teacher.get_by_role("textbox", name="Epochs a run").fill("5")
    teacher.get_by_role("button", name="Set limits").click()
    expect(pupil.get_by_text("The teacher has set at most 5 epochs.").first).to_be_visible()  # without a touch
    expect(pupil.get_by_role("button", name="Start training")).to_be_disabled()
    teacher.get_by_text("Log", exact=True).click()
    expect(teacher.get_by_test_id("stDataFrame")).to_have_count(2)

    locked = come("Cem", "/?lock=epochs,model&epochs=2&model=dense")
    expect(locked.get_by_text("Set by your teacher").first).to_be_visible()
    expect(locked.get_by_role("textbox", name="Epochs")).to_be_disabled()
    locked.get_by_role("link", name="Learn", exact=True).click()
    expect(locked.get_by_role("heading", name="Learn", exact=True)).to_be_visible()
    locked.get_by_role("link", name="Train", exact=True).click()
    expect(locked.get_by_role("textbox", name="Epochs")).to_be_disabled()
    locked.get_by_role("button", name="Start training").click()
    wait_until(lambda: len(school.store.runs()) == 2)
    config = school.store.runs()[0].config
    assert (config.epochs, config.model) == (2, "dense")


def test_a_class_is_cleared_and_what_there_was_is_downloaded(school: Dashboard, come) -> None:
    change_rules(school.store.home, epochs=None)
    teacher, pupil = come("Ms Other"), come("Dana", "/?epochs=200")
    open_class(teacher)
    pupil.get_by_role("button", name="Start training").click()
    wait_until(lambda: any(run.owner.name == "Dana" and run.state.name == "running" for run in school.store.runs()))
    ids = {run.id for run in school.store.runs()}
    teacher.get_by_test_id("stExpander").get_by_text("Clear the class", exact=True).first.click()
    teacher.get_by_test_id("stExpander").get_by_role("button", name="Clear the class").click()
    teacher.get_by_role("dialog").get_by_role("button", name="Clear the class").click()
    zipped = teacher.get_by_role("button", name=re.compile("^class-.*zip"))
    expect(zipped).to_be_visible()
    wait_until(lambda: not school.store.runs())  # the one in training was stopped first
    expect(teacher.get_by_text(re.compile("1 name · 1 here"))).to_be_visible()
    expect(pupil.get_by_role("textbox", name="Your name")).to_be_visible()  # without a touch
    with teacher.expect_download() as download:
        zipped.click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert {f"runs/{run_id}/config.json" for run_id in ids} <= set(archive.namelist())


def shown_height(element) -> float:
    """How high an element is, 0 while it is drawn anew for another size."""
    box = element.bounding_box()
    return box["height"] if box else 0.0


def test_the_wall_fills_the_screen_and_ends_with_it(school: Dashboard, digits, come) -> None:
    teacher = come("Ms Fifth")
    expect(teacher.get_by_role("button", name="Ms Fifth", exact=True)).to_be_visible()
    open_class(teacher)
    teacher.get_by_role("button", name="Wall for the projector").click()
    fits = "() => { const m = document.querySelector('[data-testid=stMain]'); return m.scrollHeight <= m.clientHeight }"
    for width, height in ((1366, 768), (1920, 1080)):
        teacher.set_viewport_size({"width": width, "height": height})
        wait_until(lambda height=height: shown_height(teacher.get_by_role("img")) > 0.5 * height)  # the address
        assert teacher.evaluate(fits)
    people = People(school.store.home)
    for number in range(5):
        with acting_as(Actor(people.join(f"Pupil {number}")[0])):
            fill_run(school.store.create(TrainingConfig(model="dense", epochs=3)), digits)
    expect(teacher.get_by_role("row")).to_have_count(6)
    for width, height in ((1366, 768), (1920, 1080)):
        teacher.set_viewport_size({"width": width, "height": height})
        wait_until(lambda height=height: shown_height(teacher.get_by_role("table")) > 0.6 * height)
        wait_until(lambda height=height: 0.1 * height < shown_height(teacher.get_by_role("img")) < 0.2 * height)
        assert teacher.evaluate(fits)


def test_who_is_renamed_with_enter_stays_chosen(school: Dashboard, come) -> None:
    pupil, teacher = come("Finn"), come("Ms Fourth")
    expect(pupil.get_by_role("button", name="Finn", exact=True)).to_be_visible()
    open_class(teacher)
    expect(teacher.get_by_text("For everybody", exact=True)).to_be_visible()
    teacher.get_by_test_id("stDataFrame").first.click(position={"x": 20, "y": 37 + 17})  # the box of the first row
    expect(teacher.get_by_text("For Finn", exact=True)).to_be_visible()
    teacher.get_by_role("button", name="Rename").click()
    teacher.get_by_role("textbox", name="New name").fill("Finnja")
    teacher.keyboard.press("Enter")
    expect(teacher.get_by_text("For Finnja", exact=True)).to_be_visible()
    expect(teacher.get_by_role("textbox", name="New name")).to_have_count(0)
    teacher.get_by_role("button", name="Remove names").click()
    dialog = teacher.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Remove Finnja?")).to_be_visible()
    dialog.get_by_role("button", name="Remove").click()
    expect(pupil.get_by_role("textbox", name="Your name")).to_be_visible()
    expect(teacher.get_by_role("button", name="Remove names")).to_be_disabled()


def test_whoever_was_a_teacher_types_the_pin_of_the_next_start(school: Dashboard, come) -> None:
    teacher = come("Ms Third")
    open_class(teacher)
    school.end()
    school.start()
    teacher.goto(f"{school.url}/class")
    expect(teacher.get_by_role("textbox", name="Teacher's PIN")).to_be_visible()
    assert not any(person.is_teacher for person in People(school.store.home).all())
