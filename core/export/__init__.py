"""A network in other formats, each verified against the original."""
