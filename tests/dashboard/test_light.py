"""How light the pages are, counted and not timed: files read by a touch, runs of a page for it, bytes that it sends."""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import contextmanager

import pytest

from benchmarks.session import Session
from tests.support.browsing import Dashboard
from tests.support.pages import open_page

PAGES = ("train", "predictions", "confidence", "compare", "inside", "draw", "export")
MOST_BYTES = 150_000
_watchers: list[Counter] = []


def _note(event, arguments):
    if event == "open" and _watchers and not isinstance(arguments[0], int):
        _watchers[-1][os.fsdecode(arguments[0])] += 1


@contextmanager
def opened_files():
    """The files that are opened inside the block, by their paths."""
    if not hasattr(sys, "_digitlab_notes"):
        sys.addaudithook(_note)
        sys._digitlab_notes = True
    _watchers.append(Counter())
    yield _watchers[-1]
    _watchers.pop()


@pytest.mark.usefixtures("laboratory")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_is_drawn_again_opens_none_of_its_runs_files(make_run, store, page):
    runs = [make_run() for _ in range(3)]
    home = str(store.home)
    with opened_files() as first:
        at = open_page(page, run=runs[-1].id)
    assert any(path.startswith(home) for path in first)
    with opened_files() as again:
        at.run()
    assert not at.exception
    assert [path for path in again if path.startswith(home)] == []


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory, small_data):
    found = Dashboard(tmp_path_factory.mktemp("home"), trains=False)
    found.start()
    yield found
    found.end()


class Counting(Session):
    """A session that counts the runs of its page and the bytes that come."""

    runs = bytes = 0

    def _take(self, message, now):
        self.bytes += message.ByteSize()
        self.runs += message.WhichOneof("type") == "new_session"
        super()._take(message, now)


@pytest.mark.parametrize("page", ["", "draw", "learn"])
def test_a_touch_runs_the_page_once_and_sends_little(dashboard, page):
    session = Counting(dashboard.url, page)
    session.run()
    for turn, element in enumerate(session.touchable(("Run", "Data"))[:4]):
        session.runs = session.bytes = 0
        session.touch(element, turn)
        assert session.runs == 1
        assert session.bytes < MOST_BYTES
    session.close()
