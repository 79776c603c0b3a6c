"""The Compare page: its numbers against SciPy, its groups, old, running, damaged and foreign runs, nonsense."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binomtest

from core.config import TrainingConfig
from core.evaluation import comparison
from core.evaluation.baselines import baselines
from core.evaluation.learning_words import Finding
from core.formatting import percent
from core.predictor import model_fingerprint
from core.robustness import corruptions
from core.robustness.measure import Measurement, Robustness
from core.storage import write_json
from core.sweeps import Plan, SweepStore, every_combination
from dashboard.components import curve_words
from dashboard.components.compare import run_choice, run_table, run_table_view
from dashboard.components.formatting import run_link
from tests.support.digits import mostly_right
from tests.support.html import Page
from tests.support.pages import as_seen, by_label, galleries, open_page, tiles, words

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laboratory")]


def two(make_run, digits, first_wrong, second_wrong):
    """Two runs that have these images wrong."""
    first, second = make_run(), make_run(model="cnn")
    first.write_probabilities(mostly_right(digits.y_test, first_wrong))
    second.write_probabilities(mostly_right(digits.y_test, second_wrong))
    return first, second


def names_in_table(at) -> list[str]:
    """The names of the runs in the table, whose rows open them."""
    return [name.removeprefix(run_link("")) for name in at.dataframe[0].value["Run"]]


def test_with_fewer_than_two_runs_it_leads_to_training(make_run):
    assert [button.label for button in open_page("compare").main.button] == ["Train a network"]
    only = make_run()
    at = open_page("compare")
    assert f"at least two runs. There is one: {only.name}." in as_seen(at.info[0].value).replace("**", "")
    assert [button.label for button in at.main.button] == ["Train another network"]


def test_what_reads_without_a_network_stands_there_to_judge_the_runs_by(make_run, digits):
    for _ in range(2):
        make_run()
    same, nearest = baselines(digits)
    told = f"always the same digit {percent(same.accuracy)}, nearest average digit {percent(nearest.accuracy)}."
    assert f"Without a network: {told}" in words(open_page("compare"))


def test_below_the_curves_a_line_for_each_run_whose_curves_show_something(make_run):
    fine, stuck = make_run(), make_run(model="linear")
    for run, accuracy in ((fine, 0.97), (stuck, 0.1)):
        for epoch in (1, 2, 3):
            measured = {"loss": 0.1, "accuracy": accuracy, "val_loss": 0.1, "val_accuracy": accuracy}
            run.append_event(
                "epoch", epoch=epoch, step=1000 * epoch, learning_rate=0.001, training_seconds=1.0, **measured
            )
    said = words(open_page("compare", over="Updates"))
    assert f"- **{stuck.name}**: Accuracy stays at guessing, 10 %" in said
    assert f"- **{fine.name}**" not in said


def test_fixed_and_broken_images_and_the_test_of_their_difference(make_run, digits):
    first, second = two(make_run, digits, slice(0, 30), slice(20, 45))  # 20 fixed, 10 both wrong, 15 broken
    at = open_page("compare", a=first.id, b=second.id)
    assert f"could be chance: p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{binomtest(20, 35).pvalue:.2f}." in words(at)
    assert "right on 20 that Dense 1 has wrong, and wrong on 15 that Dense 1 has right" in words(at)
    options = by_label(at.segmented_control, "Images").options
    assert options == [
        "Fixed · 20",
        "Broken · 15",
        "Both wrong · 10",
        "Both right · 352",
    ]
    (shown,) = galleries(at)
    assert sorted(tile["index"] for tile in shown) == list(range(20))
    assert {(tile["mark"], tile["second"]) for tile in shown} == {("wrong", "right")}
    label, read = shown[0]["caption"].split("→")
    assert (shown[0]["sure"], shown[0]["name"]) == (
        label,
        f"{label}→{read} {label}, image {shown[0]['index']}: a {label}, read as {read} and as {label}",
    )

    at = open_page("compare", a=first.id, b=second.id, group="both_wrong")
    assert [sorted(tile["index"] for tile in one) for one in galleries(at)] == [list(range(20, 30))]
    next(button for button in at.button if button.label == "Swap").click().run()
    assert "right on 15 that CNN 1 has wrong" in words(at)
    assert (at.query_params["a"], at.query_params["b"]) == (second.id, first.id)


def test_above_all_stands_which_run_is_best_by_how_much_and_whether_that_could_be_chance(make_run, digits):
    first, second = two(make_run, digits, slice(0, 40), slice(0, 10))
    for run in (first, second):
        run.write_summary({"test_accuracy": float((run.probabilities().argmax(axis=1) == digits.y_test).mean())})
    n = len(digits.y_test)
    best = f"{second.name} is best: it reads {percent(1 - 10 / n)} of the test images right, {100 * 30 / n:.2f} points"
    said = words(open_page("compare")).replace("**", "")
    assert f"{best} more than {first.name}. This difference is unlikely to be chance" in said
    first.write_probabilities(mostly_right(digits.y_test, slice(20, 30)))
    assert f"are best**: both read {percent(1 - 10 / n)}" in words(open_page("compare"))


def test_a_clear_difference_is_hardly_chance_and_none_is_no_test(make_run, digits):
    first, second = two(make_run, digits, slice(0, 40), slice(0, 10))
    at = open_page("compare", a=first.id, b=second.id)
    assert f"unlikely to be chance: {comparison.p_in_words(binomtest(30, 30).pvalue)}" in words(at)
    second.write_probabilities(mostly_right(digits.y_test, slice(0, 40), sure=0.7))
    at = open_page("compare", a=first.id, b=second.id)
    assert "No difference to test" in words(at)
    assert [len(one) for one in galleries(at)] == [24]


def measure_shift(run, digits, accuracy):
    """Let the run's measured accuracy on medium shifts be this, and 1.0 under all other changes."""
    (run.path / "model.tflite").write_bytes(b"a model")
    changes = [(change, strength) for change in corruptions.CORRUPTIONS for strength in corruptions.STRENGTHS]
    rows = [
        Measurement(change, strength, accuracy if (change, strength) == ("shift", 2) else 1.0, (1.0,) * 10)
        for change, strength in changes
    ]
    unchanged = Measurement("unchanged", 0, 1.0, (1.0,) * 10)
    model = model_fingerprint(run.path)
    Robustness(model, digits.fingerprint, corruptions.VERSION, 397, 1.0, unchanged, tuple(rows)).save(run)


