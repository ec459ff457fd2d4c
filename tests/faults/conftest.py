"""Fixtures for the tests of faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Database, fresh_database


@pytest.fixture
def database(environment: pytest.MonkeyPatch, mongo_url: str) -> Iterator[Database]:
    """A database that no other test uses: a process or a connection that was cut may still write to it."""
    with fresh_database(environment, mongo_url) as db:
        yield db
