"""The check of the addresses that an admin writes into a definition."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, cast

from moniqo_core.domain.errors import ValidationError, WalletConnectionError
from moniqo_core.venues.exchanges.registry import VENUES, venue_of
from moniqo_core.venues.transport.venue_address import checked_address

_ADDRESSES: Final = ("base_url", "testnet_url")


class VenueAddresses:
    """Refuses addresses that are not those of the definition's venue. Users' keys are sent there."""

    def __init__(self, venue_hosts: Collection[str] = (), *, allow_loopback: bool = False) -> None:
        """Accept ``venue_hosts`` for every venue, and venues on this machine if ``allow_loopback`` is true."""
        self._venue_hosts = venue_hosts
        self._allow_loopback = allow_loopback

    def check(self, slug: str, fields: Mapping[str, object]) -> None:
        """Check ``api_config`` in the new fields of a definition. A definition without a venue is never called.

        Raises:
            ValidationError: an address is not one of the venue. The error names the field and the possible hosts.

        """
        config = cast("Mapping[str, str | None] | None", fields.get("api_config"))
        if config is None or slug not in VENUES:
            return
        venue = venue_of(slug)
        hosts = {*venue.hosts, *venue.test_hosts, *self._venue_hosts}
        errors = [error for name in _ADDRESSES if (error := self._problem(name, config.get(name), hosts))]
        if errors:
            raise ValidationError(errors=errors)

    def _problem(self, name: str, address: str | None, hosts: Collection[str]) -> dict[str, str] | None:
        if address is None:
            return None
        try:
            checked_address(address, allow_loopback=self._allow_loopback, hosts=hosts)
        except WalletConnectionError:
            message = f"Use an address of the venue. The venue's hosts are {', '.join(sorted(hosts))}."
            return {"field": f"api_config.{name}", "message": message, "code": "venue_host"}
        return None
