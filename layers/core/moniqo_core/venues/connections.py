"""The connections of a deployment to its venues, which outlive the wallets that use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from moniqo_core.domain.errors import WalletConnectionError

if TYPE_CHECKING:
    from pymongo.asynchronous.database import AsyncDatabase

    from moniqo_core.domain.clock import Clock
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.venues.connection import VenueConnection

VENUES: Final[Mapping[str, str]] = {
    "binance-spot-v1": "binance",
    "binance-testnet-v1": "binance",
    "coinbase-advanced-v1": "coinbase",
    "kraken-spot-v1": "kraken",
}
"""The venue of each definition, by slug: its module in :mod:`moniqo_core.venues.exchanges`. What a definition simulates
is a demo wallet by itself.
"""


class VenueConnections:
    """One connection for each definition of a venue, made when it is first needed."""

    def __init__(
        self, database: AsyncDatabase[dict[str, Any]], clock: Clock, *, allow_loopback: bool, calls_from: str | None
    ) -> None:
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
        from moniqo_core.storage.market.venue_markets import VenueMarkets
        from moniqo_core.venues.connection import VenueConnection
        from moniqo_core.venues.exchanges import venue_named

        if definition.slug not in VENUES or definition.api_config is None:
            raise WalletConnectionError("The wallet definition does not say how its venue is reached.")
        name = (definition.slug, repr(definition.api_config))
        if name not in self._made:
            self._made[name] = VenueConnection(
                venue_named(VENUES[definition.slug]),
                definition.api_config,
                VenueMarkets(self._database),
                allow_loopback=self._allow_loopback,
                calls_from=self._calls_from,
                now=self._clock,
            )
        return self._made[name]

    async def close(self) -> None:
        """Close them all."""
        for connection in self._made.values():
            await connection.close()
