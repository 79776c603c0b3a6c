"""What is not loaded: by its first bytes, what it is, and what to do with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.data.files import WANTED, DatasetError

PICKLE = (
    "is a pickle: it holds Python objects, which may run any code when they are loaded, so it is never loaded here. "
    "If you trust who made it, these three lines of Python make an npz of it."
)
PICKLE_ENDINGS = (".pkl", ".pickle", ".pt", ".pth", ".joblib")
PROGRAM = "These lines of Python make an npz of it, once you write the names that its arrays have."
PICTURE = "is one picture. Name a folder with a subfolder of pictures for each digit, 0 to 9."
KINDS = (  # how files begin, what they are, and a program where one makes an npz of them
    (
        b"MATLAB 5.0",
        f"is a MATLAB file. {PROGRAM}",
        "import numpy, scipy.io",
        "found = scipy.io.loadmat({path!r})",
        "numpy.savez('digits.npz', images=found['images'], labels=found['labels'])",
    ),
    (
        b"\x89HDF\r\n\x1a\n",
        f"is an HDF5 file. {PROGRAM}",
        "import h5py, numpy",
        "found = h5py.File({path!r})",
        "numpy.savez('digits.npz', images=found['images'][:], labels=found['labels'][:])",
    ),
    (
        b"\x93NUMPY",
        "is one array alone. Name its folder, where images and labels are in it, or make an npz of both.",
        "import numpy",
        "images, labels = numpy.load({path!r}), numpy.load('labels.npy')",
        "numpy.savez('digits.npz', images=images, labels=labels)",
    ),
    (b"PAR1", "is a Parquet file. Make a CSV or an npz of it, for instance with pandas."),
    (b"\x89PNG", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
    (b"BZh", "is compressed with bzip2. Unpack it and name what was in it."),
    (b"\xfd7zXZ", "is compressed with xz. Unpack it and name what was in it."),
    (b"7z\xbc\xaf", "is a 7z archive. Unpack it and name the folder."),
    (b"Rar!", "is a RAR archive. Unpack it and name the folder."),
)
TAR = b"ustar"
TAR_AT = 257


def pickled(what: str, path: Path) -> DatasetError:
    """The error for a pickle, with a program in three lines that makes an npz of it.

    Args:
        what: what is a pickle: the file, or an array in it.
        path: the file, or the folder that has it.
    """
    name = path.name.lower()
    if name.endswith((".pt", ".pth")):
        program = (
            "import numpy, torch",
            f"images, labels = torch.load({str(path)!r})  # or as in yours",
            "numpy.savez('digits.npz', images=images.numpy(), labels=labels.numpy())",
        )
    elif name.endswith((".npz", ".npy")):
        program = (
            "import numpy",
            f"found = numpy.load({str(path)!r}, allow_pickle=True)",
            "numpy.savez('digits.npz', **{name: numpy.array(found[name].tolist()) for name in found})",
        )
    elif name.endswith(".joblib"):
        program = (
            "import joblib, numpy",
            f"images, labels = joblib.load({str(path)!r})  # or as in yours",
            "numpy.savez('digits.npz', images=images, labels=labels)",
        )
    else:
        opened = "gzip.open" if name.endswith(".gz") else "open"
        program = (
            "import gzip, numpy, pickle",
            f"(a, b), *_, (c, d) = pickle.load({opened}({str(path)!r}, 'rb'), encoding='latin1')  # as in yours",
            "numpy.savez('digits.npz', x_train=a, y_train=b, x_test=c, y_test=d)",
        )
    return DatasetError("\n".join([f"{what} {PICKLE}", *program]))


def refuse(path: Path, start: bytes) -> None:
    """Raise DatasetError where a file that begins so is of a kind that is not loaded.

    Args:
        path: the file; some kinds are known by the end of its name.
        start: its first bytes, unpacked where it is gzipped.
    """
    name = path.name.lower().removesuffix(".gz")
    if (start[:1] == b"\x80" and start[1:2] <= b"\x05") or name.endswith(PICKLE_ENDINGS):
        raise pickled(str(path), path)
    for magic, words, *program in KINDS:
        if start.startswith(magic):
            raise DatasetError("\n".join([f"{path} {words}", *(line.format(path=str(path)) for line in program)]))
    if start[TAR_AT:].startswith(TAR):
        raise DatasetError(f"{path} is a tar archive. Unpack it and name the folder.")
    if start.lstrip()[:1] == b"<":
        raise DatasetError(f"{path} is a web page or XML; a download may have failed. {WANTED}")
    if start.lstrip()[:1] in (b"{", b"["):
        raise DatasetError(f"{path} is JSON. Make a CSV or an npz of it. {WANTED}")
    if not start.strip():
        raise DatasetError(f"{path} is empty. {WANTED}")
    if b"\0" in start:
        raise DatasetError(f"{path} is of no form that is known here. {WANTED}")


def archive(path: Path, names: Iterable[str]) -> DatasetError:
    """The error for a zip file without arrays, by what is in it."""
    names = [name for name in names if not name.startswith("__MACOSX") and not name.endswith("/")]
    if any(name.endswith("data.pkl") for name in names):
        return pickled(str(path), path)
    if "[Content_Types].xml" in names:
        return DatasetError(f"{path} is a workbook. Save the sheet as CSV.")
    there = ", ".join(sorted(names)[:3]) or "nothing"
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return DatasetError(f"{path} is a zip archive with {there}{more}. Unpack it and name the folder. {WANTED}")
