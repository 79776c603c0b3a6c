"""Datasets from files, Keras' cache, a download or scikit-learn; their split; and people's own digits."""

from __future__ import annotations

from core.data.dataset import MNIST_TEST_LABELS, Dataset, keras_cache_path, load_dataset
from core.data.files import DatasetError

__all__ = ["MNIST_TEST_LABELS", "Dataset", "DatasetError", "keras_cache_path", "load_dataset"]
