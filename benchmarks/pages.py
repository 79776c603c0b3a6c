"""The speed of the pages beside a bare Streamlit app of one button and one slider: `python -m benchmarks.pages`.

The start and the first progress are timed in headless Chromium. The server's share of a touch is timed by sessions that
speak Streamlit's protocol (`benchmarks.session`): from sending a changed widget until the script has finished. Every
widget of a page is touched, except those that choose another run or rename it; a stroke and a chosen tile count as
touches. Needs Linux, for /proc, and Chromium with playwright, of requirements-dev.txt.
"""

from __future__ import annotations

import importlib.util
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.browser import (
    APP,
    CHROMIUM,
    FLAGS,
    ROOT,
    Server,
    cpu_share,
    memory,
    serve,
    wait_for_warm_worker,
    wait_until,
)
from benchmarks.session import Session
from benchmarks.table import in_turn, markdown, row
from core.compute.process import start_process
from core.config import TrainingConfig
from core.runs import Run, RunStore
from core.terminal import command_line, exit_with

GROUP = "Page"
SESSIONS = 20
PAGES = ("", "predictions", "confidence", "compare", "map", "inside", "robustness", "draw", "export")
BARE_WORDS = "a bare Streamlit app"
LEFT_ALONE = ("Run", "Name")  # these choose another run, or rename it
BARE = """
import streamlit as st

st.sidebar.button("Start training")
st.slider("Value", 0, 100)
"""
# Resolves to the seconds from the click on Start training until the bar says how much of it is done.
WATCH = """() => {
  const began = performance.now()
  return new Promise(resolve => {
    const look = () => [...document.querySelectorAll("[data-testid=stProgress]")]
      .some(bar => /Epoch \\d+ of .* · \\d+ %/.test(bar.innerText))
        ? resolve((performance.now() - began) / 1000) : requestAnimationFrame(look)
    for (const button of document.querySelectorAll("button"))
      if (button.innerText.includes("Start training")) button.click()
    look()
  })
}"""


def missing() -> str:
    """What must be installed before pages can be measured, as a sentence; "" where nothing is missing."""
    if not Path("/proc/self/stat").exists():
        return "Pages are left out: they are measured on Linux only, by /proc."
    if CHROMIUM is None:
        return "Pages are left out: install Chromium, for instance with `apt-get install chromium`."
    if importlib.util.find_spec("playwright") is None:
        return "Pages are left out: install playwright with `pip install -r requirements-dev.txt`."
    return ""


def rows(quick: bool, repeats: int) -> list[dict]:
    """The start, the first progress, touches of every page alone and among others, memory, and an idle worker."""
    if lacking := missing():
        print(lacking, file=sys.stderr)
        return []
    from playwright.sync_api import sync_playwright

    touches = 4 if quick else 8 * repeats
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home, bare = folder / "home", bare_app(folder)
        finished = train(home, TrainingConfig("cnn", 1))
        train(home, TrainingConfig())  # to compare with, and the worker gets ready for such a one again
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        stack.callback(browser.close)
        table = [first_page(browser, home, bare, repeats)]
        server = stack.enter_context(serve(APP, home))
        beside = stack.enter_context(serve(bare, home, folder))  # with Streamlit's own settings
        stack.callback(end_all, RunStore(home))
        table += [idle(server, quick), first_progress(browser, server, folder, repeats)]
        table += touched(server, beside, finished, touches, "")
        what = "the dashboard's memory after all pages were opened"
        held, reference = memory(server.process.pid), memory(beside.process.pid)
        table.append(row(GROUP, what, [held], unit="MB", reference=BARE_WORDS, reference_samples=[reference]))
        with open_sessions(server), open_sessions(beside), training(home):
            table += touched(server, beside, finished, touches, f", {SESSIONS} sessions and a run in training")
            held, reference = memory(server.process.pid), memory(beside.process.pid)
        what = f"the dashboard's memory with {SESSIONS} sessions"
        table.append(row(GROUP, what, [held], unit="MB", reference=BARE_WORDS, reference_samples=[reference]))
    return table


# What is measured with


def bare_app(folder: Path) -> Path:
    """Write the bare app that everything is compared with; returns its entry."""
    (folder / "bare_main.py").write_text(BARE)
    entry = folder / "bare.py"
    entry.write_text('import streamlit as st\n\napp = st.App("bare_main.py")\n')
    return entry


def train(home: Path, config: TrainingConfig) -> Run:
    """Train a run with a worker."""
    run = RunStore(home).create(config)
    start_process("core.training.worker", run.path, log=home / "worker.log").wait()
    if run.state.name != "finished":
        raise SystemExit(f"The run to measure could not be trained: {run.state.message}")
    return run


def end(run: Run) -> None:
    """Stop a run, and wait until its worker has ended."""
    run.stop()
    wait_until(lambda: not run.state.is_active and not run.has_worker(), "a run to end")


