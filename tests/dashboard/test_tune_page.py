"""Tune, and several values in the fields of Train, in Streamlit's own simulation."""

import json
from dataclasses import replace

import pytest
from filelock import FileLock

from core.compute.machines import Machine, Machines, write_machines
from core.config import TrainingConfig
from core.sweeps import Plan, SweepStore, every_combination, tpe
from core.sweeps.halving import Halving
from dashboard.components.train import settings_form
from dashboard.components.tune import question
from tests.support.html import Page
from tests.support.pages import as_seen, by_label, open_page, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]

RATES = Plan(
    TrainingConfig("dense", epochs=1), every_combination({"learning_rate": (0.1, 0.001), "seed": (0, 1)}), "Rates"
)
ACCURACIES = (0.80, 0.82, 0.95, 0.96)  # of the four trials


@pytest.fixture
def sweeps(store):
    return SweepStore(store)


def end_all(sweep, accuracies=ACCURACIES):
    """Begin all trials and end them with these validation accuracies."""
    for number, accuracy in enumerate(accuracies):
        run = sweep.begin_trial()
        run.write_summary(
            {
                "validation_accuracy": accuracy,
                "test_accuracy": accuracy - 0.01,
                "training_seconds": 2.0,
                "finished": number,
            }
        )
        run.set_state("finished")
    assert sweep.finish()


def test_several_values_in_fields_of_train_are_a_sweep(store, sweeps):
    at = open_page("train", model="dense", epochs="2, 3", dense_learning_rate="0.1, 0.01", dense_seed="3 seeds")
    assert at.button(key="start").label == "Start 12 runs"
    assert "Dense, 2 numbers of epochs × 2 learning rates × 3 seeds" in words(at)
    assert "Read as 3 values: 0, 1, 2" in words(at)
    at.button(key="start").click().run()
    [sweep] = sweeps.sweeps()
    assert sweep.name == "Dense: epochs, learning rate, seed"
    assert len(sweep.plan.points) == 12
    assert sweep.plan.configs[5] == TrainingConfig("dense", epochs=2, learning_rate=0.01, seed=2)
    assert store.runs() == []  # the coordinator begins them
    assert "Tune · Dense: epochs, learning rate, seed" in words(at)


def test_one_value_is_a_run_and_a_wrong_one_among_several_is_named(store, sweeps):
    at = open_page("train", model="dense", dense_learning_rate="0.01")
    at.button(key="start").click().run()
    assert (len(store.runs()), sweeps.sweeps()) == (1, [])
    assert "True" not in [element.value for element in at.markdown]  # what a page's script leaves over is shown
    at = open_page("train", model="dense", dense_learning_rate="0.1, 7")
    assert at.button(key="start").disabled
    assert "Learning rate must be between 1e-06 and 1, not 7." in words(at)
    at = open_page(
        "train",
        model="dense",
        dense_seed="90 seeds",
        dense_learning_rate="0.1, 0.2",
        epochs="1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28",
    )
    assert "A sweep has 1 to 5,000 trials, not 5,040. Leave some values out." in words(at)


@pytest.mark.parametrize("page", ["train", "tune"])
def test_a_sweep_of_hundreds_of_runs_begins_only_where_that_is_meant(sweeps, page):
    settings = {"model": "dense", "dense_seed": "99 seeds", "dense_learning_rate": "0.1, 0.01, 0.001", "epochs": "1"}
    on_tune = {"differs": "learning_rate,seed", "learning_rate": "0.1, 0.01, 0.001", "seed": "99 seeds"}
    at = open_page(page, **(settings if page == "train" else on_tune))
    start = "start" if page == "train" else "start_sweep"
    at.button(key=start).click().run()
    assert sweeps.sweeps() == []
    assert "3 learning rates × 99 seeds" in words(at)
    assert "You can pause or stop them at any time" in words(at)
    by_label(at.button, "Back").click().run()
    assert "You can pause or stop them at any time" not in words(at)
    at.button(key=start).click().run()
    at.button(key="really_start_sweep").click().run()
    [sweep] = sweeps.sweeps()
    assert sweep.plan.count == 297


def test_a_sweep_of_more_than_an_hour_is_asked_for_unless_its_minutes_are_fewer(monkeypatch):
    monkeypatch.setattr(question, "dataset_now", lambda: "digits")
    monkeypatch.setattr(question, "seconds_in_all", lambda plan, digits: (900.0 * plan.count, 1.0, "about"))
    few = Plan(RATES.base, RATES.points)
    assert not question.is_large(few)
    more = few.with_seeds([0], 1)
    assert question.is_large(more)
    assert not question.is_large(replace(more, minutes=60))
    assert question.is_large(replace(more, minutes=61))


