"""The laboratory: data, models, runs and what the numbers say. Nothing in here knows of Streamlit."""

import os
import sys

# Whatever is started imports this first, so it is written in words that older Pythons read too.
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "Digit Lab needs Python 3.11, 3.12 or 3.13, since TensorFlow has no packages for others. "
        f"This is Python {sys.version.split()[0]} ({sys.executable})."
    )
if sys.platform == "darwin" and os.uname().machine == "x86_64":
    sys.exit(
        "Digit Lab needs a Mac with Apple silicon and a Python made for it, since TensorFlow and LiteRT have no "
        "packages for Intel Macs. On one of those, run it in Docker: docker compose up."
    )
