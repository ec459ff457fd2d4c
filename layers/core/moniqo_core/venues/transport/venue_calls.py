"""Calls to one venue, within the rate of each account, the circuit breaker and a time limit."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import lru_cache
from random import SystemRandom
from typing import TYPE_CHECKING, Final, TypeVar

from moniqo_core.domain.errors import RateLimitExceededError, TemporarilyUnavailableError
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.exchanges.refusals import (
    BUSY,
    CLOCK,
    RATE_LIMIT,
    Refusal,
    VenueRefusalError,
    is_failure,
    read_exception,
)
from moniqo_core.venues.exchanges.venue import Client, Venue
from moniqo_core.venues.transport.account_names import on_test_network
from moniqo_core.venues.transport.circuit_breaker import CircuitBreaker
from moniqo_core.venues.transport.http_session import open_session
from moniqo_core.venues.transport.public_resolver import public_resolver
from moniqo_core.venues.transport.rate_limiter import RATE_LIMITED, RateLimiter
from moniqo_core.venues.transport.venue_address import checked_address

if TYPE_CHECKING:
    import aiohttp

Found = TypeVar("Found")
Call = Callable[[Client], Awaitable[Found]]

log: Final = logging.getLogger("moniqo")

READ_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 5.0
"""Time limit of each answer within a read. It leaves time to retry, and excludes the wait of the rate limiter."""
SEND_SECONDS: Final = 8.0
FIRST_RETRY_PAUSE: Final = 0.25
LONGEST_RETRY_PAUSE: Final = 2.0
ONE_LOOP_TURN: Final = 0.001
ACCOUNTS_KEPT: Final = 1024
"""Accounts whose rate limiters are kept. An account that was dropped starts with the full burst again."""

_CIRCUIT_OPEN: Final = Refusal(
    TemporarilyUnavailableError, "The venue has not answered for a while. It will be tried again shortly."
)
_random: Final = SystemRandom().random


class VenueCalls:
    """Makes calls to a venue. Each returns an answer, or raises one of :mod:`moniqo_core.domain.errors`."""

    def __init__(
        self,
        venue: Venue,
        config: ApiConfig,
        *,
        allow_loopback: bool,
        venue_hosts: Collection[str],
        calls_from: str | None,
        circuit_breaker: CircuitBreaker | None,
        rate_limiter: Callable[[float, float], RateLimiter],
    ) -> None:
        """Take the arguments of :class:`moniqo_core.venues.connection.VenueConnection`."""
        self.venue = venue
        address = config.base_url or config.testnet_url
        hosts = {*venue.hosts, *venue.test_hosts, *venue_hosts}
        self._address = checked_address(address, allow_loopback=allow_loopback, hosts=hosts)
        self.on_test_network = on_test_network(venue, config)
        self._allow_loopback = allow_loopback
        self._per_second = config.rate_limits.get("requests_per_second")
        self._calls_from = calls_from
        self._circuit_breaker = circuit_breaker or CircuitBreaker()
        self._model: Client | None = None
        self._session: aiohttp.ClientSession | None = None
        self._make_rate_limiter = rate_limiter
        self._rate_limiter = lru_cache(maxsize=ACCOUNTS_KEPT)(lambda _account: self._new_rate_limiter(self.venue.burst))

    async def close(self) -> None:
        """Close the sockets. The next call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def client(self, credentials: Mapping[str, str]) -> Client:
        """Return CCXT's client for an account. Empty credentials allow public calls only."""
        from moniqo_core.venues.ccxt.client import account_client

        made = account_client(self.client_model(), self._open_session(), credentials)
        made.throttler = self._rate_limiter(hash(made.apiKey)) if made.apiKey else self._new_rate_limiter(1)
        return made

    def _new_rate_limiter(self, burst: float) -> RateLimiter:
        per_second = self._per_second or 1000 / self.client_model().rateLimit
        return self._make_rate_limiter(per_second, burst)

    def client_model(self) -> Client:
        """Return the client without an account from which all others are made. CCXT is imported here."""
        if self._model is None:
            from moniqo_core.venues.ccxt.client import prototype

            self._model = prototype(self.venue, self._address, on_test_network=self.on_test_network)
        return self._model

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = open_session(public_resolver(allow_loopback=self._allow_loopback))
        return self._session

    async def read(self, client: Client, call: Call[Found], seconds: float = READ_SECONDS) -> Found:
        """Make a call, and retry it after a transient failure for up to ``seconds``.

        Raises:
            WalletError: the venue refused the call or did not answer. The class says why.

        """
        ends = time.monotonic() + seconds
        longest = FIRST_RETRY_PAUSE
        while True:
            try:
                return await self._attempt(client, call, ends - time.monotonic(), ANSWER_SECONDS)
            except VenueRefusalError as refusal:
                pause = longest * _random()
                if not _is_retryable(refusal) or time.monotonic() + pause >= ends:
                    raise refusal.as_error(self._calls_from) from None
                if refusal.refusal is CLOCK:
                    await self._set_clock(client, ends - time.monotonic())
            await asyncio.sleep(pause)
            longest = min(longest * 2, LONGEST_RETRY_PAUSE)

    async def send(self, client: Client, call: Call[Found]) -> Found:
        """Make a call once, without retries.

        Raises:
            UnknownOutcomeError: the venue may have carried it out.
            WalletError: the venue certainly did not carry it out. The class says why.

        """
        from moniqo_core.domain.errors import UnknownOutcomeError

        # The process may have been frozen since the last call. Let the loop notice which sockets the venue closed.
        await asyncio.sleep(ONE_LOOP_TURN)
        try:
            return await self._attempt(client, call, SEND_SECONDS, SEND_SECONDS)
        except VenueRefusalError as refusal:
            if refusal.refusal.outcome_known:
                raise refusal.as_error(self._calls_from) from None
            raise UnknownOutcomeError(f"{refusal.refusal.detail} The outcome of the order is unknown.") from None

    async def _attempt(self, client: Client, call: Call[Found], seconds: float, each: float) -> Found:
        """Make a call, which may wait and send several requests within ``seconds``. Each answer may take ``each`` s."""
        wait = self._circuit_breaker.wait()
        if wait:
            raise VenueRefusalError(RATE_LIMIT if self._circuit_breaker.is_rate_limited else _CIRCUIT_OPEN, wait)
        client.timeout = max(1, int(min(each, seconds) * 1000))
        answers = client.answers
        try:
            async with asyncio.timeout(seconds):
                found = await call(client)
        except Exception as error:  # noqa: BLE001 - every exception of CCXT is translated here, and only here
            refusal = read_exception(error)
            if isinstance(error, TimeoutError) and client.answers > answers:
                # The time was used up by waiting or by many requests. The venue did answer.
                self._circuit_breaker.answered(_account(client))
            else:
                self._record_outcome(client, refusal)
            named = {"venue": self.venue.exchange, "code": refusal.code, "means": refusal.refusal.error.__name__}
            log.info("venue refused", extra={"fields": named})
            raise refusal from None
        self._circuit_breaker.answered(_account(client))
        return found

    def _record_outcome(self, client: Client, refusal: VenueRefusalError) -> None:
        if refusal.refusal is RATE_LIMITED:
            return
        if is_failure(refusal.refusal):
            self._circuit_breaker.failed(_account(client))
            return
        self._circuit_breaker.answered(_account(client))
        limited = refusal.refusal.error is RateLimitExceededError
        if limited and self.venue.limits_address and refusal.retry_after:
            self._circuit_breaker.rest(refusal.retry_after)

    async def _set_clock(self, client: Client, seconds: float) -> None:
        """Measure the offset between the venue's clock and ours, for this client and later ones."""
        if not self.venue.adjusts_clock:
            return

        async def ask(asked: Client) -> None:
            await asked.load_time_difference()

        try:
            await self._attempt(client, ask, max(0.1, seconds), ANSWER_SECONDS)
        except VenueRefusalError as refusal:
            raise refusal.as_error(self._calls_from) from None
        self.client_model().options["timeDifference"] = client.options["timeDifference"]


def _is_retryable(refusal: VenueRefusalError) -> bool:
    if refusal.refusal is CLOCK or refusal.refusal is BUSY:
        return True
    return is_failure(refusal.refusal)


def _account(client: Client) -> int | None:
    return hash(client.apiKey) if client.apiKey else None
