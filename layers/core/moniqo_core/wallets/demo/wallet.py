"""The demo wallet: a spot cash account, long only, with one cash asset, on a journal that never forgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from moniqo_core.domain.ledger.commands import Reset
from moniqo_core.domain.market.market import Candle, Market, Snapshot
from moniqo_core.domain.money import exact
from moniqo_core.domain.orders.order import average_price
from moniqo_core.domain.paper.account_rules import check_tradable
from moniqo_core.domain.paper.statement import asset_flows_of, record_of
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.domain.sync.statement import Opening, Statement
from moniqo_core.domain.wallets.changes import LifeCommand
from moniqo_core.storage.equity import EquityStore
from moniqo_core.storage.paper.entry_codec import reset_id
from moniqo_core.wallets.base import PositionReport, WalletBalance, WalletPosition
from moniqo_core.wallets.demo.history import DemoPast
from moniqo_core.wallets.demo.projection import follow_life
from moniqo_core.wallets.demo.session import RepeatedOrderError
from moniqo_core.wallets.demo.trading import DemoTrading


class DemoWallet(DemoTrading):
    """Paper money that behaves like real money.

    ``config`` needs ``db``, an asynchronous PyMongo database; ``ledger``, ``feed``, ``clock``, ``owner`` and ``loaded``
    (an account read before) are the service's. An account that does not exist yet is opened by ``initialize()`` with
    the credential ``initial_balance_usd``, unless an owner is named.
    """

    async def get_balance(self) -> list[WalletBalance]:
        """Every asset held, ordered by name, resting orders evaluated first."""
        await self._work.evaluate()
        return [WalletBalance(asset, held.free, held.locked) for asset, held in sorted(self.account.balances.items())]

    async def valuation(self) -> Valuation:
        """Holdings and profit at present prices, in US dollars, resting orders evaluated first."""
        return await self._work.valuation()

    async def statement(self, opening: Opening, *, trading: bool = False) -> Statement:
        """Holdings, what moved since the epoch began, and the hours of equity the journal does not have yet."""
        value = await self.valuation()
        account = self._work.seen
        return Statement(value, asset_flows_of(account), self._work.unwritten_samples, record_of(account))

    async def get_markets(self) -> list[Market]:
        """Symbols quoted in the cash asset that the account's terms allow."""
        terms = self.account.terms
        return [
            market
            for market in await self.feed.markets()
            if market.quote == terms.cash_asset and (terms.symbols is None or market.symbol in terms.symbols)
        ]

    async def get_snapshot(self, symbol: str) -> Snapshot:
        """Best prices and book of a symbol now."""
        self._check_tradable(await self.feed.market(symbol))
        return await self.feed.snapshot(symbol, fresh=False)

    async def get_candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """The last closed candles, oldest first."""
        self._check_tradable(await self.feed.market(symbol))
        return await self.feed.candles(symbol, interval, limit)

    def _check_tradable(self, market: Market) -> None:
        check_tradable(self.account, market.symbol, market.quote)

    async def positions(self) -> PositionReport:
        """What is held, and how far resting orders were evaluated before."""
        complete = await self._work.evaluate()
        account = self._work.seen
        held = {symbol: position for symbol, position in sorted(account.positions.items()) if position.amount}
        marks = await self.feed.mids(list(held))
        with exact():
            items = tuple(_position(symbol, position, marks.get(symbol)) for symbol, position in held.items())
        walked = [account.evaluated_until[symbol] for symbol in held]
        return PositionReport(items, min(walked, default=account.at), not complete, account.at)

    def past(self) -> DemoPast:
        """The history of this wallet, to read."""
        return DemoPast(self._history, EquityStore(self._database), self._work, self.feed)

    async def reset(self, key: str | None, projection: Mapping[str, object]) -> bool:
        """Begin a new epoch with the starting balance; returns False when the same ``key`` did it before."""
        if key is not None and await self._history.accepted_as(self.user_wallet_id, reset_id(key)):
            return False
        try:
            await self._work.run(Reset(key), projection)
        except RepeatedOrderError:
            return False
        return True

    async def record(self, command: LifeCommand, projection: Mapping[str, object]) -> None:
        """Write a change of status, limits or the end of the account, with its user wallet, in one commit."""
        await self._work.run(command, {**projection, **follow_life(command, self._clock())})


def _position(symbol: str, position: Position, mark: Decimal | None) -> WalletPosition:
    return WalletPosition(
        symbol=symbol,
        amount=position.amount,
        average_cost=average_price(position.cost, position.amount),
        realised_pnl=position.realised,
        unrealised_pnl=None if mark is None else position.unrealised(mark),
        fees=position.fees,
        cost=position.cost,
        mark_price=mark,
    )
