"""The connection to one venue at one address, which all wallets of an execution environment share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import WalletConnectionError, WalletError
from moniqo_core.domain.market.marks import Marks
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.storage.market.venue_markets import ListedMarket, MarketListing, VenueMarketStore
from moniqo_core.venues.exchanges.venue import Client, Venue
from moniqo_core.venues.transport.circuit_breaker import CircuitBreaker
from moniqo_core.venues.transport.rate_limiter import RateLimiter
from moniqo_core.venues.transport.venue_calls import READ_SECONDS, VenueCalls

MARKETS_MAX_AGE: Final = timedelta(hours=1)
MARKETS_RETRY_AFTER: Final = timedelta(minutes=1)
"""How long an old listing is used after a failed or incomplete refresh, until the next attempt."""
REFRESH_SECONDS: Final = 3.0
"""Time limit of a refresh. After that the known markets are used. No cancellation should wait long for a refresh."""
PRICES_MAX_AGE_SECONDS: Final = 5.0


class VenueConnection(VenueCalls):
    """Makes calls to a venue, and caches its public data: the markets and their mark prices."""

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
            config: The address: ``base_url``, or ``testnet_url`` if there is no ``base_url``. It is on the test network
                if its host is one of the venue's ``test_hosts``, or a ``testnet_url`` on this machine. ``rate_limits``
                may set ``requests_per_second`` for each account, which overrides CCXT's rate.
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
        self._complete: MarketListing | None = None
        self._offered: AbstractSet[str] = frozenset()
        self._read_again_at = self._tried_at = datetime.min.replace(tzinfo=UTC)
        self._by_symbol: Mapping[str, ListedMarket] = {}
        self._mids: tuple[float, Marks] | None = None
        self._lock = asyncio.Lock()

    async def markets(self, max_age: timedelta | None = None) -> Mapping[str, ListedMarket]:
        """Return every known market by symbol, also those that take no orders now.

        The listing is at most an hour or ``max_age`` old, unless a refresh fails. It is read once a minute at most.
        """
        async with self._lock:
            if self._listing is None and self._kept is not None:
                self._use_complete(await self._kept.get(self._address))
            now = self._now()
            wanted = self._read_again_at
            if self._listing is not None and max_age is not None:
                wanted = min(wanted, max(self._listing.fetched_at + max_age, self._tried_at + MARKETS_RETRY_AFTER))
            if self._listing is None or now > wanted:
                await self._fetch_markets()
        return self._by_symbol

    async def offered(self) -> Mapping[str, ListedMarket]:
        """Return the markets that took orders when the venue last gave a complete list, by symbol."""
        markets = await self.markets()
        return {symbol: item for symbol, item in markets.items() if symbol in self._offered}

    async def _fetch_markets(self) -> None:
        from moniqo_core.venues.ccxt.listing import is_complete, merged, read_markets

        async def ask(client: Client) -> list[ListedMarket]:
            return read_markets(client, await self.venue.markets(client))

        self._tried_at = self._now()
        seconds = READ_SECONDS if self._listing is None else REFRESH_SECONDS
        try:
            fresh = MarketListing(self._tried_at, await self.read(self.client({}), ask, seconds))
            if self._listing is None and not fresh.markets:
                raise WalletConnectionError(f"{self.venue.name} lists no markets at the moment.")
        except WalletError:
            if self._listing is None:
                raise
            self._read_again_at = self._now() + MARKETS_RETRY_AFTER
            return
        complete = is_complete(self._complete, fresh)
        listing = merged(self._listing, fresh, complete=complete)
        if not complete:
            self._use_listing(listing, MARKETS_RETRY_AFTER)
            return
        self._use_complete(listing)
        if self._kept is not None:
            await self._kept.put(self._address, listing)

    def _use_complete(self, listing: MarketListing | None) -> None:
        if listing is None:
            return
        self._complete = listing
        self._offered = {item.market.symbol for item in listing.markets if item.mode.takes_orders}
        self._use_listing(listing, MARKETS_MAX_AGE)

    def _use_listing(self, listing: MarketListing, good_for: timedelta) -> None:
        from moniqo_core.venues.ccxt.client import load_markets_into

        self._listing, self._read_again_at = listing, listing.fetched_at + good_for
        self._by_symbol = {item.market.symbol: item for item in listing.markets}
        load_markets_into(self.client_model(), listing.markets, own_names=listing.own_names)

    async def mids(self) -> Marks:
        """Return the mark price of every symbol, at most 5 s old. Concurrent callers share one call to the venue."""
        await self.markets()
        async with self._lock:
            if self._mids is None or time.monotonic() - self._mids[0] > PRICES_MAX_AGE_SECONDS:
                found = await self.read(self.client({}), self.venue.mids)
                self._mids = (time.monotonic(), found.usable())
            return self._mids[1]
