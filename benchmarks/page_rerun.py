"""How long the server needs for a rerun of each page: `python -m benchmarks.page_rerun [--repeats N]`.

Uses DIGITLAB_HOME (a home with a finished run) and the dataset as the dashboard finds it. The reference, timed in turn
in the same process, is an app of one line: what Streamlit's simulation costs by itself.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

MAIN = Path(__file__).parents[1] / "dashboard" / "main.py"
PAGES = ("train", "predictions", "confidence", "compare", "map", "robustness", "draw")


def timed(at: AppTest) -> float:
    """Seconds of one rerun."""
    began = time.perf_counter()
    at.run()
    seconds = time.perf_counter() - began
    if at.exception:
        raise SystemExit(f"The page failed: {at.exception[0].message}")
    return seconds


def main() -> None:
    """Print a table: median and largest of the reruns of each page, and the ratio to the reference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15, metavar="N")
    repeats = parser.parse_args().repeats
    empty = AppTest.from_string("import streamlit as st; st.write('empty')", default_timeout=120)
    timed(empty)
    print(f"{'page':<14}{'median s':>10}{'largest s':>11}{'empty app s':>13}{'ratio':>8}")
    for page in PAGES:
        at = AppTest.from_file(MAIN, default_timeout=120)
        at.switch_page(f"app_pages/{page}.py")
        timed(at)  # loads and caches
        timed(at)
        reference, seconds = [], []
        for _ in range(repeats):
            reference.append(timed(empty))
            seconds.append(timed(at))
        median, base = statistics.median(seconds), statistics.median(reference)
        print(f"{page:<14}{median:>10.3f}{max(seconds):>11.3f}{base:>13.4f}{median / base:>8.0f}")


if __name__ == "__main__":
    main()
