"""Processes of this project that go on by themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.home import ROOT, absolute

PATHS = ("DIGITLAB_DATA", "DIGITLAB_HOME", "KERAS_HOME")  # in the environment


def start_process(
    module: str, *arguments: object, log: Path, talks: bool = False, **environment: str
) -> subprocess.Popen:
    """Start `python -m module` in a session of its own: it goes on when this process or its terminal ends.

    Args:
        module: a module of this project that can be run.
        arguments: what is passed to it, as text.
        log: takes what it prints, behind what is there already.
        talks: whether its standard input is a pipe to be written to; otherwise it has none.
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
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **own_session,
        )
