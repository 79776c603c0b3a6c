"""A class at work, and its pupils trying to harm each other: `python -m benchmarks.harm --names 20 --minutes 10`.

Each name has a session that speaks Streamlit's protocol: it opens pages, touches what is on them and starts runs, all
at once. Meanwhile each tries to change what is another's: by the HTTP API, by the buttons of a page whose address names
another's run, and by sending what another's browser would send. Prints the tries, what was changed, errors and memory,
and fails where anything of another's was changed or a page showed an error.
"""

from __future__ import annotations

import json
import random
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.browser import APP, Server, memory, serve
from benchmarks.session import PageError, Session
from core.config import TrainingConfig
from core.people import Actor, People, Person, acting_as
from core.people.person import COOKIE
from core.runs import Run, RunStore, files
from core.sweeps import Plan, Sweep, SweepStore, every_combination
from core.terminal import command_line, exit_with

PAGES = ("", "predictions", "confidence", "compare", "tune", "map", "inside", "robustness", "draw", "export", "learn")
KEPT = (files.NAME, files.CONFIG, files.STATE, files.CONTROL, files.THRESHOLD, files.SUMMARY, "owner.json")
SWEEP_KEPT = ("sweep.json", "sweep-state.json", "begun.json", "owner.json")
RUN_WAYS = ("pause", "stop", "resume", "resume?more_epochs=1")
SWEEP_WAYS = ("pause", "stop", "resume", "budget")
LEFT_ALONE = ("Data", "Run")  # what a session does not touch: uploads, and the choice of another run


@dataclass
class Pupil:
    """A name, its key, and what it must find as it was."""

    person: Person
    key: str
    runs: list[Run] = field(default_factory=list)
    sweeps: list[Sweep] = field(default_factory=list)

    @property
    def cookie(self) -> str:
        return f"{COOKIE}={self.key}"

    def kept(self) -> dict[str, bytes]:
        """What others must not change, by its path."""
        paths = [run.path / name for run in self.runs for name in KEPT]
        paths += [sweep.path / name for sweep in self.sweeps for name in SWEEP_KEPT]
        return {str(path): path.read_bytes() if path.exists() else b"" for path in paths}


class Class:
    """The class, and what has happened in it."""

    def __init__(self, server: Server, home: Path, names: int, pause: float) -> None:
        self.server, self.store = server, RunStore(home)
        self.pause = pause  # seconds between two touches of a name, on average
        self.pupils = [Pupil(*People(home).join(f"Name {number + 1}")) for number in range(names)]
        self.tries: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.errors: list[str] = []
        self.count = 0  # of runs, at the end
        self.touches: list[float] = []  # the seconds of each
        self._lock = threading.Lock()
        for pupil in self.pupils:
            with acting_as(Actor(pupil.person)):
                for state in ("finished", "paused"):
                    run = self.store.create(TrainingConfig("dense", epochs=2))
                    run.set_state(state)
                    pupil.runs.append(run)
                plan = Plan(TrainingConfig("linear", epochs=1), every_combination({"seed": (1, 2)}), "Seeds")
                sweep = SweepStore(self.store).create(plan)
                sweep.pause()
                pupil.sweeps.append(sweep)

    def work(self, pupil: Pupil, until: float, hands: random.Random) -> None:
        """Open pages and touch what is on them, and start a run now and then."""
        while time.monotonic() < until:
            session, did = None, "opened"
            try:
                session = Session(self.server.url, hands.choice(PAGES), cookie=pupil.cookie)
                session.run()
                for turn in range(hands.randrange(2, 8)):
                    starts = [each for each, label in session.buttons.items() if label == "Start training"]
                    if starts and hands.random() < 0.15 and not self._mine_in_line(pupil):
                        did = "Start"
                        session.press(starts[0])
                    if touchable := session.touchable(LEFT_ALONE):
                        wanted = hands.choice(touchable)
                        kind, element = session.elements[wanted]
                        did = f"{kind} {getattr(element, 'label', '')}"
                        self.touches.append(session.touch(wanted, turn))
                    time.sleep(hands.uniform(0.2, 1.8) * self.pause)
            except (PageError, OSError) as error:
                with self._lock:
                    self.errors.append(f"{did}: {error}")
            finally:
                if session is not None:
                    session.close()

    def _mine_in_line(self, pupil: Pupil) -> bool:
        return any(run.state.is_active for run in self.store.of(pupil.person.id))

    def harm(self, pupil: Pupil, other: Pupil, hands: random.Random) -> None:
        """Try one way to change what is another's."""
        way: Callable[[Pupil, Pupil, random.Random], str] = hands.choice(
            (self._by_api, self._by_address, self._by_replay)
        )
        try:
            what = way(pupil, other, hands)
        except (PageError, OSError) as error:
            what = "a page"
            with self._lock:
                self.errors.append(f"{way.__name__}: {error}")
        with self._lock:
            self.tries[f"{way.__name__.removeprefix('_by_')}: {what}"] += 1

    def _by_api(self, pupil: Pupil, other: Pupil, hands: random.Random) -> str:
        run, sweep = hands.choice(other.runs), hands.choice(other.sweeps)
        secret = pupil.key.partition(".")[2]
        key = hands.choice(["", pupil.key, pupil.key, f"{other.person.id}.{secret}", "x"])
        path = hands.choice(
            [*(f"runs/{run.id}/{way}" for way in RUN_WAYS), *(f"sweeps/{sweep.id}/{way}" for way in SWEEP_WAYS)]
        )
        body = json.dumps({"minutes": 1}).encode() if path.endswith("budget") else b""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        request = urllib.request.Request(f"{self.server.url}/api/{path}", body, headers, method="POST")
        try:
            status = urllib.request.urlopen(request, timeout=60).status
        except urllib.error.HTTPError as error:
            status = error.code
        with self._lock:
            self.answers[str(status)] += 1
        return f"{path.split('/')[0]} {path.rsplit('/', 1)[1]}"

    def _by_address(self, pupil: Pupil, other: Pupil, hands: random.Random) -> str:
        page, query = self._place(other, hands)
        session = Session(self.server.url, page, query, pupil.cookie)
        try:
            session.run()
            harmful = [button for button, label in session.buttons.items() if not label.startswith(("Start", "Leave"))]
            for button in harmful:
                session.press(button)
        finally:
            session.close()
        return f"{page or 'train'}, {len(harmful)} buttons"

    def _by_replay(self, pupil: Pupil, other: Pupil, hands: random.Random) -> str:
        page, query = self._place(other, hands)
        theirs = Session(self.server.url, page, query, other.cookie)
        theirs.run()
        buttons, states = dict(theirs.buttons), theirs.elements
        theirs.close()
        session = Session(self.server.url, page, query, pupil.cookie)
        try:
            session.run()
            for button, label in buttons.items():
                if not label.startswith(("Start", "Leave")):
                    session.press(button)
            for element_id in [each for each in session.touchable(LEFT_ALONE) if each in states][:5]:
                if element_id in session.elements:
                    session.touch(element_id, 1)
        finally:
            session.close()
        return f"{page or 'train'}, {len(buttons)} buttons"

    @staticmethod
    def _place(other: Pupil, hands: random.Random) -> tuple[str, dict[str, str]]:
        if hands.random() < 0.3:
            return "tune", {"sweep": hands.choice(other.sweeps).id}
        return hands.choice(("", "confidence", "compare", "draw")), {"run": hands.choice(other.runs).id}


