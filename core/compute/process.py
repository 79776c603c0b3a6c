"""Processes beside this one: started so that they outlive it, and why one ended that did not say so itself.

Whether one lives is told by the lock that it holds, also when another program started it: `core.storage.is_locked`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.endings import cause, exit_in_words
from core.home import ROOT, absolute

MACHINE, PARENT = "DIGITLAB_MACHINE", "DIGITLAB_PARENT"  # set for workers of a cluster's machine: its name, process id
PATHS = ("DIGITLAB_DATA", "DIGITLAB_HOME", "KERAS_HOME")  # in the environment
SHOWN_CHARACTERS = 2000  # of what a process printed last


def works_ahead() -> bool:
    """Whether something is made before anybody asks for it: not where DIGITLAB_BACKGROUND is "off"."""
    return os.environ.get("DIGITLAB_BACKGROUND", "").lower() != "off"


def start_process(
    module: str, *arguments: object, log: Path, takes_input: bool = False, **environment: str
) -> subprocess.Popen:
    """Start `python -m module` in a session of its own: it continues when this process or its terminal ends.

    Args:
        module: a module of this project that can be run.
        arguments: what is passed to it, as text.
        log: takes what it prints, behind what is there already.
        takes_input: whether its standard input is a pipe to be written to; otherwise it has none.
        environment: variables to set besides those of this process.
    """
    paths = {name: str(absolute(os.environ[name])) for name in PATHS if os.environ.get(name)}  # it works elsewhere
    own_session = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.BELOW_NORMAL_PRIORITY_CLASS}
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, **paths, **environment},
            stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **own_session,
        )


def last_output(log: Path) -> str:
    """The last 2,000 characters that a process printed into `log`; "" where that cannot be read."""
    try:
        return log.read_text(errors="replace")[-SHOWN_CHARACTERS:].strip()
    except OSError:
        return ""


def explain_end(what: str, status: int | None, log: Path) -> str:
    """Why a process ended that did not say so itself, in sentences for people.

    Args:
        what: what happened, such as "The worker could not start".
        status: its exit status as `subprocess` gives it, None where it is not known.
        log: what it printed; this and the free space of its disk tell the cause.
    """
    how = f" ({exit_in_words(status)})" if status is not None else ""
    return f"{what}{how}. {cause(last_output(log), log.parent)}".strip()
