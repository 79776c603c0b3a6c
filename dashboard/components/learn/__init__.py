"""Lessons: how their files are read, what a person has done of them, and the guide that stays beside every page."""
