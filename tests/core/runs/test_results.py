"""Results in a run's folder: written, read, damaged, out of date, and as the version before left them."""

from dataclasses import dataclass

import numpy as np
import pytest

from core.export import verify
from core.inference import ood
from core.interpretability import embedding
from core.robustness import corruptions, measure
from core.runs import results
from core.runs.starter import FOLDER
from core.storage import write_json


@dataclass(frozen=True)
class Result:
    model: str
    dataset: str
    method: int = 1


@pytest.mark.parametrize("file", ["result.json", "result.npz"])
def test_a_result_comes_back_and_a_damaged_one_is_none(tmp_path, file):
    def number(values):
        return float(values["number"])

    assert results.load(tmp_path, file, number) is None
    results.save(tmp_path, file, {"number": 2.5})
    assert results.load(tmp_path, file, number) == 2.5
    assert results.load(tmp_path, file, lambda values: values["another"]) is None
    whole = (tmp_path / file).read_bytes()
    for damaged in (b"", b"neither", whole[: len(whole) // 2]):
        (tmp_path / file).write_bytes(damaged)
        assert results.load(tmp_path, file, number) is None


def test_what_changed_since_is_said_in_words():
    result = Result("model", "dataset")
    assert results.stale(result, model="model", dataset="dataset", method=1) == ""
    assert results.stale(result, model="model") == ""
    assert "model has changed" in results.stale(result, model="other")
    words = results.stale(result, model="model", dataset="other", method=2)
    assert words == "the dataset has changed and the method has changed"


def test_results_of_the_version_before_are_read_and_up_to_date(make_run):
    run = make_run()
    measured = {"accuracy": 0.5, "per_digit": [0.5] * 9 + [None]}
    changed = [{"change": name, "strength": s, **measured} for name in corruptions.CORRUPTIONS for s in (1, 2, 3)]
    of = {"model": "m", "dataset": "d"}
    unchanged = {"change": "unchanged", "strength": 0, **measured}
    robustness = {**of, "version": 1, "images": 397, "seconds": 1.5, "unchanged": unchanged, "changed": changed}
    proof = {"format": "keras", "error": "", "bytes": 4, "fingerprint": "f", "difference": 0.0, "different": 0}
    proof |= {"accuracy": 0.9, "drawings": 300, "seconds_one": 0.1, "seconds_all": 1.0}
    proof |= {"litert_one": 0.1, "litert_all": 1.0}
    exports = {**of, "images": 397, "drawings": "digits", "drawn": 400, "proofs": [proof], "form": 2}
    write_json(run.path / "robustness.json", robustness)
    write_json(run.path / "exports.json", exports)
    np.savez(run.path / "map-tsne.npz", **of, indices=np.arange(3), points=np.zeros((3, 2), np.float32))
    for stored in (measure.load(run), verify.load(run), embedding.load_tsne(run)):
        assert stored.stale("m", "d") == ""
    assert ood.load(FOLDER) is not None  # the starter's was written by an earlier version
