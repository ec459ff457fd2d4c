"""The rules of a venue by the name that its module and its fake share."""

from __future__ import annotations

from collections.abc import Callable

from moniqo_core.venues.exchanges.registry import VENUES, venue_of
from moniqo_core.venues.exchanges.venue import Venue
from tests.support.venues.fakes import FAKES


def slugs_of(exchange: str) -> list[str]:
    """Return the slugs of the definitions that an exchange serves."""
    return [slug for slug, place in VENUES.items() if place.partition(":")[0] == exchange]


def venue_named(exchange: str) -> Venue:
    """Return the rules of an exchange."""
    return venue_of(slugs_of(exchange)[0])


def venues_where(rule: Callable[[Venue], object]) -> list[str]:
    """Return the names of the venues that a rule holds for. Tests of the rule are made for these alone."""
    return [name for name in sorted(FAKES) if rule(venue_named(name))]


TAKING_ORDERS = venues_where(lambda venue: venue.order_types)
"""The venues whose wallets place orders. Wallets of the others only read."""