def test_where_a_cnn_and_a_dense_network_stand_together_it_says_what_convolutions_do(make_run, digits):
    dense, cnn = two(make_run, digits, slice(0, 40), slice(0, 10))
    said = words(open_page("compare", a=dense.id, b=cnn.id))
    assert "CNN 1 has convolutions, which look for the same small patterns in all places. Dense 1 has weights" in said
    assert "Robustness measures both on shifted digits." in said
    measure_shift(dense, digits, 0.303)
    measure_shift(cnn, digits, 0.7216)
    said = words(open_page("compare", a=dense.id, b=cnn.id))
    assert "Of digits shifted by 4 pixels, CNN 1 reads **72.16 %** right, Dense 1 **30.30 %**." in said
    (cnn.path / "model.tflite").write_bytes(b"another")  # what was measured is out of date
    assert "shifted by 4 pixels" not in words(open_page("compare", a=dense.id, b=cnn.id))
    other = make_run()
    other.write_probabilities(mostly_right(digits.y_test, slice(0, 5)))
    assert "convolutions" not in words(open_page("compare", a=dense.id, b=other.id))


@pytest.mark.parametrize(
    ("p", "told"),
    [(1.0, "p = 1.00"), (0.312, "p = 0.31"), (0.0021, "p = 0.002"), (0.00042, "p = 0.0004"), (1e-9, "p < 0.0001")],
)
def test_p_values_are_short(p, told):
    assert comparison.p_in_words(p).replace("\N{NO-BREAK SPACE}", " ") == told