def end_all(store: RunStore) -> None:
    """Stop all runs: their workers would continue training."""
    for run in store.runs():
        if run.state.is_active:
            end(run)


@contextmanager
def training(home: Path) -> Iterator[None]:
    """Train a CNN inside the block."""
    run = RunStore(home).create(TrainingConfig("cnn", 100))
    try:
        wait_until(lambda: run.history().batches, "a run to begin")
        yield
    finally:
        end(run)


@contextmanager
def open_sessions(server: Server) -> Iterator[None]:
    """Open all but one of the sessions, spread over the pages; each shows the newest run and follows it."""
    sessions = []
    try:
        for number in range(SESSIONS - 1):
            session = Session(server.url, PAGES[number % len(PAGES)])
            sessions.append(session)
            session.run()
        yield
    finally:
        for session in sessions:
            session.close()


# What is measured


def first_page(browser, home: Path, bare: Path, repeats: int) -> dict:
    """Seconds from the start of Python until the first page is complete and its button can be clicked."""

    def start(script: Path) -> float:
        with serve(script, home, ROOT if script == APP else script.parent) as server:
            context = browser.new_context()
            page = context.new_page()
            usable(page, server.url)
            seconds = time.perf_counter() - server.began
            context.close()
        return seconds

    found = in_turn({"ours": lambda: start(APP), "bare": lambda: start(bare)}, repeats)
    what = "from the start of Python to the first page"
    return row(GROUP, what, found["ours"], reference=BARE_WORDS, reference_samples=found["bare"])


def usable(page, url: str) -> None:
    """Go to the page and wait until its script has run and its button can be clicked."""
    page.goto(url, wait_until="commit")
    page.locator("button:enabled", has_text="Start training").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def idle(server: Server, quick: bool) -> dict:
    """The processor use of the warm worker."""
    pid = wait_for_warm_worker(server)
    return row(GROUP, "processor use of the warm worker", [cpu_share(pid, 2 if quick else 10)], unit="%")


def first_progress(browser, server: Server, folder: Path, repeats: int) -> dict:
    """Seconds from the click on Start training to a bar that moves, beside those of a worker that is not warm."""
    cold_store, store = RunStore(folder / "cold"), RunStore(folder / "home")

    def cold() -> float:
        run = cold_store.create(TrainingConfig())
        began = time.perf_counter()
        worker = start_process("core.training.worker", run.path, log=cold_store.home / "worker.log")
        wait_until(lambda: run.history().batches, "the first batches")
        seconds = time.perf_counter() - began
        end(run)
        worker.wait()
        return seconds

    def click() -> float:
        wait_for_warm_worker(server)
        context = browser.new_context()
        page = context.new_page()
        usable(page, server.url)
        seconds = page.evaluate(WATCH)
        context.close()
        end_all(store)
        return seconds

    found = in_turn({"ours": click, "cold": cold}, repeats)
    what = "from the click on Start training to the first progress"
    return row(GROUP, what, found["ours"], reference="a worker that is not warm", reference_samples=found["cold"])


def touched(server: Server, beside: Server, run: Run, touches: int, among: str) -> list[dict]:
    """The server's share of a touch, page by page and over all of them."""
    table, every, every_reference = [], [], []
    for page in PAGES:
        found, reference = touched_page(server, beside, page, run, touches)
        table.append(_touches(f"a touch on {(page or 'train').capitalize()}{among}", found, reference))
        every += found
        every_reference += reference
    return [*table, _touches(f"a touch on any page{among}", every, every_reference)]


def touched_page(server: Server, beside: Server, page: str, run: Run, touches: int) -> tuple[list[float], list[float]]:
    """Seconds of each touch of a page, widget after widget, and of the bare app in turn."""
    session, bare = Session(server.url, page, {"run": run.id}), Session(beside.url)
    found: list[float] = []
    reference: list[float] = []
    try:
        session.run()
        session.run()  # the first time reads what is kept from then on
        bare.run()
        [slider] = bare.elements
        times: dict[str, int] = {}
        while len(found) < touches:
            here = session.touchable(LEFT_ALONE) or session.touchable(())  # Export has nothing but the choice of run
            element = min(here, key=lambda element: times.get(element, 0))
            times[element] = times.get(element, 0) + 1
            found.append(session.touch(element, times[element]))
            reference.append(bare.touch(slider, times[element]))
    finally:
        session.close()
        bare.close()
    return found, reference


def _touches(what: str, found: Sequence[float], reference: Sequence[float]) -> dict:
    ordered = sorted(found)
    within = ordered[math.ceil(0.95 * len(ordered)) - 1]
    return row(GROUP, what, found, reference=BARE_WORDS, reference_samples=reference, within_95=within)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = command_line("python -m benchmarks.pages", __doc__)
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    parser.add_argument("--quick", action="store_true", help="one of each and four touches a page")
    options = parser.parse_args(arguments)
    print(markdown(rows(options.quick, 1 if options.quick else options.repeats)))


if __name__ == "__main__":
    exit_with(main)