def test_without_sweeps_the_form_stands_there_and_starts_one(sweeps):
    at = open_page("tune")
    assert at.button(key="start_sweep").label == "Start 9 runs"
    by_label(at.multiselect, "What differs").set_value(["model", "first_weights"]).run()
    by_label(at.multiselect, "Network").set_value(["dense", "cnn"]).run()
    by_label(at.multiselect, "First weights").set_value(["he", "zeros"]).run()
    assert at.button(key="start_sweep").label == "Start 4 runs"
    at.button(key="start_sweep").click().run()
    [sweep] = sweeps.sweeps()
    assert [(config.model, config.first_weights) for config in sweep.plan.configs] == [
        ("dense", "he"),
        ("dense", "zeros"),
        ("cnn", "he"),
        ("cnn", "zeros"),
    ]


def test_some_at_random_are_as_many_as_were_asked_for(sweeps):
    at = open_page(
        "tune", differs="learning_rate,seed", learning_rate="0.1, 0.01, 0.001", seed="10 seeds", search="At random"
    )
    by_label(at.text_input, "How many").set_value("7").run()
    at.button(key="start_sweep").click().run()
    [sweep] = sweeps.sweeps()
    assert len({tuple(point.items()) for point in sweep.plan.points}) == 7


def test_minutes_end_a_sweep_and_more_can_be_given(sweeps):
    at = open_page("tune", differs="seed", seed="5 seeds", minutes="2")
    assert "after 2 min no run begins" in words(at)
    by_label(at.text_input, "Minutes").set_value("soon").run()
    assert at.button(key="start_sweep").disabled
    by_label(at.text_input, "Minutes").set_value("1,5").run()
    at.button(key="start_sweep").click().run()
    [sweep] = sweeps.sweeps()
    assert sweep.plan.minutes == 1.5
    sweep.begin_trial().set_state("finished")
    sweep.count_seconds(91)
    assert sweep.finish()
    at = open_page("tune")
    assert "1.5 minutes are over: 1 of 5 trials." in words(at)
    at.text_input(key="budget_minutes").set_value("3")
    by_label(at.button, "Go on").click().run()
    assert (sweep.state.name, sweep.plan.minutes) == ("active", 3)


def test_weak_ones_are_stopped_early_where_that_is_asked_for_and_shown_as_such(sweeps):
    at = open_page("tune", differs="seed", seed="5 seeds", epochs="10")
    by_label(at.toggle, "Stop the weak ones early").set_value(True).run()
    assert "After epoch 1, 3 and 9, a trial goes on only if it is among the best third" in words(at)
    at.button(key="start_sweep").click().run()
    [sweep] = sweeps.sweeps()
    assert sweep.plan.halving == Halving(3)
    for message in ("", Halving(3).message(3)):
        run = sweep.begin_trial()
        run.write_summary({"validation_accuracy": 0.9})
        run.set_state("stopped" if message else "finished", message)
    at = open_page("tune")
    table = at.dataframe[0].value
    assert list(table["State"][:2]) == ["Finished", "Stopped early"]
    assert table["Reason"][1] == "Stopped early by the sweep: after epoch 3 not among the best third."
    assert at.get("progress")[0].proto.text.startswith("2 of 5 trials")


def test_tpe_is_started_where_optuna_is_there_and_says_how_to_install_it_where_not(sweeps, monkeypatch):
    monkeypatch.setattr(tpe, "is_installed", lambda: False)
    at = open_page("tune", differs="learning_rate,seed", search="TPE", count="30")
    assert at.button(key="start_sweep").disabled
    assert "pip install -r requirements-tune.txt" in words(at)
    monkeypatch.setattr(tpe, "is_installed", lambda: True)
    at = open_page("tune", differs="learning_rate,seed", search="TPE", count="30")
    assert at.button(key="start_sweep").label == "Start 30 runs"
    assert "30 trials chosen by TPE" in words(at)
    at.button(key="start_sweep").click().run()
    [sweep] = sweeps.sweeps()
    assert (sweep.plan.trials, sweep.plan.varied) == (30, ("learning_rate",))


def test_what_came_of_it_is_said_and_the_best_two_are_repeated(sweeps):
    sweep = sweeps.create(RATES)
    end_all(sweep)
    at = open_page("tune")
    said = words(at)
    assert "Best: **lr 0.001**, with 95.50 % of the validation images right (mean of 2 seeds" in said
    assert "It is 14.50 points better than lr 0.1" in said
    assert "What mattered: learning rate (14.50 points between its best and its worst value)" in said
    assert "Seeds differ by 1.00 points at lr 0.001 and by 2.00 at lr 0.1." in said
    assert "**Finished** · Dense, 1 epoch, " in said
    assert " · 2 learning rates × 2 seeds · 4 trials" in said
    assert "**lr 0.001 · seed 1** reads **95.00 %** right" in said
    table = at.dataframe[0].value
    assert list(table["Validation accuracy"]) == [96.0, 95.0, 82.0, 80.0]
    at.button(key="repeat_best").click().run()
    assert [(point["learning_rate"], point["seed"]) for point in sweep.plan.points[4:]] == [
        *((0.001, seed) for seed in range(2, 7)),
        *((0.1, seed) for seed in range(2, 7)),
    ]
    assert sweep.state.name == "active"