def test_the_table_has_every_run_whatever_its_state(make_run, store, digits):
    old, damaged, foreign, running = make_run(), make_run(), make_run(), make_run("running", model="seed", end=False)
    old.rename("Same *name*")
    foreign.rename("Same *name*")
    write_json(old.path / "summary.json", {"epochs": 3, "parameters": "many", "test_accuracy": 0.5})
    means = [Measurement("blur", strength, accuracy, (accuracy,) * 10) for strength, accuracy in ((1, 1.0), (2, 0.75))]
    means.append(Measurement("blur", 3, 0.6875, (None,) * 10))
    Robustness("model", digits.fingerprint, 1, 397, 1.0, Measurement("unchanged", 0, 1.0, (1.0,) * 10), means).save(old)
    (damaged.path / "config.json").write_text("{")
    write_json(foreign.path / "dataset.json", {"name": "Others", "source": "a file", "fingerprint": "x"})
    write_json(foreign.path / "summary.json", {"test_accuracy": 0.75})
    running.append_event("epoch", epoch=1, step=3, val_accuracy=0.9, training_seconds=2.0)
    with running.lock():
        at = open_page("compare", a=foreign.id)
        table = at.dataframe[0].value.assign(Run=names_in_table(at)).set_index("Run")
        old_row, foreign_row = (table.loc[run_table_view.short(f"Same *name* · {run.id}")] for run in (old, foreign))
        assert {f"{damaged.name} · damaged", f"{running.name} · running"} < set(table.index)
        assert run_table.settings(running, {})["Epochs"] == run_table.Cell(1, f"1 of {running.config.epochs}")
        assert old_row[["Test accuracy", "Robustness"]].tolist() == pytest.approx([100 * 387 / 397, 81.25])
        assert foreign_row["Test accuracy"] == 75
        assert np.isnan(foreign_row["Calibration error"])
        assert set(table["Batch size"].dropna()) == {64, 32}
        assert "cannot be compared here: it was trained and tested on Others" in words(at)
        assert "it is damaged" in words(at)
        assert "still training" in words(at)
        assert set(by_label(at.selectbox, "First run").options) == {f"Same *name* · {old.id}", running.name}


@pytest.mark.parametrize(
    "address",
    [
        {"a": "../../etc", "b": "x", "runs": "no,,such", "group": "'; drop"},
        {"a": ["1", "2"], "b": "", "runs": "", "group": "fixed,broken"},
    ],
)
def test_nonsense_in_the_address_shows_the_page_as_it_is_without(make_run, digits, address):
    first, second = two(make_run, digits, slice(0, 5), slice(0, 3))
    at = open_page("compare", **address)
    assert len(at.dataframe[0].value) == 2
    assert sorted(tile["index"] for tile in tiles(at)) in ([3, 4], [0, 1, 2])  # runs of one second have no order
    at = open_page("compare", a=first.id, b=first.id)
    assert by_label(at.selectbox, "Second run").value == second.id


def test_runs_in_the_address_are_those_of_the_table_and_none_is_possible(make_run):
    runs = [make_run() for _ in range(3)]
    at = open_page("compare", runs=f"{runs[1].id},{runs[1].id},nonsense")
    assert names_in_table(at) == [runs[1].name]
    by_label(at.multiselect, "Runs").set_value([]).run()
    assert not at.exception
    assert not at.dataframe
    assert at.query_params["runs"] == "none"


def test_until_somebody_chooses_the_best_two_of_the_table_are_compared(make_run):
    best, worst, second, newest = (make_run() for _ in range(4))
    for run, accuracy in ((best, 0.99), (worst, 0.1), (second, 0.98), (newest, 0.97)):
        write_json(run.path / "summary.json", {"test_accuracy": accuracy})

    def pair() -> tuple:
        return at.query_params["a"], at.query_params["b"]

    at = open_page("compare")
    assert pair() == (second.id, best.id)
    by_label(at.multiselect, "Runs").set_value([newest.id, worst.id]).run()
    assert pair() == (worst.id, newest.id)
    by_label(at.selectbox, "First run").set_value(second.id).run()
    by_label(at.multiselect, "Runs").set_value([best.id, worst.id]).run()
    assert pair() == (second.id, newest.id)


