"""Loading the dataset in the background, once for all threads of a process."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np

from core.data import Dataset, DatasetError, load_dataset
from core.data.kept import release


class DatasetLoader:
    """Loads the dataset in a thread of its own, from the first time that somebody wants it.

    The training images then lie in a temporary file, of which only what is looked at is in the memory: pages show few
    of MNIST's 47 MB.
    """

    def __init__(self) -> None:
        self.progress = (0, 0)
        self._outcome: Dataset | DatasetError | None = None
        self._thread = threading.Thread(target=self._load, name="dataset", daemon=True)
        self._starting = threading.Lock()

    def begin(self) -> None:
        """Begin to load; once begun, nothing happens."""
        with self._starting:
            if self._thread.ident is None:
                self._thread.start()

    def _load(self) -> None:
        try:
            self._outcome = _on_disk(load_dataset(progress=lambda *progress: setattr(self, "progress", progress)))
        except DatasetError as error:
            self._outcome = error
        except BaseException as error:  # of any kind: pages must not wait for ever
            self._outcome = DatasetError(f"The digits could not be loaded: {error or type(error).__name__}.")
            raise

    def when_done(self, action: Callable[[], None]) -> None:
        """Call `action` once, in another thread, when the dataset is loaded or cannot be."""
        self.begin()
        threading.Thread(target=lambda: (self._thread.join(), action()), daemon=True).start()

    def outcome(self, seconds: float) -> Dataset | None:
        """The dataset, or None where it is still loading after `seconds`.

        Raises:
            DatasetError: where it cannot be loaded.
        """
        self.begin()
        self._thread.join(seconds)
        if isinstance(self._outcome, DatasetError):
            raise self._outcome
        return self._outcome

    def rest(self) -> None:
        """Let go of the memory of training images that were looked at; they are read anew where they are wanted."""
        if isinstance(self._outcome, Dataset):
            release(self._outcome.x_train)


def _on_disk(dataset: Dataset) -> Dataset:
    """The same dataset with its training images in a temporary file; as it is where there is no room for one."""
    with suppress(OSError), tempfile.TemporaryFile() as file:
        file.write(np.ascontiguousarray(dataset.x_train))
        file.flush()
        images = np.memmap(file, np.uint8, "r", shape=dataset.x_train.shape)
        moved = replace(dataset, x_train=images)
        vars(moved)["fingerprint"] = dataset.fingerprint  # known already
        return moved
    return dataset
