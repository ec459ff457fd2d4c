"""The connections of a deployment to its venues. They outlive the wallets that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moniqo_core.domain.errors import WalletConnectionError
from moniqo_core.venues.exchanges.registry import VENUES, venue_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from moniqo_core.domain.clock import Clock
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.storage.document import Database
    from moniqo_core.venues.connection import VenueConnection


class VenueConnections:
    """Holds one connection for each definition of a venue, made on first use."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        allow_loopback: bool,
        venue_hosts: Collection[str],
        calls_from: str | None,
    ) -> None:
        """Make no connection yet.

        Args:
            database: Where the listings of markets are stored.
            clock: Returns the current time.
            allow_loopback: Whether a definition may name a venue on this machine.
            venue_hosts: Hosts that a definition may name beside those of its venue.
            calls_from: The IP address that venues see, if it is fixed.

        """
        self._database = database
        self._clock = clock
        self._allow_loopback = allow_loopback
        self._venue_hosts = venue_hosts
        self._calls_from = calls_from
        self._made: dict[tuple[str, str], VenueConnection] = {}

    def to(self, definition: Definition) -> VenueConnection:
        """Return the connection to a definition's venue. A changed ``api_config`` gets a new connection.

        Raises:
            WalletConnectionError: the definition has no venue, or no usable address of it.

        """
        from moniqo_core.storage.market.venue_markets import VenueMarketStore
        from moniqo_core.venues.connection import VenueConnection

        if definition.slug not in VENUES or definition.api_config is None:
            raise WalletConnectionError("The wallet definition does not say how to reach its venue.")
        name = (definition.slug, repr(definition.api_config))
        if name not in self._made:
            self._made[name] = VenueConnection(
                venue_of(definition.slug),
                definition.api_config,
                VenueMarketStore(self._database),
                allow_loopback=self._allow_loopback,
                venue_hosts=self._venue_hosts,
                calls_from=self._calls_from,
                now=self._clock,
            )
        return self._made[name]

    async def close(self) -> None:
        """Close every connection."""
        for connection in self._made.values():
            await connection.close()
