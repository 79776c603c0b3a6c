"""What all commands do with their terminal: they print any name, and continue when nobody reads any more."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
from collections.abc import Callable
from typing import NoReturn, TextIO

from core.storage import NO_SPACE, explain_os_error

INTERRUPTED = 130  # the exit status that shells expect after Ctrl-C
READER_GONE = (errno.EPIPE, errno.EIO, errno.EINVAL)  # a closed pipe, a closed terminal, a closed pipe of Windows


class _Output(io.RawIOBase):
    """Takes all that is written to a stream: what cannot be passed on is dropped, and `error` says why."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream  # which closes its file when nobody refers to it
        self._raw = getattr(stream.buffer, "raw", stream.buffer)  # python -u has no buffer between them
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()

    def write(self, data: bytes) -> int | None:
        if self.error is None:
            try:
                return self._raw.write(data)
            except OSError as error:
                self.error = error
        return len(data)


def command_line(command: str, docstring: str | None, **settings) -> argparse.ArgumentParser:
    """A parser for a command such as "python -m core.bundle", described by the first line of its module's docstring.

    Python leaves docstrings out where PYTHONOPTIMIZE=2 is set; the help then has no description.
    """
    about = (docstring or "").partition("\n")[0]
    return argparse.ArgumentParser(prog=command, description=about, **settings)


def bar_signs(encoding: str) -> str:
    """What a bar is drawn with: lines, where the terminal's `encoding` has them."""
    try:
        "━─".encode(encoding)
    except UnicodeEncodeError:
        return "=-"
    return "━─"


def exit_with(main: Callable[[], int | None]) -> NoReturn:
    """Exit with what a command returns; for its `if __name__ == "__main__"`.

    A file that cannot be read or written is named in words. Signs that the terminal lacks are printed as escapes. Where
    the output's reader goes away (`| head -1`, a closed terminal, `>&-`) the command continues to its end in silence;
    where it cannot be written (a full disk), the command continues too, says so at its end and fails.
    """
    sys.stdout, output = _safe_stream(sys.stdout)
    sys.stderr, _ = _safe_stream(sys.stderr)
    try:
        status = main()
    except SystemExit as end:  # argparse, after --help and after what it refuses
        status = end.code
    except KeyboardInterrupt:
        status = INTERRUPTED
    except OSError as error:
        if not error.filename and error.errno not in NO_SPACE:
            raise  # nothing that a path could explain
        print(explain_os_error(error), file=sys.stderr)
        status = 1
    sys.stdout.flush()
    error = output.error
    if error and error.errno not in READER_GONE:
        print(f"The output could not be written: {error.strerror}.", file=sys.stderr)
        status = status or 1
    sys.exit(status)


def _safe_stream(stream: TextIO | None) -> tuple[TextIO, _Output]:
    """A text stream in place of `stream`, which is None where it was closed before the start, and what it writes to."""
    stream = stream or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, for as long as the process lives
    output = _Output(stream)
    buffer = io.BufferedWriter(output)
    text = io.TextIOWrapper(buffer, encoding=stream.encoding, errors="backslashreplace", line_buffering=True)
    return text, output