def test_several_settings_are_drawn_together_and_their_importance_told(sweeps, monkeypatch):
    monkeypatch.setattr(tpe, "is_installed", lambda: True)
    monkeypatch.setattr(tpe, "importance", lambda plan, trials: {"batch_size": 0.75, "learning_rate": 0.25})
    space = {"learning_rate": (0.1, 0.001), "batch_size": (32, 128), "seed": (0, 1)}
    sweep = sweeps.create(Plan(RATES.base, every_combination(space), "Both"))
    end_all(sweep, [0.9 + number / 100 for number in range(8)])
    at = open_page("tune")
    [chart] = at.get("echarts_chart")
    spec = json.loads(chart.proto.spec)
    assert [axis["name"] for axis in spec["parallelAxis"]] == [
        "Learning rate",
        "Batch size",
        "Validation accuracy, %",
    ]
    assert spec["series"][0]["data"][-1] == {
        "name": "lr 0.001 · batch 128 · seed 1",
        "value": ["0.001", "128", 97.0],
    }
    assert "**Importance:** batch size 75 %, learning rate 25 %." in words(at)
    end_all(sweeps.create(RATES))
    assert not open_page("tune").get("echarts_chart")


def test_many_different_numbers_get_an_axis_of_numbers(sweeps):
    points = tuple({"learning_rate": 0.001 * number} for number in range(1, 15))
    sweep = sweeps.create(Plan(RATES.base, points, "Rates", space={"learning_rate": (0.001, 0.014)}, trials=14))
    end_all(sweep, [0.9 + number / 1000 for number in range(14)])
    at = open_page("tune")
    spec = json.loads(at.get("vega_lite_chart")[0].proto.spec)
    assert (spec["encoding"]["x"]["type"], spec["encoding"]["x"]["scale"]["domain"]) == ("quantitative", [0.001, 0.014])
    assert "What mattered" not in words(at)  # each value was tried once


def test_it_is_paused_resumed_stopped_and_deleted_and_its_runs_are_kept(store, sweeps):
    sweep = sweeps.create(RATES)
    sweep.begin_trial()
    at = open_page("tune")
    assert list(at.dataframe[0].value["State"]) == ["Waiting", "To come", "To come", "To come"]
    assert list(at.dataframe[0].value["Learning rate"]) == ["0.1", "0.1", "0.001", "0.001"]
    at.button(key="sweep_pause").click().run()
    assert (sweep.state.name, store.runs()[0].state.name) == ("paused", "paused")
    at.button(key="sweep_play_arrow").click().run()
    assert (sweep.state.name, store.runs()[0].state.name) == ("active", "queued")
    at.button(key="sweep_stop").click().run()
    assert sweep.state.name == "stopped"
    at.button(key="delete_sweep").click().run()
    assert (sweeps.sweeps(), len(store.runs())) == ([], 1)


def test_trials_in_training_are_first_then_those_that_ended_by_accuracy_and_names_stand_below_each_other(sweeps):
    sweep = sweeps.create(RATES)
    for accuracy in ACCURACIES[:2]:
        run = sweep.begin_trial()
        run.write_summary({"validation_accuracy": accuracy, "training_seconds": 2.0})
        run.set_state("finished")
    sweep.begin_trial()
    sweep.extend(sweep.plan.with_seeds([0], 1))  # one more, which comes later
    training = sweep.begin_trial()
    training.set_state("running")
    with training.lock().acquire(timeout=0):
        shown = open_page("tune").dataframe[0]
    assert [state.partition(" · ")[0] for state in shown.value["State"]] == [
        "Training",
        "Finished",
        "Finished",
        "Waiting",
        "To come",
    ]
    assert list(shown.value["Validation accuracy"][1:3]) == [82.0, 80.0]
    assert "Machine" not in shown.value
    training.set_state("running", machine="Window")
    with training.lock().acquire(timeout=0):
        assert list(open_page("tune").dataframe[0].value["Machine"]) == ["Window", "", "", "", ""]
    assert all(name.startswith(":material/") for name in shown.value["Trial"])
    columns = json.loads(shown.proto.columns)
    assert {name for name, column in columns.items() if column.get("alignment") == "right"} == {
        "Validation accuracy",
        "Learning rate",
        "Seed",
        "Training time",
    }


