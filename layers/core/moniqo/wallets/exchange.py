"""A wallet at an exchange, through CCXT: everything venues do alike."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from moniqo.domain.clock import Clock, utc_now
from moniqo.domain.command import ExitSpec, LifeCommand, Place
from moniqo.domain.errors import (
    ConflictError,
    IdempotencyMismatchError,
    InvalidCredentialsError,
    InvalidOrderError,
    MarketDataError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderNotFoundError,
    SymbolNotFoundError,
    WalletError,
)
from moniqo.domain.key_permissions import KeyPermissions
from moniqo.domain.market import Candle, Market, Snapshot
from moniqo.domain.money import ZERO, exact, plain
from moniqo.domain.order import OrderSide, OrderStatus, OrderType, TimeInForce, average_price
from moniqo.domain.order_form import check_amount, check_fields, check_notional, check_price
from moniqo.domain.statement import Opening, Statement
from moniqo.domain.usd_prices import DOLLARS, usd_price
from moniqo.domain.valuation import AssetValue, Valuation
from moniqo.wallets.base import BaseWallet, OrderResult, PositionReport, WalletBalance, WalletPosition
from moniqo.wallets.exchange_books import books_at
from moniqo.wallets.exchange_orders import (
    VenueFill,
    lacks_fee,
    moment,
    position_of,
    read_balances,
    read_candle,
    read_fill,
    read_levels,
    read_order,
    with_fees,
)
from moniqo.wallets.venue_connection import VenueConnection
from moniqo.wallets.venues.venue import Client

BOOK_LEVELS: Final = 20
CANDLES: Final[Mapping[str, timedelta]] = {
    "1m": timedelta(minutes=1),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
MOST_FILLS: Final = 500

KeepLife = Callable[[LifeCommand, Mapping[str, object]], Awaitable[None]]
"""Writes a change of a wallet's life with the fields of its user wallet."""


