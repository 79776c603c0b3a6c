"""Names, keys and rules of a class, kept in files that may be damaged."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.people import Actor, People, PersonError, Rules, acting_as, change_rules, own_home, read_rules
from core.people.codes import FILE, GOOD_SECONDS, Codes
from core.people.pin import MOST_FIRST_TRIES, MOST_TRIES, MOST_TRIES_IN_ALL, Pin, TooManyTriesError
from core.people.rules import why_too_much
from core.people.turns import in_turn


def test_a_key_opens_its_person_alone(tmp_path):
    people = People(tmp_path)
    ann, key = people.join(" Ann\u200b ")
    ben, other = people.join("Ben")
    assert (people.of_key(key), people.of_key(other)) == (ann, ben)
    assert ann.name == "Ann"
    secret = key.partition(".")[2]
    for wrong in (None, "", ann.id, f"{ben.id}.{secret}", f"{key}x", key[:-1], f"../{key}", "x" * 10_000):
        assert people.of_key(wrong) is None
    files = "".join(path.read_text() for path in people.folder.glob("*.json"))
    assert secret not in files


def test_two_of_the_same_name_get_a_number_also_at_once(tmp_path):
    people = People(tmp_path)
    threads = [threading.Thread(target=people.join, args=("Ann",)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [person.name for person in people.all()] == ["Ann", "Ann (2)", "Ann (3)", "Ann (4)", "Ann (5)"]
    second = people.all()[1]
    assert people.rename(second, "Anna").name == "Anna"
    assert people.rename(people.all()[0], "Anna").name == "Anna (2)"


def test_names_are_the_same_in_other_capitals_and_with_more_spaces(tmp_path):
    people = People(tmp_path)
    names = ("Ann", "ann", "ANN", "Ann Lee", "ann   lee", "Straße", "STRASSE", "ann (2)")
    joined = [people.join(name)[0] for name in names]
    assert [person.name for person in joined] == [
        *("Ann", "ann (2)", "ANN (3)", "Ann Lee", "ann lee (2)", "Straße", "STRASSE (2)", "ann (2) (2)")
    ]
    assert people.rename(joined[3], " aNN ").name == "aNN (4)"
    assert people.rename(joined[0], "ANN").name == "ANN"  # one's own name in other capitals


def test_two_long_names_are_told_apart_and_each_counts(tmp_path, monkeypatch):
    people = People(tmp_path)
    names = {people.join("A" * 40)[0].name for _ in range(3)}
    assert len(names) == len({person.name for person in people.all()}) == 3
    assert max(map(len, names)) <= 40
    monkeypatch.setattr("core.people.person.MOST_PEOPLE", 3)
    with pytest.raises(PersonError, match="full"):
        people.join("Ben")


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "x" * 41, "\ud800"])
def test_a_name_that_cannot_be_shown_is_refused(tmp_path, name):
    with pytest.raises(PersonError):
        People(tmp_path).join(name)


def test_a_removed_person_has_no_key_and_nothing_is_left_of_theirs(tmp_path):
    people = People(tmp_path)
    ann, key = people.join("Ann")
    (own_home(tmp_path, ann.id) / "my_digits").mkdir(parents=True)
    people.remove(ann)
    assert people.of_key(key) is None
    assert not own_home(tmp_path, ann.id).exists()
    with pytest.raises(PersonError, match="removed"):
        people.rename(ann, "Anna")


def test_a_login_is_one_person_whatever_it_is_called(tmp_path):
    people = People(tmp_path)
    first = people.of_login("https://school/1", "Ann")
    assert people.of_login("https://school/1", "Somebody else") == first
    teacher = people.of_login("https://school/1", "Ann", is_teacher=True)
    assert (teacher.id, teacher.is_teacher) == (first.id, True)
    assert people.of_key(f"{first.id}.{'x' * 32}") is None  # it has no key


def test_nobody_is_a_teacher_by_a_damaged_file(tmp_path):
    people = People(tmp_path)
    ann, key = people.join("Ann")
    path = people.folder / f"{ann.id}.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "is_teacher": "yes"}))
    assert not people.of_key(key).is_teacher
    path.write_text(json.dumps(stored)[:-9])
    assert people.of_key(key) is None
    assert people.all() == []


def test_last_seen_is_when_somebody_was_here(tmp_path):
    people = People(tmp_path)
    ann, _ = people.join("Ann")
    os.utime(people.folder / f"{ann.id}.json", (1000, 1000))
    assert people.last_seen(ann) == 1000
    people.rename(ann, "Anna")  # by the teacher
    assert people.last_seen(ann) == 1000
    people.note_here(ann)
    assert people.last_seen(ann) > 1_700_000_000


def test_rules_that_are_damaged_are_as_usual(tmp_path):
    assert read_rules(tmp_path) == Rules()
    change_rules(tmp_path, epochs=5, everybody_waits=True)
    assert read_rules(tmp_path) == Rules(epochs=5, everybody_waits=True)
    (tmp_path / "class.json").write_text('{"epochs": -1, "waiting": "many", "images": true, "minutes": 3}')
    assert read_rules(tmp_path) == Rules(minutes=3)
    with pytest.raises(ValueError, match="positive"):
        change_rules(tmp_path, epochs=0)


def test_limits_hold_for_pupils_alone(tmp_path):
    people = People(tmp_path)
    ann, _ = people.join("Ann")
    change_rules(tmp_path, epochs=5, images=1000, waiting=2, minutes=10)
    fits = {"epochs": 5, "images": 1000, "waiting": 1, "minutes": lambda: 9.9}
    wrong = {"epochs": 6, "images": None, "waiting": 2, "minutes": lambda: 10.0}
    assert why_too_much(tmp_path, **fits | wrong) == ""  # nobody is asked
    with acting_as(Actor(ann)):
        assert why_too_much(tmp_path, **fits) == ""
        for name, value in wrong.items():
            assert "teacher" in why_too_much(tmp_path, **fits | {name: value}).lower()
        change_rules(tmp_path, images=60_000)
        assert why_too_much(tmp_path, **fits | {"images": None}) == ""
    with acting_as(Actor(people.set_teacher(ann, True))):
        assert why_too_much(tmp_path, **fits | wrong) == ""


WAITING = st.lists(st.tuples(st.floats(0, 100), st.sampled_from("abcd")), max_size=14)


@given(waiting=WAITING, training=st.lists(st.sampled_from("abcd"), max_size=3))
def test_the_line_is_served_round_by_names(waiting, training):
    line = in_turn([(since, owner, (since, owner)) for since, owner in waiting], training)
    assert Counter(line) == Counter(waiting)
    had, to_come = Counter(training), Counter(owner for _, owner in line)
    for _, owner in line:  # oracle: whoever is served has had no more than anybody who still waits
        assert all(had[owner] <= had[other] for other in to_come if to_come[other])
        had[owner] += 1
        to_come[owner] -= 1
    for owner in "abcd":
        mine = [since for since, whose in line if whose == owner]
        assert mine == sorted(mine)


def test_a_pin_opens_after_few_tries_and_not_after_many():
    pin = Pin("123 456")
    assert pin.opens(" 123456", "here")
    for _ in range(MOST_TRIES):
        assert not pin.opens("000000", "here")
    with pytest.raises(TooManyTriesError, match="Try again in"):
        pin.opens("123456", "here")
    assert pin.opens("123456", "there")  # a pupil's wrong tries do not lock out the teacher


def test_many_places_together_have_a_limit_too_and_do_not_lock_out_who_has_not_tried(monkeypatch):
    monkeypatch.setattr(Pin, "_of", lambda self, text: text.encode())  # slow hashes are for people
    pin = Pin("123456")
    for number in range(MOST_TRIES_IN_ALL):
        assert not pin.opens("000000", f"place {number}")
    with pytest.raises(TooManyTriesError):
        pin.opens("123456", "place 0")
    assert pin.opens("123456", "the teacher's")
    for number in range(MOST_TRIES_IN_ALL, MOST_FIRST_TRIES):
        assert not pin.opens("000000", f"place {number}")
    with pytest.raises(TooManyTriesError):
        pin.opens("123456", "another")


def test_a_code_lets_in_its_person_once_beside_the_browsers_that_are_in(tmp_path):
    people = People(tmp_path)
    ann, key = people.join("Ann")
    ben, _ = people.join("Ben")
    people.set_teacher(ann, True)
    codes = Codes(people)
    first, code, bens = codes.make(ann), codes.make(ann), codes.make(ben)
    assert re.fullmatch("[0-9]{6}", code)
    assert code not in (tmp_path / FILE).read_text()
    assert codes.take(first, "here") is None or first == code
    found, another = codes.take(f" {code[:3]} {code[3:]}", "here")
    assert (found.id, people.of_key(another).id, people.of_key(key).id) == (ann.id,) * 3
    assert another != key
    assert not people.of_key(another).is_teacher  # which takes the PIN
    assert codes.take(code, "here") is None
    people.rename(ann, "Anna")
    assert people.of_key(another).name == people.of_key(key).name == "Anna"
    assert Codes(people).take(bens, "here")[0] == ben  # also after the server was started again


def test_a_code_is_good_for_ten_minutes_and_for_who_is_of_the_class(tmp_path, monkeypatch):
    people = People(tmp_path)
    ann, _ = people.join("Ann")
    codes, now = Codes(people), time.time()
    late = codes.make(ann)
    monkeypatch.setattr(time, "time", lambda: now + GOOD_SECONDS + 2)
    assert GOOD_SECONDS == 600
    assert codes.take(late, "here") is None
    code = codes.make(ann)
    people.remove(ann)
    assert codes.take(code, "here") is None
    with pytest.raises(PersonError, match="Ann was removed"):
        codes.make(ann)


@pytest.mark.parametrize(
    "damage", ["", "[]", '{"salt": 1, "codes": {}}', '{"salt": "0", "codes": {}}', '{"salt": "00", "codes": [1]}']
)
def test_a_damaged_file_of_codes_has_none_and_takes_new_ones(tmp_path, damage):
    people = People(tmp_path)
    ann, _ = people.join("Ann")
    codes = Codes(people)
    code = codes.make(ann)
    (tmp_path / FILE).write_text(damage)
    assert codes.take(code, "here") is None
    assert codes.take(codes.make(ann), "here")[0] == ann


def test_tries_of_codes_are_limited_as_those_of_the_pin(tmp_path):
    people = People(tmp_path)
    ann, _ = people.join("Ann")
    codes = Codes(people)
    code = codes.make(ann)
    for _ in range(MOST_TRIES):
        assert codes.take("wrong", "here") is None
    with pytest.raises(TooManyTriesError, match="Too many wrong codes"):
        codes.take(code, "here")
    assert codes.take(code, "there")[0] == ann


def test_the_key_of_an_earlier_version_is_known_and_the_newest_are_kept(tmp_path, monkeypatch):
    people = People(tmp_path)
    ann, key = people.join("Ann")
    path = people.folder / f"{ann.id}.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({"name": "Ann", "is_teacher": False, "key": stored["keys"][0]}))
    assert people.of_key(key) == ann
    second = people.add_key(ann)
    assert people.of_key(key) == people.of_key(second) == ann
    monkeypatch.setattr("core.people.person.MOST_KEYS", 2)
    third = people.add_key(ann)
    assert [people.of_key(each) for each in (key, second, third)] == [None, ann, ann]
