"""A run's predictions: accuracy, selection, order, confidence, calibration, label errors and comparison."""
