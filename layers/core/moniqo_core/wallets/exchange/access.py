"""Access to an account at an exchange: its credentials, its connection and the venue's markets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from moniqo_core.domain.errors import InvalidCredentialsError, OrderRejectedError, WalletNotInitializedError
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.market.market_mode import require_accepted
from moniqo_core.domain.market.marks import Marks
from moniqo_core.domain.market.unknown_symbol import unknown_symbol
from moniqo_core.domain.market.usd_prices import DOLLAR_TOKENS
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.venues.connection import MARKETS_RETRY_AFTER, VenueConnection
from moniqo_core.venues.exchanges.venue import Client, Venue
from moniqo_core.wallets.exchange.config import ExchangeConfig


class ExchangeAccess:
    """Holds credentials and connection. Calls before :meth:`open` raise WalletNotInitializedError."""

    def __init__(self, credentials: Mapping[str, str], config: ExchangeConfig) -> None:
        """Keep the arguments. Nothing is sent before the first call that queries the venue."""
        self.connection: VenueConnection = config.connection
        self.venue: Venue = config.connection.venue
        self.clock = config.clock
        self.credentials = credentials
        self._usd_rate = config.usd_rate
        self._unopened = config.unopened
        self._client: Client | None = None
        self.is_open = False

    def open(self) -> None:
        """Allow calls, without a request to the venue."""
        self.is_open = True

    def close(self) -> None:
        """Drop the account. The connection stays open, because its owner closes it."""
        self._client = None
        self.is_open = False

    def require_open(self) -> None:
        """Raise WalletNotInitializedError before :meth:`open` and after :meth:`close`."""
        if not self.is_open:
            raise WalletNotInitializedError

    @property
    def api_calls(self) -> int:
        """The number of responses that the venue has given for this account."""
        return self._client.answers if self._client is not None else 0

    @property
    def client(self) -> Client:
        """The CCXT client of this account. Raise InvalidCredentialsError when a required credential is missing."""
        self.require_open()
        if self._unopened is not None:
            raise self._unopened
        if self._client is None:
            missing = [name for name in self.venue.fields if not self.credentials.get(name)]
            if missing:
                raise InvalidCredentialsError(f"Missing credentials: {', '.join(missing)}.")
            self._client = self.connection.client(self.credentials)
        return self._client

    async def markets(self) -> list[Market]:
        """Return the symbols that trade on the venue's spot market, ordered by name."""
        self.require_open()
        return [item.market for item in (await self.connection.offered()).values()]

    async def mids(self) -> Marks:
        """Return the mark price of every symbol of the venue, at most a few seconds old.

        Dollar tokens that the venue does not list against the dollar have the deployment's rate.
        """
        self.require_open()
        rate = self._usd_rate
        if rate is None:
            return await self.connection.mids()
        listed = await self.connection.markets()
        unpriced = [token for token in DOLLAR_TOKENS if f"{token}/USD" not in listed]
        mids, rates = await asyncio.gather(self.connection.mids(), asyncio.gather(*map(rate, unpriced)))
        known = {f"{token}/USD": price for token, price in zip(unpriced, rates, strict=True)}
        return Marks({**mids, **known}, mids.thin)

    async def market(self, symbol: str) -> Market:
        """Return the trading rules of one symbol, whether it trades now or not, or raise SymbolNotFoundError."""
        self.require_open()
        listed = await self.connection.markets()
        found = listed.get(symbol)
        if found is None:
            raise unknown_symbol(symbol, listed, f"{self.venue.name} does not trade")
        return found.market

    async def require_accepted(self, order: OrderRequest) -> None:
        """Refuse an order that the venue does not accept in its market now.

        Before it refuses an order, a listing older than a minute is refreshed.

        Raises:
            OrderRejectedError: the venue has paused the market, or accepts only other orders in it.

        """
        for max_age in (None, MARKETS_RETRY_AFTER):
            found = (await self.connection.markets(max_age)).get(order.symbol)
            if found is None:
                return
            try:
                require_accepted(
                    found.mode,
                    self.venue.name,
                    order.symbol,
                    limit=order.type in {OrderType.LIMIT, OrderType.STOP_LIMIT},
                    post_only=order.post_only,
                    sells=order.side is OrderSide.SELL,
                )
            except OrderRejectedError:
                if max_age is not None:
                    raise
            else:
                return
