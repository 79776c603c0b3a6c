"""How probabilities are written: alike, whether a run kept them or its model says them now."""

import numpy as np
import pytest

from core.formatting import certainty
from core.runs.arrays import probabilities_path, read_probabilities, write_probabilities


def test_what_a_run_kept_and_what_its_model_says_are_written_alike(tmp_path):
    logits = np.random.default_rng(0).normal(scale=4, size=(2000, 10))
    said = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    write_probabilities(tmp_path, said)
    kept = read_probabilities(probabilities_path(tmp_path, None))
    assert not np.array_equal(kept, said)
    assert [certainty(p) for p in kept.flat] == [certainty(p) for p in said.flat]
    assert [certainty(p) for p in (0.73353, 0.73340)] == ["73.3 %", "73.3 %"]  # as it is, and as it is kept


@pytest.mark.parametrize(
    ("probability", "written"), [(1.0, "> 99.9 %"), (0.9991, "99.9 %"), (0.1, "10.0 %"), (0, "< 0.1 %")]
)
def test_a_probability_is_never_written_as_certain(probability, written):
    assert certainty(probability) == written
