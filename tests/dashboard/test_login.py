"""Where the school has a server for logging in, that one says who somebody is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import streamlit as st

from core.people import People
from core.services import Services
from dashboard.components import people, session


@pytest.fixture
def log_in(tmp_path, monkeypatch):
    """Log somebody in, of whom the school's server says this."""
    services = Services(tmp_path)
    monkeypatch.setenv("DIGITLAB_CLASS", "1")
    monkeypatch.setattr(session, "_services", services)
    monkeypatch.setattr(people, "has_login", lambda: True)

    def log_in(**claims):
        monkeypatch.setattr(st, "user", SimpleNamespace(is_logged_in=bool(claims), to_dict=lambda: claims))
        return people.this_person()

    return log_in


def test_nobody_is_there_before_the_log_in(log_in):
    assert log_in() is None


def test_a_log_in_is_the_same_person_each_time_and_another_of_the_same_name_is_not(log_in, tmp_path):
    ann = log_in(iss="https://school", sub="1", name="Ann")
    assert (ann.name, ann.is_teacher) == ("Ann", False)
    assert log_in(iss="https://school", sub="1", name="Ann M.") == ann
    other = log_in(iss="https://school", sub="2", name="Ann")
    assert (other.name, other.id != ann.id) == ("Ann (2)", True)
    assert log_in(iss="https://elsewhere", sub="1", name="Ann").id not in (ann.id, other.id)
    assert len(People(tmp_path).all()) == 3


@pytest.mark.parametrize(
    ("claim", "said", "teaches"),
    [
        ("role=teacher", "teacher", True),
        ("role=teacher", ["staff", "teacher"], True),
        ("role=teacher", "teachers", False),
        ("role=teacher", ["teachers"], False),
        ("role=teacher", None, False),
        ("role=", "", False),
        ("role", "teacher", False),
        ("", "teacher", False),
    ],
)
def test_who_teaches_is_said_by_the_claim_alone(log_in, monkeypatch, claim, said, teaches):
    monkeypatch.setenv("DIGITLAB_TEACHER_CLAIM", claim)
    assert log_in(iss="https://school", sub="1", name="Ann", role=said).is_teacher is teaches


def test_a_teacher_who_no_longer_is_one_is_a_pupil(log_in, monkeypatch):
    monkeypatch.setenv("DIGITLAB_TEACHER_CLAIM", "role=teacher")
    assert log_in(iss="https://school", sub="1", name="Ann", role="teacher").is_teacher
    assert not log_in(iss="https://school", sub="1", name="Ann", role="pupil").is_teacher
