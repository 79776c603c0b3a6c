"""What is fast and what is right, measured side by side: one command each, `python -m benchmarks.<name>`."""
