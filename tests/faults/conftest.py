"""Fixtures for the tests of faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Database, Run, fresh_database
from tests.support.live_traders import SLUG
from tests.support.venues.binance import FakeBinance


@pytest.fixture
def database(environment: pytest.MonkeyPatch, mongo_url: str) -> Iterator[Database]:
    """A database that no other test uses: a process or a connection that was cut may still write to it."""
    with fresh_database(environment, mongo_url) as db:
        yield db


@pytest.fixture
def venue_of_traders(seeded: Database, run: Run) -> Iterator[FakeBinance]:
    """A fake Binance that the definition names, with no limit of requests that matters."""
    with FakeBinance(latency=0.01) as fake:
        config = {"base_url": fake.url, "rate_limits": {"requests_per_second": 10000}}
        run(seeded.wallets.update_one({"slug": SLUG}, {"$set": {"api_config": config}}))
        yield fake
