"""The registry of venues: which class serves each wallet definition.

A new venue is a module in this package and a line here. It also needs the name of its CCXT modules in ``EXCHANGES`` of
``layers/exchanges/Makefile``, and a definition in :mod:`moniqo_core.storage.wallets.definition_seeds`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from moniqo_core.venues.exchanges.venue import Venue

VENUES: Final[Mapping[str, str]] = {
    "binance-spot-v1": "binance:Binance",
    "binance-testnet-v1": "binance:Binance",
    "bybit-spot-v1": "bybit:Bybit",
    "coinbase-advanced-v1": "coinbase:Coinbase",
    "kraken-spot-v1": "kraken:Kraken",
}
"""Module and class of each definition's venue, by the definition's slug. Simulated definitions have no venue."""


def venue_of(slug: str) -> Venue:
    """Return the rules of a definition's venue. Only the module of that venue is imported.

    Raises:
        KeyError: the definition is not in :data:`VENUES`.

    """
    module, _, name = VENUES[slug].partition(":")
    venue: Venue = getattr(importlib.import_module(f"{__package__}.{module}"), name)()
    return venue
