"""Who acts, and what they may change. Runs and sweeps ask here before they write, whichever way a request came.

On a machine of one's own nobody is asked: there is no actor, and everything is allowed. So it is for the processes that
train, and for the threads that start them. A server that others reach says who acts: for a request by `acting_as`, and
for the pages by `use_resolver`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from core.people.owner import NOBODY, Owner
from core.people.person import Person

ONLY_LOOK = "Digit Lab can only be looked at from here."


@dataclass(frozen=True)
class Actor:
    """Who asks for something over the network.

    Attributes:
        person: a person of the class; None for somebody who may only look.
        why: why somebody may only look, and what to do, as sentences.
    """

    person: Person | None = None
    why: str = ONLY_LOOK

    @property
    def is_teacher(self) -> bool:
        """Whether everything is allowed."""
        return self.person is not None and self.person.is_teacher

    @property
    def owner(self) -> Owner:
        """Whose is what they make."""
        return Owner(self.person.id, self.person.name) if self.person else NOBODY


_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)
_resolver: Callable[[], Actor | None] | None = None


def use_resolver(resolver: Callable[[], Actor | None] | None) -> None:
    """Ask `resolver` who acts, where no `acting_as` says it; it returns None for threads that serve nobody."""
    global _resolver
    _resolver = resolver


@contextmanager
def acting_as(who: Actor | None) -> Iterator[None]:
    """Within it, `who` acts."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


def actor() -> Actor | None:
    """Who acts now; None for the program itself and on a machine of one's own, where everything is allowed."""
    return _acting.get() or (_resolver() if _resolver else None)


def may_change(owner: Owner) -> bool:
    """Whether who acts now may change what is `owner`'s."""
    who = actor()
    return who is None or who.is_teacher or (who.person is not None and who.person.id == owner.id)


def is_teacher_elsewhere(owner: Owner) -> bool:
    """Whether who acts now is a teacher, and what is `owner`'s is another's."""
    who = actor()
    return who is not None and who.is_teacher and who.person.id != owner.id


def refusal(owner: Owner, name: str) -> str:
    """Why who acts now may not change the thing called `name`, which is `owner`'s, as sentences; "" where they may."""
    if may_change(owner):
        return ""
    who = actor()
    if who is not None and who.person is None:
        return who.why
    if not owner.id:
        return f"{name} is nobody's of the class. Only the teacher can change it."
    return f"{name} is {owner.name}'s. You can look at it, compare it and use its settings."


def refusal_to_make() -> str:
    """Why who acts now may not make anything, as sentences; "" where they may."""
    who = actor()
    return "" if who is None or who.person else who.why


def maker() -> Owner:
    """Whose is what is made now; nobody's where nobody is asked."""
    who = actor()
    return who.owner if who else NOBODY
