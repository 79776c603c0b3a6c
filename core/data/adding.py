"""Adding a dataset to a home in the background: from files that somebody sent, or from a path of this machine."""

from __future__ import annotations

import os
import tempfile
import threading
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from core.data.dataset import Dataset, load_dataset
from core.data.download import Progress
from core.data.files import DatasetError
from core.data.kept import Datasets, KeptDataset, refusal_to_add
from core.people import actor
from core.storage import explain_os_error

MOST_SENT = 199 * 2**20  # bytes of the files that a browser sends; .streamlit/config.toml lets as much in
_one_at_a_time = threading.Lock()  # so that the memory is that of one


class Addition:
    """A dataset on its way into a home, in a thread of its own: it gets there whoever leaves the page.

    Attributes:
        progress: what is done, and of how much; (0, 0) where that is not known.
        kept: the dataset, once it is there.
        problem: why it could not be added, as sentences; "" where it was, or is on its way.

    Args:
        datasets: where it goes.
        make: makes it, and tells how far it is.
        name: what to call it; its own name where it is "".
        writers: the ids of the people whose drawings are in it.

    Raises:
        DatasetError: where who acts may not add datasets, or another one is being added.
    """

    def __init__(
        self, datasets: Datasets, make: Callable[[Progress], Dataset], name: str = "", writers: Collection[str] = ()
    ) -> None:
        self.progress, self.problem = (0, 0), ""
        self.kept: KeptDataset | None = None
        if words := refusal_to_add():
            raise DatasetError(words)
        if not _one_at_a_time.acquire(blocking=False):
            raise DatasetError("Another dataset is being added. Try again when it is there.")
        work = threading.Thread(target=self._add, args=(datasets, make, name, writers), name="adding", daemon=True)
        try:
            work.start()
        except BaseException:
            _one_at_a_time.release()
            raise

    @property
    def is_through(self) -> bool:
        """Whether it is there, or cannot be added."""
        return self.kept is not None or self.problem != ""

    def _add(self, datasets: Datasets, make: Callable, name: str, writers: Collection[str]) -> None:
        try:
            self.kept = datasets.add(make(self._note), name, writers=writers)
        except DatasetError as error:
            self.problem = str(error)
        except OSError as error:
            self.problem = explain_os_error(error)
        except MemoryError:
            self.problem = "The memory was not enough. Close other programs, then try again."
        except BaseException as error:  # of any kind: the page must not wait for ever
            traceback.print_exc()
            self.problem = f"The dataset could not be added: {error or type(error).__name__}."
        finally:
            _one_at_a_time.release()

    def _note(self, done: int, total: int) -> None:
        self.progress = done, total


def from_files(files: Sequence[tuple[str, BinaryIO]], progress: Progress) -> Dataset:
    """The dataset in files that somebody sent: one, or those that belong together, as MNIST's four.

    Raises:
        DatasetError: where they hold none; what it says names the files as they were sent.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, file in files:
            with (Path(folder) / (Path(name).name or "file")).open("wb") as copy:
                while part := file.read(2**20):
                    copy.write(part)
        names = ", ".join(name for name, _ in files)
        path = next(Path(folder).iterdir()) if len(files) == 1 else Path(folder)
        try:
            found = load_dataset(path, allow_download=False, progress=progress)
        except DatasetError as error:
            raise DatasetError(_as_sent(str(error), folder)) from error
    note = found.note and _as_sent(found.note, folder)
    warnings = tuple(_as_sent(words, folder) for words in found.warnings)
    return replace(found, source=f"the file {names}" if len(files) == 1 else names, note=note, warnings=warnings)


def from_path(path: str, progress: Progress) -> Dataset:
    """The dataset in a file or folder of this machine.

    Raises:
        DatasetError: where there is none.
    """
    return load_dataset(path.strip(), allow_download=False, progress=progress)


def may_name_paths() -> bool:
    """Whether who acts now may name files of this machine: who sits at it may, nobody over the network."""
    return actor() is None


def _as_sent(words: str, folder: str) -> str:
    """A sentence that names files as they were sent, not where they were put."""
    for place, name in (
        (f"{folder}{os.sep}", ""),
        (f"The folder {folder}", "What was sent"),
        (folder, "what was sent"),
    ):
        words = words.replace(place, name)
    return words
