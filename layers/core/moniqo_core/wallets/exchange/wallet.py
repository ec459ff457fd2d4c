"""A wallet at an exchange, through CCXT: everything venues do alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, cast

from moniqo_core.domain.errors import ConflictError, InvalidCredentialsError
from moniqo_core.domain.market.market import Candle, Market, Snapshot
from moniqo_core.domain.market.usd_prices import DOLLARS, usd_price
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import Fill, average_price
from moniqo_core.domain.portfolio.valuation import AssetValue, Valuation
from moniqo_core.domain.sync.statement import Opening, Statement
from moniqo_core.domain.wallets.changes import LifeCommand
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.venues.ccxt.parsing import VenueFill, position_of, read_balances
from moniqo_core.venues.exchanges.venue import Client
from moniqo_core.venues.prices import candles_of, snapshot_of
from moniqo_core.venues.transport.calls import READ_SECONDS
from moniqo_core.wallets.base import PositionReport, WalletBalance, WalletPosition
from moniqo_core.wallets.exchange.fill_history import FillSource, KeptFills, ReadKept, asset_flows_at
from moniqo_core.wallets.exchange.trading import ExchangeTrading

SECONDS_WITH_FILLS: Final = 8.0
"""How long after its beginning a statement waits for fills: shorter than a sync, which keeps the balance without."""

KeepLife = Callable[[LifeCommand, Mapping[str, object]], Awaitable[None]]
"""Writes a change of a wallet's life with the fields of its user wallet."""


class ExchangeWallet(ExchangeTrading):
    """A spot account at a venue.

    ``config`` needs ``connection``, a :class:`VenueConnection`, which outlives the wallet; ``record`` keeps changes of
    its life, ``kept_fills`` reads the fills we keep of it, ``clock`` is the service's, ``unopened`` says why its
    credentials could not be opened. Nothing is sent
    before the first call that asks the venue something.
    """

    async def require_connection(self) -> None:
        """Raise InvalidCredentialsError for a key the venue refuses or that can withdraw, or what else is wrong."""
        allowed = await self.get_key_permissions()
        if allowed is None:
            await self.get_balance()
            return
        if allowed.can_withdraw:
            raise InvalidCredentialsError(
                "This API key can withdraw funds. If it leaked, it could empty the account.", hint=self._venue.key_hint
            )
        if not allowed.can_read:
            raise InvalidCredentialsError("This API key cannot read the account.", hint=self._venue.key_hint)

    async def get_key_permissions(self) -> KeyPermissions | None:
        """What the key may do, None where the venue does not tell."""
        return await self._connection.read(self._client, self._venue.permissions)

    async def get_balance(self) -> list[WalletBalance]:
        """Every asset held, ordered by name."""

        async def ask(client: Client) -> list[WalletBalance]:
            return read_balances(await self._venue.balance(client))

        return await self._connection.read(self._client, ask)

    async def valuation(self) -> Valuation:
        """Holdings in US dollars at the venue's mid prices; the venue knows no profit of an account."""
        balances = await self.get_balance()
        mids = await self.mids() if balances else {}
        with exact():
            assets = [_valued(held, usd_price(held.asset, mids)) for held in balances]
            known = [item.value_usd for item in assets if item.value_usd is not None]
            total = sum(known, ZERO) if len(known) == len(assets) else None
        now = self._clock()
        return Valuation(assets, total, None, None, evaluated_until=now, stale=False, as_of=now, mode="live")

    async def statement(self, opening: Opening, *, trading: bool = False) -> Statement:
        """What a sync stores: what the key may do, holdings, and what moved as far as fills tell it.

        Before a trade it is one call as long as the fills we keep explain what moved: what the key may do is left out.
        """
        asked, ends = self.api_calls, asyncio.get_running_loop().time() + SECONDS_WITH_FILLS

        async def read(symbol: str | None, since: datetime) -> Sequence[VenueFill]:
            async with asyncio.timeout_at(ends):
                return await self.get_fills(symbol, since)

        permissions = None if trading else await self.get_key_permissions()
        value = await self.valuation()
        totals = {held.asset: held.total for held in value.assets}
        markets = await self._connection.markets()
        rules = self._venue
        venue = FillSource(read, rules.most_fills, by_symbol=rules.history_by_symbol, newest=rules.newest_fills)
        kept = KeptFills(self._kept_fills, first=trading)
        asset_flows = await asset_flows_at(opening, totals, value.as_of, markets.keys(), venue, kept)
        return Statement(value, asset_flows, permissions=permissions, api_calls=self.api_calls - asked)

    async def _kept_fills(self, since: datetime) -> Sequence[Fill]:
        read = cast("ReadKept | None", self.config.get("kept_fills"))
        return () if read is None else await read(since)

    async def get_snapshot(self, symbol: str) -> Snapshot:
        """Best prices and book of a symbol now, at the venue's time."""
        await self.market(symbol)
        return await snapshot_of(self._connection, symbol, self._venue.exchange, READ_SECONDS)

    async def get_candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """The last closed candles, oldest first."""
        await self.market(symbol)
        return await candles_of(self._connection, symbol, interval, limit, self._clock())

    async def positions(self) -> PositionReport:
        """Holdings beside dollars, with what their fills at this venue cost."""
        balances = await self.get_balance()
        mids = await self.mids() if balances else {}
        markets = await self._connection.markets()
        shown = []
        for held in balances:
            quotes = (f"{held.asset}/{quote}" for quote in self._venue.quotes)
            symbol = next((name for name in quotes if name in markets), None)
            if symbol is not None and held.asset not in DOLLARS:
                shown.append((symbol, held))
        every = await self.get_fills(None) if shown and not self._venue.history_by_symbol else None
        items = []
        for symbol, held in shown:
            fills = await self.get_fills(symbol) if every is None else [f for f in every if f.symbol == symbol]
            items.append(_position(symbol, held, mids.get(symbol), markets[symbol].market, fills))
        now = self._clock()
        return PositionReport(
            tuple(sorted(items, key=lambda item: item.symbol)), now, stale=False, as_of=now, mode="live"
        )

    async def record(self, command: LifeCommand, projection: Mapping[str, object]) -> None:
        """Keep a change of the wallet's life in our database; the venue knows nothing of it."""
        self.require_initialized()
        keep = cast("KeepLife | None", self.config.get("record"))
        if keep is None:
            raise ConflictError("This wallet is not stored in a database.")
        await keep(command, projection)


def _valued(held: WalletBalance, price: Decimal | None) -> AssetValue:
    worth = None if price is None else price * held.total
    return AssetValue(held.asset, held.free, held.locked, held.total, worth)


def _position(
    symbol: str, held: WalletBalance, mark: Decimal | None, market: Market, fills: Sequence[VenueFill]
) -> WalletPosition:
    followed = position_of(fills, market.base)
    with exact():
        if abs(followed.amount - held.total) >= market.lot_step or not followed.amount:
            return WalletPosition(symbol, held.total, None, None, None, None, None, mark)
        return WalletPosition(
            symbol=symbol,
            amount=held.total,
            average_cost=average_price(followed.cost, followed.amount),
            realised_pnl=followed.realised,
            unrealised_pnl=None if mark is None else held.total * mark - followed.cost,
            fees=followed.fees,
            cost=followed.cost,
            mark_price=mark,
        )
