"""All benchmarks of speed: `python -m benchmarks [--quick] [--repeats N] [--check README.md]`.

Prints a table as README shows it and writes benchmarks/results/<time>.json: every figure beside a reference that was
timed alternately in the same run, with the machine's name. With `--check` it fails where a ratio is below half of that
in the file's table.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import re
import sys
import time
from pathlib import Path

from benchmarks.table import markdown, title
from core.terminal import command_line, exit_with

PARTS = ("training", "inference", "pages", "api", "data")
RESULTS = Path(__file__).with_name("results")


def machine() -> dict:
    """The machine and versions of this measurement."""
    from importlib.metadata import version

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = platform.processor() or platform.machine()
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("keras", "numpy", "ai-edge-litert", "streamlit")},
    }


def claims(text: str) -> dict[str, float]:
    """The ratios in a table written by `markdown`, by the title of their row without its accuracy."""
    found = re.findall(r"^\| ([^|]+?)(?:, [\d.]+ % test)? \|[^|]+\|[^|]+\| ([\d.]+) \|$", text, re.MULTILINE)
    return {name: float(ratio) for name, ratio in found}


def slower_than_half(rows: list[dict], claimed: dict[str, float]) -> list[str]:
    """A sentence for each row whose ratio to its reference is below half of the claimed one."""
    return [
        f"{title(row)}: {row['ratio']:.1f} times as fast as its reference, but {claimed[title(row)]:.1f} is claimed."
        for row in rows
        if row["ratio"] is not None and row["ratio"] < claimed.get(title(row), 0) / 2
    ]


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; returns the exit status."""
    parser = command_line("python -m benchmarks", __doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a shorter measurement of about three minutes")
    parser.add_argument("--repeats", type=int, metavar="N", help="default: 5, with --quick 1")
    parser.add_argument("--check", type=Path, metavar="FILE", help="fail where a ratio is below half of FILE's")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    claimed = claims(options.check.read_text()) if options.check else {}
    before, rows = machine(), []
    for part in options.parts or PARTS:
        print(f"Measuring {part}", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"benchmarks.{part}").rows(
            options.quick, options.repeats or (1 if options.quick else 5)
        )
    print(markdown(rows))
    print(f"\n{before['processor']}, {before['cores']} cores, load {before['load']} at the start, {before['system']}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps({"time": time.time(), "machine": before, "rows": rows}, indent=1))
    print(path)
    failures = slower_than_half(rows, claimed)
    print(*failures, sep="\n", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    exit_with(main)
