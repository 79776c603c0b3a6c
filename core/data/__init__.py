"""Datasets from files, Keras' cache, a download or scikit-learn; their split; and people's own digits."""

from __future__ import annotations

from core.data.dataset import EMBEDDED, MNIST_TEST_LABELS, Dataset, is_better_one_here, keras_cache_path, load_dataset
from core.data.files import DatasetError

__all__ = [
    "EMBEDDED",
    "MNIST_TEST_LABELS",
    "Dataset",
    "DatasetError",
    "is_better_one_here",
    "keras_cache_path",
    "load_dataset",
]
