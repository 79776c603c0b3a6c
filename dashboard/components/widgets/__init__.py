"""Widgets of our own, and additions to those of others."""
