"""Other classes than digits, three and twenty-six: from the worker to all that is made of a run."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile

import numpy as np
import pytest

from core.bundle import archive
from core.compute.job import Task
from core.config import TrainingConfig
from core.data import DatasetError
from core.data.classes import DIGITS
from core.data.kept import Datasets
from core.data.split import split, training_images
from core.evaluation import confidence, reports
from core.evaluation.learning_words import findings
from core.evaluation.predictions import load_epoch_predictions, load_predictions
from core.export import verify
from core.inference.answer import LoadedModels
from core.interpretability.inside import load_inside
from core.model_card import model_card
from core.predictor import Predictor, model_fingerprint
from core.report import run_report
from core.robustness import measure
from core.runs import Run, RunStore
from tests.support.classes import LETTERS, SHAPES, dataset

KINDS = {"three": SHAPES, "letters": LETTERS}


@pytest.fixture(scope="module", params=KINDS)
def trained(request, tmp_path_factory):
    """A run that learned a dataset of other classes, which its home keeps, and that dataset."""
    from core.training import worker

    store, used = RunStore(tmp_path_factory.mktemp("home")), dataset(KINDS[request.param])
    kept = Datasets(store.home).add(used, "Others")
    config = TrainingConfig(
        "dense", epochs=3, hidden_layers=(32,), batch_size=16, dataset=kept.fingerprint, classes=len(kept.classes)
    )
    run = store.create(config)
    assert run.classes == used.classes  # of the dataset that it is to learn
    with run.lock():
        worker.train(run, worker.Ready(None))
    assert (run.state.name, run.state.message) == ("finished", "")
    return run, used


def test_a_run_learns_and_keeps_what_its_classes_are_called(trained):
    run, used = trained
    count = len(used.classes)
    assert (run.classes, run.is_digits, run.dataset["classes"]) == (used.classes, False, list(used.classes))
    assert run.test_accuracy > 0.9
    assert run.probabilities().shape == run.probabilities(1).shape == (len(used.y_test), count)
    assert run.validation()[1].shape[1] == count
    stored = json.loads((run.path / "config.json").read_text())
    assert (stored["classes"], stored["format"]) == (count, 3)
    assert run.summary["parity"]["different_predictions"] == 0
    assert Predictor.load(run.path).classes == count
    inside = load_inside(run)
    np.testing.assert_allclose(inside.probabilities(used.x_test[:20]), run.probabilities()[:20], atol=2e-3)
    assert run.damage() == ()


def test_its_predictions_are_counted_by_class(trained):
    run, used = trained
    reading = load_predictions(run, used, None)
    assert reading.classes == used.classes
    assert reading.matrix.shape == (len(used.classes),) * 2
    np.testing.assert_array_equal(reading.matrix.sum(axis=1), np.bincount(used.y_test))
    assert reading.corrected is None
    assert load_epoch_predictions(run, used, 3).probabilities.shape == (3, *run.probabilities().shape)
    assert 0 <= confidence.confidence_report(run, used).error < 1
    head, *rows = csv.reader(io.StringIO(reports.as_csv(reading, np.arange(2)).decode()))
    assert head[4] == f"p0 {used.classes[0]}"
    assert len(rows[0]) == len(head) == 5 + len(used.classes)
    table = list(csv.reader(io.StringIO(reports.matrix_csv(reading.matrix, used.classes).decode())))
    assert [row[0] for row in table[1:]] == list(used.classes)
    for draw in (lambda f: reports.matrix_figure(reading, "It", shares=False, format=f),):
        assert draw("png").startswith(b"\x89PNG")


def test_its_report_and_card_name_the_classes_and_no_digit(trained):
    run, used = trained
    html = run_report(run, used).decode()
    assert f"One of {len(used.classes)} classes ({', '.join(used.classes)})" in html
    assert "Each class" in html
    assert "digit, 0 to 9" not in html
    card = model_card(run, used).as_markdown()
    assert f"gives {len(used.classes)} probabilities" in card


def test_its_exports_are_verified_without_drawings(trained):
    run, used = trained
    done = verify.export_all(run, Predictor.load(run.path), model_fingerprint(run.path), used, names=["keras", "int8"])
    assert [(each.format, each.error) for each in done.verifications] == [("litert", ""), ("int8", ""), ("keras", "")]
    assert done.of("keras").different == 0
    assert (done.drawn, done.of("keras").drawings) == (0, 0)
    assert verify.load(run) == done


def test_its_bundle_is_imported_with_the_names(trained, tmp_path):
    run, used = trained
    packed = archive.pack(run, used)
    there = archive.unpack(packed, RunStore(tmp_path), "run.zip", used)
    assert (there.classes, there.config.classes) == (used.classes, len(used.classes))
    assert there.imported["proof"] == {"images": len(used.y_test), "different_predictions": 0}
    names = json.loads(zipfile.ZipFile(io.BytesIO(packed)).read("dataset.json"))
    assert names["classes"] == list(used.classes)


def test_a_bundle_whose_names_are_too_few_is_refused(trained, tmp_path):
    run, used = trained
    files = zipfile.ZipFile(io.BytesIO(archive.pack(run, used)))
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as target:
        for name in files.namelist():
            content = files.read(name)
            if name == "dataset.json":
                content = json.dumps({**json.loads(content), "classes": ["A", "B"]}).encode()
            target.writestr(name, content)
    with pytest.raises(archive.BundleError, match=f"does not name the {len(used.classes)} classes"):
        archive.unpack(changed.getvalue(), RunStore(tmp_path), "run.zip", used)


def test_robustness_is_measured_by_class(trained, monkeypatch):
    run, used = trained
    few = dataset(used.classes, train=1, test=1)
    found = measure.measure(Predictor.load(run.path), model_fingerprint(run.path), few)
    found.save(run)
    assert measure.load(run) == found
    assert found.digit_losses().shape == (len(found.changes), len(used.classes))
    assert used.classes[-1] in found.as_csv(used.classes).decode().splitlines()[0]


def test_nothing_judges_its_drawings(trained):
    from core import background

    run, used = trained
    task: Task = background.TASKS["novelty"]
    with pytest.raises(DatasetError, match="has no digits"):
        task(run, Predictor.load(run.path), "", used, lambda *_: None)
    model = LoadedModels()
    answer = model.answer_one(run, model.predictor(run), np.zeros((28, 28), np.uint8))
    assert answer.abstain_reason == ""


@pytest.mark.parametrize(("classes", "words"), [(10, "10 classes apart, and Others has 3"), (26, "26 classes apart")])
def test_a_run_with_other_outputs_than_its_dataset_has_classes_fails_in_words(store, classes, words):
    from core.training import worker

    used = dataset(SHAPES)
    run = store.create(TrainingConfig("linear", epochs=1, classes=classes))
    with run.lock():
        worker.train(run, worker.Ready(used))
    assert run.state.name == "failed"
    assert words in run.state.message
    assert "Bag, Coat, Ankle boot" in run.state.message


def test_my_digits_are_not_learned_with_other_things(store):
    from core.training import worker

    used = dataset(SHAPES)
    base = store.create(TrainingConfig("linear", epochs=1, classes=3))
    run = store.create(TrainingConfig("linear", epochs=1, classes=3, start_from=base.id))
    with run.lock():
        worker.train(run, worker.Ready(used))
    assert "cannot learn My digits" in run.state.message


def test_augmentation_adds_no_digits_to_other_things(digits):
    used, config = dataset(SHAPES), TrainingConfig("linear", augment=True, classes=3)
    x, y = training_images(split(used, config), config)
    assert len(x) == len(y) == len(split(used, config).x_train)
    config = TrainingConfig("linear", augment=True)
    assert len(training_images(split(digits, config), config)[0]) > len(split(digits, config).x_train)


def test_guessing_is_that_of_the_number_of_classes():
    def said(config: TrainingConfig, loss: float, accuracy: float, **more) -> str:
        epochs = [
            {
                "epoch": n,
                "step": 900 * n,
                "loss": loss,
                "accuracy": accuracy,
                "val_loss": loss,
                "val_accuracy": accuracy,
            }
            for n in (1, 2, 3)
        ]
        return " ".join(finding.sentence for finding in findings(epochs, config, ended=True, **more))

    letters = TrainingConfig("dense", classes=26)
    words = said(letters, math.log(26), 0.04, predicted=[99, *[0] * 25], names=LETTERS)
    assert "guessing, 3.8 %, and the loss at ln 26 = 3.258: it reads every image as A" in words
    assert "guessing" not in said(letters, 2.9, 0.11)  # which of ten digits would be guessing
    assert "guessing, 10 %, and the loss at ln 10 = 2.303" in said(TrainingConfig("dense"), math.log(10), 0.1)


def test_what_is_written_of_digits_is_as_it_was(store):
    config = TrainingConfig("dense")
    assert "classes" not in config.as_dict()
    assert TrainingConfig.from_dict(config.as_dict()) == config
    run = store.create(config)
    stored = json.loads((run.path / "config.json").read_text())
    assert (stored["format"], "classes" in stored, run.classes) == (1, False, DIGITS)


def test_names_that_are_damaged_are_numbers(trained, tmp_path):
    import shutil

    run, used = trained
    copy = Run(shutil.copytree(run.path, tmp_path / "runs" / run.id))
    (copy.path / "dataset.json").write_text(json.dumps({**run.dataset, "classes": ["A", "A"]}))
    assert copy.classes == tuple(map(str, range(len(used.classes))))
    assert "2 to 47 names" in " ".join(copy.damage())


def test_a_worker_gets_ready_for_as_many_classes_as_its_dataset_has(monkeypatch):
    from core.training import worker

    monkeypatch.setattr(worker, "_run_is_waiting", lambda: False)
    ready = worker.Ready(dataset(SHAPES))
    ready.compile([TrainingConfig("linear")])
    assert ready.take(TrainingConfig("linear")) is None
    assert ready.take(TrainingConfig("linear", classes=3)).model.output_shape == (None, 3)
