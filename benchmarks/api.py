"""The HTTP API under load, with a run in training and without: `python -m benchmarks.api [--repeats N]`.

A server of its own on a free port, and eight clients that each send a request once the last one is answered: wrk where
it is installed, else threads of this process, which cost more than what they measure.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.browser import ROOT, free_port, wait_until
from benchmarks.table import in_turn, markdown, row
from core.inference.answer import LoadedModels
from core.runs import RunStore
from core.runs.starter import Starter
from core.terminal import command_line, exit_with

GROUP = "HTTP"
CLIENTS = 8
SEVEN = [[255 if (y == 6 and 6 < x < 20) or x + y == 26 else 0 for x in range(28)] for y in range(28)]
REQUESTS = {
    "a prediction": ("POST", "/api/runs/starter/predict", json.dumps({"pixels": SEVEN})),
    "health": ("GET", "/api/health", ""),
}
SCRIPT = """
wrk.method = "{method}"
wrk.body = [==[{body}]==]
wrk.headers["Content-Type"] = "application/json"
done = function(summary, latency, requests)
  local wrong = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format('\\n{{"requests": %d, "seconds": %f, "wrong": %d, "latencies": [%f, %f, %f]}}\\n',
    summary.requests, summary.duration / 1e6, wrong,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
"""


def rows(quick: bool, repeats: int) -> list[dict]:
    """Milliseconds for each request, of a prediction of one image and of health, and the latencies in ms."""
    seconds = 1.0 if quick else 5.0
    table = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, serving(Path(home)) as port:
        for condition, before in (("nothing trains", _is_warm), ("a CNN trains", _train)):
            before(port, Path(home))
            loads = {name: _loader(port, *request, seconds) for name, request in REQUESTS.items()}
            every: dict[str, list[dict]] = {name: [] for name in REQUESTS}

            def cost(name: str, load: Callable[[], dict], every: dict = every) -> float:
                every[name].append(load())
                return 1000 * every[name][-1]["seconds"] / every[name][-1]["requests"]

            calls = {name: lambda n=name, c=load: cost(n, c) for name, load in loads.items()}
            found = in_turn({**calls, "here": _in_process}, repeats)
            for name in REQUESTS:
                here = {"reference": "the answer without HTTP", "reference_samples": found["here"]}
                more = here if name == "a prediction" else {}
                rate = 1000 / statistics.median(found[name])
                table.append(
                    row(GROUP, f"{name}, {condition}", found[name], unit="ms", **more, requests_per_second=rate)
                )
                for place, words in enumerate(("median", "95th percentile", "99th percentile")):
                    samples = [each["latencies"][place] for each in every[name]]
                    what = f"{name}, {condition}: latency of {CLIENTS} clients, {words}"
                    table.append(row(GROUP, what, samples, unit="ms"))
    return table


@contextmanager
def serving(home: Path) -> Iterator[int]:
    """Serve the API alone, in a process of its own with this home; yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "dashboard.api:app", "--port", str(port), "--no-access-log"]
    environment = {**os.environ, "DIGITLAB_HOME": str(home), "DIGITLAB_API_TOKEN": ""}
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(port), "the server to answer")
        yield port
    finally:
        for run in _ask(port, "GET", "/api/runs")["runs"]:
            if run["state"] in ("queued", "running"):
                _ask(port, "POST", f"/api/runs/{run['id']}/pause")
                paused = RunStore(home).get(run["id"])  # the worker exports its model after the pause
                wait_until(lambda run=paused: run.state.name == "paused" and not run.has_worker(), "a run to pause")
        server.terminate()
        server.wait()


def _is_warm(port: int, home: Path) -> None:
    """Wait until the warm worker is ready and idle."""
    wait_until((home / "architectures.json").exists, "a worker to get ready")
    time.sleep(3)


def _train(port: int, home: Path) -> None:
    """Start a run and wait until it trains."""
    run = _ask(port, "POST", "/api/runs", json.dumps({"model": "cnn", "epochs": 200}))["id"]
    wait_until(lambda: _ask(port, "GET", f"/api/runs/{run}")["progress"] > 0, "a run to train")


def _in_process() -> float:
    """Milliseconds of a prediction of the image by `core` in this process, without HTTP."""
    run, image = Starter(), np.array(SEVEN, np.uint8)
    models = LoadedModels()
    model = models.predictor(run)
    models.answer_one(run, model, image)
    began = time.perf_counter()
    for _ in range(200):
        models.answer_one(run, model, image)
    return 1000 * (time.perf_counter() - began) / 200


def _loader(port: int, method: str, path: str, body: str, seconds: float) -> Callable[[], dict]:
    """A function that loads one address; returns requests, seconds and latencies (median, 95th, 99th percentile)."""

    def load() -> dict:
        by = _by_wrk if shutil.which("wrk") else _by_threads
        found = by(port, method, path, body, seconds)
        if found["wrong"] or not found["requests"]:
            raise SystemExit(f"{method} {path}: {found['wrong']} of {found['requests']} requests failed.")
        return found

    return load


def _by_wrk(port: int, method: str, path: str, body: str, seconds: float) -> dict:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT.format(method=method, body=body))
        script.flush()
        command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{max(1, round(seconds))}s", "-s", script.name]
        printed = subprocess.run(
            [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
        )
    return json.loads(printed.stdout.strip().splitlines()[-1])


def _by_threads(port: int, method: str, path: str, body: str, seconds: float) -> dict:
    taken: list[float] = []
    wrong: list[int] = []
    end = time.perf_counter() + seconds

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.perf_counter() < end:
            began = time.perf_counter()
            connection.request(method, path, body or None, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            taken.append(time.perf_counter() - began)
            if response.status != 200:
                wrong.append(response.status)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hundredths = [1000 * value for value in statistics.quantiles(taken, n=100)]
    latencies = [hundredths[place - 1] for place in (50, 95, 99)]
    passed = time.perf_counter() - began
    return {"requests": len(taken), "seconds": passed, "wrong": len(wrong), "latencies": latencies}


def _ask(port: int, method: str, path: str, body: str | None = None) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _answers(port: int) -> bool:
    try:
        return _ask(port, "GET", "/api/health") == {"status": "ok"}
    except OSError:
        return False  # not up yet


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = command_line("python -m benchmarks.api", __doc__)
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    parser.add_argument("--quick", action="store_true", help="a second each")
    options = parser.parse_args(arguments)
    table = rows(options.quick, options.repeats)
    print(markdown(table))
    for entry in table:
        if "requests_per_second" in entry:
            print(f"{entry['what']}: {entry['requests_per_second']:,.0f} requests a second")


if __name__ == "__main__":
    exit_with(main)
