"""The connection to one venue at one address, which all wallets of an execution environment share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.storage.market.venue_markets import ListedMarket, MarketListing, VenueMarketStore
from moniqo_core.venues.exchanges.venue import Client, Venue
from moniqo_core.venues.transport.circuit_breaker import CircuitBreaker
from moniqo_core.venues.transport.rate_limiter import RateLimiter
from moniqo_core.venues.transport.venue_calls import VenueCalls

MARKETS_MAX_AGE: Final = timedelta(hours=1)
MARKETS_RETRY_AFTER: Final = timedelta(minutes=1)
"""How long an old listing is used after a failed refresh, until the next attempt."""
PRICES_MAX_AGE_SECONDS: Final = 5.0


class VenueConnection(VenueCalls):
    """Makes calls to a venue, and caches its public data: the markets and their mid prices."""

    def __init__(
        self,
        venue: Venue,
        config: ApiConfig,
        markets: VenueMarketStore | None = None,
        *,
        allow_loopback: bool = False,
        venue_hosts: Collection[str] = (),
        calls_from: str | None = None,
        now: Clock = utc_now,
        circuit_breaker: CircuitBreaker | None = None,
        rate_limiter: Callable[[float, float], RateLimiter] = RateLimiter,
    ) -> None:
        """Prepare the connection. Nothing is opened before the first call.

        Args:
            venue: The rules of the exchange.
            config: The address: ``base_url``, or ``testnet_url`` if there is no ``base_url``. ``rate_limits`` may set
                ``requests_per_second`` for each account, which overrides CCXT's rate.
            markets: Where listings are stored. None keeps them in this object only.
            allow_loopback: Whether an address on this machine may be called, also without TLS.
            venue_hosts: Hosts that may be called beside those of the venue itself.
            calls_from: The IP address that venues see, if it is fixed. Errors name it when a venue refuses a key.
            now: Returns the current time.
            circuit_breaker: Decides whether calls are sent. None creates one.
            rate_limiter: Makes the rate limiter of an account from a rate per second and a burst.

        Raises:
            WalletConnectionError: the address is not usable.

        """
        super().__init__(
            venue,
            config,
            allow_loopback=allow_loopback,
            venue_hosts=venue_hosts,
            calls_from=calls_from,
            circuit_breaker=circuit_breaker,
            rate_limiter=rate_limiter,
        )
        self._kept = markets
        self._now = now
        self._listing: MarketListing | None = None
        self._read_again_at = datetime.min.replace(tzinfo=UTC)
        self._by_symbol: Mapping[str, ListedMarket] = {}
        self._mids: tuple[float, Mapping[str, Decimal]] | None = None
        self._lock = asyncio.Lock()

    async def markets(self) -> Mapping[str, ListedMarket]:
        """Return every market by symbol. The listing is at most an hour old, unless a refresh fails."""
        async with self._lock:
            if self._listing is None and self._kept is not None:
                self._use_listing(await self._kept.get(self._address))
            if self._listing is None or self._now() > self._read_again_at:
                await self._fetch_markets()
        return self._by_symbol

    async def _fetch_markets(self) -> None:
        from moniqo_core.venues.ccxt.client import read_markets

        async def ask(client: Client) -> list[ListedMarket]:
            return read_markets(self.venue, await self.venue.markets(client))

        try:
            listing = MarketListing(self._now(), await self.read(self.client({}), ask))
        except WalletError:
            if self._listing is None:
                raise
            self._read_again_at = self._now() + MARKETS_RETRY_AFTER
            return
        self._use_listing(listing)
        if self._kept is not None:
            await self._kept.put(self._address, listing)

    def _use_listing(self, listing: MarketListing | None) -> None:
        if listing is None:
            return
        from moniqo_core.venues.ccxt.client import load_markets_into

        self._listing, self._read_again_at = listing, listing.fetched_at + MARKETS_MAX_AGE
        self._by_symbol = {item.market.symbol: item for item in listing.markets}
        load_markets_into(self.client_model(), listing.markets)

    async def mids(self) -> Mapping[str, Decimal]:
        """Return the mid price of every symbol, at most 5 s old. Concurrent callers share one call to the venue."""
        await self.markets()
        async with self._lock:
            if self._mids is None or time.monotonic() - self._mids[0] > PRICES_MAX_AGE_SECONDS:
                found = await self.read(self.client({}), self.venue.mids)
                usable = {symbol: price for symbol, price in found.items() if price.is_finite()}
                self._mids = (time.monotonic(), usable)
            return self._mids[1]