def play(names: int, minutes: float, tries: int, pause: float) -> tuple[Class, dict[str, bytes], list[float]]:
    """Let a class work; returns it, what was changed of another's by its path, and the server's memory in MB."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        serve(APP, Path(folder), DIGITLAB_CLASS="1", DIGITLAB_BACKGROUND="off") as server,
    ):
        room = Class(server, Path(folder), names, pause)
        before = {pupil.person.id: pupil.kept() for pupil in room.pupils}
        until = time.monotonic() + 60 * minutes
        threads = [
            threading.Thread(target=room.work, args=(pupil, until, random.Random(number)))
            for number, pupil in enumerate(room.pupils)
        ]
        for thread in threads:
            thread.start()
        hands, sizes = random.Random(0), []
        for number in range(tries):
            pupil, other = hands.sample(room.pupils, 2)
            room.harm(pupil, other, hands)
            pause = (until - time.monotonic()) / (tries - number)
            sizes.append(memory(server.process.pid))
            time.sleep(max(0.0, pause))
        for thread in threads:
            thread.join()
        after = {pupil.person.id: pupil.kept() for pupil in room.pupils}
        changed = {
            path: after[person][path]
            for person, kept in before.items()
            for path, content in kept.items()
            if after[person][path] != content
        }
        room.count = len(room.store.runs())
        for run in room.store.runs():
            if run.state.is_active:
                run.stop()
    return room, changed, sizes


def main(arguments: list[str] | None = None) -> int:
    """Play and print; returns the exit status: 1 where something was changed or a page showed an error."""
    parser = command_line("python -m benchmarks.harm", __doc__)
    parser.add_argument("--names", type=int, default=20, metavar="N", help="default: 20")
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="default: 10")
    parser.add_argument(
        "--tries", type=int, default=200, metavar="N", help="to change what is another's (default: 200)"
    )
    parser.add_argument(
        "--pause", type=float, default=8, metavar="N", help="seconds between two touches of a name (default: 8)"
    )
    options = parser.parse_args(arguments)
    room, changed, sizes = play(options.names, options.minutes, options.tries, options.pause)
    print(
        f"{options.names} names, {options.minutes:g} minutes, {len(room.touches):,} touches, {len(room.errors)} errors."
    )
    if touches := sorted(room.touches):
        median, slow = touches[len(touches) // 2], touches[len(touches) * 19 // 20]
        print(f"A touch takes {median:.2f} s (median), {slow:.2f} s (95 %).")
    print(f"{sum(room.tries.values())} tries to change what is another's; {len(changed)} files changed.")
    for what, count in sorted(room.tries.items()):
        print(f"  {count:>4}  {what}")
    print("Answers of the API:", ", ".join(f"{count} × {status}" for status, count in sorted(room.answers.items())))
    fifth = max(1, len(sizes) // 5)
    early, late = sorted(sizes[fifth : 2 * fifth] or sizes), sorted(sizes[-fifth:])
    print(f"Memory of the server, median: {early[len(early) // 2]:.0f} MB in the second fifth of the time, ", end="")
    print(f"{late[len(late) // 2]:.0f} MB in the last. {room.count} runs.")
    for words in [*changed, *room.errors[:20]]:
        print(words)
    return 1 if changed or room.errors else 0


if __name__ == "__main__":
    exit_with(main)