class ExchangeWallet(BaseWallet):
    """A spot account at a venue.

    ``config`` needs ``connection``, a :class:`VenueConnection`, which outlives the wallet; ``record`` keeps changes of
    its life, ``clock`` is the service's, ``unopened`` says why its credentials could not be opened. Nothing is sent
    before the first call that asks the venue something.
    """

    mode = "live"

    def __init__(
        self,
        wallet_id: str,
        user_wallet_id: str,
        credentials: Mapping[str, str],
        config: Mapping[str, object] | None = None,
    ) -> None:
        """Hold the arguments."""
        super().__init__(wallet_id, user_wallet_id, credentials, config)
        self._connection = cast("VenueConnection", self.config["connection"])
        self._venue = self._connection.venue
        self._clock = cast("Clock", self.config.get("clock") or utc_now)
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
                raise InvalidCredentialsError(f"missing: {', '.join(missing)}")
            self._made = self._connection.client(self._credentials)
        return self._made

    async def test_connection(self) -> tuple[bool, str | None]:
        """Tell whether the venue takes the key for what a wallet does; the text is one of ours."""
        try:
            await self.initialize()
            await self.require_connection()
        except WalletError as error:
            return False, error.title
        return True, None

    async def require_connection(self) -> None:
        """Raise InvalidCredentialsError for a key the venue refuses or that can withdraw, or what else is wrong."""
        allowed = await self.get_key_permissions()
        if allowed is None:
            await self.get_balance()
            return
        if allowed.can_withdraw:
            raise InvalidCredentialsError(
                "This key can withdraw: whoever took it could empty the account.", hint=self._venue.key_hint
            )
        if not allowed.can_read:
            raise InvalidCredentialsError("This key cannot read the account.", hint=self._venue.key_hint)

    async def get_key_permissions(self) -> KeyPermissions | None:
        """What the key may do, None where the venue does not tell."""
        return await self._connection.read(self._client, self._venue.permissions)

    async def get_balance(self) -> list[WalletBalance]:
        """Every asset held, ordered by name."""
        found = await self._connection.read(self._client, self._venue.balance)
        return read_balances(found)

    async def valuation(self) -> Valuation:
        """Holdings in US dollars at the venue's mid prices; the venue knows no profit of an account."""
        balances = await self.get_balance()
        mids = await self._connection.mids() if balances else {}
        with exact():
            assets = [_valued(held, usd_price(held.asset, mids)) for held in balances]
            known = [item.value_usd for item in assets if item.value_usd is not None]
            total = sum(known, ZERO) if len(known) == len(assets) else None
        now = self._clock()
        return Valuation(assets, total, None, None, evaluated_until=now, stale=False, as_of=now, mode="live")

    async def statement(self, opening: Opening) -> Statement:
        """What a sync stores: what the key may do, holdings, and what moved as far as fills tell it."""
        asked = self.api_calls
        permissions = await self.get_key_permissions()
        value = await self.valuation()
        totals = {held.asset: held.total for held in value.assets}
        markets = await self._connection.markets()
        books = await books_at(opening, totals, value.as_of, markets.keys(), self.get_fills)
        return Statement(value, books, permissions=permissions, api_calls=self.api_calls - asked)

    async def get_markets(self) -> list[Market]:
        """Symbols that trade on the venue's spot market, ordered by name."""
        self.require_initialized()
        return [item.market for item in (await self._connection.markets()).values()]

    async def mids(self) -> Mapping[str, Decimal]:
        """Mid price of every symbol of the venue, a few seconds old at most."""
        self.require_initialized()
        return await self._connection.mids()

    async def market(self, symbol: str) -> Market:
        """Rules of one symbol; raises SymbolNotFoundError."""
        self.require_initialized()
        found = (await self._connection.markets()).get(symbol)
        if found is None:
            raise SymbolNotFoundError(f"{self._venue.name} does not trade {symbol[:40]!r}")
        return found.market

    async def get_snapshot(self, symbol: str) -> Snapshot:
        """Best prices and book of a symbol now, at the venue's time where it says it."""
        await self.market(symbol)
        public = self._connection.client({})
        book = await self._connection.read(public, lambda client: client.fetch_order_book(symbol, BOOK_LEVELS))
        ticker = await self._connection.read(public, lambda client: client.fetch_ticker(symbol))
        bids, asks = read_levels(book["bids"], falling=True), read_levels(book["asks"], falling=False)
        if not bids or not asks or ticker.get("last") is None:
            raise MarketDataError(f"nobody quotes {symbol} at {self._venue.name} now", retry_after=2)
        at = book.get("timestamp") or ticker.get("timestamp")
        return Snapshot(
            symbol=symbol,
            at=moment(at) if at else self._clock(),
            last=Decimal(ticker["last"]),
            bids=bids[:BOOK_LEVELS],
            asks=asks[:BOOK_LEVELS],
            source=self._venue.exchange,
        )

    async def get_candles(self, symbol: str, interval: str, limit: int) -> Sequence[Candle]:
        """The last closed candles, oldest first."""
        await self.market(symbol)
        rows = await self._connection.read(
            self._connection.client({}), lambda client: client.fetch_ohlcv(symbol, interval, None, limit + 1)
        )
        candles = sorted((read_candle(row) for row in rows), key=lambda candle: candle.start)
        return [candle for candle in candles if candle.start + CANDLES[interval] <= self._clock()][-limit:]

    async def place_order(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal | None,
        price: Decimal | None = None,
        stop_price: Decimal | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        metadata: Mapping[str, object] | None = None,
        *,
        client_order_id: str | None = None,
        quote_amount: Decimal | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        trail_percent: Decimal | None = None,
        expires_at: datetime | None = None,
        stop_loss: ExitSpec | None = None,
        take_profit: ExitSpec | None = None,
    ) -> OrderResult:
        """Send an order, unless the venue has one with this client id already.

        That look before costs a call and does not stop two at the same moment; the service writes an intent first and
        calls :meth:`send_order`. The venue keeps no metadata: only this answer repeats it.
        """
        order = Place(
            symbol=symbol,
            side=side,
            type=order_type,
            amount=amount,
            quote_amount=quote_amount,
            price=price,
            stop_price=stop_price,
            trail_percent=trail_percent,
            time_in_force=time_in_force,
            expires_at=expires_at,
            post_only=post_only,
            reduce_only=reduce_only,
            stop_loss=stop_loss,
            take_profit=take_profit,
            client_order_id=client_order_id,
            metadata=metadata or {},
        )
        await self.check_order(order)
        venue_id = venue_client_id(self.user_wallet_id, client_order_id)
        found = None if client_order_id is None else await self.find_order(venue_id, symbol)
        if found is not None:
            _require_same(found, order)
        result = found or await self.send_order(order, venue_id)
        return replace(
            result, client_order_id=client_order_id or venue_id, metadata={**order.metadata, **result.metadata}
        )

    async def check_order(self, order: Place) -> Market:
        """Refuse, before anything is sent, what the venue would not take in this form.

        Raises:
            InvalidSymbolError: the venue does not trade it.
            InvalidOrderError: it does not fit its market, or the venue has no such orders; the detail says what it has.

        """
        market = await self.market(order.symbol)
        check_fields(order)
        self._venue.check(order)
        with exact():
            for name, price in (("price", order.price), ("stop_price", order.stop_price)):
                if price is not None:
                    check_price(name, price, market)
            if order.quote_amount is not None:
                _check_quote(order.quote_amount, market)
            if order.amount is not None:
                check_amount(order.amount, market)
                known = order.price or order.stop_price
                if known is not None:
                    check_notional(order.amount, known, market)
        return market

    async def send_order(self, order: Place, venue_id: str) -> OrderResult:
        """Send an order that :meth:`check_order` passed, once, under the client id ``venue_id``.

        Raises:
            UnknownOutcomeError: it may or may not be there; :meth:`find_order` tells later.
            InsufficientBalanceError, OrderRejectedError, InvalidOrderError, ...: it surely was not placed.

        """
        await self.market(order.symbol)
        kind, params = self._venue.order(order, venue_id)
        amount = None if order.amount is None else plain(order.amount)
        price = None if order.price is None else plain(order.price)
        sent = await self._connection.send(
            self._client,
            lambda client: client.create_order(order.symbol, kind, order.side.value, amount, price, params),
        )
        if self._venue.answers_whole_order:
            return await self._result(sent)
        try:
            return await self.get_order_status(str(sent["id"]), order.symbol)
        except WalletError:
            # It is placed, and what became of it since could not be read: that is for the next look to say.
            return _only_accepted(order, str(sent["id"]), venue_id, self._clock())

    async def find_order(self, venue_id: str, symbol: str) -> OrderResult | None:
        """Return the order sent under the client id ``venue_id``, None when the venue has none (yet)."""
        await self.market(symbol)
        try:
            found = await self._connection.read(self._client, lambda client: self._venue.find(client, venue_id, symbol))
        except OrderNotFoundError:
            return None
        return await self._result(found)

    async def cancel_order(self, order_id: str, symbol: str) -> bool:
        """Cancel; raises OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError."""
        await self._known(order_id, symbol)
        tries = 0

        async def ask(client: Client) -> object:
            nonlocal tries
            tries += 1
            return await client.cancel_order(order_id, symbol)

        try:
            await self._connection.read(self._client, ask)
        except OrderNotFoundError:
            order = await self.get_order_status(order_id, symbol)
            if order.status is OrderStatus.CANCELLED and tries > 1:
                return True
            if order.status is OrderStatus.FILLED:
                raise OrderAlreadyFilledError(f"{order_id} is filled") from None
            raise OrderAlreadyClosedError(f"{order_id} is {order.status}") from None
        return True

    async def get_order_status(self, order_id: str, symbol: str) -> OrderResult:
        """One order, open or ended; raises OrderNotFoundError."""
        await self._known(order_id, symbol)
        return await self._result(
            await self._connection.read(self._client, lambda client: client.fetch_order(order_id, symbol))
        )

    async def _known(self, order_id: str, symbol: str) -> None:
        await self.market(symbol)
        if not self._venue.order_id.fullmatch(order_id):
            raise OrderNotFoundError(f"no order {order_id[:40]!r} in this wallet")

    async def _result(self, found: Mapping[str, Any]) -> OrderResult:
        if lacks_fee(found):
            found = with_fees(found, await self.get_fills(found["symbol"], order_id=str(found["id"])))
        return read_order(found, self._venue.type_of(found))

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderResult]:
        """Orders that can still fill, oldest first."""
        client = self._client
        await self._connection.markets()
        if symbol is not None:
            await self.market(symbol)
        found = await self._connection.read(client, lambda client: client.fetch_open_orders(symbol))
        return sorted(await self._results(found), key=lambda order: order.timestamp)

    async def get_order_history(self, symbol: str | None = None, limit: int = 50) -> list[OrderResult]:
        """Orders that ended, newest first; some venues list them of one symbol only (InvalidSymbolError)."""
        client = self._client
        await self._connection.markets()
        if symbol is not None:
            await self.market(symbol)
        elif self._venue.history_by_symbol:
            raise SymbolNotFoundError(f"{self._venue.name} lists ended orders of one symbol at a time: name it")
        found = await self._connection.read(client, lambda client: self._venue.ended(client, symbol, limit))
        ended = [order for order in found if order["status"] != "open"]
        newest = sorted(ended, key=lambda order: (order["timestamp"], str(order["id"])), reverse=True)
        return await self._results(newest[:limit])

    async def _results(self, found: Sequence[Mapping[str, Any]]) -> list[OrderResult]:
        """Read orders; the fills of a symbol are asked for once, and only where an order does not say its fee."""
        fills: dict[str, list[VenueFill]] = {}
        for symbol in {order["symbol"] for order in found if lacks_fee(order)}:
            fills[symbol] = await self.get_fills(symbol)
        orders = (with_fees(order, fills[order["symbol"]]) if lacks_fee(order) else order for order in found)
        return [read_order(order, self._venue.type_of(order)) for order in orders]

    async def get_fills(
        self, symbol: str, since: datetime | None = None, limit: int = MOST_FILLS, *, order_id: str | None = None
    ) -> list[VenueFill]:
        """What was exchanged, oldest first: the last ``limit`` fills, or the first after ``since``."""
        await self.market(symbol)
        start = None if since is None else int(since.timestamp() * 1000)
        found = await self._connection.read(
            self._client, lambda client: self._venue.fills(client, symbol, start, limit, order_id)
        )
        return sorted((read_fill(trade) for trade in found), key=lambda fill: (fill.at, fill.fill_id))

    async def positions(self) -> PositionReport:
        """Holdings beside dollars, with what their fills at this venue cost."""
        balances = await self.get_balance()
        mids = await self._connection.mids() if balances else {}
        markets = await self._connection.markets()
        items = []
        for held in balances:
            quotes = (f"{held.asset}/{quote}" for quote in self._venue.quotes)
            symbol = next((name for name in quotes if name in markets), None)
            if symbol is not None and held.asset not in DOLLARS:
                items.append(await self._position(symbol, held, mids.get(symbol), markets[symbol].market))
        now = self._clock()
        return PositionReport(
            tuple(sorted(items, key=lambda item: item.symbol)), now, stale=False, as_of=now, mode="live"
        )

    async def _position(self, symbol: str, held: WalletBalance, mark: Decimal | None, market: Market) -> WalletPosition:
        followed = position_of(await self.get_fills(symbol), market.base)
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

    async def record(self, command: LifeCommand, mirror: Mapping[str, object]) -> None:
        """Keep a change of the wallet's life in our database; the venue knows nothing of it."""
        self.require_initialized()
        keep = cast("KeepLife | None", self.config.get("record"))
        if keep is None:
            raise ConflictError("this wallet is not kept in a database")
        await keep(command, mirror)


