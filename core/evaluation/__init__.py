"""What a run predicted says: accuracy, selection, order, confidence, calibration, label errors and comparison."""