def test_the_best_two_of_all_are_among_the_runs_shown_at_first():
    runs = {str(number): accuracy for number, accuracy in enumerate([0.9] * 11 + [0.95])}
    assert run_choice.at_first(runs) == [*map(str, range(9)), "11"]
    runs["2"] = 0.99
    assert run_choice.at_first(runs) == [*map(str, range(9)), "11"]  # the second best too
    runs["11"] = 0.8
    assert run_choice.at_first(runs) == [*map(str, range(10))]


def test_two_choices_that_come_together_are_both_kept(make_run):
    fourth, third, second, first = make_run(), make_run(), make_run(), make_run()
    at = open_page("compare", a=first.id, b=second.id)
    by_label(at.selectbox, "First run").set_value(third.id)
    by_label(at.selectbox, "Second run").set_value(fourth.id).run()
    assert (at.query_params["a"], at.query_params["b"]) == (third.id, fourth.id)


def test_a_run_of_the_pair_that_was_deleted_is_named_until_somebody_chooses(make_run, store):
    first, second, other, _ = (make_run() for _ in range(4))
    first.rename("Mine")
    at = open_page("compare", a=first.id, b=second.id)
    store.delete(first)
    by_label(at.button, "Swap").click().run()
    for _ in range(2):
        assert "Not found: Mine. Showing others instead." in words(at)
        at.run()
    by_label(at.main.selectbox, "Second run").select(other.id).run()
    assert "Not found" not in words(at)


def test_where_only_one_run_is_left_the_deleted_one_is_named(make_run, store):
    first, second = make_run(), make_run()
    first.rename("Mine")
    at = open_page("compare", a=first.id, b=second.id)
    store.delete(first)
    at.run()
    assert "Not found: Mine." in words(at)


def row(config, name="Run", epochs=(0.9, 0.97), accuracy=0.97, **summary):
    """A run as the table reads it, with this validation accuracy after each epoch."""
    history = [{"epoch": n, "val_accuracy": value, "training_seconds": n} for n, value in enumerate(epochs, 1)]
    return SimpleNamespace(
        id=name,
        name=name,
        config=config,
        summary={"parameters": 10, **summary},
        dataset={"name": "MNIST"},
        state=SimpleNamespace(name="finished", target_epochs=len(epochs)),
        history=lambda: SimpleNamespace(epochs=history),
        test_accuracy=accuracy,
        path=Path("nowhere"),
    )


def test_accuracy_then_settings_that_differ_come_first_equal_ones_are_said_and_the_best_has_a_star(monkeypatch):
    monkeypatch.setattr(run_table, "robustness", lambda run: 0.9 if run.name == "A" else None)
    runs = [
        row(TrainingConfig("dense", learning_rate=0.01), "A", (0.9, 0.98, 0.97), training_images=55000),
        row(TrainingConfig("dense", training_images=500), "B", (0.5, 0.8), training_images=500),
    ]
    found = [run_table.Scores(0.975, None, 0.02), run_table.Scores(0.85, None, 0.01)]
    table = run_table.table(runs, {"A": "A", "B": "B"}, found, target=0.975)
    assert table.starred.to_dict("list") == {
        "Run": ["A", "B"],
        "Test accuracy": ["★ 97.50 %", "85.00 %"],
        "Epochs to 97.5 %": ["★ 2", "–"],
        "Epochs": ["3", "2"],
        "Learning rate": ["0.01", "0.001"],
        "Training images": ["all (55,000)", "500"],
        "Calibration error": ["2.00 %", "★ 1.00 %"],
        "Robustness": ["90.00 %", "–"],  # measured of one run only
        "Training time": ["3.0 s", "2.0 s"],
    }
    assert list(table.words)[:4] == ["Run", "Test accuracy", "Epochs to 97.5 %", "Epochs"]
    assert {"state finished", "network Dense", "batch size 64", "seed 0", "parameters 10"} <= set(table.same)
    assert table.settings == ["Epochs", "Learning rate", "Training images"]
    assert table.csv().decode().splitlines()[1].startswith("A,")
    assert "Test accuracy (%)" in table.csv().decode().splitlines()[0]
    assert run_table.dots(runs, {"A": "A", "B": "B"}, found, "Learning rate")["value"].tolist() == [0.01, 0.001]


