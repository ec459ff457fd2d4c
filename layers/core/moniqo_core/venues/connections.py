"""The connections of a deployment to its venues, which outlive the wallets that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moniqo_core.domain.errors import WalletConnectionError
from moniqo_core.venues.exchanges.registry import VENUES, venue_of

if TYPE_CHECKING:
    from moniqo_core.domain.clock import Clock
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.storage.document import Database
    from moniqo_core.venues.connection import VenueConnection


class VenueConnections:
    """One connection for each definition of a venue, made when it is first needed."""

    def __init__(self, database: Database, clock: Clock, *, allow_loopback: bool, calls_from: str | None) -> None:
        """Keep the markets of venues in ``database``.

        Args:
            database: Where markets are kept.
            clock: The present.
            allow_loopback: Whether a definition may name a venue on this machine.
            calls_from: The address venues see, where it is fixed.

        """
        self._database = database
        self._clock = clock
        self._allow_loopback = allow_loopback
        self._calls_from = calls_from
        self._made: dict[tuple[str, str], VenueConnection] = {}

    def to(self, definition: Definition) -> VenueConnection:
        """Return the connection to a definition's venue; an administrator's change of it makes another.

        Raises:
            WalletConnectionError: the definition gives no usable address of its venue.

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
                calls_from=self._calls_from,
                now=self._clock,
            )
        return self._made[name]

    async def close(self) -> None:
        """Close them all."""
        for connection in self._made.values():
            await connection.close()
