"""The venues: one short file each."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from moniqo_core.venues.exchanges.venue import Venue

_CLASSES: Final = {"binance": "Binance", "coinbase": "Coinbase", "kraken": "Kraken"}


def venue_named(name: str) -> Venue:
    """Return the rules of a venue of our list; only its own module is imported."""
    found: Venue = getattr(importlib.import_module(f"moniqo_core.venues.exchanges.{name}"), _CLASSES[name])()
    return found
