"""What the server holds after hours of clicking: `python -m benchmarks.soak --minutes 60 --sessions 20`.

Sessions that speak Streamlit's protocol open pages, touch what is on them, and leave. Prints memory, open files and
threads of the server every minute, and fails where one of them is higher at the end than in the first third by more
than a tenth, without the first minutes, in which Streamlit keeps the sessions that left. Needs Linux, for /proc.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from benchmarks.browser import APP, Server, memory, serve
from benchmarks.pages import LEFT_ALONE, PAGES, train
from benchmarks.session import PageError, Session
from core.config import TrainingConfig
from core.terminal import command_line, exit_with

PAUSE = 4.0  # seconds between two touches of a session, on average
KEPT_MINUTES = 3
MORE = 1.1  # times as much as in the first third is still flat


def click(server: Server, until: float, hands: random.Random, errors: list[str]) -> None:
    """Open pages and touch what is on them, until then."""
    while time.monotonic() < until:
        session = Session(server.url, hands.choice(PAGES))
        try:
            session.run()
            for turn in range(hands.randrange(2, 8)):
                if touchable := session.touchable(LEFT_ALONE):
                    session.touch(hands.choice(touchable), turn)
                time.sleep(hands.uniform(0.2, 1.8) * PAUSE)
        except (PageError, OSError) as error:
            errors.append(str(error))
        finally:
            session.close()


def held(server: Server) -> tuple[float, int, int]:
    """The server's memory in MB, its open files and its threads."""
    process = Path(f"/proc/{server.process.pid}")
    return memory(server.process.pid), *(len(list((process / kind).iterdir())) for kind in ("fd", "task"))


def main(arguments: list[str] | None = None) -> int:
    """Click and print; returns the exit status: 1 where something grew or a page showed an error."""
    parser = command_line("python -m benchmarks.soak", __doc__)
    parser.add_argument("--minutes", type=float, default=60, metavar="N", help="default: 60")
    parser.add_argument("--sessions", type=int, default=20, metavar="N", help="default: 20")
    options = parser.parse_args(arguments)
    errors: list[str] = []
    found = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, serve(APP, Path(folder)) as server:
        train(Path(folder), TrainingConfig("linear", 1))
        until = time.monotonic() + 60 * options.minutes
        threads = [
            threading.Thread(target=click, args=(server, until, random.Random(number), errors))
            for number in range(options.sessions)
        ]
        for thread in threads:
            thread.start()
        print("minute  MB  files  threads")
        while time.monotonic() < until:
            time.sleep(min(60.0, max(0.0, until - time.monotonic())))
            found.append(held(server))
            print(f"{len(found):>6}  {found[-1][0]:.0f}  {found[-1][1]:>5}  {found[-1][2]:>7}", flush=True)
        for thread in threads:
            thread.join()
    found = found[KEPT_MINUTES:] or found
    third = max(1, len(found) // 3)
    grown = [
        name
        for name, early, late in zip(
            ("memory", "open files", "threads"),
            zip(*found[:third], strict=True),
            zip(*found[-third:], strict=True),
            strict=True,
        )
        if median(late) > MORE * median(early)
    ]
    print(f"{len(errors)} errors; " + (f"more {' and '.join(grown)} at the end." if grown else "nothing grew."))
    print(*errors[:20], sep="\n")
    return 1 if grown or errors else 0


if __name__ == "__main__":
    exit_with(main)
