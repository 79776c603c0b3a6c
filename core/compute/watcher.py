"""A thread that watches for something to do while a dashboard serves."""

from __future__ import annotations

import threading


class Watcher:
    """Does its `_watch` in a thread of its own, from `start` to `close`."""

    def __init__(self, name: str) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _watch(self) -> None:
        """What the thread does until `_ended` is set."""
        raise NotImplementedError
