"""Precision, recall and F1 of each digit as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.evaluation import metrics


def per_digit_table(matrix: np.ndarray) -> pd.DataFrame:
    """Precision, recall, F1 in percent, support and mistakes, one row a digit."""
    numbers = metrics.per_digit(matrix)
    return pd.DataFrame(
        {
            "Digit": range(10),
            "Precision": 100 * numbers.precision,
            "Recall": 100 * numbers.recall,
            "F1": 100 * numbers.f1,
            "Images": numbers.support,
            "Mistakes": numbers.support - np.diagonal(matrix),
        }
    )
