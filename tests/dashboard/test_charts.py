"""The charts, against Vega-Lite's own schema, which Altair's package holds, and against the tables that they draw."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft7Validator

from core.evaluation import confidence, predictions
from core.evaluation.calibration import reliability_diagram
from core.interpretability.embedding import Embedding, Layout, Pca
from core.robustness import corruptions
from core.robustness.measure import Measurement, Robustness
from core.runs.history import History
from dashboard.components.charts import (
    calibration,
    confusion,
    curves,
    embedding,
    history,
    inside,
    line_ends,
    of_runs,
    probabilities,
    robustness,
    setting,
    sweep,
)
from dashboard.components.charts.across import AXES
from dashboard.components.charts.of_runs import accuracy_range, color_of, in_turn, placed, without_others

pytestmark = pytest.mark.usefixtures("laboratory")

SCHEMA = Path(find_spec("altair").origin).parent / "vegalite" / "v6" / "schema" / "vega-lite-schema.json"


@pytest.fixture(scope="module")
def validator():
    return Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def one_map(**options):
    """Six images of the digits 1 and 2, of which the last is a mistake."""
    points = np.array([[0, 0], [1, 0], [5, 0], [4, 4], [5, 5], [0, 6]], np.float32)
    labels, read_as = np.array([1, 1, 1, 2, 2, 2]), np.array([1, 1, 1, 2, 2, 1])
    readings = Embedding(labels, read_as, np.ones(6), Pca(points, (0.5, 0.3), 8), np.arange(6))
    return embedding.map_chart(readings, Layout(np.arange(6), points), **options)


def one_history():
    batches = [
        {
            "position": step / 10,
            "step": step,
            "training_seconds": step / 5,
            "loss": 1 / (1 + step),
            "accuracy": step / 20,
        }
        for step in range(20)
    ]
    measures = {"loss": 0.4, "accuracy": 0.9, "val_loss": 0.3, "val_accuracy": 0.92, "train_loss": 0.35}
    epochs = [{"epoch": epoch, "step": 10 * epoch, "training_seconds": 2.0 * epoch, **measures} for epoch in (1, 2)]
    return History(tuple(batches), tuple(epochs), "training", epoch_images=320)


def one_robustness():
    changed = tuple(
        Measurement(name, strength, 0.9, (0.9,) * 9 + (None,))  # there is no 9 in this test set
        for name in corruptions.CORRUPTIONS
        for strength in corruptions.STRENGTHS
    )
    return Robustness(
        "m", "d", corruptions.VERSION, 100, 1.0, Measurement("none", 0, 0.97, (0.95,) * 9 + (None,)), changed
    )


@pytest.fixture
def charts(make_run, digits):
    """Every chart of the dashboard by what it shows, those with states in each of them."""
    run = make_run()
    reading, past = predictions.load_predictions(run, digits, None), predictions.load_epoch_predictions(run, digits, 3)
    calibrated, measured = confidence.confidence_report(run, digits), one_robustness()
    samples = robustness.samples(digits.x_test, 1)
    runs = pd.DataFrame(
        {"run": list("AABB"), "epoch": [1, 2, 1, 2], "step": 8, "training_seconds": 1.5, "accuracy": 0.95}
    )
    settings = pd.DataFrame({"run": ["A", "B"], "value": [0.1, 0.01], "words": ["0.1", "0.01"], "accuracy": 0.95})
    trials = pd.DataFrame({"value": ["32", "32", "64"], "accuracy": [0.9, 0.8, 0.95], "trial": list("abc")})
    chosen = {"diagonal": False, "chosen": (3, None)}
    return {
        "counts": confusion.confusion_chart(reading.matrix, shares=False, **chosen),
        "shares": confusion.confusion_chart(reading.matrix, shares=True, **chosen),
        "image": probabilities.probability_chart(reading, 0),
        "past": probabilities.past_chart(past, reading, 0),
        "drawing": probabilities.probability_bars(reading.probabilities[0], marked=3),
        "refused drawing": probabilities.probability_bars(reading.probabilities[0], marked=None),
        "reliability": calibration.reliability_chart(calibrated.diagram),
        "bin counts": calibration.count_chart(calibrated.diagram),
        "coverage": calibration.coverage_chart(calibrated, 0.5),
        **{f"curves by {axis}": curves.curves_chart(runs, axis) for axis in AXES},
        "curves to a target": curves.curves_chart(runs, "Epochs", target=0.98, chosen=["A"]),
        "learning rates": setting.setting_chart(settings, "Learning rate", log=True, target=0.98, chosen=["A"]),
        "networks": setting.setting_chart(settings.assign(value=settings["words"]), "Network"),
        **history.history_charts(one_history(), 3),
        **{
            f"{name} over {axis}": chart
            for axis in AXES
            for name, chart in history.history_charts(
                one_history(), 3, over=axis, batches_an_epoch=10, read_again="dropout"
            ).items()
        },
        **{
            f"{name} of nothing": chart for name, chart in history.history_charts(History((), (), "waiting"), 3).items()
        },
        "effect of a setting": sweep.effect_chart(trials, "Batch size", ["32", "64"]),
        "a setting of many numbers": sweep.number_chart(trials.assign(value=[1, 20, 30]), "Batch size", [1, 30]),
        "best so far": sweep.progress_chart(trials.assign(ended=[1, 2, 3], best=[0.9, 0.9, 0.95]), 3),
        "effect of a setting, to come": sweep.effect_chart(trials[:0], "Batch size", ["32", "64"]),
        "best so far, to come": sweep.progress_chart(trials[:0].assign(ended=[], best=[]), 6),
        "map": one_map(),
        "part of a map": one_map(is_filtered=True),
        "changes": robustness.change_chart(samples, measured),
        "digits": robustness.digit_chart(measured, None),
        "digits read": inside.digit_bars(np.arange(10), np.arange(10)[::-1]),
        "weights": inside.histogram_chart(histogram(1), histogram(0.5), title="Weights"),
        "activations": inside.histogram_chart(histogram(0), title="Numbers"),
        "changes of weights": inside.layers_chart(
            [1, 2, 4], {"a": [0.5, 0, 0.01], "b": [np.inf] * 3}, "Change", log=True
        ),
        "shares of units": inside.layers_chart([0, 1], {"a": [0.5, 0.4], "b": [0.5, np.nan]}, "On"),
        "shares of no units": inside.layers_chart([], {}, "On"),
    }


def histogram(spread):
    """Forty bins of numbers that lie so far apart."""
    return np.histogram(np.linspace(-spread, spread, 500), 40)


def records(table):
    return table.to_dict("records") if isinstance(table, pd.DataFrame) else table.to_pylist()


def test_every_chart_is_valid_vega_lite(charts, validator):
    for name, chart in charts.items():
        tables = {key: records(table) for key, table in chart.get("datasets", {}).items()}
        sent = json.loads(json.dumps({**chart, "datasets": tables}))
        assert not [error.message[:300] for error in validator.iter_errors(sent)], name


def test_every_chart_writes_percent_with_a_space(charts):
    for name, chart in charts.items():
        numbers = {axis.get("format") for axis in parts(chart) if isinstance(axis.get("format"), str)}
        if any(form.endswith(("%", "p")) for form in numbers):
            assert chart["config"]["locale"]["number"]["percent"] == "\u00a0%", name


def test_an_axis_of_confidence_has_a_number_at_its_beginning_and_at_its_end(charts):
    for name in ("reliability", "bin counts", "coverage"):
        for axis in (part["x"] for part in parts(charts[name]) if "scale" in part.get("x", {})):
            assert [axis["axis"]["values"][0], axis["axis"]["values"][-1]] == axis["scale"]["domain"]


def parts(spec):
    """All objects of a spec."""
    if isinstance(spec, dict):
        yield spec
    for part in spec.values() if isinstance(spec, dict) else spec if isinstance(spec, list) else ():
        yield from parts(part)


def fields(part):
    """All fields that a part of an encoding shows."""
    if isinstance(part, list):
        return [field for value in part for field in fields(value)]
    if not isinstance(part, dict):
        return []
    return ([part["field"]] if "field" in part else []) + fields(list(part.values()))


def drawn(view, data=None, inherited=None):
    """Each mark of a spec: the data that it draws, and the fields that it shows of it."""
    data, encoding = view.get("data", data), {**(inherited or {}), **view.get("encoding", {})}
    if "layer" not in view:
        yield data, fields(encoding)
    for layer in view.get("layer", ()):
        yield from drawn(layer, data, encoding)


def test_every_field_is_a_column_of_the_table_that_its_mark_draws(charts):
    for name, chart in charts.items():
        for data, shown in drawn(chart):
            rows = data["values"] if "values" in data else records(chart["datasets"][data["name"]])
            assert shown, name
            assert all(set(shown) <= row.keys() for row in rows), name


def test_no_chart_of_lines_has_a_legend(charts):
    named = [name for name in charts if name.startswith(("curves", "loss", "accuracy", "coverage"))]
    assert len(named) == 15
    for name in named:
        legends = [part["legend"] for part in parts(charts[name]) if "legend" in part]
        assert legends, name
        assert not any(legends), name


@pytest.mark.parametrize("values", [[1, 1, 1], [0, 0.1, 9, 10], [3, 1, 2], [5], [], [10, 10, 9.9, 0]])
def test_names_at_line_ends_do_not_touch_and_keep_the_order_of_the_lines(values):
    places = line_ends.spread(values, 1, 0, 10)
    order = np.argsort(values, kind="stable")
    assert (np.diff(places[order]) >= 1 - 1e-9).all()
    assert ((places >= 0) & (places <= 10)).all()
    apart = np.diff(np.sort(values)) >= 1
    assert not apart.all() or np.allclose(places, values)


def test_too_many_names_are_spaced_evenly():
    assert line_ends.spread([0.5] * 5, 1, 0, 1).tolist() == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("axis", AXES)
def test_while_a_run_trains_only_the_tables_of_its_charts_change(axis):
    def at(count, epochs):
        measures = {"loss": 0.4, "accuracy": 0.9, "val_loss": 0.3, "val_accuracy": 0.92}
        batches = [
            {
                "position": (step + 1) / 10,
                "step": step + 1,
                "training_seconds": (step + 1) / 8,
                "loss": 0.4,
                "accuracy": 0.9,
            }
            for step in range(count)
        ]
        events = tuple({"epoch": epoch + 1, "step": 10 * (epoch + 1), **measures} for epoch in range(epochs))
        return history.history_charts(
            History(tuple(batches), events, "training"), 5, over=axis, batches_an_epoch=10, read_again="dropout"
        )

    for measure in ("loss", "accuracy"):
        specs = [{**chart[measure], "datasets": None} for chart in (at(3, 0), at(15, 1), at(45, 4))]
        assert specs[0] == specs[1] == specs[2]
        best = at(45, 4)[measure]["datasets"]["best"].to_pylist()
        assert [each["name"] for each in best] == [f"{history.BEST[measure]}: epoch 1"]


def test_the_same_points_stand_at_epochs_updates_or_seconds_and_a_line_at_guessing_where_it_is_in_range():
    places = {"Epochs": [1, 2], "Updates": [10, 20], "Seconds": [2.0, 4.0]}
    for axis, wanted in places.items():
        chart = history.history_charts(one_history(), 2, over=axis, batches_an_epoch=10, read_again="dropout")["loss"]
        across = chart["encoding"]["x"]
        assert across["scale"]["domain"] == [0, wanted[-1]]
        points = [point for point in records(chart["datasets"]["epochs"]) if point["series"] == "training again"]
        assert [(point[across["field"]], point["loss"]) for point in points] == [(at, 0.35) for at in wanted]
        assert records(chart["datasets"]["best"])[0][across["field"]] == wanted[0]
    assert not records(chart["datasets"]["guess"])  # the chart ends at 0.5
    stuck = one_history().epochs[0] | {"val_loss": 2.31, "val_accuracy": 0.1}
    for measure, value in (("loss", np.log(10)), ("accuracy", 0.1)):
        chart = history.history_charts(History((), (stuck,), "training"), 2)[measure]
        assert records(chart["datasets"]["guess"])[0][measure] == pytest.approx(value)
        assert "each of the ten digits the probability 0.10" in str(chart["layer"])


def test_the_thin_line_is_smoothed_and_passes_over_what_is_no_number():
    batches = [{"position": step, "loss": float("nan") if step == 5 else step % 2, "accuracy": 0} for step in range(20)]
    thin = history.history_charts(History(tuple(batches), (), "training"), 20)["loss"]["datasets"]["batches"]
    assert np.ptp(thin["loss"].to_numpy()[4:-4]) < 0.25


def test_runs_far_below_the_others_do_not_set_the_range_and_are_named_with_their_accuracy():
    frame = pd.DataFrame(
        [
            (run, epoch, 10 * epoch, float(epoch), value)
            for run, value in zip("ABCD", (0.98, 0.97, 0.975, 0.1), strict=True)
            for epoch in (1, 2, 3)
        ],
        columns=["run", "epoch", "step", "training_seconds", "accuracy"],
    )
    chart = curves.curves_chart(frame, "Epochs")
    low, high = chart["encoding"]["y"]["scale"]["domain"]
    assert 0.96 <= low < 0.97
    assert 0.98 < high < 0.99
    assert chart["datasets"]["ends"]["name"].to_pylist() == ["A", "B", "C", "D ↓ 10.0 %"]


@pytest.mark.parametrize(("axis", "ends", "name"), [("Epochs", 15, "Long → 35"), ("Updates", 300, "Long → 700")])
def test_one_run_that_is_much_longer_leaves_the_chart_instead_of_squeezing_the_others(axis, ends, name):
    def run_of(name, epochs):
        counted = range(1, epochs + 1)
        steps, accuracy = [20 * epoch for epoch in counted], [0.9 + 0.002 * epoch for epoch in counted]
        return pd.DataFrame({"run": name, "epoch": counted, "step": steps, "accuracy": accuracy})

    frame = pd.concat([run_of("Short", 6), run_of("Long", 35), run_of("Second", 12)], ignore_index=True)
    chart = curves.curves_chart(frame, axis)
    edge = chart["encoding"]["x"]["scale"]["domain"][1]
    assert ends < edge < 1.03 * ends
    end = next(end for end in records(chart["datasets"]["ends"]) if end["run"] == "Long")
    assert end["name"] == name
    assert end["accuracy"] == pytest.approx(0.9 + 0.002 * edge / (1 if axis == "Epochs" else 20))  # where it leaves
    alone = curves.curves_chart(frame[frame["run"] != "Short"], axis)  # two runs are shown whole
    assert alone["encoding"]["x"]["scale"]["domain"][1] > 2 * ends


def test_a_first_loss_far_above_guessing_leaves_the_chart_where_the_lines_are():
    losses = [(3.3, 0.50), (0.46, 0.34), (0.28, 0.28), (0.23, 0.27)]
    epochs = [
        {"epoch": epoch, "loss": loss, "val_loss": validation, "accuracy": 0.9, "val_accuracy": 0.9}
        for epoch, (loss, validation) in enumerate(losses, 1)
    ]
    chart = history.history_charts(History((), tuple(epochs), "finished"), 4)["loss"]
    assert chart["encoding"]["y"]["scale"]["domain"] == [0, 1]
    points = next(layer for layer in chart["layer"] if layer["mark"]["type"] == "point" and "transform" in layer)
    assert points["transform"] == [{"filter": {"field": "loss", "range": [0, 1]}}]  # none is drawn over the title
    assert [(each["epoch"], each["name"]) for each in records(chart["datasets"]["above"])] == [(1, "↑ 3.3")]
    back = history.history_charts(History((), tuple(epochs[::-1]), "finished"), 4)["loss"]  # a loss that rose is shown
    assert back["encoding"]["y"]["scale"]["domain"] == [0, 5]


def test_names_of_lines_above_the_range_stand_in_the_order_of_their_losses():
    epochs = [{"epoch": 1, "loss": loss, "val_loss": validation} for loss, validation in [(0.4, 0.3)] * 9]
    epochs.append({"epoch": 10, "loss": 80.0, "val_loss": 60.0})
    chart = history.history_charts(History((), tuple(epochs), "finished"), 10)["loss"]
    places = {end["series"]: end["place"] for end in records(chart["datasets"]["ends"])}
    assert places["validation"] < places["training"]
    assert {end["name"] for end in records(chart["datasets"]["ends"])} == {"validation ↑ 60", "training ↑ 80"}
    assert not records(chart["datasets"]["above"])  # said beside the names


def test_each_of_few_epochs_has_its_tick():
    axis = history.history_charts(one_history(), 2)["loss"]["encoding"]["x"]["axis"]
    assert axis["values"] == [0, 1, 2]
    assert axis["tickMinStep"] == 0  # with the 1 that comes of the format, Vega drops the tick in the middle


def test_the_thin_line_is_named_after_its_batches_until_an_epoch_is_complete():
    measured = one_history()
    for epochs, name in ((), "last batches"), (measured.epochs[:1], "training"):
        chart = history.history_charts(History(measured.batches, epochs, "training"), 2)["accuracy"]
        ends = {end["series"]: end["name"] for end in records(chart["datasets"]["ends"])}
        assert ends["training"] == name


def test_curves_that_lie_on_each_other_are_drawn_in_turns():
    frame = pd.DataFrame(
        [
            (run, epoch, float(epoch), accuracy)
            for run, accuracies in {"A": (0.91, 0.95), "B": (0.91, 0.95, 0.97), "C": (0.93, 0.96, 0.98)}.items()
            for epoch, accuracy in enumerate(accuracies, 1)
        ],
        columns=["run", "epoch", "training_seconds", "accuracy"],
    )
    assert curves.on_one_line(frame, "Epochs", None) == [["B", "A"]]
    chart = curves.curves_chart(frame, "Epochs")
    lines = next(layer for layer in chart["layer"] if "strokeDash" in layer["encoding"])
    assert lines["encoding"]["strokeDash"]["scale"]["range"] == [[8, 8], [1, 0], [1, 0]]
    assert chart["datasets"]["curves"]["run"].to_pylist()[-1] == "A"  # over the longer one


def test_names_of_dots_that_stand_close_beside_each_other_do_not_touch():
    frame = pd.DataFrame(
        {"run": list("ABC"), "value": [55000, 60000, 500], "words": list("abc"), "accuracy": [0.98, 0.98, 0.98]}
    )
    places = setting.setting_chart(frame, "Training images", log=True)["datasets"]["dots"]["place"].to_pylist()
    assert places[0] != places[1]
    assert places[2] == 0.98


def test_runs_of_one_network_stand_in_rows_below_it_so_that_no_name_touches_another():
    long = "Custom: dense 64, sigmoid, dense 32, sigmoid"
    accuracies = [0.98, 0.98, 0.1]
    frame = pd.DataFrame({"run": list("ABC"), "value": [long, "CNN", long], "words": "", "accuracy": accuracies})
    tables = setting.setting_chart(frame, "Network", target=0.99)["datasets"]
    assert [(row["value"], row["row"]) for row in records(tables["heads"])] == [(long, 0), ("CNN", 3)]
    rows = [(row["name"], row["row"]) for row in records(tables["dots"])]
    assert rows == [("A", 1), ("← 10.00 % C", 2), ("B", 4)]  # far off, and still in its place
    assert not setting.runs_outside(frame, None)


def test_many_curves_are_shown_without_their_beginnings_so_that_their_ends_can_be_told_apart():
    epochs = {"epoch": range(1, 6), "step": 1, "accuracy": [0.6, 0.7, 0.9, 0.92, 0.93]}
    lows = []
    for names in ("AB", "ABCDEFGHI"):
        frame = pd.concat([pd.DataFrame({"run": name, **epochs}) for name in names], ignore_index=True)
        lows.append(curves.curves_chart(frame, "Epochs")["encoding"]["y"]["scale"]["domain"][0])
    assert lows[0] < 0.65
    assert lows[1] > 0.75


def test_no_line_from_a_curve_to_its_name_crosses_another():
    accuracies = [0.975, 0.9751, 0.99, 0.9752, 0.96]
    frame = pd.DataFrame({"run": list("ABCDE"), "epoch": range(1, 6), "step": 1, "accuracy": accuracies})
    chart = curves.curves_chart(frame, "Epochs")
    straight, bent = [
        layer for layer in chart["layer"] if layer.get("data") == {"name": "ends"} and "x2" in layer["encoding"]
    ]
    assert "y2" not in straight["encoding"]
    assert bent["encoding"]["x"] == bent["encoding"]["x2"] == {"value": "width"}
    ends = sorted(records(chart["datasets"]["ends"]), key=lambda end: end["accuracy"])
    assert [end["place"] for end in ends] == sorted(end["place"] for end in ends)


def test_a_run_keeps_its_colour_and_shape_whichever_others_are_shown():
    order = [f"Run {number}" for number in range(12)]
    frame = pd.DataFrame({"run": order, "epoch": 1, "step": 10, "training_seconds": 1.0, "accuracy": 0.9})
    for shown in (frame, frame[frame["run"].isin(["Run 1", "Run 11"])]):
        chart = curves.curves_chart(shown, "Epochs", order=order)
        points = next(layer for layer in chart["layer"] if layer.get("mark", {}).get("type") == "point")
        assert points["encoding"]["color"]["scale"]["domain"] == order
        shapes = dict(zip(order, points["encoding"]["shape"]["scale"]["range"], strict=True))
        assert shapes["Run 1"] != shapes["Run 11"]
        assert all(chart["datasets"]["curves"]["marked"].to_pylist())  # a single epoch is seen


def test_crosses_of_mistakes_stand_out_once_only_some_images_are_shown():
    def cross(**options):
        return next(layer["mark"] for layer in one_map(**options)["layer"] if layer.get("data") == {"name": "mistakes"})

    assert cross()["size"] < cross(is_filtered=True)["size"]
    assert not cross()["strokeWidth"]  # many outlines would hide the colours
    assert cross(is_filtered=True)["strokeWidth"]


def test_mistakes_on_the_map_have_a_shape_of_their_own_and_each_digit_stands_at_the_middle_of_its_images():
    chart = one_map()
    tables = chart["datasets"]
    assert tables["mistakes"]["index"].to_pylist() == [5]
    assert tables["right"]["index"].to_pylist() == [0, 1, 2, 3, 4]
    marks = {layer["data"]["name"]: layer.get("mark") for layer in chart["layer"]}
    assert (marks["right"]["type"], marks["mistakes"]["shape"]) == ("circle", "cross")
    assert records(tables["middles"]) == [{"x": 1, "y": 0, "label": "1"}, {"x": 4, "y": 5, "label": "2"}]


def test_numbers_on_the_map_that_would_lie_on_each_other_are_moved_apart_and_the_others_not():
    places = np.array([[0.1, 0.1], [0.1, 0.1], [0.11, 0.1], [0.9, 0.5]])
    moved = embedding.apart(places, gap=0.06)
    between = np.hypot(*(moved[:, None] - moved[None]).T) + np.eye(4)
    assert between.min() == pytest.approx(0.06, abs=1e-3)
    assert np.hypot(*(moved - places).T).max() < 0.12
    assert moved[3].tolist() == [0.9, 0.5]


def test_bars_of_confidence_begin_at_the_least_and_are_pale_where_few_images_stand_behind_them():
    labels = np.zeros(30, int)
    sure = np.array([0.55] * 9 + [0.95] * 21)
    given = np.full((30, 10), 0.0)
    given[:, 0], given[:, 1] = sure, 1 - sure
    chart = calibration.count_chart(reliability_diagram(labels, given, bins=10))
    assert chart["encoding"]["x"]["scale"]["domain"] == [0.5, 1]
    assert [row["count"] for row in records(chart["datasets"]["bins"])] == ["9, too few to say much", "21"]
    assert chart["encoding"]["opacity"]["condition"]["test"] == "datum.images < 10"


@pytest.mark.parametrize(("first", "shown"), [(0.9542, True), (0.60, False)])
def test_few_runs_are_shown_from_their_first_epoch_unless_that_is_far_below(first, shown):
    one = pd.DataFrame({"run": "A", "epoch": [1, 2, 3, 4], "accuracy": [0.987, 0.988, 0.992, 0.993]})
    other = pd.DataFrame({"run": "B", "epoch": range(1, 11), "accuracy": [first, 0.968, 0.97, *[0.977] * 7]})
    low, _ = accuracy_range(pd.concat([one, other]), None)
    assert (low <= first) == shown
    many = pd.concat([other.assign(run=f"B{number}") for number in range(5)])
    assert accuracy_range(many, None)[0] > first


def test_the_names_of_runs_below_the_range_stand_in_the_order_of_their_accuracies():
    runs = {"Worst": 0.099, "Weak": 0.854, "Good": 0.98, "Better": 0.985}
    frame = pd.DataFrame({"run": list(runs), "accuracy": list(runs.values()), "column": 0})
    ends, _ = placed(frame, (0.95, 1.0), 270, None, 0)
    assert ends.sort_values("place")["run"].tolist() == list(runs)
    swapped, _ = placed(frame.iloc[[1, 0, 2, 3]], (0.95, 1.0), 270, None, 0)
    assert swapped.sort_values("place")["run"].tolist() == list(runs)


def test_runs_look_as_they_do_among_all_runs_where_the_others_are_left_out_of_the_chart():
    order = [f"run {number}" for number in range(5000)]
    shown = ["run 7", "run 2013", "run 4999", "run 4959"]  # the last two look alike among all, too
    short = without_others(order, set(shown))
    assert len(short) <= 80
    for kinds in (of_runs.SHAPES, of_runs.DASHES):
        looks = in_turn(order, kinds)["scale"]["range"], in_turn(short, kinds)["scale"]["range"]
        assert [looks[0][order.index(name)] for name in shown] == [looks[1][short.index(name)] for name in shown]
    colors = [[names.index(name) % of_runs.COLORS for name in shown] for names in (order, short)]
    assert colors[0] == colors[1]
    assert color_of(short)["scale"]["domain"] == short
