"""The real dashboard in headless Chromium: a server of its own, a browser, and a page that must show no exception."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.config import TrainingConfig
from core.runs import Run, RunStore
from tests.support.paths import ROOT
from tests.support.runs import fill_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from core.data import Dataset

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
PATIENCE = 120_000  # milliseconds; machines are shared

needs_browser = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("DIGITLAB_REQUIRE_BROWSER"),
        reason="no Chromium on the PATH; install chromium to run the browser tests",
    ),
]


class Dashboard:
    """`streamlit run dashboard/app.py` on a free port of this machine, ended by its process id.

    With `trains=False` it has no launcher: what is started there stays in the queue.
    """

    def __init__(self, home: Path, *flags: str, trains: bool = True, address: str = "127.0.0.1") -> None:
        self.store, self.flags, self.address = RunStore(home), flags, address
        self.script = "dashboard/app.py" if trains else "dashboard/main.py"
        with socket.socket() as probe:
            probe.bind((address, 0))
            self.port = probe.getsockname()[1]
        self.url = f"http{'s' * ('--https' in flags)}://{address}:{self.port}"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", self.script, "--server.headless", "true"]
        command += ["--server.address", self.address, "--server.port", str(self.port), *self.flags]
        environment = {**os.environ, "DIGITLAB_HOME": str(self.store.home), "DIGITLAB_BACKGROUND": "off"}
        log = (self.store.home / "dashboard.log").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        wait_until(self.answers)

    def answers(self) -> bool:
        try:
            any_certificate = ssl._create_unverified_context()
            return (
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2, context=any_certificate).status == 200
            )
        except OSError:
            return False

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(timeout=60)


def wait_until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait for what a condition says, looking often."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def small_data(digits_file: Path) -> Iterator[None]:
    """A small dataset in place of MNIST, in this process and in the dashboards that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITLAB_DATA", str(digits_file))
        yield


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory, small_data: None) -> Iterator[Dashboard]:
    """A dashboard that trains nothing, over small data."""
    dashboard = Dashboard(tmp_path_factory.mktemp("home"), trains=False)
    dashboard.start()
    yield dashboard
    dashboard.end()


@pytest.fixture(scope="module")
def finished(dashboard: Dashboard, digits: Dataset) -> Run:
    """A run of three epochs, and all that it left."""
    return fill_run(dashboard.store.create(TrainingConfig(model="dense", epochs=3)), digits)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.importorskip("playwright.sync_api").sync_playwright() as driver:
        pytest.importorskip("playwright.sync_api").expect.set_options(timeout=PATIENCE)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """What the tabs of a module share: scripts that are compiled already, which takes a second otherwise."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(profile: BrowserContext) -> Iterator[Page]:
    page = profile.new_page()
    page.on("pageerror", lambda error: print(f"In the browser: {error}\n{error.stack}"))  # shown where the test fails
    yield page
    assert page.get_by_test_id("stException").count() == 0
    page.close()


def start_long_run(dashboard: Dashboard, page: Page) -> Run:
    """Start a run of 200 epochs with the mouse and wait until it learns."""
    page.goto(f"{dashboard.url}/?epochs=200")
    page.get_by_role("button", name="Start training").click()
    pytest.importorskip("playwright.sync_api").expect(page.get_by_role("button", name="Stop and save")).to_be_visible()
    run = dashboard.store.runs()[0]
    wait_until(lambda: run.history().epochs)
    return run


WATCH_SHIFTS = """
window.shifts = []
const keep = list => list.getEntries().forEach(({ value, startTime }) => shifts.push({ value, startTime }))
new PerformanceObserver(keep).observe({ type: "layout-shift", buffered: true })
"""


class LayoutShift:
    """How much of what is seen on a page has moved since `begin`, by Chromium's layout-shift entries."""

    def __init__(self, page: Page) -> None:
        self.page, self.began = page, 0.0
        page.add_init_script(WATCH_SHIFTS)

    def begin(self) -> None:
        """Count from now on."""
        self.began = self.page.evaluate("performance.now()")

    def total(self) -> float:
        """The sum of all entries, also of those that follow an input."""
        shifts = self.page.evaluate("shifts")
        return sum(shift["value"] for shift in shifts if shift["startTime"] >= self.began)


def draw_a_one(page: Page) -> None:
    """A vertical stroke in the middle of the canvas, below its toolbar."""
    canvas = page.locator("canvas.upper-canvas")
    canvas.wait_for()
    box = canvas.bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 60)
    page.mouse.down()
    for step in range(1, 11):
        page.mouse.move(x, box["y"] + 60 + step * 18)
    page.mouse.up()


def touch_a_one(page: Page) -> None:
    """A vertical stroke by a finger, in the middle of the canvas."""
    canvas = page.locator("canvas.upper-canvas")
    canvas.wait_for()
    box = canvas.bounding_box()
    finger = page.context.new_cdp_session(page)
    x, top = box["x"] + box["width"] / 2, box["y"] + 60
    for kind, y in (
        ("touchStart", top),
        *(("touchMove", top + 18 * step) for step in range(1, 11)),
        ("touchEnd", None),
    ):
        points = [] if y is None else [{"x": x, "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
