"""The registry of venues: which class serves each wallet definition.

A new venue is a file in this package and a line here. ``EXCHANGES`` in ``layers/exchanges/Makefile`` names what the
layer keeps of CCXT for it, and a definition in :mod:`moniqo_core.storage.wallets.definition_seeds` offers it to users.
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
    "coinbase-advanced-v1": "coinbase:Coinbase",
    "kraken-spot-v1": "kraken:Kraken",
}
"""Module and class of the venue of each definition, by the definition's slug. Simulated definitions have none."""


def venue_of(slug: str) -> Venue:
    """Return the rules of a definition's venue; only the module of that venue is imported.

    Raises:
        KeyError: the definition is not in :data:`VENUES`.

    """
    module, _, name = VENUES[slug].partition(":")
    venue: Venue = getattr(importlib.import_module(f"{__package__}.{module}"), name)()
    return venue
