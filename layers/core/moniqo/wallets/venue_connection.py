"""One venue at one address, shared by the wallets of an execution environment: sockets, breaker, markets, prices."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from random import SystemRandom
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from moniqo.domain.clock import Clock, utc_now
from moniqo.domain.definition import ApiConfig
from moniqo.domain.errors import RateLimitExceededError, TemporarilyUnavailableError, WalletConnectionError
from moniqo.storage.venue_markets import ListedMarket, Listing, VenueMarkets
from moniqo.wallets.breaker import Breaker
from moniqo.wallets.exchange_errors import BUSY, CLOCK, RATE, Refusal, VenueRefusalError, read_exception
from moniqo.wallets.pace import PACED, Pace
from moniqo.wallets.venues.venue import Client, Venue

if TYPE_CHECKING:
    import aiohttp

Found = TypeVar("Found")
Call = Callable[[Client], Awaitable[Found]]

log: Final = logging.getLogger("moniqo")

READ_SECONDS: Final = 10.0
ATTEMPT_SECONDS: Final = 5.0
SEND_SECONDS: Final = 8.0
FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 2.0
MARKETS_FRESH: Final = timedelta(hours=1)
PRICES_FRESH_SECONDS: Final = 5.0
MAX_SOCKETS: Final = 50
IDLE_SOCKET_SECONDS: Final = 10
ONE_LOOK: Final = 0.001
ACCOUNTS_KEPT: Final = 1024
"""Accounts whose pace is remembered; one that was forgotten begins with the whole burst again."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_RESTING: Final = Refusal(
    TemporarilyUnavailableError, "The venue has not answered for a while; it is asked again shortly."
)
_random: Final = SystemRandom().random


