"""The download of MNIST from Keras' server, verified by its hash, with time limits."""

from __future__ import annotations

import hashlib
import http.client
import os
import queue
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from threading import Thread

MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
CONNECT_SECONDS = 3.0
STALL_SECONDS = 10.0
MOST_BYTES = 64 * 2**20  # of a download: MNIST's file has 11.5 MB
Progress = Callable[[int, int], None]


class _PatientConnection:
    """A connection that must be made within `CONNECT_SECONDS`, and then deliver data every `STALL_SECONDS`."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(STALL_SECONDS)


class _Http(_PatientConnection, http.client.HTTPConnection):
    pass


class _Https(_PatientConnection, http.client.HTTPSConnection):
    pass


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Http, request)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Https, request)


def download_mnist(target: Path, progress: Progress | None) -> Path | None:
    """Save the verified file at `target`; returns the new name of a damaged file that was there, else None."""
    opener = urllib.request.build_opener(_HttpHandler, _HttpsHandler)  # and urllib's own handling of proxies
    answer: queue.Queue[http.client.HTTPResponse | Exception] = queue.Queue()

    def ask() -> None:
        try:
            answer.put(opener.open(MNIST_URL, timeout=CONNECT_SECONDS))
        except Exception as error:
            answer.put(error)

    # A thread, since no time-out ends a look-up of the server's name, and each of its addresses has its own.
    Thread(target=ask, daemon=True).start()
    try:
        response = answer.get(timeout=2 * CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError("the server did not answer in time") from None
    if isinstance(response, Exception):
        raise response

    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(prefix="mnist.npz.", suffix=".part", dir=target.parent)
    try:
        with response, open(descriptor, "wb") as file:
            total = int(response.headers.get("Content-Length") or 0)
            digest, done = hashlib.sha256(), 0
            while block := response.read1(2**17):
                file.write(block)
                digest.update(block)
                done += len(block)
                if done > MOST_BYTES:
                    raise OSError(f"it sent more than {MOST_BYTES:,} bytes, too many for MNIST")
                if progress is not None:
                    progress(done, total)
            if digest.hexdigest() != MNIST_SHA256:
                raise OSError(f"the SHA-256 of the {done:,} bytes received is not the one Keras publishes")
            file.flush()
            os.fsync(file.fileno())
        kept = None
        if os.path.lexists(target):
            kept = target.with_name(f"{target.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
            target.rename(kept)
        os.replace(part, target)
        return kept
    finally:
        Path(part).unlink(missing_ok=True)
