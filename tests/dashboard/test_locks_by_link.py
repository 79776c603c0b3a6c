"""Settings that a link locks: what is shown of them, and that nothing on the pages changes them."""

import pytest

from core.config import TrainingConfig
from core.sweeps.sweep import SweepStore
from tests.support.pages import as_seen, by_label, open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]


def press_start(at, store):
    at.button(key="start").click().run()
    assert not at.exception
    return store.runs()[0].config


def test_a_locked_setting_is_shown_and_off_and_starts_as_it_is(store):
    at = open_page("train", lock="epochs,model,learning_rate", model="dense", epochs="4", learning_rate="0.01")
    epochs, rate = at.text_input(key="locked_epochs"), by_label(at.text_input, "Learning rate")
    assert (epochs.value, epochs.disabled, rate.value, rate.disabled) == ("4", True, "0.01", True)
    assert by_label(at.button_group, "Model").disabled
    assert not by_label(at.text_input, "Batch size").disabled
    assert words(at).count("Set by your teacher") == 4  # the network has two parts
    config = press_start(at, store)
    assert (config.model, config.epochs, config.learning_rate) == ("dense", 4, 0.01)


def test_what_is_locked_stays_on_other_pages_and_whatever_else_sets_it(store):
    run = store.create(TrainingConfig(model="cnn", epochs=50, batch_size=32))
    run.set_state("finished")
    at = open_page("train", lock="epochs,model", model="dense", epochs="4")
    at.switch_page("app_pages/learn.py").run()
    at.query_params.clear()
    at.query_params.update({"run": run.id, "epochs": "60", "model": "cnn", "augment": "true"})
    at.switch_page("app_pages/train.py").run()
    at.button(key=f"use_{run.id}").click().run()
    [toast] = at.toast
    assert as_seen(toast.value).endswith(f"settings of {run.name}, except what your teacher has set: Epochs, Network.")
    assert at.text_input(key="locked_epochs").value == "4"
    config = press_start(at, store)
    assert (config.model, config.epochs, config.augment) == ("dense", 4, False)  # the run has none
    assert config.batch_size == 32  # of the run

    at.switch_page("app_pages/tune.py").run()
    assert not {"Network", "Epochs", "Layers"} & set(by_label(at.multiselect, "What differs").options)
    at.button(key="start_sweep").click().run()
    plan = SweepStore(store).sweeps()[0].plan
    assert {(config.model, config.epochs) for config in plan.configs} == {("dense", 4)}


def test_who_loads_train_anew_has_it_locked_too(store):
    at = open_page("train", lock="epochs,model", model="dense", epochs="4")
    at.switch_page("app_pages/learn.py").run()
    at.query_params.clear()
    at.switch_page("app_pages/train.py").run()
    address = {name: "".join(value) for name, value in at.query_params.items()}
    again = press_start(open_page("train", **address), store)
    assert (again.model, again.epochs) == ("dense", 4)
    assert open_page("train", **address).text_input(key="locked_epochs").disabled


def test_what_a_forged_message_says_of_a_locked_field_is_not_heard(store):
    at = open_page("train", lock="augment,learning_rate,model", model="dense", learning_rate="0.01", epochs="1")
    for kind, label, value in (
        (at.text_input, "Learning rate", "0.5"),
        (at.toggle, "Augment", True),
        (at.button_group, "Model", "best"),
    ):
        field = by_label(kind, label)
        field.proto.disabled = False
        field.set_value(value)
    config = press_start(at, store)
    assert (config.learning_rate, config.augment, config.model) == (0.01, False, "dense")


def test_a_lesson_sets_what_the_link_locks_without_a_value_and_nothing_that_it_gives_one(store):
    at = open_page("train", lesson="epochs", lock="epochs,learning_rate", learning_rate="0.02")
    assert at.text_input(key="locked_epochs").value == "30"
    config = press_start(at, store)
    assert (config.epochs, config.training_images, config.learning_rate) == (30, 1000, 0.02)


def test_an_unknown_name_in_a_lock_is_said_and_the_others_hold(store):
    at = open_page("train", lock="epoch,augment")
    assert "The link locks 'epoch', which is no setting." in words(at)
    assert by_label(at.toggle, "Augment").disabled
