"""Reads a zip that comes from elsewhere: only known names, only so many bytes, nothing written to disk.

The two classic attacks are names that lead out of the folder they are unpacked into, and a few bytes that become
many when decompressed (David Fifield, "A better zip bomb", 2019). So names are looked up in a list and never used as
paths, and every entry is decompressed only up to its limit, whatever its header says of its size.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable

DIRECTORY_END = struct.Struct("<4s4H2LH")  # "end of central directory record", section 4.3.16 of PKWARE's APPNOTE.TXT
MOST_DIRECTORY_BYTES = 256  # of an entry in the directory: 46 and its name, and what some programs add
ENCRYPTED = 0x1 | 0x40  # flags: traditional and strong
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class UnsafeZip(ValueError):
    """The zip is damaged, or holds what it should not; the message says what, as half a sentence."""


def read_zip(data: bytes, limit: Callable[[str], int | None], *, entries: int, total: int) -> dict[str, bytes]:
    """The contents of every entry by its name.

    Args:
        data: the zip.
        limit: the most bytes that an entry of this name may have, None where the name is unknown.
        entries: the most entries.
        total: the most bytes of all entries together, decompressed.

    Raises:
        UnsafeZip: for anything else than a whole zip of known, plain, unencrypted files within the limits.
    """
    _check_directory(data, entries)
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                name, most = entry.filename, limit(entry.filename)
                _check_entry(entry, known=most is not None, twice=name in found)
                found[name] = _contents(archive, entry, most)
                total -= len(found[name])
                if total < 0:
                    raise UnsafeZip("it becomes larger than any run when it is decompressed")
    except UnsafeZip:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError, struct.error) as error:
        raise UnsafeZip(f"it is damaged ({error})") from error
    return found


def shown(name: str) -> str:
    """A name from elsewhere as it can be shown: printable, short, without Markdown."""
    plain = "".join(letter if letter.isprintable() and letter not in "`[]<>" else "?" for letter in name)
    return f'"{plain[:60]}…"' if len(plain) > 60 else f'"{plain}"'


def _check_directory(data: bytes, entries: int) -> None:
    """Look at the directory's size before `zipfile` makes an object of each of its entries."""
    if not data.startswith(b"PK") or len(data) < DIRECTORY_END.size:
        raise UnsafeZip("it is no zip")
    signature, disk, first_disk, here, count, size, _, comment = DIRECTORY_END.unpack(data[-DIRECTORY_END.size :])
    if signature != b"PK\x05\x06" or comment:
        raise UnsafeZip("it is cut off, or something is added at its end")
    if disk or first_disk or here != count or data[-DIRECTORY_END.size - 20 :].startswith(b"PK\x06\x07"):
        raise UnsafeZip("it is in several parts, or larger than any run")
    if count > entries or size > entries * MOST_DIRECTORY_BYTES:
        raise UnsafeZip(f"it holds {count:,} files, and at most {entries:,} are read")


def _check_entry(entry: zipfile.ZipInfo, *, known: bool, twice: bool) -> None:
    name, mode = entry.orig_filename, entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        raise UnsafeZip(f"{shown(name)} is a link to another file")
    if name.startswith(("/", "\\")) or ".." in name or ":" in name:
        raise UnsafeZip(f"{shown(name)} leads out of the run's folder")
    if not known or name != entry.filename or entry.is_dir() or stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise UnsafeZip(f"{shown(name)} does not belong there")
    if twice:
        raise UnsafeZip(f"{shown(name)} is in it twice")
    if entry.flag_bits & ENCRYPTED:
        raise UnsafeZip(f"{shown(name)} is encrypted")
    if entry.compress_type not in METHODS:
        raise UnsafeZip(f"{shown(name)} is compressed in another way than zips usually are")


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
