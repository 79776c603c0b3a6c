"""The locks: every requirement within its range, for each supported Python and system, and nothing without hashes."""

import re

import pytest
from packaging.requirements import Requirement

from tests.support.paths import ROOT

PLACES = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")]
LOCKS = {"requirements.txt": "requirements.lock", "requirements-dev.txt": "requirements-dev.lock"}


def required(name):
    """The requirements of a file and of those it includes."""
    found = []
    for line in (ROOT / name).read_text().splitlines():
        if line.startswith("-r "):
            found += required(line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            found.append(Requirement(line))
    return found


def pinned(lock):
    """Each entry of a lock with its hashes."""
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    return [
        (Requirement(re.split(r" \\\n", entry)[0]), re.findall(r"--hash=sha256:[0-9a-f]{64}", entry))
        for entry in entries
    ]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("place", PLACES, ids="-".join)
@pytest.mark.parametrize("file", LOCKS)
def test_each_requirement_is_pinned_once_and_within_its_range(file, place, python):
    here = dict(zip(("sys_platform", "platform_machine"), place, strict=True))
    here |= {"python_version": python, "python_full_version": f"{python}.1"}
    applies = lambda entry: entry.marker is None or entry.marker.evaluate(here)  # noqa: E731
    versions = {}
    for entry, _ in pinned(LOCKS[file]):
        if applies(entry):
            assert entry.name not in versions
            (version,) = entry.specifier
            versions[entry.name] = version.version
    for wanted in filter(applies, required(file)):
        assert versions[wanted.name] in wanted.specifier, wanted


@pytest.mark.parametrize("lock", LOCKS.values())
def test_a_lock_has_hashes_everywhere_and_names_no_host(lock):
    assert all(hashes for _, hashes in pinned(lock))
    assert not re.search(r"://|^-", (ROOT / lock).read_text(), re.MULTILINE)


def test_what_is_tested_is_what_is_installed():
    tested, installed = (
        {(entry.name, str(entry.specifier)) for entry, _ in pinned(lock)}
        for lock in ("requirements-dev.lock", "requirements.lock")
    )
    assert installed <= tested
