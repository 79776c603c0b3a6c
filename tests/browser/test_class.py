"""Two browsers of a class: what is another's is looked at and never changed, and nobody is led to it by chance."""

from __future__ import annotations

import re

import pytest

from benchmarks.session import Session
from core.config import TrainingConfig
from core.people import People
from core.people.codes import Codes
from core.people.person import COOKIE
from tests.support.browsing import Dashboard, needs_browser, wait_until

pytestmark = needs_browser
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
CHANGES = re.compile("^(Pause|Stop and save|Cancel|Resume|Manage|Learning rate|Train more epochs)$")


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory, small_data):
    """A dashboard for a class, which trains nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITLAB_CLASS", "1")
        dashboard = Dashboard(tmp_path_factory.mktemp("home"), trains=False)
        dashboard.start()
        yield dashboard
        dashboard.end()


@pytest.fixture
def open_browser(browser):
    """A browser of its own, at an address."""
    contexts = []

    def opened(url):
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        page = contexts[-1].new_page()
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:
            assert page.get_by_test_id("stException").count() == 0
        context.close()


def begin(page, name):
    expect(page.get_by_label("Your name")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Enter")


def menu(page, name):
    return page.get_by_role("button", name=name, exact=True)


def test_a_run_of_another_is_looked_at_and_gone_when_she_deletes_it(dashboard, open_browser):
    ann, ben = open_browser(f"{dashboard.url}/?epochs=3"), open_browser(dashboard.url)
    begin(ann, "Ann")
    begin(ben, "Ben")
    expect(menu(ben, "Ben")).to_be_visible()
    ann.get_by_role("button", name="Start training").click()
    expect(ann.get_by_role("button", name="Cancel")).to_be_visible()
    [run] = dashboard.store.runs()
    strangers = dashboard.store.create(TrainingConfig(model="linear"))
    ben.reload()
    expect(ben.get_by_role("heading", name="Train a network to read handwritten digits")).to_be_visible()
    expect(ben.get_by_text(run.name)).to_have_count(0)
    ben.goto(f"{dashboard.url}/?run={run.id}")
    expect(ben.get_by_text("Ann's run. You can look at it, compare it and use its settings.")).to_be_visible()
    expect(ben.get_by_role("button", name=CHANGES)).to_have_count(0)
    name = run.name  # which nobody knows once it is deleted
    ann.get_by_role("button", name="Cancel").click()
    expect(ben.get_by_text(f"{name} was not found. It may have been deleted.")).to_be_visible()
    expect(ben.get_by_role("button", name="Start a run")).to_be_visible()
    expect(ben.get_by_text(strangers.name)).to_have_count(0)
    ben.get_by_text("Everybody's", exact=True).click()
    expect(ben.get_by_role("heading", name="All runs")).to_be_visible()
    assert "whose=all" in ben.url


def test_of_two_with_one_name_the_second_gets_a_number_and_a_click_too_many_makes_nobody(dashboard, open_browser):
    people = People(dashboard.store.home)
    address = f"{dashboard.url}/?lesson=cnn"
    first, second = open_browser(address), open_browser(address)
    begin(first, "Cleo")
    expect(menu(first, "Cleo")).to_be_visible()
    second.get_by_label("Your name").fill("Cleo")
    second.get_by_role("button", name="Begin").dblclick()
    expect(menu(second, "Cleo (2)")).to_be_visible()
    for number in range(3, 7):  # of two clicks the second comes at any moment
        page = open_browser(address)
        page.get_by_label("Your name").fill("Cleo")
        page.get_by_role("button", name="Begin").dblclick()
        expect(menu(page, f"Cleo ({number})")).to_be_visible()
    names = sorted(person.name for person in people.all() if person.name.startswith("Cleo"))
    assert names == ["Cleo", *[f"Cleo ({number})" for number in range(2, 7)]]
    expect(second.get_by_text("Why a CNN")).to_be_visible()  # to which the address led
    tab = first.context.new_page()
    tab.goto(f"{dashboard.url}/draw")
    expect(menu(tab, "Cleo")).to_be_visible()


def test_who_leaves_or_is_removed_is_asked_for_a_name_and_comes_back_by_a_code(dashboard, open_browser):
    people = People(dashboard.store.home)
    page = open_browser(f"{dashboard.url}/learn")
    begin(page, "Dora")
    menu(page, "Dora").click()
    page.get_by_role("button", name="This is not me: leave").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave", exact=True).click()
    expect(page.get_by_label("Your name")).to_be_visible()
    wait_until(lambda: COOKIE not in {cookie["name"] for cookie in page.context.cookies()})
    page.reload()
    expect(page.get_by_label("Your name")).to_be_focused()
    page.get_by_text("I was here before").click()
    dora = next(person for person in people.all() if person.name == "Dora")
    page.get_by_label("Code", exact=True).fill(Codes(people).make(dora))
    page.get_by_role("button", name="Come back").dblclick()
    expect(menu(page, "Dora")).to_be_visible()
    page.reload()
    expect(menu(page, "Dora")).to_be_visible()  # by the cookie
    menu(page, "Dora").click()
    page.get_by_role("button", name="This is not me: leave").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave", exact=True).click()
    begin(page, "Emil")
    expect(menu(page, "Emil")).to_be_visible()
    page.goto(f"{dashboard.url}/?run=emils&epochs=3")
    expect(page.get_by_text("Run emils was not found.")).to_be_visible()
    people.remove(next(person for person in people.all() if person.name == "Emil"))
    expect(page.get_by_text("This browser's name is no longer in the class")).to_be_visible()  # untouched
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    page.get_by_label("Your name").fill("Fay")
    page.keyboard.press("Enter")
    expect(menu(page, "Fay")).to_be_visible()
    expect(page.get_by_role("button", name="Train Classic, 10 epochs")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Train Classic, 10 epochs")).to_be_visible()


def test_the_form_stays_where_it_is_when_anothers_run_begins(dashboard, open_browser):
    page = open_browser(f"{dashboard.url}/?epochs=3")
    begin(page, "Gil")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".st-key-activity").get_by_role("progressbar")).to_be_visible()
    form = page.get_by_role("heading", name="New run")
    before, other = form.bounding_box()["y"], dashboard.store.create(TrainingConfig(model="linear"))
    with other.lock().acquire(timeout=0):
        other.set_state("running")
        expect(page.get_by_text("1 other trains")).to_be_visible()
        assert form.bounding_box()["y"] == before


COVERED = """() => {
  const area = document.querySelector(".st-key-start_area"), start = area.getBoundingClientRect()
  const all = [...document.querySelectorAll(".st-key-new_run :is([role=radio], [data-testid=stCaptionContainer] p)")]
  const isBehind = box => box.top < start.bottom && box.bottom > start.top
  return all.filter(each => !area.contains(each) && isBehind(each.getBoundingClientRect())).map(each => each.innerText)
}"""
LEFT_BORDERS = "all => new Set(all.map(each => getComputedStyle(each).borderLeftColor)).size"


def test_start_covers_nothing_of_what_a_teacher_has_locked_and_every_network_has_its_border(dashboard, open_browser):
    page = open_browser(f"{dashboard.url}/?lock=epochs,model&model=dense")
    begin(page, "Hal")
    for width, height in ((1440, 900), (1366, 768)):
        page.set_viewport_size({"width": width, "height": height})
        expect(page.locator(".st-key-new_run").get_by_text("Set by your teacher")).to_have_count(3)  # and its layers
        assert page.evaluate(COVERED) == []
    page = open_browser(f"{dashboard.url}/?model=dense")
    begin(page, "Ida")
    others = page.locator(".st-key-new_run [role=radio]:not([data-selected])")
    expect(others).to_have_count(6)  # the row below begins with one of them
    assert others.evaluate_all(LEFT_BORDERS) == 1


def test_parts_of_a_page_that_repeat_themselves_are_gone_where_a_name_is_asked_for(dashboard):
    """In a browser they would find no place, and the page would go blank."""
    people = People(dashboard.store.home)
    person, key = people.join("Gil")
    session = Session(dashboard.url, cookie=f"{COOKIE}={key}")
    session.run()
    parts, answers = list(session._timers), []
    people.remove(person)
    session.run()
    take = session._take
    session._take = lambda message, now: (answers.extend(message.metadata.run.fragment_ids), take(message, now))
    for part in parts:
        session._send(part)
    session.run()
    session.close()
    assert parts
    assert not answers
