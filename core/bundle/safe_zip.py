"""Reads a zip that comes from elsewhere: only known names, only so many bytes, nothing written to disk.

The two classic attacks are names that lead out of the folder they are unpacked into, and a few bytes that become
many when decompressed (David Fifield, "A better zip bomb", 2019). So names are looked up in a list and never used as
paths, and every entry is decompressed only up to its limit, whatever its header says of its size.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

DIRECTORY_END = struct.Struct("<4s4H2LH")  # "end of central directory record", section 4.3.16 of PKWARE's APPNOTE.TXT
MOST_DIRECTORY_BYTES = 256  # of an entry in the directory: 46 and its name, and what some programs add
ENCRYPTED = 0x1 | 0x40  # flags: traditional and strong
LEFT_BY_SYSTEMS = ("thumbs.db", "ehthumbs.db", "desktop.ini")  # by Windows, in capitals or not
MAC_FOLDER = "__MACOSX"  # in which a Mac keeps what it knows of each file
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class UnsafeZip(ValueError):
    """The zip is damaged, or holds what it should not; the message says what, as half a sentence."""


def read_zip(data: bytes, limit: Callable[[str], int | None], *, entries: int, total: int) -> dict[str, bytes]:
    """The contents of every entry by its name, as it is without the folder that all of them are in.

    Who unpacks a zip and zips it again adds such a folder, and files of the system, which are not read.

    Args:
        data: the zip.
        limit: the most bytes that an entry of this name may have, None where the name is unknown.
        entries: the most entries.
        total: the most bytes of all entries together, decompressed.

    Raises:
        UnsafeZip: for anything else than a whole zip of known, plain, unencrypted files within the limits.
    """
    found: dict[str, bytes] = {}
    with _opened(data, entries) as (archive, files):
        for entry in archive.infolist():
            _check_place(entry)
        for name, entry in files:
            most = limit(name)
            _check_entry(entry, known=most is not None, twice=name in found)
            found[name] = _contents(archive, entry, most)
            total -= len(found[name])
            if total < 0:
                raise UnsafeZip("it becomes larger than any run when it is decompressed")
    return found


def read_one(data: bytes, name: str, *, most: int, entries: int) -> bytes:
    """The contents of the entry that `read_zip` would give this name, b"" where there is none; no other is looked at.

    Raises:
        UnsafeZip: where it has more than `most` bytes, is encrypted or damaged, or the zip holds more `entries`.
    """
    with _opened(data, entries) as (archive, files):
        for found, entry in files:
            if found == name:
                _check_entry(entry, known=True, twice=False)
                return _contents(archive, entry, most)
    return b""


def names(data: bytes, *, entries: int) -> list[str]:
    """The names of all files in a zip, as `read_zip` has them; nothing is decompressed.

    Raises:
        UnsafeZip: where its directory cannot be read, or holds more entries.
    """
    with _opened(data, entries) as (_, files):
        return [name for name, _ in files]


@contextmanager
def _opened(data: bytes, entries: int) -> Iterator[tuple[zipfile.ZipFile, list[tuple[str, zipfile.ZipInfo]]]]:
    """A zip and its files, each with its name below the folder that all of them are in."""
    _check_directory(data, entries)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = [(path, entry) for entry in archive.infolist() if not _is_of_system(path := _path(entry))]
            folder = _folder(path for path, _ in files)
            yield archive, [(path.removeprefix(folder), entry) for path, entry in files]
    except UnsafeZip:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError, struct.error) as error:
        raise UnsafeZip(f"it is damaged ({error})") from error


def _path(entry: zipfile.ZipInfo) -> str:
    """The entry's name as a zip should have it; some programs write backslashes, and others "./" before each name."""
    return "/".join(part for part in entry.orig_filename.replace("\\", "/").split("/") if part != ".")


def _is_of_system(path: str) -> bool:
    """Whether it is a folder, or hidden, or a file that the system put there: nobody meant to send those."""
    *folders, name = parts = path.split("/")
    hidden = any(part.startswith(".") for part in parts)
    return not name or hidden or MAC_FOLDER in folders or name.lower() in LEFT_BY_SYSTEMS


def _folder(paths: Iterable[str]) -> str:
    """The folder that all files are in, with a slash at its end; "" where there is none."""
    folders = [path.split("/")[:-1] for path in paths]
    shared = [] if not folders else min(folders, key=len)
    while any(folder[: len(shared)] != shared for folder in folders):
        shared = shared[:-1]
    return "".join(f"{name}/" for name in shared)


def shown(name: str) -> str:
    """A name from elsewhere as it can be shown: printable, short, without Markdown."""
    plain = "".join(letter if letter.isprintable() and letter not in "`[]<>" else "?" for letter in name)
    return f'"{plain[:60]}…"' if len(plain) > 60 else f'"{plain}"'


def _check_directory(data: bytes, entries: int) -> None:
    """Look at the directory's size before `zipfile` makes an object of each of its entries."""
    if not data.startswith(b"PK") or len(data) < DIRECTORY_END.size:
        raise UnsafeZip("it is not a zip")
    signature, disk, first_disk, here, count, size, _, comment = DIRECTORY_END.unpack(data[-DIRECTORY_END.size :])
    if signature != b"PK\x05\x06" or comment:
        raise UnsafeZip("it is cut off, or something is added at its end")
    if disk or first_disk or here != count or data[-DIRECTORY_END.size - 20 :].startswith(b"PK\x06\x07"):
        raise UnsafeZip("it is in several parts, or larger than any run")
    if count > entries or size > entries * MOST_DIRECTORY_BYTES:
        raise UnsafeZip(f"it holds {count:,} files, and at most {entries:,} are read")


def _check_place(entry: zipfile.ZipInfo) -> None:
    """Refuse what would be written elsewhere if it were unpacked, also where it is not going to be read."""
    name, mode = entry.orig_filename, entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        raise UnsafeZip(f"{shown(name)} is a link to another file")
    if re.match(r"[/\\]|[A-Za-z]:", name) or ".." in re.split(r"[/\\]", name):
        raise UnsafeZip(f"{shown(name)} leads out of the run's folder")


def _check_entry(entry: zipfile.ZipInfo, *, known: bool, twice: bool) -> None:
    name, mode = entry.orig_filename, entry.external_attr >> 16
    if not known or "\0" in name or stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise UnsafeZip(f"{shown(name)} does not belong there")
    if twice:
        raise UnsafeZip(f"{shown(name)} is in it twice")
    if entry.flag_bits & ENCRYPTED:
        raise UnsafeZip(f"{shown(name)} is encrypted")
    if entry.compress_type not in METHODS:
        method = zipfile.compressor_names.get(entry.compress_type, "another method")
        raise UnsafeZip(f"{shown(name)} is compressed by {method}, and only Deflate is read, which is usual")


def _contents(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """An entry, decompressed in small steps, never beyond `most` bytes; its checksum is checked at the end."""
    parts, left = [], most
    with archive.open(entry) as file:
        while part := file.read(min(left + 1, 2**16)):
            parts.append(part)
            left -= len(part)
            if left < 0:
                raise UnsafeZip(f"{shown(entry.filename)} is larger than the {most:,} bytes that it can have")
    contents = b"".join(parts)
    if len(contents) != entry.file_size:
        raise UnsafeZip(f"{shown(entry.filename)} is not as large as it says")
    return contents
