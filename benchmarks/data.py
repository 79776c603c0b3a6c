"""The speed of loading digits of one's own, and the memory that it takes: `python -m benchmarks.data`.

Every file is loaded in a process of its own, beside the shortest program of pandas or Pillow that gives the same arrays
(without any check of what it loads). The digits are scikit-learn's, as often as needed. Needs Linux.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.table import in_turn, markdown, row
from core.terminal import command_line, exit_with

GROUP = "Own digits"
IMAGES = 60_000
PICTURES, SCANS = 20_000, 2_000
QUICK = 10  # times fewer
SIDE = 112  # pixels of a scan
OURS = "from core.data import load_dataset; load_dataset({path!r}, progress=lambda done, whole: None)"
PANDAS = (
    "import pandas; table = pandas.read_csv({path!r}); "
    "table.drop(columns='label').to_numpy('uint8').reshape(-1, 28, 28), table['label'].to_numpy('uint8')"
)
PILLOW = (
    "import numpy, pathlib; from PIL import Image; "
    "numpy.stack([numpy.asarray(Image.open(path).resize((28, 28))) for path in pathlib.Path({path!r}).rglob('*.*g')])"
)
TIMED = """
import json, time
began = time.perf_counter()
{program}
seconds = time.perf_counter() - began
[memory] = [int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")]
print("result:" + json.dumps([seconds, memory]))
"""


def apart(program: str, path: Path) -> tuple[float, float]:
    """The seconds and the largest memory in MB of a program in a fresh Python process, its imports included."""
    code = TIMED.format(program=program.format(path=str(path)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("result:")]
    if not lines:
        raise SystemExit(done.stderr[-2000:])
    return tuple(json.loads(lines[0].removeprefix("result:")))


def rows(quick: bool, repeats: int) -> list[dict]:
    """A table of 60,000 lines, a folder of pictures in MNIST's form, and one of scans that are brought to it."""
    fewer = QUICK if quick else 1
    with tempfile.TemporaryDirectory() as folder:
        made = {
            "{count:,} images as CSV": (_table(Path(folder) / "digits.csv", IMAGES // fewer), PANDAS, "pandas"),
            "{count:,} pictures of 28 × 28": (_pictures(Path(folder) / "28", PICTURES // fewer, 28), PILLOW, "Pillow"),
            f"{{count:,}} pictures of {SIDE} × {SIDE}": (
                _pictures(Path(folder) / str(SIDE), SCANS // fewer, SIDE),
                PILLOW,
                "Pillow, scaled alone",
            ),
        }
        table = []
        for what, ((path, count), reference, words) in made.items():
            calls = {
                "ours": lambda path=path: apart(OURS, path),
                "reference": lambda path=path, program=reference: apart(program, path),
            }
            found = in_turn(calls, repeats)
            for place, unit, measure in ((0, "s", ""), (1, "MB", ", memory")):
                samples = {name: [sample[place] for sample in several] for name, several in found.items()}
                named = what.format(count=count) + measure
                table.append(
                    row(
                        GROUP,
                        named,
                        samples["ours"],
                        unit=unit,
                        reference=words,
                        reference_samples=samples["reference"],
                    )
                )
    return table


def _digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    from core.data.sklearn_digits import embedded_digits

    arrays = embedded_digits()
    places = np.arange(count) % len(arrays["x_train"])
    return arrays["x_train"][places], arrays["y_train"][places]


def _table(path: Path, count: int) -> tuple[Path, int]:
    images, labels = _digits(count)
    numbers = np.array([str(number) for number in range(256)], object)
    with path.open("w") as file:
        file.write(",".join(["label", *(f"pixel{place}" for place in range(784))]) + "\n")
        for image, label in zip(images, labels, strict=True):
            file.write(f"{label},{','.join(numbers[image.ravel()])}\n")
    return path, count


def _pictures(folder: Path, count: int, side: int) -> tuple[Path, int]:
    from PIL import Image

    for place, (image, label) in enumerate(zip(*_digits(count), strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        if side == 28:
            Image.fromarray(image).save(folder / str(label) / f"{place}.png")
        else:
            Image.fromarray(255 - image).resize((side, side)).save(folder / str(label) / f"{place}.jpg")
    return folder, count


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = command_line("python -m benchmarks.data", __doc__)
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} times fewer images")
    options = parser.parse_args(arguments)
    print(markdown(rows(options.quick, options.repeats)))


if __name__ == "__main__":
    exit_with(main)
