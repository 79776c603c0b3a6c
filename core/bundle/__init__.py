"""Runs as zips, to be sent and to be taken from anybody."""
