"""The rules of a venue by the name that its module and its fake share."""

from __future__ import annotations

from moniqo_core.venues.exchanges.registry import VENUES, venue_of
from moniqo_core.venues.exchanges.venue import Venue


def slugs_of(exchange: str) -> list[str]:
    """Return the slugs of the definitions that an exchange serves."""
    return [slug for slug, place in VENUES.items() if place.partition(":")[0] == exchange]


def venue_named(exchange: str) -> Venue:
    """Return the rules of an exchange."""
    return venue_of(slugs_of(exchange)[0])
