"""Who works in the class of these tests."""

from __future__ import annotations

import pytest

from core.people import People


@pytest.fixture
def ben(store):
    """A pupil."""
    return People(store.home).join("Ben")[0]
