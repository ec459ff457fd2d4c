"""The price feeds that demo wallets of a deployment trade on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.market.market import SIMULATED
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.wallets.kinds import FeedKind
from moniqo_core.feeds.simulated_feed import SimulatedFeed
from moniqo_core.storage.document import Database
from moniqo_core.storage.simulation_seed import simulation_seed
from moniqo_core.venues.connections import VenueConnections
from moniqo_core.wallets.definition_cache import KnownDefinitions

if TYPE_CHECKING:
    from moniqo_core.domain.wallets.definition import Definition
    from moniqo_core.feeds.price_source import PriceSource
    from moniqo_core.storage.market.simulated_hours import SimulatedHours
    from moniqo_core.venues.connection import VenueConnection
    from moniqo_core.venues.polygon_http import PolygonHttp
    from moniqo_core.venues.price_venue_fallback import VenueFeeds
    from moniqo_core.wallets.exchange.config import UsdRate


class DemoFeeds:
    """Makes each feed once, when it is first needed, and shares it between wallets."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        definitions: KnownDefinitions,
        venues: VenueConnections,
        price_venues: Sequence[str],
        polygon: PolygonHttp | None,
    ) -> None:
        """Keep the arguments.

        Args:
            database: Where the seed of the simulated market and the recorded minutes are stored.
            clock: The present.
            definitions: Where the definitions of ``price_venues`` are read from.
            venues: Where connections to venues come from.
            price_venues: Slugs of the definitions whose venues give prices, the preferred one first.
            polygon: Gives prices of shares. None where the deployment has no key.

        """
        self._database = database
        self._clock = clock
        self._definitions = definitions
        self._venues = venues
        self._price_venues = price_venues
        self._polygon = polygon
        self._simulated: PriceFeed | None = None

    @cached_property
    def _venue_feeds(self) -> VenueFeeds:
        from moniqo_core.feeds.polygon import Polygon
        from moniqo_core.venues.price_venue_fallback import VenueFeeds

        shares = None if self._polygon is None else Polygon(self._polygon.get, self._clock)
        return VenueFeeds(self._price_venues, self._venue_prices, shares, self._database, self._clock)

    async def close(self) -> None:
        """Close the connection to Polygon. The owner of ``venues`` closes those to venues."""
        if self._polygon is not None:
            await self._polygon.close()

    @property
    def usd_rate(self) -> UsdRate:
        """Prices a token that follows the dollar, in dollars."""
        return self._venue_feeds.usd_rate

    async def named(self, name: str) -> PriceFeed:
        """Return the simulated market, whose seed is read once, or the venue feed of this name."""
        if name != SIMULATED:
            return self._venue_feeds.named(name)
        if self._simulated is None:
            seed = await simulation_seed(self._database)
            self._simulated = SimulatedFeed(seed, self._clock, self._hours)
        return self._simulated

    def _hours(self) -> SimulatedHours:
        from moniqo_core.storage.market.simulated_hours import SimulatedHours

        return SimulatedHours(self._database, self._clock)

    def name_for(self, definition: Definition) -> str | None:
        """Return the feed of accounts opened now on a demo definition, None when this deployment has no prices."""
        if definition.simulation is None or definition.simulation.feed is FeedKind.SIMULATED:
            return SIMULATED
        return self._venue_feeds.for_new(definition)

    def _venue_prices(self, slug: str) -> PriceSource:
        from moniqo_core.venues.exchange_prices import ExchangePriceSource

        async def connection() -> VenueConnection:
            return self._venues.to(await self._definitions.get(slug))

        return ExchangePriceSource(slug, connection, self._clock)
