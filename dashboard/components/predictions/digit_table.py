"""Precision, recall and F1 of each class as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.data.classes import DIGITS
from core.evaluation import metrics
from dashboard.components.classes import Classes, are_digits, noun


def per_digit_table(matrix: np.ndarray, classes: Classes = DIGITS) -> pd.DataFrame:
    """Precision, recall, F1 in percent, support and mistakes, one row a class."""
    numbers = metrics.per_digit(matrix)
    return pd.DataFrame(
        {
            noun(classes).capitalize(): range(len(classes)) if are_digits(classes) else classes,
            "Precision": 100 * numbers.precision,
            "Recall": 100 * numbers.recall,
            "F1": 100 * numbers.f1,
            "Images": numbers.support,
            "Mistakes": numbers.support - np.diagonal(matrix),
        }
    )
