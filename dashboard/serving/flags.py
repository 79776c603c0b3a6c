"""What the dashboard is asked to be: `streamlit run dashboard/app.py -- --class --https`, or environment variables."""

from __future__ import annotations

import argparse
import os

CLASS, HTTPS = "DIGITLAB_CLASS", "DIGITLAB_HTTPS"
OTHERS_WRITE = "DIGITLAB_OTHERS_WRITE"
OFF = ("", "0")


def read_flags(arguments: list[str]) -> None:
    """Set the environment variables that the flags stand for, so that all processes started from here know them.

    Raises:
        SystemExit: where a flag is unknown, or asks for help.
    """
    parser = argparse.ArgumentParser("streamlit run dashboard/app.py --", allow_abbrev=False)
    known = {
        "--class": (CLASS, "serve a class: listen to the network, and keep apart whose a run is"),
        "--https": (HTTPS, "serve https, which cameras need, with a certificate that is made here"),
    }
    for flag, (variable, words) in known.items():
        parser.add_argument(flag, action="store_true", dest=variable, help=f"{words} (or {variable}=1)")
    for variable, asked in vars(parser.parse_args(arguments)).items():
        if asked:
            os.environ[variable] = "1"


def is_class() -> bool:
    """Whether a class is served: names are asked for, and what is another's stays as it is."""
    return os.environ.get(CLASS, "").strip() not in OFF


def is_https() -> bool:
    """Whether the dashboard itself is to provide a certificate, and serve https with it."""
    return os.environ.get(HTTPS, "").strip() not in OFF


def others_write() -> bool:
    """Whether everybody who reaches the pages may change everything: a container's only visitor is its host."""
    return os.environ.get(OTHERS_WRITE, "").strip() == "yes"  # nothing else: it is not to happen by accident
