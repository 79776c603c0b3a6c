"""The comparison of two runs against SciPy's binomial test and the laws that it obeys."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.evaluation import comparison

law = settings(max_examples=30, deadline=None)  # a busy machine is no failure
counts = st.integers(0, 400)


def test_every_image_falls_into_the_group_that_its_two_predictions_say():
    compared = comparison.compare_runs([1, 2, 3, 4, 5], first=[1, 0, 3, 0, 5], second=[1, 2, 0, 9, 5])

    assert np.flatnonzero(compared.both_right).tolist() == [0, 4]
    assert np.flatnonzero(compared.fixed).tolist() == [1]
    assert np.flatnonzero(compared.broken).tolist() == [2]
    assert np.flatnonzero(compared.both_wrong).tolist() == [3]
    assert compared.counts == {"both_right": 2, "fixed": 1, "broken": 1, "both_wrong": 1}
    assert compared.p_value == 1


@law
@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3)))
def test_groups_share_out_all_images_and_swapping_the_runs_swaps_fixed_and_broken(rows):
    labels, first, second = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    one_way = comparison.compare_runs(labels, first, second)
    other_way = comparison.compare_runs(labels, second, first)

    assert (np.sum(list(vars(one_way).values()), axis=0) == 1).all()
    assert sum(one_way.counts.values()) == len(rows)
    assert one_way.counts["fixed"] == other_way.counts["broken"]
    assert one_way.p_value == other_way.p_value


@law
@given(counts, counts)
def test_mcnemar_is_scipys_two_sided_binomial_test_and_symmetric(fixed, broken):
    p_value = comparison.mcnemar_exact(fixed=fixed, broken=broken)

    assert p_value == comparison.mcnemar_exact(fixed=broken, broken=fixed)
    assert 0 < p_value <= 1
    if fixed + broken:
        assert p_value == pytest.approx(binomtest(fixed, fixed + broken).pvalue, rel=1e-9)


def test_mcnemar_without_a_difference_is_1_and_stays_exact_for_thousands():
    assert comparison.mcnemar_exact(fixed=0, broken=0) == 1
    assert comparison.mcnemar_exact(fixed=3, broken=3) == 1
    assert comparison.mcnemar_exact(fixed=5, broken=0) == 2 / 2**5
    assert comparison.mcnemar_exact(fixed=10_000, broken=0) == 0
    assert comparison.mcnemar_exact(fixed=np.int64(5_100), broken=np.int64(4_900)) == pytest.approx(
        binomtest(5_100, 10_000).pvalue, rel=1e-9
    )


def test_what_does_not_fit_is_refused_by_name():
    with pytest.raises(ValueError, match="the second run's predictions must have one entry for each of the 2"):
        comparison.compare_runs([1, 2], first=[1, 2], second=[1])
    with pytest.raises(ValueError, match="counts of images; got -1 and 2"):
        comparison.mcnemar_exact(fixed=-1, broken=2)
