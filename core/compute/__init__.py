"""Processes beside the dashboard: the launcher of workers, and background jobs."""
