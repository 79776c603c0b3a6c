"""The dataset as the dashboard holds it: the same one, with its training images in a file."""

from __future__ import annotations

import numpy as np

from core.data import load_dataset
from core.data.loader import DatasetLoader


def test_a_dataset_that_rests_is_the_one_that_was_loaded(digits_file, monkeypatch):
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    loader, loaded = DatasetLoader(), load_dataset(digits_file)
    found = loader.outcome(60)
    assert isinstance(found.x_train, np.memmap)
    assert found.fingerprint == loaded.fingerprint
    for _ in range(2):
        np.testing.assert_array_equal(found.x_train, loaded.x_train)
        loader.rest()
    assert not found.x_train.flags.writeable


def test_a_dataset_stays_in_memory_where_no_file_can_be_made(digits_file, monkeypatch, tmp_path):
    monkeypatch.setenv("DIGITLAB_DATA", str(digits_file))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert not isinstance(DatasetLoader().outcome(60).x_train, np.memmap)
