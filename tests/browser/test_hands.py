"""What people's hands do on Train: type and click the next thing at once, change their mind, use what is written."""

from __future__ import annotations

import os
import random
import re
from functools import partial

import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.config import MODELS, TrainingConfig
from core.data import load_dataset
from core.runs import Run
from dashboard.components.train.settings import address_name, default_text
from tests.support.browsing import Dashboard, needs_browser, wait_until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser

HAMMER = int(os.environ.get("DIGITLAB_HAMMER", "10"))  # how many starts after random quick changes
FIELDS = {"Learning rate": "learning_rate", "Batch size": "batch_size", "Seed": "seed", "Patience": "patience"}
ADDRESS_SAYS_WHAT_STANDS_THERE = """begin => Object.entries(begin).every(([key, first]) =>
    (new URLSearchParams(location.search).get(key) ?? first)
    === document.querySelector(`[class*='st-key-${key}_'] input`)?.value)"""
TITLES = {info.title: name for name, info in MODELS.items()}


def type_into(page: playwright.Page, label: str, text: str) -> None:
    """Click into a field, mark all that is there, and type over it; no Enter."""
    field = page.get_by_role("textbox", name=label, exact=True)
    expect(field).to_have_count(1)  # that of the network before may stand beside it for a moment
    field.first.click()  # another may come at this very moment
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def click_start(dashboard: Dashboard, page: playwright.Page) -> Run:
    """Click Start with the mouse and return the run that came of it."""
    before = {run.id for run in dashboard.store.runs()}
    page.get_by_role("button", name="Start training").click()
    wait_until(lambda: len(dashboard.store.runs()) > len(before))
    [run] = (run for run in dashboard.store.runs() if run.id not in before)
    return run