def test_charts_have_their_places_and_all_values_before_a_trial_has_ended(sweeps):
    space = {"learning_rate": (0.1, 0.001), "seed": (0, 1, 2)}
    sweeps.create(Plan(RATES.base, every_combination(space), "Rates"))
    at = open_page("tune")
    assert "No trial has ended yet." in words(at)
    effect, best = (json.loads(chart.proto.spec) for chart in at.get("vega_lite_chart"))
    assert effect["layer"][0]["encoding"]["x"]["scale"]["domain"] == ["0.001", "0.1"]
    assert best["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0.5, 6.5]


def test_the_best_trial_is_one_click_away_and_chosen_only_by_that_click(sweeps):
    sweep = sweeps.create(RATES)
    end_all(sweep, (0.80, 0.82, 0.96, 0.95))
    at = open_page("tune")
    assert "run" not in at.query_params
    assert as_seen(at.button(key="open_best").label) == "Open the best trial, lr 0.001 · seed 0"
    at.button(key="open_best").click().run()
    assert as_seen(at.title[0].value) == f"Train · {sweep.trials()[2].name}"


def test_trials_that_failed_say_why_and_are_tried_again(sweeps):
    sweep = sweeps.create(RATES)
    run = sweep.begin_trial()
    run.set_state("failed", "No space is left on the disk.")
    at = open_page("tune")
    assert at.dataframe[0].value["Reason"][0] == "No space is left on the disk."
    at.button(key="sweep_replay").click().run()
    assert run.state.name == "queued"


def test_a_damaged_or_missing_sweep_is_said(sweeps):
    sweep = sweeps.create(RATES)
    (sweep.path / "sweep.json").write_bytes(b"{")
    assert "missing, damaged or of a newer version" in words(open_page("tune"))
    assert "This sweep was not found" in words(open_page("tune", sweep="20200101-000000-abcd"))


def test_networks_that_validate_on_other_images_are_not_compared_and_the_test_images_are_not_called_new(sweeps):
    sweep = sweeps.create(Plan(TrainingConfig(epochs=1), every_combination({"model": ("seed", "linear")}), "Networks"))
    end_all(sweep, (0.91, 0.89))
    said = words(open_page("tune"))
    assert "Best: **Classic**, with 91.00 % of the test images right" in said
    assert "How much better it is cannot be told here" in said
    assert "The classic network validates on the test images" in said
    assert "had no part in this choice" not in said
    assert "What mattered" not in said


def test_a_trial_that_was_paused_counts_only_when_it_has_ended(sweeps):
    sweep = sweeps.create(RATES)
    paused = sweep.begin_trial()
    paused.write_summary({"validation_accuracy": 0.5, "test_accuracy": 0.5})
    paused.set_state("paused")
    at = open_page("tune")
    assert at.get("progress")[0].proto.text == "0 of 4 trials"
    assert "Best" not in words(at)
    sweep.begin_trial().write_summary({"validation_accuracy": 0.9, "test_accuracy": 0.9})
    list(sweep.trials().values())[1].set_state("finished")
    at = open_page("tune")
    assert at.get("progress")[0].proto.text.startswith("1 of 4 trials")
    assert "Best so far: **lr 0.1**, with 90.00 % of the validation images right." in words(at)


@pytest.mark.parametrize(
    ("workers", "cores", "cluster", "seconds"),
    [("1", 4, "", 90.0), ("2", 4, "", 50.0), ("8", 4, "", 30.0), ("8", 4, "tcp://127.0.0.1:1", 50.0)],
    ids=["one after the other", "two at once", "no more than there are cores", "a cluster's machine with two"],
)
def test_how_long_runs_take_counts_how_many_train_at_once(workers, cores, cluster, seconds, store, monkeypatch):
    monkeypatch.setenv("DIGITLAB_WORKERS", workers)
    monkeypatch.setenv("DIGITLAB_CLUSTER", cluster)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr(settings_form, "takes", lambda config, digits: (10.0, "about"))
    store.folder.mkdir(parents=True)
    write_machines(store.home, Machines((Machine("One", 2), Machine("Gone", 9, gone="It left."))))
    plan = Plan(RATES.base, every_combination({"learning_rate": (0.1, 0.01, 0.001), "seed": range(3)}))
    with FileLock(store.home / "cluster.lock"):
        assert settings_form.seconds_in_all(plan, None)[0] == pytest.approx(seconds)
        assert settings_form.what_they_take(plan, None).endswith("on the cluster" if cluster else "here")


def test_a_report_of_the_sweep_is_made_on_the_page(sweeps):
    end_all(sweep := sweeps.create(RATES))
    at = open_page("tune", sweep=sweep.id)
    at.button(key="make_report").click().run()
    assert not at.error
    page = Page(at.session_state["report_made"][1])
    assert "Best: lr 0.001 , with 95.50" in page.words
    assert "python -m core.sweeps start --model dense --epochs 1" in page.words
