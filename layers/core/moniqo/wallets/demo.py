"""The demo wallet: a spot cash account, long only, with one cash asset, on a journal that never forgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, cast

from pymongo.asynchronous.database import AsyncDatabase

from moniqo.domain import lifecycle
from moniqo.domain.account import Account, AccountTerms
from moniqo.domain.balance_equation import books_of
from moniqo.domain.clock import Clock, utc_now
from moniqo.domain.command import Cancel, CancelAll, Close, ClosePosition, LifeCommand, Place, Reset, SetLimits
from moniqo.domain.commit import Commit
from moniqo.domain.decision import check_tradable
from moniqo.domain.errors import (
    ConflictError,
    IdempotencyMismatchError,
    MarketDataError,
    NotFoundError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderNotFoundError,
    WalletDeletedError,
    WalletError,
    WalletNotInitializedError,
)
from moniqo.domain.market import Candle, Market, PriceFeed, Snapshot
from moniqo.domain.money import exact, parse
from moniqo.domain.order import OrderStatus, average_price
from moniqo.domain.position import Position
from moniqo.domain.preflight import Preflight
from moniqo.domain.statement import Opening, Statement, record_of
from moniqo.domain.valuation import Valuation
from moniqo.markets.live import LiveFeed
from moniqo.markets.simulated import SimulatedFeed
from moniqo.markets.venues import Unreachable
from moniqo.storage.client import with_utc_times
from moniqo.storage.demo_ledger import ENTRIES, STATES, DemoLedger, Loaded
from moniqo.storage.deployment import simulation_seed
from moniqo.storage.entry_codec import reset_id
from moniqo.storage.equity import COLLECTION as EQUITY
from moniqo.storage.minutes import RecordedMinutes
from moniqo.wallets.base import BaseWallet, OrderResult, PositionReport, WalletBalance, WalletPosition
from moniqo.wallets.demo_account import DemoAccount, RepeatedOrderError
from moniqo.wallets.demo_orders import DemoOrders, OrderRecord, evaluated_until, replayed
from moniqo.wallets.demo_past import DemoPast

DEFAULT_BALANCE: Final = "10000"
DEFAULT_FEE_PERCENT: Final = Decimal("0.1")
DEFAULT_SLIPPAGE_BPS: Final = Decimal(5)


class DemoWallet(BaseWallet):
    """Paper money that behaves like real money.

    ``config`` needs ``db``, an asynchronous PyMongo database; ``ledger``, ``feed``, ``clock``, ``owner`` and ``loaded``
    (an account read before) are the service's. An account that does not exist yet is opened by ``initialize()`` with
    the credential ``initial_balance_usd``, unless an owner is named.
    """

    mode = "paper"

    def __init__(
        self,
        wallet_id: str,
        user_wallet_id: str,
        credentials: Mapping[str, str],
        config: Mapping[str, object] | None = None,
    ) -> None:
        """Hold the arguments; nothing is read before ``initialize()``."""
        super().__init__(wallet_id, user_wallet_id, credentials, config)
        self._database = with_utc_times(cast("AsyncDatabase[dict[str, Any]]", self.config["db"]))
        self._ledger = cast("DemoLedger | None", self.config.get("ledger")) or DemoLedger(self._database)
        self._clock = cast("Clock", self.config.get("clock") or utc_now)
        self._owner = cast("str | None", self.config.get("owner"))
        self._opened: DemoAccount | None = None
        self._feed: PriceFeed | None = cast("PriceFeed | None", self.config.get("feed"))

    async def initialize(self) -> None:
        """Read the account; raises NotFoundError when it is not the owner's or was deleted."""
        if self._initialized:
            return
        loaded = cast("Loaded | None", self.config.get("loaded"))
        if loaded is None:
            loaded = await self._ledger.load(self.user_wallet_id, self._owner)
        if loaded is None and self._owner is None:
            await self._open_on_my_own()
            loaded = await self._ledger.load(self.user_wallet_id, None)
        if loaded is None:
            raise NotFoundError("no such wallet")
        if loaded.account.deleted:
            raise WalletDeletedError("no such wallet")
        if self._feed is None:
            self._feed = await self._feed_of_a_script(loaded.account.terms)
        self._opened = DemoAccount(self._ledger, self._feed, self._clock, self._owner, loaded)
        self._initialized = True

    async def _feed_of_a_script(self, terms: AccountTerms) -> PriceFeed:
        if terms.is_live:
            return LiveFeed([Unreachable(terms.feed)], RecordedMinutes(self._database), self._clock)
        return SimulatedFeed(await simulation_seed(self._database), self._clock)

    async def close(self) -> None:
        """Forget the account; the database belongs to the caller."""
        self._opened = None
        self._initialized = False

    async def _open_on_my_own(self) -> None:
        """Open the account of a script, in a database that nobody may have prepared."""
        from moniqo.storage.indexes import ensure_indexes

        await ensure_indexes(self._database, (STATES, ENTRIES, EQUITY))
        # Another process may open it at the same moment: it is the same account.
        with suppress(ConflictError):
            await self.open_account(self._default_terms())

    def _default_terms(self) -> AccountTerms:
        balance = parse(self._credentials.get("initial_balance_usd", DEFAULT_BALANCE))
        fee = DEFAULT_FEE_PERCENT
        return AccountTerms("", balance, "USDT", fee, fee, DEFAULT_SLIPPAGE_BPS)

    async def open_account(self, terms: AccountTerms, mirror: Mapping[str, object] | None = None) -> None:
        """Open the account and insert ``mirror``, its user wallet; raises ConflictError when it exists."""
        commit = lifecycle.open_account(self.user_wallet_id, terms, self._clock())
        await self._ledger.open(commit, dict(mirror) if mirror is not None else None)

    async def open_fork(self, source: Account, mirror: Mapping[str, object]) -> None:
        """Open the account as a copy of another's at present prices, with its user wallet.

        Raises:
            ConflictError: the account exists.
            MarketDataError: something held has no price.

        """
        held = [symbol for symbol, position in source.positions.items() if position.amount]
        marks = await self.feed.mids(held) if held else {}
        missing = sorted(set(held) - set(marks))
        if missing:
            raise MarketDataError(f"no fresh price for {', '.join(missing)}", retry_after=2)
        terms = replace(source.terms, limits=source.limits)
        commit = lifecycle.fork_account(self.user_wallet_id, source, terms, self._clock(), marks)
        await self._ledger.open(commit, dict(mirror))

    @property
    def _work(self) -> DemoAccount:
        if self._opened is None:
            raise WalletNotInitializedError("call initialize() first, or use the wallet in an 'async with' block")
        return self._opened

    @property
    def account(self) -> Account:
        """The account as last read or committed."""
        return self._work.account

    @property
    def feed(self) -> PriceFeed:
        """The feed this wallet trades on."""
        if self._feed is None:
            raise WalletNotInitializedError("call initialize() first, or use the wallet in an 'async with' block")
        return self._feed

    async def test_connection(self) -> tuple[bool, str | None]:
        """A demo wallet is connected when its account can be read."""
        try:
            await self.initialize()
        except NotFoundError as error:
            return False, error.detail
        return True, None

    async def get_balance(self) -> list[WalletBalance]:
        """Every asset held, ordered by name, resting orders evaluated first."""
        await self._work.evaluate()
        return [WalletBalance(asset, held.free, held.locked) for asset, held in sorted(self.account.balances.items())]

    async def valuation(self) -> Valuation:
        """Holdings and profit at present prices, in US dollars, resting orders evaluated first."""
        return await self._work.valuation()

    async def statement(self, opening: Opening) -> Statement:
        """Holdings, what moved since the epoch began, and the hours of equity the journal does not have yet."""
        value = await self.valuation()
        account = self._work.seen
        return Statement(value, books_of(account), self._work.unwritten_samples, record_of(account))

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

    async def submit(self, order: Place) -> OrderRecord:
        """Place an order; one that was accepted before under the same client order id is answered instead.

        Raises:
            IdempotencyMismatchError: the id was used with another body.

        And everything :func:`moniqo.domain.trading.place` raises.
        """
        try:
            commit = await self._work.run(order)
        except (RepeatedOrderError, WalletError):
            # A repeat is answered whatever would be said of a new order now: paused, out of funds, no price.
            before = await self.accepted_before(order)
            if before is None:
                raise
            return before
        return _record(commit, f"o-{commit.after.seq}-1")

    async def accepted_before(self, order: Place) -> OrderRecord | None:
        """The order an earlier request placed under the same client order id; raises IdempotencyMismatchError."""
        if order.client_order_id is None:
            return None
        entry = await self._ledger.accepted_as(self.user_wallet_id, order.client_order_id)
        if entry is None:
            return None
        order_id = f"o-{entry['seq']}-1"
        if entry["body_hash"] != order.body_hash():
            raise IdempotencyMismatchError(
                f"client_order_id {order.client_order_id} belongs to order {order_id} with another body"
            )
        return replayed(await self.orders().get(order_id))

    async def preflight(self, order: Place) -> Preflight:
        """Check an order without placing it; raises MarketDataError."""
        return await self._work.preflight(order)

    async def close_position(self, symbol: str) -> OrderRecord:
        """Sell all that is held of a symbol at market, after cancelling what else would sell it.

        Raises what :func:`moniqo.domain.trading.close_position` raises.
        """
        commit = await self._work.run(ClosePosition(symbol))
        return _record(commit, f"o-{commit.after.seq}-1")

    async def reset(self, key: str | None, mirror: Mapping[str, object]) -> bool:
        """Begin a new epoch with the starting balance; returns False when the same ``key`` did it before."""
        if key is not None and await self._ledger.accepted_as(self.user_wallet_id, reset_id(key)):
            return False
        try:
            await self._work.run(Reset(key), mirror)
        except RepeatedOrderError:
            return False
        return True

    def orders(self) -> DemoOrders:
        """The orders of this wallet, to read."""
        return DemoOrders(self._ledger, self._work.seen)

    def past(self) -> DemoPast:
        """The history of this wallet, to read."""
        return DemoPast(self._database, self._work, self.feed)

    async def evaluate(self) -> bool:
        """Let resting orders meet the path up to now; returns whether it was walked to its end."""
        return await self._work.evaluate()

    async def cancel(self, order_id: str) -> OrderRecord:
        """Cancel an order; raises OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError."""
        try:
            await self._work.run(Cancel(order_id))
        except OrderNotFoundError:
            await self._refuse_ended(order_id)
        return await self.orders().get(order_id)

    async def _refuse_ended(self, order_id: str) -> None:
        record = await self.orders().get(order_id)
        if record.order.status is OrderStatus.FILLED:
            raise OrderAlreadyFilledError(f"{order_id} is filled", order=record)
        raise OrderAlreadyClosedError(f"{order_id} is {record.order.status}", order=record)

    async def cancel_all(self, symbol: str | None) -> list[OrderRecord]:
        """Cancel every open order, or those of one symbol, in one commit; the answer is oldest first."""
        await self._work.evaluate()
        if not any(symbol in {None, order.symbol} for order in self.account.orders.values()):
            return []
        commit = await self._work.run(CancelAll(symbol))
        return await self.orders().several([order.order_id for order in commit.orders])

    async def record(self, command: LifeCommand, mirror: Mapping[str, object]) -> None:
        """Write a change of status, limits or the end of the account, with its user wallet, in one commit."""
        await self._work.run(command, {**mirror, **_mirrored(command, self._clock())})

    async def _place(self, order: Place) -> OrderResult:
        return order_result(await self.submit(order))

    async def cancel_order(self, order_id: str, symbol: str) -> bool:
        """Cancel an order; ``symbol`` is what some venues ask for and this one does not need."""
        return (await self.cancel(order_id)).order.status is OrderStatus.CANCELLED

    async def get_order_status(self, order_id: str, symbol: str) -> OrderResult:
        """One order, open or ended."""
        await self._work.evaluate()
        return order_result(await self.orders().get(order_id))

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderResult]:
        """Orders that can still fill, oldest first."""
        await self._work.evaluate()
        open_orders = self.account.orders.values()
        return [order_result(OrderRecord(order, ())) for order in open_orders if symbol in {None, order.symbol}]

    async def get_order_history(self, symbol: str | None = None, limit: int = 50) -> list[OrderResult]:
        """Orders that ended, newest first."""
        await self._work.evaluate()
        records, _ = await self.orders().page(only_open=False, symbol=symbol, after=None, limit=limit)
        return [order_result(record) for record in records]

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


def _record(commit: Commit, order_id: str) -> OrderRecord:
    """Read one order of a commit with the fills it had in it."""
    order = next(order for order in commit.orders if order.order_id == order_id)
    fills = tuple(item for item in commit.fills if item.order_id == order_id)
    return OrderRecord(order, fills, evaluated_until=evaluated_until(commit.after, order))


def order_result(record: OrderRecord) -> OrderResult:
    """Show an order in the words every wallet shares."""
    order = record.order
    return OrderResult(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.type,
        status=order.status,
        price=order.price,
        amount=order.amount,
        filled_amount=order.filled_amount,
        average_fill_price=order.average_fill_price,
        fee=order.fee,
        fee_currency=order.fee_currency,
        timestamp=order.updated_at,
        metadata=order.metadata,
        client_order_id=order.client_order_id,
        filled_quote=order.filled_quote,
    )


def _mirrored(command: LifeCommand, now: object) -> dict[str, object]:
    """Fields of the user wallet's document that follow a change of its account."""
    if isinstance(command, SetLimits):
        return {"risk_limits": command.limits.to_document()}
    if isinstance(command, Close):
        return {"deleted_at": now}
    return {"status": command.status}
