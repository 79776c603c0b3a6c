"""Who works here where a class shares one server: names, whose a thing is, who may change it, limits, turns."""

from core.people.deeds import deed, note_change
from core.people.guard import Actor, acting_as, actor, maker, may_change, refusal, refusal_to_make, use_resolver
from core.people.owner import Owner, note_owner, owner_of
from core.people.person import People, Person, PersonError, own_home
from core.people.rules import Rules, change_rules, read_rules

__all__ = [
    "Actor",
    "Owner",
    "People",
    "Person",
    "PersonError",
    "Rules",
    "acting_as",
    "actor",
    "change_rules",
    "deed",
    "maker",
    "may_change",
    "note_change",
    "note_owner",
    "own_home",
    "owner_of",
    "read_rules",
    "refusal",
    "refusal_to_make",
    "use_resolver",
]
