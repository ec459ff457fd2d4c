"""Reading answers of a venue, as it documents or once sent them, through the adapter over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from moniqo_core import event_loop
from moniqo_core.domain.market.market import Candle
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.domain.wallets.results import WalletBalance
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.wallets.exchange.wallet import ExchangeWallet
from tests.support.venues.rules import venue_named
from tests.support.venues.server import FakeVenue


class Answers:
    """A wallet at a venue that gives the answers which a test names. Paths without one are those of the fake."""

    def __init__(self, fake: FakeVenue) -> None:
        self.fake = fake
        config = ApiConfig(base_url=fake.url, rate_limits={"requests_per_second": 1000})
        self.connection = VenueConnection(venue_named(fake.name), config, allow_loopback=True)
        self.wallet = ExchangeWallet("definition", "wallet", fake.credentials(), {"connection": self.connection})

    def give(self, path: str, body: object, method: str | None = None, status: int = 200) -> None:
        """Answer requests to paths with this part."""
        self.fake.break_with("status", path=path, method=method, status=status, body=json.dumps(body), times=None)


@contextmanager
def answers_of(fake: FakeVenue) -> Iterator[Answers]:
    """Open a wallet at a fake venue."""
    with fake:
        answers = Answers(fake)
        event_loop.run(answers.wallet.initialize())
        try:
            yield answers
        finally:
            event_loop.run(answers.connection.close())


def at(milliseconds: int) -> datetime:
    """Return the time that many milliseconds after the start of 1970 UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def held(asset: str, free: str, locked: str) -> WalletBalance:
    """Return a balance with these amounts."""
    return WalletBalance(asset, Decimal(free), Decimal(locked))


def candle(milliseconds: int, *numbers: str) -> Candle:
    """Return a candle of open, high, low, close and volume."""
    opened, high, low, closed, volume = (Decimal(number) for number in numbers)
    return Candle(at(milliseconds), opened, high, low, closed, volume)


def changed(row: dict[str, Any], **fields: object) -> dict[str, Any]:
    """Return a row with other fields."""
    return {**row, **fields}
