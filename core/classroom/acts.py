"""What a teacher does with what is others': stop, delete, remove a name, clear all, each by the core's own guard."""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from core import learners
from core.people import Person, change_rules
from core.runs import Run, RunError
from core.services import Services
from core.sweeps.sweep import ACTIVE, Sweep

CLEARED = "cleared"  # the home's folder of zips
NOT_PACKED = {".lock", ".log", ".pem"}  # ends of names: the last one has the key of this machine
AT_PACKING = "class-%Y%m%d-%H%M%S.zip"


def count(services: Services, owners: Collection[str] | None = None) -> tuple[int, int]:
    """How many runs `stop` and `delete` are about: those in training or in the line, and all."""
    runs = _runs(services, owners)
    return sum(run.state.is_active for run in runs), len(runs)


def stop(services: Services, owners: Collection[str] | None = None) -> int:
    """Stop sweeps and runs, also those in the line; returns how many runs that were.

    Args:
        services: what holds them.
        owners: the ids of whose they are; None for everybody's.
    """
    for sweep in _sweeps(services, owners):
        if sweep.state.name == ACTIVE:
            sweep.stop()
    active = [run for run in _runs(services, owners) if run.state.is_active]
    for run in active:
        with suppress(RunError):  # it has just ended
            run.stop()
    return len(active)


def delete(services: Services, owners: Collection[str] | None = None) -> int:
    """Delete runs and sweeps; what trains is stopped first, and deleted by the launcher. Returns how many runs."""
    for sweep in _sweeps(services, owners):
        services.sweeps.delete(sweep)
    runs = _runs(services, owners)
    for run in runs:
        services.delete_run(run)
    return len(runs)


def pack(home: Path) -> Path:
    """Write a zip of all that a class made into the home's folder `cleared`; unpacked, it is a home again.

    Raises:
        OSError: where it cannot be written; then there is none.
    """
    folder = home / CLEARED
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / time.strftime(AT_PACKING)
    draft = path.with_name(f".{path.name}")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False) as archive:
            for file in sorted(home.rglob("*")):
                part = file.relative_to(home)
                hidden = any(name.startswith(".") for name in part.parts)
                if hidden or part.parts[0] == CLEARED or file.suffix in NOT_PACKED or not file.is_file():
                    continue
                with suppress(FileNotFoundError):  # replaced or deleted by a worker at this moment
                    archive.write(file, part)
        return draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def clear(services: Services, but: Person) -> Path:
    """Put everything into a zip, and then remove all runs, sweeps and names, and what is known or drawn of people.

    Args:
        services: what holds them.
        but: who stays, the teacher.

    Returns:
        The zip.

    Raises:
        OSError: where the zip cannot be written; then nothing is removed.
    """
    home, people = services.store.home, services.people
    path = pack(home)
    delete(services)
    for person in people.all():
        if person.id != but.id:
            people.remove(person)
    for kept in services.datasets.all():
        if kept.writers:
            services.datasets.remove(kept)
    own = [folder for folder in people.folder.iterdir() if folder.is_dir()]  # also of names that were removed before
    for folder in (*own, home / learners.FOLDER):
        shutil.rmtree(folder, ignore_errors=True)
    change_rules(home, shows_all=False)  # the next class has its own surprise
    return path


def zips(home: Path) -> list[Path]:
    """The zips of classes that were cleared, newest first."""
    return sorted((home / CLEARED).glob("class-*.zip"), reverse=True)


def _runs(services: Services, owners: Collection[str] | None) -> list[Run]:
    return [run for run in services.store.runs() if owners is None or run.owner.id in owners]


def _sweeps(services: Services, owners: Collection[str] | None) -> list[Sweep]:
    return [sweep for sweep in services.sweeps.sweeps() if owners is None or sweep.owner.id in owners]
