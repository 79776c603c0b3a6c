"""What a sweep in the terminal is of."""

from argparse import Namespace

import pytest

from core.config import ConfigError
from core.data.kept import Datasets
from core.sweeps.__main__ import read_plan


def test_a_sweep_in_the_terminal_names_its_dataset(store, digits):
    datasets = Datasets(store.home)
    kept = datasets.add(digits, "From school")

    def plan(name):
        options = {"model": "linear", "epochs": 1, "set": [], "tried": ["seed=2 seeds"], "random": None, "tpe": None}
        others = {"name": None, "minutes": None, "stop_weak": None}
        return read_plan(Namespace(**options, **others, dataset=name), datasets)

    assert {config.dataset for config in plan("from school").configs} == {kept.fingerprint}
    assert {config.dataset for config in plan("").configs} == {""}
    with pytest.raises(ConfigError, match="There is no dataset 'Mars'"):
        plan("Mars")