def test_the_filter_finds_the_runs_of_a_sweep_by_its_name(make_run, store):
    make_run()
    plan = Plan(TrainingConfig("dense"), every_combination({"learning_rate": (0.1, 0.01)}), "Dense: learning rate")
    sweeps = SweepStore(store)
    for plan_of_one in (plan, replace(plan, name="Dense: learning rates")):
        sweep = sweeps.create(plan_of_one)
        sweep.begin_trial(), sweep.begin_trial()
    wanted, other = reversed(sweeps.sweeps())
    at = open_page("compare")
    by_label(at.text_input, "Filter").set_value("Sweep: dense: LEARNING rate").run()
    assert set(at.multiselect[0].value) == {run.id for run in wanted.trials().values()}
    by_label(at.text_input, "Filter").set_value("sweep: rates").run()
    assert set(at.multiselect[0].value) == {run.id for run in other.trials().values()}
    by_label(at.text_input, "Filter").set_value("sweep:").run()
    assert "in its name, network or sweep" in words(at)


def test_a_tag_in_the_names_finds_runs_and_a_choice_ends_the_filter(make_run):
    runs = [make_run(model=model) for model in ("dense", "cnn", "dense")]
    runs[0].rename("wide #LR")
    runs[1].rename("small #lr")
    at = open_page("compare")
    by_label(at.text_input, "Filter").set_value("#lr").run()
    assert set(names_in_table(at)) == {"wide #LR", "small #lr"}
    by_label(at.text_input, "Filter").set_value("#lr CNN").run()
    assert names_in_table(at) == ["small #lr"]
    by_label(at.text_input, "Filter").set_value("*no* such").run()
    assert any("No run has “*no* such”" in as_seen(text.value) for text in at.markdown)
    at.button(key="clear_filter").click().run()
    assert len(names_in_table(at)) == 3
    by_label(at.text_input, "Filter").set_value("no such").run()
    by_label(at.multiselect, "Runs").set_value([runs[2].id]).run()
    assert names_in_table(at) == [runs[2].name]
    assert by_label(at.text_input, "Filter").value == ""


def test_a_target_is_kept_in_the_address_and_counts_epochs(make_run):
    make_run(), make_run()
    at = open_page("compare", target="nonsense")
    by_label(at.number_input, "Target accuracy, %").set_value(50.0).run()
    assert at.query_params["target"] == "50"
    assert "Epochs to 50 %" in at.dataframe[0].value


def test_several_runs_are_deleted_after_a_question_that_names_them(make_run, store):
    runs = [make_run() for _ in range(4)]
    training = make_run("running", end=False)
    doomed = [runs[0], training]
    with training.lock():
        at = open_page("compare", a=runs[0].id, session={"runs_to_delete": [run.id for run in doomed]})
        assert f"Still training, will be stopped first: {training.name}." in words(at)
        assert runs[0].name in words(at)
        by_label(at.button, "Delete 2 runs").click().run()
        assert not at.exception
        assert training.control["request"] or training.is_discarded
    left = {run.name for run in runs[1:]}
    assert set(names_in_table(at)) == left
    assert "Not found" not in words(at)
    assert store.get(runs[0].id) is None


