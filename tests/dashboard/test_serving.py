"""A class is served: the flags, the board, the certificate, and which session is from another machine."""

from __future__ import annotations

import datetime
import os
import stat

import pytest
import segno
import streamlit as st
from cryptography import x509

from dashboard.origin import ELSEWHERE, FROM, HERE
from dashboard.serving import certificate, flags
from dashboard.serving.board import qr_picture
from dashboard.serving.certificate import certificate_file
from dashboard.serving.read_only import is_read_only_here
from tests.support.pages import open_page, words

BLOCKS = {" ": (1, 1), "▀": (0, 1), "▄": (1, 0), "█": (0, 0)}  # what is left dark, above and below


@pytest.mark.parametrize("asked", [["--class"], ["--https", "--class"]])
def test_a_flag_is_an_environment_variable_that_what_is_started_from_here_knows_too(monkeypatch, asked):
    for variable in (flags.CLASS, flags.HTTPS):
        monkeypatch.setenv(variable, "0")
    assert not flags.is_class()
    flags.read_flags(asked)
    assert flags.is_class()
    assert flags.is_https() == ("--https" in asked)


@pytest.mark.parametrize("wrong", ["--clas", "--server.port=80", "class"])
def test_a_flag_that_is_misspelt_starts_nothing_that_is_open_to_everybody(monkeypatch, capsys, wrong):
    monkeypatch.setenv(flags.CLASS, "")
    with pytest.raises(SystemExit, match="2"):
        flags.read_flags([wrong])
    assert f"unrecognized arguments: {wrong}" in capsys.readouterr().err


def test_the_picture_in_the_terminal_is_the_code_of_the_address_with_its_quiet_zone():
    address = "https://192.168.178.23:8501/lab"
    lines = qr_picture(address).splitlines()
    rows = [[BLOCKS[character][half] for character in line] for line in lines for half in (0, 1)]
    code = [list(row) for row in segno.make(address, micro=False).matrix_iter(border=4)]
    assert rows[: len(code)] == code


def names_of(path) -> set[str]:
    found = x509.load_pem_x509_certificate(path.read_bytes()).extensions
    names = found.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}


def test_a_certificate_is_kept_while_it_holds_for_all_names_and_is_readable_by_its_owner_alone(tmp_path):
    path = certificate_file(tmp_path / "home", ["192.0.2.7", "*.school.example", "*", "schüler.example"])
    assert names_of(path) >= {"localhost", "127.0.0.1", "::1", "192.0.2.7", "*.school.example"}
    assert not names_of(path) & {"*", "schüler.example"}
    first = path.read_bytes()
    assert certificate_file(tmp_path / "home", ["192.0.2.7"]).read_bytes() == first  # nobody is asked again
    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o600
    assert certificate_file(tmp_path / "home", ["192.0.2.8"]).read_bytes() != first
    assert {"192.0.2.8"} <= names_of(path)
    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [certificate.FILE]


@pytest.mark.parametrize("change", ["ends today", "is cut off", "has another's key"])
def test_a_certificate_that_no_browser_would_take_is_made_anew(tmp_path, monkeypatch, change):
    with monkeypatch.context() as patch:
        patch.setattr(certificate, "VALID", datetime.timedelta(hours=20 if change == "ends today" else 1000))
        path = certificate_file(tmp_path, [])
    before = path.read_bytes()
    if change == "is cut off":
        path.write_bytes(before[: len(before) // 2])
    if change == "has another's key":
        other = certificate_file(tmp_path / "other", []).read_bytes()
        end = b"-----END PRIVATE KEY-----\n"
        path.write_bytes(other.split(end)[0] + end + before.split(end)[1])
    certificate_file(tmp_path, [])
    made = x509.load_pem_x509_certificate(path.read_bytes())
    left = made.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=364) < left <= datetime.timedelta(days=365)


@pytest.mark.parametrize(
    ("told", "address", "environment", "is_read_only"),
    [
        (HERE, None, {}, False),
        (ELSEWHERE, "192.0.2.7", {}, True),
        (ELSEWHERE, None, {}, True),  # a proxy on this machine, or a Unix socket
        (None, "192.0.2.7", {}, True),  # main.py without the server of app.py
        (ELSEWHERE, "192.0.2.7", {flags.CLASS: "1"}, False),
        (ELSEWHERE, "192.0.2.7", {flags.CLASS: "0"}, True),
        (ELSEWHERE, "192.0.2.7", {flags.OTHERS_WRITE: "yes"}, False),
        (ELSEWHERE, "192.0.2.7", {flags.OTHERS_WRITE: "192.0.2.1"}, True),
    ],
)
def test_other_machines_may_only_look_unless_somebody_decided_otherwise(
    monkeypatch, told, address, environment, is_read_only
):
    for variable in (flags.CLASS, flags.OTHERS_WRITE):
        monkeypatch.setenv(variable, environment.get(variable, ""))
    monkeypatch.setattr(type(st.context), "headers", {FROM: told} if told else {})
    monkeypatch.setattr(type(st.context), "ip_address", address)
    assert is_read_only_here() == is_read_only


@pytest.mark.parametrize("name", ["train", "draw"])
def test_a_page_says_that_it_is_read_only_and_what_to_do(monkeypatch, laboratory, name):
    monkeypatch.setenv(flags.CLASS, "")
    assert "only be looked at" not in words(open_page(name))
    monkeypatch.setattr(type(st.context), "headers", {FROM: ELSEWHERE})
    assert "open it on the machine where it runs, as localhost" in words(open_page(name))
