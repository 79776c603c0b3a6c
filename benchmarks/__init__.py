"""Benchmarks of speed and accuracy, one command each: `python -m benchmarks.<name>`."""
