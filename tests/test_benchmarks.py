"""The benchmarks' bookkeeping: rows, the table, and what CI compares. What they measure is measured, not tested."""

import pytest

from benchmarks.__main__ import claims, slower_than_half
from benchmarks.table import in_turn, markdown, row


def test_a_row_has_the_medians_ratio_and_the_spread():
    found = row("Part", "it", [2.0, 1.0, 4.0], reference="that", reference_samples=[10.0, 7.0, 8.0])
    assert (found["median"], found["least"], found["most"], found["ratio"]) == (2.0, 1.0, 4.0, 4.0)


def test_programs_take_turns():
    calls = []
    found = in_turn({"a": lambda: calls.append("a") or 1, "b": lambda: calls.append("b") or 2}, 3)
    assert calls == ["a", "b"] * 3
    assert found == {"a": [1, 1, 1], "b": [2, 2, 2]}


@pytest.mark.parametrize(("ratio", "failures"), [(8.0, 0), (4.0, 0), (3.9, 1)])
def test_what_is_below_half_of_the_claim_in_a_table_is_named(ratio, failures):
    claimed = [
        row("Part", "it, often", [1.0], reference="that", reference_samples=[8.0], accuracy=0.9712),
        row("Part", "alone", [3.0]),
    ]
    text = f"# Title\n\n{markdown(claimed)}\n"
    assert claims(text) == {"Part: it, often": 8.0}
    now = [row("Part", "it, often", [1.0], reference_samples=[ratio]), row("Part", "alone", [9.0])]
    found = slower_than_half(now, claims(text))
    assert len(found) == failures
    assert all("Part: it, often" in sentence for sentence in found)
