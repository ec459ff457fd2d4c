"""The fakes of venues by name: the one list that every suite takes them from. Add the fake of a new venue here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tests.support.venues.binance import FakeBinance
from tests.support.venues.bybit import FakeBybit
from tests.support.venues.coinbase import FakeCoinbase
from tests.support.venues.kraken import FakeKraken
from tests.support.venues.server import FakeVenue

FAKES: Final[Mapping[str, Callable[[], FakeVenue]]] = {
    "binance": FakeBinance,
    "bybit": FakeBybit,
    "coinbase": FakeCoinbase,
    "kraken": FakeKraken,
}
