"""What the terminal of a class says: the address for the board, its QR picture, and what is listened to and kept."""

from __future__ import annotations

import io
import sys

import click
import segno

from core.home import home_folder
from core.storage import printable
from dashboard.serving.teacher_pin import teacher_line


def board(urls: list[str], listens: str, *, made_here: bool) -> str:
    """All that a teacher needs at the start, as lines.

    Args:
        urls: the addresses at which this machine is opened, the one for the board first.
        listens: what it listens to, as in "0.0.0.0, port 8501".
        made_here: whether the certificate was made here, of which browsers warn.
    """
    others = f"Where that does not open, try {' or '.join(urls[1:])}." if urls[1:] else ""
    browsers = ""
    if made_here:
        browsers = (
            "Browsers say that the connection is not private, since this machine made the certificate itself: choose "
            "Advanced, then Proceed. iPhones and iPads may not connect so: they need http, or a signed certificate."
        )
    elif urls[0].startswith("http:"):
        browsers = "Browsers refuse the camera over http. With --class --https they allow it."
    lines = [
        f"Digit Lab for a class: {urls[0]}",
        qr_picture(urls[0]),
        teacher_line(),
        f"Every machine that reaches this one can open the pages: it listens to {listens}.",
        others,
        browsers,
        f"Runs and drawings are kept in {printable(home_folder())}.",
    ]
    return "\n".join(filter(None, lines))


def qr_picture(url: str) -> str:
    """A QR code (ISO/IEC 18004) of an address in half blocks, light on dark; "" where the terminal has none."""
    out = io.StringIO()
    segno.make(url, micro=False).terminal(out, compact=True)
    lines = out.getvalue().rstrip("\n").split("\n")
    try:
        out.getvalue().encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return ""
    if not sys.stdout.isatty():
        return "\n".join(lines)
    return "\n".join(click.style(line, fg="bright_white", bg="black") for line in lines)  # also on a light terminal