def test_networks_of_own_layers_are_told_apart_and_only_runs_that_validate_on_the_test_images_are_said_to(monkeypatch):
    monkeypatch.setattr(run_table, "robustness", lambda run: None)
    tanh, none = "flatten, dense 64, tanh, output softmax", "flatten, output softmax"
    configs = {
        "A": TrainingConfig("seed", network=tanh),
        "B": TrainingConfig("dense", network=none),
        "C": TrainingConfig("dense", hidden_layers=(128, 64)),
    }
    runs = [row(config, name) for name, config in configs.items()]
    names, found = {name: name for name in configs}, [run_table.Scores(0.9)] * 3
    table = run_table.table(runs, names, found)
    assert table.settings[:2] == ["Network", "Layers"]
    assert table.words["Layers"].tolist() == [tanh, none, "128, 64"]
    assert tanh in table.csv().decode()
    assert [run_table_view.brief(text) for text in table.words["Layers"]] == [
        "dense 64, tanh",
        "no hidden layer",
        "128, 64",
    ]
    networks = run_table.dots(runs, names, found, "Network")
    assert networks["value"].tolist() == ["Custom: dense 64, tanh", "Custom: no hidden layer", "Dense"]
    assert networks["words"].tolist() == [tanh, none, "Dense"]
    assert run_table.validates_in_words(runs, names) == (
        "A validates on the test images, the others on images held out of the training set."
    )
    assert run_table.validates_in_words(runs[:1], names) == "Validated on the test images."
    assert run_table.validates_in_words(runs[1:], names) == ""


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"A": "falls", "B": "guessing", "C": None}, ["- **B**: guessing", "- **A**: falls"]),
        ({"A": "falls", "B": "guessing", "C": "falls"}, ["- **B**: guessing", "- **A, C**: falls"]),
        ({"A": "falls", "B": "falls"}, ["- **All 2**: falls"]),
        ({"A": "falls"}, ["- **A**: falls"]),
    ],
)
def test_what_matters_most_of_the_curves_is_said_first_and_the_same_once(monkeypatch, said, told):
    monkeypatch.setattr(
        curve_words, "run_findings", lambda run: [Finding(said[run.id], said[run.id])] if said[run.id] else []
    )
    assert curve_words.words_of_each([SimpleNamespace(id=name) for name in said], {name: name for name in said}) == told


def test_settings_in_which_more_runs_are_unusual_come_first(monkeypatch):
    monkeypatch.setattr(run_table, "robustness", lambda run: None)
    raw = {"pixels": "0-255"}
    configs = [
        {},
        {"learning_rate": 0.01, **raw},
        {"weight_decay": 0.1, **raw},
        {"epochs": 7, "seed": 1},
        {"seed": 2, **raw},
        {"seed": 3},
        {},
    ]
    runs = [row(TrainingConfig("dense", **config), str(number)) for number, config in enumerate(configs)]
    table = run_table.table(runs, {run.id: run.name for run in runs}, [run_table.Scores(0.9)] * len(runs))
    assert [name for name in table.words if name in table.settings] == [
        "Seed",
        "Pixels",
        "Learning rate",
        "Weight decay",
    ]


def test_which_runs_are_shown_is_said_where_they_are_the_newest():
    assert run_choice._how_many(["5", "4"], ["5", "4", "3"]) == "Newest 2 of 3 runs"
    assert run_choice._how_many(["5", "3"], ["5", "4", "3"]) == "2 of 3 runs"
    assert run_choice._how_many(["5", "4"], ["5", "4"]) == "2 of 2 runs"


def test_charts_leave_out_the_network_of_trials_that_all_have_the_same_and_no_two_runs_are_called_alike():
    linear, cnn = (SimpleNamespace(title=title) for title in ("Linear", "CNN"))
    configs = {"a": linear, "b": linear, "c": cnn}
    runs = [SimpleNamespace(id=run_id, config=config) for run_id, config in configs.items()]
    names = {"a": "Linear · lr 0.1, seed 0", "b": "Linear · lr 0.1, seed 1", "c": "CNN · lr 0.1, seed 0", "d": "Mine"}
    short = run_table.names_in_charts(runs[:2], names)
    assert short == {**names, "a": "lr 0.1, seed 0", "b": "lr 0.1, seed 1"}
    assert run_table.names_in_charts(runs, names) == names
    alike = {**names, "d": "lr 0.1, seed 0"}
    assert run_table.names_in_charts(runs[:2], alike) == alike


def test_a_report_of_the_two_is_made_on_the_page(make_run, digits):
    first, second = two(make_run, digits, slice(0, 40), slice(0, 10))
    at = open_page("compare", a=first.id, b=second.id)
    at.button(key="make_report").click().run()
    assert not at.error
    page = Page(at.session_state["report_made"][1])
    assert "It is right on 30 that" in page.words
    assert len(page.pictures("digit")) == 10