def test_a_click_on_start_counts_while_it_is_still_off_because_of_what_was_typed_before(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    page.goto(f"{dashboard.url}/?model=dense")
    page.get_by_text("More settings").click()
    start = page.get_by_role("button", name="Start training")
    type_into(page, "Learning rate", "5")
    expect(start).to_be_disabled()
    x, y = centre_of(start)
    before = len(dashboard.store.runs())
    type_into(page, "Learning rate", "0.002")
    page.mouse.click(x, y)
    wait_until(lambda: len(dashboard.store.runs()) > before)
    assert dashboard.store.runs()[0].config.learning_rate == 0.002


def test_a_click_on_another_page_leads_there_and_keeps_what_was_just_typed(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    page.goto(f"{dashboard.url}/?model=dense")
    page.get_by_text("More settings").click()
    for label, text in (("Learning rate", "0.003"), ("Epochs as a number", "4")):
        type_into(page, label, text)
        page.get_by_role("link", name="Draw", exact=True).click()
        expect(page.get_by_role("heading", name="Draw")).to_be_visible()
        page.get_by_role("link", name="Train", exact=True).click()
        page.get_by_text("More settings").click()
        expect(page.get_by_role("textbox", name=label, exact=True)).to_have_value(text)


def test_a_page_that_went_blank_comes_back_or_leads_where_the_last_click_went(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    """Streamlit does this by itself where a busy server answers in an unlucky order, which no test can order."""
    crash = (
        "() => { document.getElementById('root').replaceChildren(); reportError(new Error('Bad delta path index 2')) }"
    )
    start = page.get_by_role("button", name="Start training")
    page.goto(f"{dashboard.url}/?model=dense&epochs=4")
    expect(start).to_be_visible()
    page.wait_for_function("window.digitLab")  # on a busy machine it may come after the first fields
    page.evaluate(crash)
    expect(start).to_be_visible()
    expect(page.get_by_role("textbox", name="Epochs as a number", exact=True)).to_have_value("4")
    page.wait_for_function("window.digitLab")
    page.evaluate("sessionStorage.clear()")  # as if it was long ago
    page.evaluate(f"""() => {{
        addEventListener("click", () => setTimeout({crash}), {{once: true}})
    }}""")
    page.get_by_role("link", name="Draw", exact=True).click()
    expect(page.get_by_role("heading", name="Draw")).to_be_visible()


def test_what_was_typed_is_trained_when_start_is_clicked_without_enter(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    page.goto(f"{dashboard.url}/?model=dense")
    page.get_by_text("More settings").click()
    for milliseconds, rate, epochs in ((0, "0,05", 4), (300, "0,04", 5), (1000, "0,03", 6)):
        type_into(page, "Learning rate", rate)
        type_into(page, "Epochs as a number", str(epochs))
        page.wait_for_timeout(milliseconds)  # what hands do, not a wait for the page
        config = click_start(dashboard, page).config
        assert (config.model, config.epochs, config.learning_rate) == ("dense", epochs, float(rate.replace(",", ".")))


def test_a_network_a_switch_and_a_slider_that_were_just_touched_are_trained(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    page.goto(dashboard.url)
    page.get_by_role("slider", name="Epochs").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.get_by_role("radio", name="Dense").click()
    page.get_by_text("Augment", exact=True).click()
    shown = page.get_by_role("slider", name="Epochs").input_value()
    config = click_start(dashboard, page).config
    assert (shown, config.model, config.epochs, config.augment) == ("7", "dense", 7, True)


def test_a_number_that_is_not_possible_turns_start_off_while_it_is_typed_and_back_on(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    page.goto(dashboard.url)
    start, slider = page.get_by_role("button", name="Start training"), page.get_by_role("slider", name="Epochs")
    for typed, nearest in (("500", "200"), ("0", "1")):
        type_into(page, "Epochs as a number", typed)
        expect(page.get_by_text(f"Epochs must be between 1 and 200, not {typed}.")).to_be_visible()
        expect(start).to_be_disabled()
        expect(slider).to_have_value(nearest)
    type_into(page, "Epochs as a number", "5")
    expect(start).to_be_enabled()
    expect(slider).to_have_value("5")

    page.get_by_text("More settings").click()
    type_into(page, "Learning rate", "2")
    runs = len(dashboard.store.runs())
    page.mouse.click(*centre_of(start))  # at once: it may still look as if it could be clicked
    expect(page.get_by_test_id("stSidebar").get_by_text("Learning rate must be between")).to_be_visible()
    expect(page.get_by_test_id("stSidebar").get_by_text("To start, correct: Learning rate.")).to_be_visible()
    expect(start).to_be_disabled()
    assert len(dashboard.store.runs()) == runs
    for typed, understood in (("0,0005", 0.0005), ("1e-4", 0.0001), (",001", 0.001), ("0.0005", 0.0005)):
        type_into(page, "Learning rate", typed)
        assert click_start(dashboard, page).config.learning_rate == understood


def centre_of(element: playwright.Locator) -> tuple[float, float]:
    """Where a mouse would click it."""
    box = element.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_train_more_takes_what_stands_in_its_fields_when_it_is_clicked(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    run = ended_run(dashboard)
    page.goto(f"{dashboard.url}/?run={run.id}")
    page.get_by_role("button", name="Train more epochs").click()
    popover = page.get_by_test_id("stPopoverBody")
    for label, typed in (("Learning rate", "0,002"), ("More epochs", "3")):
        popover.get_by_role("textbox", name=label).click()
        page.keyboard.press("Control+a")
        page.keyboard.type(typed)
    popover.get_by_role("button", name="Continue training").click()
    wait_until(lambda: run.state.name == "queued")
    assert (run.state.target_epochs, run.control["learning_rate"]) == (5, 0.002)


def test_a_name_is_taken_when_the_next_thing_is_clicked(dashboard: Dashboard, page: playwright.Page) -> None:
    run = ended_run(dashboard)
    page.goto(f"{dashboard.url}/?run={run.id}")
    page.get_by_role("button", name="Manage").click()
    page.get_by_test_id("stPopoverBody").get_by_role("textbox", name="Name").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("a_b_c *best*")
    page.get_by_role("button", name="Delete this run").click()
    expect(page.get_by_role("dialog")).to_contain_text("a_b_c *best*")
    assert run.name == "a_b_c *best*"


def ended_run(dashboard: Dashboard) -> Run:
    """A run that was stopped after two epochs."""
    run = dashboard.store.create(TrainingConfig(epochs=4))
    for epoch in (1, 2):
        run.append_event("epoch", epoch=epoch, step=epoch, loss=0.5, accuracy=0.8, val_loss=0.5, val_accuracy=0.8)
    run.set_state("stopped")
    return run


def test_a_page_that_shows_the_newest_epoch_goes_on_showing_the_newest(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    run, images = dashboard.store.create(TrainingConfig(epochs=9)), len(load_dataset().y_test)
    run.set_state("running")
    epochs = page.get_by_test_id("stMetric").filter(has_text="Epochs so far")
    with run.lock().acquire(timeout=0):
        for epoch in range(1, 7):
            run.write_probabilities(np.full((images, 10), 0.1, np.float32), epoch)
            if epoch == 3:
                page.goto(f"{dashboard.url}/predictions?run={run.id}")
            if epoch >= 3:
                expect(epochs).to_contain_text(str(epoch))
                expect(page.get_by_test_id("stSliderThumbValue").first).to_have_text("newest")


def test_typing_goes_on_undisturbed_while_the_page_follows(dashboard: Dashboard, page: playwright.Page) -> None:
    page.goto(dashboard.url)
    page.get_by_text("More settings").click()
    field = page.get_by_label("Learning rate", exact=True)
    field.click()
    page.keyboard.press("Control+a")
    for at, key in enumerate("0,00025"):
        page.keyboard.type(key)
        if at % 2:  # a pause that is long enough for the page to follow
            page.wait_for_timeout(400)
    expect(page.get_by_text("Read as 0.00025")).to_be_visible()
    expect(field).to_be_focused()
    assert field.input_value() == "0,00025"


def test_parts_that_repeat_themselves_wait_until_the_whole_page_is_drawn(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    asked: list[ClientState] = []
    ends: list[bytes] = []  # of the whole page, kept back
    keeps_back = False
    sockets: list[playwright.WebSocketRoute] = []

    def connect(socket: playwright.WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)

        def to_server(data: bytes) -> None:
            asked.append(BackMsg.FromString(data).rerun_script)
            server.send(data)

        def to_page(data: bytes) -> None:
            said = ForwardMsg.FromString(data)
            if keeps_back and said.HasField("script_finished") and said.script_finished == said.FINISHED_SUCCESSFULLY:
                ends.append(data)
            else:
                socket.send(data)

        socket.on_message(to_server)
        server.on_message(to_page)

    page.route_web_socket(re.compile("_stcore/stream"), connect)
    page.goto(dashboard.url)
    wait_until(lambda: page.wait_for_timeout(50) or any(each.is_auto_rerun for each in asked))
    keeps_back = True
    page.get_by_role("radio", name="Dense").click()
    wait_until(lambda: page.wait_for_timeout(50) or ends)
    asked.clear()
    page.wait_for_timeout(5000)  # in which a part asks twice, and is no longer held back because the server is busy
    assert not asked
    keeps_back = False
    for end in ends:
        sockets[-1].send(end)
    wait_until(lambda: page.wait_for_timeout(50) or any(each.is_auto_rerun for each in asked))


def test_hammered_with_quick_changes_a_start_trains_what_the_screen_shows(
    dashboard: Dashboard, page: playwright.Page
) -> None:
    hands = random.Random(7)
    page.goto(dashboard.url)
    for _ in range(HAMMER):
        open_more_settings(page)
        for _ in range(hands.randrange(1, 6)):
            hands.choice(TOUCHES)(page, hands)
            page.wait_for_timeout(hands.choice([0, 0, 20, 100, 250, 400]))
        shown = on_screen(page)
        config = click_start(dashboard, page).config
        assert {name: getattr(config, name) for name in shown} == shown
        begin = {address_name(config.model, name): default_text(config.model, name) for name in FIELDS.values()}
        page.wait_for_function(ADDRESS_SAYS_WHAT_STANDS_THERE, arg=begin)


def open_more_settings(page: playwright.Page) -> None:
    """Unfold More settings where it is folded, as it is at the beginning and where a blank page has come back."""
    if not page.get_by_role("textbox", name="Learning rate", exact=True).is_visible():
        page.get_by_text("More settings").click()
    expect(page.get_by_role("textbox", name="Learning rate", exact=True)).to_be_visible()


def field_of(model: str, name: str) -> str:
    """The selector of the field of a setting, which is drawn under several keys."""
    return f"[class*='st-key-{address_name(model, name)}_'] input"


def on_screen(page: playwright.Page) -> dict[str, object]:
    """What the widgets show; the fields of the network that is chosen, where they are drawn by now."""
    model = TITLES[page.get_by_role("radiogroup", name="Model").get_by_role("radio", checked=True).inner_text()]
    epochs = int(page.get_by_role("textbox", name="Epochs as a number").input_value())
    assert page.get_by_role("slider", name="Epochs").input_value() == str(epochs)
    shown = {"model": model, "epochs": epochs, "augment": page.get_by_label("Augment", exact=True).is_checked()}
    for name in FIELDS.values():
        field = page.locator(field_of(model, name))
        if field.count():
            shown[name] = float(field.input_value().replace(",", "."))
    return shown


def touch_field(page: playwright.Page, hands: random.Random, *, label: str, values: list[str]) -> None:
    """Type one of the values into a field."""
    type_into(page, label, hands.choice(values))


def touch_model(page: playwright.Page, hands: random.Random) -> None:
    """Choose a network."""
    page.get_by_role("radio", name=hands.choice(list(TITLES))).click()


def touch_augment(page: playwright.Page, hands: random.Random) -> None:
    """Turn augmentation on or off."""
    page.get_by_text("Augment", exact=True).click()


def touch_slider(page: playwright.Page, hands: random.Random) -> None:
    """Click somewhere on the slider."""
    box = page.get_by_role("slider", name="Epochs").bounding_box()
    page.mouse.click(box["x"] + hands.random() * box["width"], box["y"] + box["height"] / 2)


TOUCHES = [
    partial(touch_field, label="Epochs as a number", values=["1", "4", "17", "200"]),
    partial(touch_field, label="Learning rate", values=["0,05", "1e-3", ".002", "0.0004"]),
    partial(touch_field, label="Batch size", values=["16", "64", "500"]),
    partial(touch_field, label="Seed", values=["1", "42", "2147483647"]),
    partial(touch_field, label="Patience", values=["0", "3"]),
    touch_model,
    touch_augment,
    touch_slider,
]
