"""The venue feeds of a deployment: which venues demo wallets take their prices from, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.money import ONE
from moniqo_core.domain.wallets.definition import Definition
from moniqo_core.domain.wallets.kinds import MarketType
from moniqo_core.feeds import polygon
from moniqo_core.feeds.price_source import PriceSource, UnavailablePriceSource
from moniqo_core.feeds.venue_feed import VenueFeed
from moniqo_core.storage.document import Database
from moniqo_core.storage.market.recorded_minutes import RecordedMinutes


class VenueFeeds:
    """Makes each feed once.

    The path of an account always comes from the venue on which it was opened. Other venues only quote current prices.
    """

    def __init__(
        self,
        venues: Sequence[str],
        exchange: Callable[[str], PriceSource],
        shares: PriceSource | None,
        database: Database,
        clock: Clock,
    ) -> None:
        """Use the price sources of this deployment.

        Args:
            venues: Slugs of the definitions of exchanges, in order of preference.
            exchange: Makes the price source of one of them.
            shares: The price source of shares, or None if this deployment has none.
            database: Where minute candles are recorded.
            clock: Returns the current time.

        """
        self._venues = venues
        self._exchange = exchange
        self._shares = shares
        self._record = RecordedMinutes(database)
        self._clock = clock
        self._feeds: dict[str, VenueFeed] = {}

    def for_new(self, definition: Definition) -> str | None:
        """Return the name of the feed for new accounts of a definition, or None if this deployment has none."""
        if MarketType.STOCKS in definition.supported_markets:
            return None if self._shares is None else polygon.SOURCE
        return self._venues[0] if self._venues else None

    def named(self, name: str) -> PriceFeed:
        """Return the feed of a stored name. It has no prices if the deployment no longer uses the venue."""
        if name not in self._feeds:
            self._feeds[name] = VenueFeed(self._sources(name), self._record, self._clock)
        return self._feeds[name]

    async def usd_rate(self, asset: str) -> Decimal:
        """Return the US dollars per unit of a token pegged to the dollar, as venues quote it, or 1 without venues."""
        return await self.named(self._venues[0]).usd_rate(asset) if self._venues else ONE

    def _sources(self, name: str) -> list[PriceSource]:
        if name == polygon.SOURCE:
            return [self._shares or UnavailablePriceSource(name)]
        if name not in self._venues:
            return [UnavailablePriceSource(name)]
        return [self._exchange(venue) for venue in (name, *(other for other in self._venues if other != name))]