class VenueConnection:
    """Makes calls to a venue; what comes back is an answer or one of :mod:`moniqo.domain.errors`."""

    def __init__(
        self,
        venue: Venue,
        config: ApiConfig,
        markets: VenueMarkets | None = None,
        *,
        allow_loopback: bool = False,
        calls_from: str | None = None,
        now: Clock = utc_now,
        breaker: Breaker | None = None,
        pace: Callable[[float, float], Pace] = Pace,
    ) -> None:
        """Prepare; nothing is opened before the first call.

        Args:
            venue: The rules of the exchange.
            config: Where it is: ``base_url``, or ``testnet_url`` where that is all there is. ``rate_limits`` may say
                ``requests_per_second`` for one account, in place of what CCXT knows.
            markets: Where listings are kept; None keeps them in this object only.
            allow_loopback: Whether an address on this machine may be called, without TLS.
            calls_from: The address venues see, where it is fixed; it is told when one refuses a key.
            now: The present.
            breaker: Judges whether the venue is asked at all.
            pace: Makes the pace of an account.

        Raises:
            WalletConnectionError: the address cannot be used.

        """
        self.venue = venue
        self._on_test_network = config.base_url is None
        self._address = checked_address(config.base_url or config.testnet_url, allow_loopback=allow_loopback)
        self._per_second = config.rate_limits.get("requests_per_second")
        self._calls_from = calls_from
        self._kept = markets
        self._now = now
        self._breaker = breaker or Breaker()
        self._model: Client | None = None
        self._session: aiohttp.ClientSession | None = None
        self._listing: Listing | None = None
        self._by_symbol: Mapping[str, ListedMarket] = {}
        self._mids: tuple[float, Mapping[str, Decimal]] | None = None
        self._turn = asyncio.Lock()
        self._make_pace = pace
        self._pace = lru_cache(maxsize=ACCOUNTS_KEPT)(lambda _account: self._new_pace(self.venue.burst))

    async def close(self) -> None:
        """Close the sockets; the next call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def client(self, credentials: Mapping[str, str]) -> Client:
        """Make CCXT's object for an account; credentials may be empty where only public calls are made."""
        from moniqo.wallets.venue_client import client_of

        made = client_of(self.client_model(), self._open_session(), credentials)
        made.throttler = self._pace(hash(made.apiKey)) if made.apiKey else self._new_pace(1)
        return made

    def _new_pace(self, burst: float) -> Pace:
        per_second = self._per_second or 1000 / self.client_model().rateLimit
        return self._make_pace(per_second, burst)

    def client_model(self) -> Client:
        """The client of nobody that the others are made from; the exchange's library is imported here."""
        if self._model is None:
            from moniqo.wallets.venue_client import prototype

            self._model = prototype(self.venue, self._address, on_test_network=self._on_test_network)
        return self._model

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = open_session()
        return self._session

    async def read(self, client: Client, call: Call[Found], seconds: float = READ_SECONDS) -> Found:
        """Ask, again after a failure that may pass, as long as ``seconds`` allow; raises what the venue meant."""
        ends = time.monotonic() + seconds
        longest = FIRST_PAUSE
        while True:
            try:
                return await self._attempt(client, call, min(ATTEMPT_SECONDS, ends - time.monotonic()))
            except VenueRefusalError as refusal:
                pause = longest * _random()
                if not _may_pass(refusal) or time.monotonic() + pause >= ends:
                    raise refusal.as_error(self._calls_from) from None
                if refusal.refusal is CLOCK:
                    await self._set_clock(client, ends - time.monotonic())
            await asyncio.sleep(pause)
            longest = min(longest * 2, LONGEST_PAUSE)

    async def send(self, client: Client, call: Call[Found]) -> Found:
        """Ask once, whatever happens.

        Raises:
            UnknownOutcomeError: it may have been carried out all the same.

        And what the venue meant where it surely was not.
        """
        from moniqo.domain.errors import UnknownOutcomeError

        # The loop may have stood still since the last call: let it see which sockets the venue closed meanwhile.
        await asyncio.sleep(ONE_LOOK)
        try:
            return await self._attempt(client, call, SEND_SECONDS)
        except VenueRefusalError as refusal:
            if refusal.refusal.decided:
                raise refusal.as_error(self._calls_from) from None
            raise UnknownOutcomeError(f"{refusal.refusal.detail} What became of the order is not known.") from None

    async def _attempt(self, client: Client, call: Call[Found], seconds: float) -> Found:
        wait = self._breaker.wait()
        if wait:
            raise VenueRefusalError(RATE if self._breaker.was_told_to else _RESTING, wait)
        client.timeout = max(1, int(seconds * 1000))
        try:
            async with asyncio.timeout(seconds):
                found = await call(client)
        except Exception as error:  # noqa: BLE001 - whatever CCXT raises is read here, and only here
            refusal = read_exception(error)
            self._count(client, refusal)
            named = {"venue": self.venue.exchange, "code": refusal.code, "means": refusal.refusal.error.__name__}
            log.info("venue refused", extra={"fields": named})
            raise refusal from None
        self._breaker.answered(_account(client))
        return found

    def _count(self, client: Client, refusal: VenueRefusalError) -> None:
        if refusal.refusal is PACED:
            return
        if issubclass(refusal.refusal.error, WalletConnectionError) and not refusal.refusal.decided:
            self._breaker.failed(_account(client))
            return
        self._breaker.answered(_account(client))
        limited = refusal.refusal.error is RateLimitExceededError
        if limited and self.venue.limits_address and refusal.retry_after:
            self._breaker.rest(refusal.retry_after)

    async def _set_clock(self, client: Client, seconds: float) -> None:
        """Learn how far the venue's clock is from ours, for this client and those to come."""
        if not self.venue.adjusts_clock:
            return

        async def ask(asked: Client) -> None:
            await asked.load_time_difference()

        try:
            await self._attempt(client, ask, max(0.1, seconds))
        except VenueRefusalError as refusal:
            raise refusal.as_error(self._calls_from) from None
        self.client_model().options["timeDifference"] = client.options["timeDifference"]

    async def markets(self) -> Mapping[str, ListedMarket]:
        """Every market by symbol: an hour old at most, older only while the venue does not answer."""
        async with self._turn:
            if self._listing is None and self._kept is not None:
                self._take(await self._kept.get(self._address))
            if self._listing is None or self._now() - self._listing.fetched_at > MARKETS_FRESH:
                await self._fetch_markets()
        return self._by_symbol

    async def _fetch_markets(self) -> None:
        from moniqo.wallets.venue_client import read_markets

        async def ask(client: Client) -> list[ListedMarket]:
            return read_markets(self.venue, await self.venue.markets(client))

        try:
            listing = Listing(self._now(), await self.read(self.client({}), ask))
        except WalletConnectionError:
            if self._listing is None:
                raise
            return
        self._take(listing)
        if self._kept is not None:
            await self._kept.put(self._address, listing)

    def _take(self, listing: Listing | None) -> None:
        if listing is None:
            return
        from moniqo.wallets.venue_client import give_markets

        self._listing = listing
        self._by_symbol = {item.market.symbol: item for item in listing.markets}
        give_markets(self.client_model(), listing.markets)

    async def mids(self) -> Mapping[str, Decimal]:
        """Mid price of every symbol, a few seconds old at most: one call for all the wallets that ask meanwhile."""
        await self.markets()
        async with self._turn:
            if self._mids is None or time.monotonic() - self._mids[0] > PRICES_FRESH_SECONDS:
                found = await self.read(self.client({}), self.venue.mids)
                self._mids = (time.monotonic(), found)
            return self._mids[1]


def open_session() -> aiohttp.ClientSession:
    """Open what sends requests to one venue."""
    import ssl

    import aiohttp
    import certifi

    # A socket that idled while Lambda froze the process may be dead; an order must not be sent into it.
    connector = aiohttp.TCPConnector(
        ssl=ssl.create_default_context(cafile=certifi.where()),
        limit=MAX_SOCKETS,
        keepalive_timeout=IDLE_SOCKET_SECONDS,
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def _may_pass(refusal: VenueRefusalError) -> bool:
    if refusal.refusal is CLOCK or refusal.refusal is BUSY:
        return True
    return issubclass(refusal.refusal.error, WalletConnectionError) and not refusal.refusal.decided


def _account(client: Client) -> int | None:
    return hash(client.apiKey) if client.apiKey else None


def checked_address(url: str | None, *, allow_loopback: bool) -> str:
    """Return the address of a venue without a slash at its end; raises WalletConnectionError unless it is https.

    An administrator wrote it, and may have been deceived: this machine is called only where that is allowed.
    """
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise _unusable() from None
    plain_host = bool(host) and not (parts.username or parts.password or parts.query or parts.fragment)
    local = host in _LOOPBACK
    if not plain_host or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise _unusable()
    if local and not allow_loopback:
        raise _unusable()
    return (url or "").rstrip("/")


def _unusable() -> WalletConnectionError:
    return WalletConnectionError(
        "The wallet definition gives no address of the venue that may be called.",
        hint="Ask an administrator to set api_config.base_url to the venue's https address.",
    )
