"""Pack a run into one zip, or import such a zip: for another Digit Lab.

python -m core.bundle pack RUN [--out FILE]
python -m core.bundle import FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

from core.bundle.archive import MOST_ZIPPED, BundleError, pack, unpack
from core.bundle.zip_kinds import WANTED
from core.data import Dataset, DatasetError, load_dataset
from core.home import absolute
from core.runs import Run, RunStore
from core.runs.files import CONFIG
from core.storage import write_atomically
from core.terminal import command_line, exit_with


def main(arguments: list[str] | None = None) -> int:
    """Pack or import; returns the exit status."""
    parser = command_line("python -m core.bundle", __doc__)
    parser.add_argument("--home", type=Path, help="where runs are kept (DIGITLAB_HOME, or digitlab-home beside core)")
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="write a run into one zip")
    packing.add_argument("run", help="the id of a run, or its folder")
    packing.add_argument("--out", type=Path, help="the zip to write; by default RUN.zip here")
    importing = commands.add_parser("import", help="make a new run of such a zip")
    importing.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    store = RunStore(options.home)
    try:
        if options.command == "pack":
            run = _find(store, options.run)
            path = options.out or Path(f"{run.id}.zip")
            packed = pack(run, _dataset())
            write_atomically(path, lambda file: file.write(packed))
            print(f"{path}: {run.name}, {len(packed) / 2**20:.1f} MB")
        else:
            if options.file.stat().st_size > MOST_ZIPPED:
                raise BundleError(f"{options.file} is larger than any run ({MOST_ZIPPED // 2**20} MB). {WANTED}")
            run = unpack(options.file.read_bytes(), store, options.file.name, _dataset())
            print(f"{run.path}: {run.name}")
    except BundleError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _dataset() -> Dataset | None:
    try:
        return load_dataset(allow_download=False)
    except DatasetError:
        return None  # what it claims stays unproven


def _find(store: RunStore, wanted: str) -> Run:
    run = store.get(wanted) or Run(absolute(wanted))
    if not (run.path / CONFIG).exists():
        known = ", ".join(run.id for run in store.runs()[:5]) or "none yet"
        raise BundleError(f"There is no run {wanted} in {store.folder}. There: {known}.")
    return run


if __name__ == "__main__":
    exit_with(main)
