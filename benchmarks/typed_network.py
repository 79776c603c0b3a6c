"""The time from the last key of a network that is typed to its numbers on the page, beside a bare text field.

    python -m benchmarks.typed_network [--times N] [--home FOLDER]

Both apps run on this machine in headless Chromium and are typed into in turn. The bare app is one text field of
Streamlit that answers with the length of its text; both wait for the same pause in typing, which is in the times.
Without --home the home is empty. Needs `requirements-dev.txt` and Chromium.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.browser import APP, CHROMIUM, FLAGS, serve
from core.home import absolute
from core.network import read_network
from core.terminal import command_line, exit_with
from dashboard.components.fields import TYPING_PAUSE

PATIENCE = 120_000  # milliseconds, for the first look at a page
BARE = f"""
import streamlit as st

st.caption(f"{{len(st.text_input('Layers', live={TYPING_PAUSE!r}))}} signs")
"""
# Resolves to the milliseconds from the next key until the page shows the words.
WATCH = """words => {
  window.answered = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no answer within 20 s")), 20000)
    document.addEventListener("keydown", () => {
      const began = performance.now()
      const shows = () => [...document.querySelectorAll("[data-testid=stCaptionContainer]")]
        .some(caption => caption.textContent.includes(words))
      const look = () => shows() ? resolve(performance.now() - began) : requestAnimationFrame(look)
      look()
    }, { once: true, capture: true })
  })
}"""


def type_network(page, units: int, answer: Callable[[str], str]) -> float:
    """Type another network; the milliseconds from its last key to what `answer` says of it."""
    text = f"flatten, dense {units}, relu, output softmax"
    box = page.get_by_role("textbox", name="Layers").first
    box.fill(text[:-1])
    page.wait_for_timeout(600)  # longer than the pause: the page answers what is there so far
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.locator("[data-testid=stCaptionContainer]", has_text=answer(text)).first.wait_for(state="detached")
    page.evaluate(WATCH, answer(text))
    box.press("End")
    box.press(text[-1])
    return page.evaluate("window.answered")


def main(arguments: list[str] | None = None) -> None:
    """Print median and spread of both, and the ratio of the medians."""
    from playwright.sync_api import sync_playwright

    parser = command_line("python -m benchmarks.typed_network", __doc__)
    parser.add_argument("--times", type=int, default=30, metavar="N")
    parser.add_argument("--home", type=absolute, metavar="FOLDER", help="whose runs the page shows; it is not changed")
    options = parser.parse_args(arguments)
    answers = {
        "bare field": lambda text: f"{len(text)} signs",
        "Digit Lab": lambda text: f"{read_network(text).parameters:,} parameters",
    }
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with serve(bare, Path(folder)) as bare_server, serve(APP, options.home or Path(folder)) as server:
            pages = {name: browser.new_page() for name in answers}
            for page in pages.values():
                page.set_default_timeout(PATIENCE)
            times = {name: [] for name in pages}
            for (name, page), served in zip(pages.items(), (bare_server, server), strict=True):
                page.goto(served.url)
                page.get_by_role("textbox", name="Layers").wait_for()
                type_network(page, 9, answers[name])
            for number in range(options.times):
                for name, page in pages.items():
                    page.bring_to_front()
                    times[name].append(type_network(page, 10 + number, answers[name]))
        browser.close()
    print(f"{'':<12}{'median ms':>11}{'5th':>8}{'95th':>8}   ({options.times} times each)")
    for name, values in times.items():
        low, *_, high = statistics.quantiles(values, n=20)
        print(f"{name:<12}{statistics.median(values):>11.0f}{low:>8.0f}{high:>8.0f}")
    bare, ours = (statistics.median(values) for values in times.values())
    print(f"Digit Lab takes {ours / bare:.2f} times as long, {ours - bare:.0f} ms more")


if __name__ == "__main__":
    exit_with(main)
