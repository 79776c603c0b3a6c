"""The model card: its numbers against independent calculations, and what people named shown as they wrote it."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

from core.bundle.archive import pack
from core.config import TrainingConfig
from core.evaluation.metrics import wilson_interval
from core.model_card import model_card
from core.storage import write_json
from tests.support.digits import mostly_right
from tests.support.runs import files_of, fill_run


@pytest.fixture
def run(store, digits):
    """A run that reads seven 3s as 4 and two 5s as 6, and all else right."""
    run = fill_run(store.create(TrainingConfig(model="dense", epochs=3), "A *b* <c> [d](e)"), digits)
    wrong = [*np.flatnonzero(digits.y_test == 3)[:7], *np.flatnonzero(digits.y_test == 5)[:2]]
    run.write_probabilities(mostly_right(digits.y_test, wrong, sure=0.95), 3)
    run.write_probabilities(mostly_right(digits.y_test, wrong, sure=0.95))
    return run


@pytest.mark.parametrize(("right", "images"), [(0, 10), (10, 10), (9757, 10000), (1, 3), (388, 397)])
def test_the_interval_is_that_of_scipy(right, images):
    known = binomtest(right, images).proportion_ci(method="wilson")
    assert wilson_interval(right, images) == pytest.approx((known.low, known.high), abs=1e-9)


def test_it_says_what_the_run_fails_at(run, digits):
    card = model_card(run, digits)
    predictions = run.probabilities().argmax(axis=1)
    matrix = confusion_matrix(digits.y_test, predictions)
    low, high = wilson_interval(int(matrix[3, 3]), int(matrix[3].sum()))
    fails = " ".join(card.sections["What it fails at"]).replace("\N{NO-BREAK SPACE}", " ")
    assert fails == (
        f"It misreads 9 of 397 test images. Most often: 3 read as 4 (7 ×), 5 read as 6 (2 ×). Worst digit: 3, of which "
        f"it reads {100 * matrix[3, 3] / matrix[3].sum():.1f} % right (95 % interval {100 * low:.1f} % to "
        f"{100 * high:.1f} %). Best digit: 9, 100.0 %. In 9 of its mistakes it is 90 % sure or more."
    )
    assert "Test accuracy: 97.73 %, 388 of 397 test images" in card.sections["How well it reads"][0]
    assert f"1,000 images of Own digits (fingerprint {digits.fingerprint})." in card.sections["What it was trained on"]
    assert any("robustness was not measured" in words for words in card.sections["What it was not tested on"])


def test_drawn_digits_count_where_they_were_measured(run, digits):
    mine = {"from": "x", "trained": 40, "held_out": 20, "after": {"mine_held_out": 0.85}}
    write_json(run.path / "summary.json", {**run.summary, "my_digits": mine})
    card = model_card(run, digits)
    assert "Of 20 drawn digits that were held out it reads 85.00 % right." in card.sections["How well it reads"]
    assert "and the drawn digits above" in card.sections["What it was not tested on"][0]


def test_as_markdown_names_are_shown_as_they_were_written(run, digits):
    text = model_card(run, digits).as_markdown()
    assert text.startswith("# Model card: A \\*b\\* \\<c\\> \\[d\\](e)\n\n## What it reads\n\n- One handwritten digit")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        *("## What it reads", "## What it was trained on", "## How well it reads", "## What it fails at"),
        "## What it was not tested on",
    ]


def test_it_is_in_the_zip_of_a_run(run, digits):
    assert files_of(pack(run, digits))["model-card.md"].decode() == model_card(run, digits).as_markdown()
    assert "dataset that it was tested on is not loaded" in files_of(pack(run))["model-card.md"].decode()