def venue_client_id(user_wallet_id: str, client_order_id: str | None) -> str:
    """Return the id an order has at the venue: the same for the same request, 32 hexadecimal digits.

    Every venue takes that form. Without an id of the client it is drawn at random.
    """
    if client_order_id is None:
        return uuid.uuid4().hex
    text = f"{user_wallet_id}\n{client_order_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _valued(held: WalletBalance, price: Decimal | None) -> AssetValue:
    worth = None if price is None else price * held.total
    return AssetValue(held.asset, held.free, held.locked, held.total, worth)


def _check_quote(quote_amount: Decimal, market: Market) -> None:
    """CCXT would cut what is finer than the tick, silently."""
    if quote_amount % market.tick_size:
        raise InvalidOrderError(
            f"quote_amount {plain(quote_amount)} is not a multiple of {plain(market.tick_size)}", field="quote_amount"
        )
    if quote_amount < market.min_notional:
        raise InvalidOrderError(
            f"quote_amount {plain(quote_amount)} is below the smallest order, {plain(market.min_notional)}",
            field="quote_amount",
            min_notional=market.min_notional,
        )


def _require_same(found: OrderResult, order: Place) -> None:
    asked = (order.symbol, order.side, order.type, order.price)
    same = asked == (found.symbol, found.side, found.order_type, found.price)
    if not same or (order.amount is not None and order.amount != found.amount):
        raise IdempotencyMismatchError(
            f"client_order_id {order.client_order_id} belongs to order {found.order_id} with another body"
        )


def _only_accepted(order: Place, order_id: str, venue_id: str, now: datetime) -> OrderResult:
    return OrderResult(
        order_id=order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.type,
        status=OrderStatus.UNKNOWN,
        price=order.price,
        amount=order.amount or ZERO,
        filled_amount=ZERO,
        average_fill_price=None,
        fee=ZERO,
        fee_currency=order.symbol.partition("/")[2],
        timestamp=now,
        client_order_id=venue_id,
    )
