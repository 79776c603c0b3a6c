"""Digits in files of the forms that people have: arrays, IDX, tables, pictures, and folders of these."""
