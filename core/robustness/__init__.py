"""How accuracy falls when the images are changed: the corruptions, and their measurement."""
