"""Widgets of our own, and what others' lack."""
