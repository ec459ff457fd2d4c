"""An account at an exchange as far as every call to it goes: what opens it, and the markets it has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import cast

from moniqo_core.domain.errors import InvalidCredentialsError, SymbolNotFoundError, WalletError
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.market.usd_prices import DOLLAR_TOKENS
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.venue import Client
from moniqo_core.wallets.base import BaseWallet, Config, Credentials

UsdRate = Callable[[str], Awaitable[Decimal]]
"""Dollars per unit of a token that follows the dollar."""


class ExchangeAccess(BaseWallet):
    """Holds the account and its connection.

    See :class:`moniqo_core.wallets.exchange.wallet.ExchangeWallet` for ``config``.
    """

    mode = "live"

    def __init__(
        self, wallet_id: str, user_wallet_id: str, credentials: Credentials, config: Config | None = None
    ) -> None:
        """Hold the arguments."""
        super().__init__(wallet_id, user_wallet_id, credentials, config)
        self._connection = cast("VenueConnection", self.config["connection"])
        self._venue = self._connection.venue
        self._made: Client | None = None

    @property
    def api_calls(self) -> int:
        """How many answers the venue gave this wallet."""
        return self._made.answers if self._made is not None else 0

    async def initialize(self) -> None:
        """Get ready to answer; asks the venue nothing."""
        self._initialized = True

    async def close(self) -> None:
        """Forget the account; the connection belongs to whoever made it."""
        self._made = None
        self._initialized = False

    @property
    def _client(self) -> Client:
        """CCXT's object of this account; raises InvalidCredentialsError without what the venue asks for."""
        self.require_initialized()
        unopened = cast("WalletError | None", self.config.get("unopened"))
        if unopened is not None:
            raise unopened
        if self._made is None:
            missing = [name for name in self._venue.fields if not self._credentials.get(name)]
            if missing:
                raise InvalidCredentialsError(f"Missing credentials: {', '.join(missing)}.")
            self._made = self._connection.client(self._credentials)
        return self._made

    async def get_markets(self) -> list[Market]:
        """Symbols that trade on the venue's spot market, ordered by name."""
        self.require_initialized()
        return [item.market for item in (await self._connection.markets()).values()]

    async def mids(self) -> Mapping[str, Decimal]:
        """Mid price of every symbol of the venue, a few seconds old at most.

        Where it lists no market of a token with the dollar that the token follows, the deployment's rate is among them.
        """
        self.require_initialized()
        rate = cast("UsdRate | None", self.config.get("usd_rate"))
        if rate is None:
            return await self._connection.mids()
        listed = await self._connection.markets()
        unpriced = [token for token in DOLLAR_TOKENS if f"{token}/USD" not in listed]
        mids, rates = await asyncio.gather(self._connection.mids(), asyncio.gather(*map(rate, unpriced)))
        return {**mids, **{f"{token}/USD": price for token, price in zip(unpriced, rates, strict=True)}}

    async def market(self, symbol: str) -> Market:
        """Rules of one symbol; raises SymbolNotFoundError."""
        self.require_initialized()
        found = (await self._connection.markets()).get(symbol)
        if found is None:
            raise SymbolNotFoundError(f"{self._venue.name} does not trade {symbol[:40]!r}.")
        return found.market
