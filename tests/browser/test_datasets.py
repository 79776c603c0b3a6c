"""A dataset by hand: dropped on Train, chosen, trained at once, and shown by every page of its run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.browsing import Dashboard, needs_browser, wait_until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = needs_browser
PAGES = ("Predictions", "Confidence", "Inside", "Robustness", "Map", "Draw", "Export", "Train")


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory, small_data: None):
    found = Dashboard(tmp_path_factory.mktemp("home"))
    found.start()
    yield found
    found.end()


@pytest.fixture
def school_file(digits_file: Path, tmp_path: Path) -> Path:
    """Digits that lie on their heads: 1,000 and 120."""
    path = tmp_path / "school.npz"
    with np.load(digits_file) as all_digits:
        arrays = {name: array[: 1000 if "train" in name else 120] for name, array in all_digits.items()}
    np.savez(path, **{name: array[:, ::-1] if name.startswith("x") else array for name, array in arrays.items()})
    return path


def test_a_dataset_is_dropped_chosen_and_trained_at_once_and_every_page_shows_it(
    training: Dashboard, page: playwright.Page, school_file: Path
) -> None:
    page.goto(f"{training.url}/?model=linear&epochs=1")
    page.get_by_text("Add a dataset").click()
    drop = page.locator(".st-key-add_dataset input[type=file]")
    poem = school_file.with_name("poem.npz")
    poem.write_text("roses")
    drop.set_input_files(poem)
    expect(page.get_by_test_id("stAlert").filter(has_text="poem.npz")).to_be_visible()
    drop.set_input_files(school_file)
    expect(page.locator(".st-key-dataset_added")).to_contain_text("school is here: 1,000 training and 120 test images.")
    box = page.locator(".st-key-dataset_choice").get_by_role("combobox")
    expect(box).to_have_count(1)
    start = page.get_by_role("button", name="Start training")
    box.click()
    page.get_by_role("option", name="school").click()
    start.click()  # at once: the page is still drawn
    wait_until(lambda: training.store.runs())
    [run] = training.store.runs()
    wait_until(lambda: run.state.name == "finished")
    assert run.dataset["name"] == "school"
    assert (run.config.dataset, len(run.probabilities())) == (run.dataset["fingerprint"], 120)
    for name in PAGES:
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=f"{name} · {run.name}")).to_be_visible()
        expect(page.get_by_text("school, not MNIST · 1,000 training and 120 test images")).to_be_visible()
        expect(page.get_by_text("which is not here")).to_have_count(0)
    expect(box).to_have_value("school")
    box.click()
    page.get_by_role("option", name="Own digits").click()
    start.click()
    wait_until(lambda: len(training.store.runs()) == 2)
    assert training.store.runs()[0].config.dataset == ""
