"""Lessons with hands, in headless Chromium: by mouse with a restart in the middle, by keyboard, and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.support.browsing import PATIENCE, Dashboard, draw_a_one, needs_browser, wait_until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser

LESSON = """\
title: Three epochs
question: Is three more than two?
minutes: 1
run three: model=dense&epochs=3

## What do you expect?
predict: Which epoch is best?
- The first: 1 to 1
- A later one: 2 to 3

One epoch shows every image once.

## Train it
set: three
wait: run three
highlight: epochs

Press Start.

## What came
open: predictions?run=three&show=All
outcome: three.best_epoch
wait: open predictions image

It was epoch {three.best_epoch}. Click an image.

## Draw
open: draw?run=starter
wait: drawing

Draw a 1.
"""


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, small_data: None) -> Iterator[Dashboard]:
    """A dashboard that trains, with a lesson of its own."""
    home = tmp_path_factory.mktemp("home")
    (home / "lessons").mkdir()
    (home / "lessons" / "three.md").write_text(LESSON)
    dashboard = Dashboard(home)
    dashboard.start()
    yield dashboard
    dashboard.end()


def guide(page: playwright.Page) -> playwright.Locator:
    """The panel of the lesson."""
    return page.locator(".st-key-guide_card")


def next_of(page: playwright.Page) -> playwright.Locator:
    """The button that goes on, whatever it is called in a step."""
    return guide(page).locator(".st-key-guide_next button")


def press(page: playwright.Page, name: str) -> None:
    """Press a button of the guide, once it rests."""
    guide(page).get_by_role("button", name=name, exact=True).click()


def test_a_lesson_by_mouse_left_in_the_middle_and_taken_up_after_a_restart(training: Dashboard, page) -> None:
    page.goto(f"{training.url}/learn")
    page.locator(".st-key-begin_three button").click()
    expect(guide(page)).to_contain_text("1 of 4")
    guide(page).get_by_text("A later one").click()
    guide(page).get_by_role("link", name="epoch", exact=True).hover()
    expect(page.get_by_role("tooltip")).to_contain_text("One pass over all training images")
    press(page, "Next")
    expect(guide(page)).to_contain_text("Waiting for the run")
    page.get_by_role("button", name="Start training").click()  # by hand: it counts as the lesson's
    expect(guide(page)).to_contain_text(re.compile("Dense 1 is trained"))

    training.end()
    training.start()
    page.goto(training.url)
    expect(guide(page)).to_contain_text("2 of 4")
    expect(guide(page)).to_contain_text("Dense 1 is trained")
    press(page, "Next")
    expect(guide(page)).to_contain_text("You said: A later one")
    expect(guide(page)).to_contain_text(re.compile(r"Epoch with the lowest validation loss: \d"))
    expect(page.get_by_role("heading", name="Predictions · Dense 1")).to_be_visible()
    expect(guide(page)).to_contain_text("Waiting for you")
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")  # all of it is drawn
    page.get_by_role("option").first.click()
    expect(guide(page)).to_contain_text("Done")
    page.reload()
    expect(guide(page)).to_contain_text("Done")
    press(page, "Next")
    draw_a_one(page)
    expect(guide(page)).to_contain_text("Done")
    press(page, "Finish")
    expect(page.get_by_role("heading", name="Learn", exact=True)).to_be_visible()
    expect(guide(page)).to_have_count(0)
    expect(page.locator(".st-key-lesson_three")).to_contain_text("done")
    asked_and_said = r"Which epoch is best\?\s+You said: A later one · Epoch with the lowest validation loss: \d"
    expect(page.locator(".st-key-lesson_three")).to_contain_text(re.compile(asked_and_said))


def test_no_part_asks_for_its_page_once_more_while_a_click_may_lead_to_another(training: Dashboard, browser) -> None:
    page = browser.new_context().new_page()
    page.add_init_script("""window.WebSocket = class extends WebSocket {
        constructor(...all) { super(...all); window.socket = this }
        send(data) { super.send(data); if (new TextDecoder().decode(data).includes("guide_next")) window.afterNext?.() }
    }""")
    sent: list[BackMsg] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(BackMsg.FromString(data))))
    page.goto(f"{training.url}/?lesson=three")
    page.wait_for_function("window.digitLab")
    expect(guide(page)).to_contain_text("1 of 4")

    def ask(name: str) -> str:
        message = BackMsg()
        message.rerun_script.is_auto_rerun = True
        message.rerun_script.fragment_id = name
        return f"socket.send(new Uint8Array({list(message.SerializeToString())}))"

    def was_sent(name: str) -> bool:
        return any(each.rerun_script.fragment_id == name for each in sent)

    wait_until(lambda: page.evaluate(ask("at rest")) or was_sent("at rest"))
    page.evaluate(f"() => {{ window.afterNext = () => {{ window.afterNext = null; {ask('after a click')} }} }}")
    assert next_of(page).evaluate("button => { button.click(); return 'pressed' in button.dataset }")  # seen at once
    expect(guide(page)).to_contain_text("2 of 4")
    wait_until(lambda: page.evaluate(ask("at rest again")) or was_sent("at rest again"))
    assert page.evaluate("window.afterNext") is None
    assert not was_sent("after a click")
    expect(guide(page).locator("[data-pressed]")).to_have_count(0)
    page.context.close()


def test_each_of_several_quick_clicks_counts(training: Dashboard, browser) -> None:
    page = browser.new_context().new_page()
    page.goto(f"{training.url}/learn?lesson=three")
    page.wait_for_function("window.digitLab")
    expect(guide(page)).to_contain_text("1 of 4")
    next_of(page).evaluate("button => { for (let time = 0; time < 3; time++) button.click() }")  # before an answer
    expect(guide(page)).to_contain_text("4 of 4")
    guide(page).get_by_role("button", name="Back", exact=True).dblclick()  # of which the first counts
    expect(guide(page)).to_contain_text("3 of 4")
    press(page, "Next")
    expect(guide(page)).to_contain_text("4 of 4")
    back = guide(page).get_by_role("button", name="Back", exact=True)
    back.evaluate("button => { for (let time = 0; time < 3; time++) button.click() }")
    expect(guide(page)).to_contain_text("1 of 4")
    page.context.close()


def test_quick_taps_are_taps_and_no_double_tap(training: Dashboard, browser) -> None:
    page = browser.new_context(viewport={"width": 412, "height": 900}, has_touch=True, is_mobile=True).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{training.url}/learn?lesson=three")
    page.wait_for_function("window.digitLab")
    expect(guide(page)).to_contain_text("1 of 4")
    next_one = next_of(page)
    assert next_one.evaluate("button => getComputedStyle(button).touchAction") == "manipulation"
    next_one.evaluate("""button => {
        const tap = { bubbles: true, cancelable: true, pointerType: "touch" }
        for (const detail of [1, 2, 3]) button.dispatchEvent(new PointerEvent("click", { ...tap, detail }))
    }""")  # as the browser tells them, which counts taps in one place
    expect(guide(page)).to_contain_text("4 of 4")
    page.context.close()


def test_next_stays_where_it_is_and_what_a_step_is_about_comes_into_view(training: Dashboard, browser) -> None:
    page = browser.new_context(viewport={"width": 1440, "height": 500}).new_page()
    page.goto(f"{training.url}/?lesson=three")
    expect(guide(page)).to_contain_text("1 of 4")
    places = [next_of(page).bounding_box()]
    press(page, "Skip")
    expect(guide(page)).to_contain_text("2 of 4")
    expect(guide(page).get_by_role("button", name="Show me")).to_be_visible()  # the first step has none
    expect(page.locator(".st-key-new_run .st-key-epochs_field")).to_be_in_viewport(ratio=1)  # it was below the edge
    places.append(next_of(page).bounding_box())
    press(page, "Next")
    expect(guide(page)).to_contain_text("3 of 4")
    expect(guide(page)).not_to_contain_text("You said")  # nothing was predicted
    places.append(next_of(page).bounding_box())
    assert places[1:] == places[:-1]
    page.context.close()


def test_a_lesson_by_keyboard_alone(training: Dashboard, browser) -> None:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()  # another person
    page.goto(f"{training.url}/learn?lesson=three")
    expect(guide(page)).to_contain_text("1 of 4")
    before = len(training.store.runs())
    guide(page).get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    expect(next_of(page)).to_have_text("Next")  # it was Skip, before something was predicted
    for step in (2, 3):
        next_of(page).focus()
        page.keyboard.press("Enter")
        expect(guide(page)).to_contain_text(f"{step} of 4")
        if step == 2:
            guide(page).get_by_role("button", name="Show me").focus()
            page.keyboard.press("Enter")
            wait_until(lambda: len(training.store.runs()) > before)
            expect(guide(page)).to_contain_text(re.compile(r"Dense \d+ is trained"))
    expect(guide(page)).to_contain_text("You said: The first")
    end = guide(page).get_by_role("button", name="End")
    end.focus()
    page.keyboard.press("Enter")
    expect(guide(page)).to_have_count(0)
    assert page.get_by_test_id("stException").count() == 0
    page.context.close()


def test_a_lesson_on_a_phone_stays_below_the_page_and_folds(training: Dashboard, browser) -> None:
    page = browser.new_context(viewport={"width": 412, "height": 900}, has_touch=True, is_mobile=True).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{training.url}/?lesson=three")
    expect(guide(page)).to_contain_text("1 of 4")
    page.wait_for_function("""() => {
        const panel = document.querySelector("[data-testid=stLayoutWrapper]:has(> .st-key-guide)")
        const { left, width, bottom } = panel.getBoundingClientRect()
        return left === 0 && width === 412 && Math.abs(bottom - 900) <= 1
    }""")
    answer = guide(page).get_by_test_id("stRadioOption").filter(has_text="A later one")
    assert answer.bounding_box()["height"] >= 44  # for fingers
    answer.tap()
    press(page, "Next")
    expect(guide(page)).to_contain_text("2 of 4")
    page.wait_for_function("""() => {
        const style = getComputedStyle(document.querySelector("[data-testid=stExpandSidebarButton]"))
        return style.animationName === "digitlab-outline"  // the field is in the sidebar, which is closed
    }""")
    guide(page).get_by_role("button", name="Fold").tap()
    expect(guide(page).get_by_role("button", name="Next", exact=True)).to_have_count(0)
    expect(guide(page)).to_contain_text("Three epochs")
    guide(page).get_by_role("button", name="Unfold").tap()
    expect(guide(page)).to_contain_text("Press Start.")
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth + 1")
    assert page.get_by_test_id("stException").count() == 0
    page.context.close()
