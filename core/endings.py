"""Why training or a process ended, as text: from its exit status, its last output and the free disk space."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

NO_SPACE = ("no space left", "no space is left", "disk quota", "not enough space on the disk")
NO_MEMORY = ("memoryerror", "out of memory", "bad_alloc", "oom when allocating")
NO_PACKAGE = ("modulenotfounderror", "no module named", "importerror", "dll load failed")
LEAST_FREE = 64 * 1024  # bytes: with less, no checkpoint can be written
WINDOWS_ENDINGS = {0xC000001D: "SIGILL", 0xC0000005: "SIGSEGV", 0xC0000409: "SIGABRT", 0xC000013A: "SIGINT"}
DIVERGED = (
    "The loss became infinite or not a number, so training ended and the last good model was kept. Usually the "
    "learning rate is too high: try a tenth of it."
)
MEANINGS = {
    "SIGILL": "illegal instruction: this processor lacks one that TensorFlow needs, such as AVX",
    "SIGSEGV": "it crashed",
    "SIGABRT": "it crashed",
    "SIGBUS": "it crashed",
    "SIGKILL": "it was killed, or the memory ran out",
    "SIGTERM": "it was terminated",
}


def exit_in_words(status: int) -> str:
    """An exit status of `subprocess` as text: "exit status 1", or the signal's name and meaning."""
    name = WINDOWS_ENDINGS.get(status & 0xFFFFFFFF, "")
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
    if not name:
        return f"exit status {status}"
    return f"{name}, {MEANINGS[name]}" if name in MEANINGS else name


def cause(said: str, folder: Path) -> str:
    """The cause of a process's end, from its last output or the free disk space; "" where neither shows one."""
    said = said.lower()
    if any(word in said for word in NO_SPACE) or _free_bytes(folder) < LEAST_FREE:
        return "No space was left on the disk. Free some space."
    if any(word in said for word in NO_MEMORY):
        return "The memory was not enough. Close other programs."
    if any(word in said for word in NO_PACKAGE):
        return "A package is missing or broken. Install what Digit Lab needs: pip install -r requirements.txt"
    return ""


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return LEAST_FREE
