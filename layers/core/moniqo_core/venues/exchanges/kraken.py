"""Kraken, spot. https://docs.kraken.com/api (Spot REST)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from moniqo_core.domain.errors import InvalidOrderError
from moniqo_core.domain.market.market_mode import MarketMode
from moniqo_core.domain.market.marks import Marks
from moniqo_core.domain.market.ticker import Quote24h
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.venues.exchanges import refusals as means
from moniqo_core.venues.exchanges.kraken_codes import REFUSALS
from moniqo_core.venues.exchanges.reading.balances import (
    AssetBalance,
    amount,
    amount_or_zero,
    held_in_part,
    read_balance,
)
from moniqo_core.venues.exchanges.reading.quotes import Quote, marks_of, read_quotes
from moniqo_core.venues.exchanges.reading.tickers import read_tickers
from moniqo_core.venues.exchanges.refusals import VenueRefusalError
from moniqo_core.venues.exchanges.rows import read_rows, times_of
from moniqo_core.venues.exchanges.venue import IN_QUOTE, Client, Venue, VenueCandles, VenueTrades, amount_text, id_text

_TYPES: Final = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.STOP_LOSS: "stop-loss",
    OrderType.TAKE_PROFIT: "take-profit",
    OrderType.STOP_LIMIT: "stop-loss-limit",
}
_READ: Final = {**{name: kind for kind, name in _TYPES.items()}, "take-profit-limit": OrderType.STOP_LIMIT}
_MODES: Final = {
    mode.value: mode
    for mode in (MarketMode.CANCEL_ONLY, MarketMode.POST_ONLY, MarketMode.LIMIT_ONLY, MarketMode.REDUCE_ONLY)
}
_LONG_NAME: Final = 4
_SHORT_NAMES: Final = {"BTC": "XBT", "DOGE": "XDG"}
_PAGE: Final = 50
_PAGES: Final = 4
"""Pages of trades that one query returns. One more page tells how many trades there are.

The burst has room for all of them and for the other calls of a sync.
"""
_TRADES_AT_ONCE: Final = 20
_COST: Final = 3
"""CCXT's cost of a private call. A page of trades costs twice as much. One unit is refilled per second."""
_CALLS_AT_ONCE: Final = 12
"""Calls that one account may send at once. Kraken allows fifteen per key, and restores one every three seconds.

Three are left for other processes that use the same key.
https://docs.kraken.com/api/docs/guides/spot-rest-ratelimits
"""


class Kraken(Venue):
    """A spot account at Kraken."""

    exchange = "kraken"
    name = "Kraken"
    hosts = frozenset({"api.kraken.com"})
    options: ClassVar[Mapping[str, object]] = {"marketsByAltname": {}}
    refusals = REFUSALS
    order_types = frozenset(_TYPES)
    times_in_force = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.GTD})
    most_fills = _PAGE * _PAGES
    order_id = re.compile(r"[A-Z0-9]{6}-[A-Z0-9]{5}-[A-Z0-9]{6}")
    quotes = ("USD", "USDT", "USDC")
    burst = _COST * _CALLS_AT_ONCE
    minutes_kept = timedelta(minutes=719)
    candles_kept = 720
    key_hint = (
        "In Kraken's settings, under API, create a separate key for this service. Turn on 'Query Funds',"
        " 'Query Open Orders & Trades', 'Query Closed Orders & Trades', 'Create & Modify Orders' and"
        " 'Cancel/Close Orders'. Leave 'Withdraw Funds' off."
    )

    def api(self, base_url: str) -> Mapping[str, str]:
        """Return the one address that serves every endpoint."""
        return {"public": base_url, "private": base_url}

    def codes(self, status: int, body: Any) -> Sequence[str]:
        """Return each error of ``{"error": ["EOrder:Insufficient funds"]}``, followed by its prefixes."""
        given = body.get("error") if isinstance(body, dict) else None
        if not isinstance(given, list):
            return ()
        errors = [str(error) for error in given if str(error).startswith("E")]
        return [part for error in errors for part in _parts(error)]

    async def permissions(self, client: Client) -> KeyPermissions | None:
        """Read ``POST /0/private/GetApiKeyInfo``, which every key may call."""
        answer = (await client.privatePostGetApiKeyInfo())["result"]
        allowed = {str(name).lower() for name in answer["permissions"]}
        limited = answer.get("ipAllowlist")
        return KeyPermissions(
            can_read=any(name.startswith("query") for name in allowed),
            can_trade="modify-trades" in allowed,
            can_withdraw=any("withdraw" in name for name in allowed),
            ip_restricted=None if limited is None else bool(limited),
        )

    async def account_id(self, client: Client) -> str | None:
        """Return ``iban`` of ``POST /0/private/GetApiKeyInfo``, which is the public id of the account."""
        return id_text((await client.privatePostGetApiKeyInfo())["result"].get("iban"))

    async def markets(self, client: Client) -> Sequence[Mapping[str, Any]]:
        """Return the pairs of ``GET /0/public/AssetPairs``, with Kraken's own names of the assets.

        Pairs with a colon in their name are traded outside Kraken's book.
        """
        pairs = (await client.publicGetAssetPairs())["result"]
        rows = [(name, pair) for name, pair in pairs.items() if ":" not in name]
        return read_rows(self.exchange, "markets", rows, lambda row: _market(client, *row), lambda row: row[0])

    def asset_id(self, asset: str) -> str:
        """Return Kraken's short name: XBT for XXBT and BTC, USD for ZUSD."""
        short = asset[1:] if len(asset) == _LONG_NAME and asset[0] in "XZ" else asset
        return _SHORT_NAMES.get(short, short)

    def market_mode(self, item: Mapping[str, Any]) -> MarketMode:
        """Return Kraken's ``status`` of the pair. Any other status than those it documents takes no orders."""
        status = item["info"]["status"]
        return MarketMode.NORMAL if status == "online" else _MODES.get(status, MarketMode.CLOSED)

    async def mids(self, client: Client) -> Marks:
        """Return the mark of every pair, from one call."""
        shown = (await client.publicGetTicker())["result"]
        return marks_of(client, read_quotes(client, shown.items(), _quote, 0))

    async def tickers(self, client: Client, symbols: Sequence[str]) -> Mapping[str, Quote24h]:
        """Return ``GET /0/public/Ticker`` of these pairs, in one call.

        Its opening price is that of the day, from which no change in 24 hours follows.
        """
        pairs = ",".join(client.markets[symbol]["id"] for symbol in symbols)
        shown = (await client.publicGetTicker({"pair": pairs}))["result"]
        return read_tickers(client, symbols, shown.items(), _day, lambda row: row[0])

    def check(self, order: OrderRequest) -> None:
        """Refuse a sell with ``quote_amount`` too, because Kraken accepts that for market buys only.

        Raises:
            InvalidOrderError: as in the base class, or for such a sell.

        """
        super().check(order)
        if order.quote_amount is not None and order.side is OrderSide.SELL:
            raise InvalidOrderError(
                "Kraken accepts quote_amount for market buys only. Give amount instead.", field="quote_amount"
            )

    async def place(self, client: Client, order: OrderRequest, client_id: str) -> Mapping[str, Any]:
        """Send ``POST /0/private/AddOrder``. The answer holds only the id of the order."""
        request = {
            "pair": client.market(order.symbol)["id"],
            "type": order.side.value,
            "ordertype": _TYPES[order.type],
            "volume": amount_text(order.amount or order.quote_amount),
            "cl_ord_id": client_id,
        }
        flags = [name for name, wanted in (("post", order.post_only), ("viqc", order.quote_amount)) if wanted]
        if flags:
            request["oflags"] = ",".join(flags)
        if order.time_in_force is not TimeInForce.GTC and order.type is not OrderType.MARKET:
            request["timeinforce"] = order.time_in_force.value
        if order.expires_at is not None:
            request["expiretm"] = str(int(order.expires_at.timestamp()))
        first, second = (order.stop_price, order.price) if order.stop_price is not None else (order.price, None)
        request |= {name: amount_text(price) for name, price in (("price", first), ("price2", second)) if price}
        answer = await client.privatePostAddOrder(request)
        return {"id": answer["result"]["txid"][0]}

    def type_of(self, order: Mapping[str, Any]) -> OrderType:
        """Return the type from Kraken's own field."""
        return _READ[order["info"]["descr"]["ordertype"]]

    def amended(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take the amounts, the fee and the limit price from Kraken's own fields.

        The fee is in the quote asset whatever side ``oflags`` prefers. With ``viqc`` in ``oflags`` the volume is in the
        quote asset, so the amounts are added up from the fills. Kraken's ``userref`` is a number that many orders may
        share, so it is no client order id.
        """
        info = order["info"]
        descr = info["descr"]
        price = descr["price2"] if descr["ordertype"].endswith("-limit") else descr["price"]
        quote = (order["symbol"] or "/").partition("/")[2]
        own = {"cost": info["cost"], "price": price, "filled": info["vol_exec"], "amount": info["vol"], "fees": None}
        own["fee"] = {"cost": info["fee"], "currency": quote}
        own["clientOrderId"] = info.get("cl_ord_id")
        if "viqc" in str(info.get("oflags") or "").split(","):
            own |= {"amount": None, IN_QUOTE: True}
        return {**order, **own}

    def is_on_margin(self, info: Mapping[str, Any]) -> bool:
        """Read the fields that only trades on margin have.

        ``margin`` is the initial margin of a trade that opens a position. A trade that closes one needs no margin of
        its own and says ``closing`` in ``misc``.
        """
        flags = str(info.get("misc") or "").split(",")
        opens = Decimal(info.get("margin") or 0) > 0 or info.get("posstatus") is not None
        return opens or "closing" in flags or str(info.get("leverage") or 0) not in {"0", "none"}

    def details(self, info: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep the alternative name of the pair, which Kraken's orders use."""
        return {"altname": info["altname"]}

    def take_markets(self, model: Client) -> None:
        """Fill the table in which CCXT finds the pair of an order."""
        by_name = model.options["marketsByAltname"]
        by_name.clear()
        by_name.update((market["info"]["altname"], market) for market in model.markets.values())

    async def order(self, client: Client, order_id: str, symbol: str) -> Mapping[str, Any]:
        """Return ``POST /0/private/QueryOrders``, which needs no symbol."""
        found: Mapping[str, Any] = await client.fetch_order(order_id)
        return found

    async def cancel(self, client: Client, order_id: str, symbol: str) -> object:
        """Send ``POST /0/private/CancelOrder``.

        Raises:
            VenueRefusalError: Kraken reports that it cancelled no order.

        """
        answer = (await client.privatePostCancelOrder({"txid": order_id}))["result"]
        if not int(answer["count"]):
            raise VenueRefusalError(means.CANCEL_REFUSED)
        return answer

    async def balance(self, client: Client) -> Mapping[str, Any]:
        """Return ``POST /0/private/BalanceEx``.

        Raises:
            TypeError: the answer holds no balances.

        """
        found = (await client.privatePostBalanceEx())["result"]
        if not isinstance(found, dict):
            raise TypeError
        return read_balance(client, found.items(), _balance, lambda row: row[0])

    async def find(self, client: Client, client_id: str, symbol: str) -> Mapping[str, Any]:
        """Search open orders, then closed ones. An order that closes in between is found by the second search.

        Raises:
            VenueRefusalError: there is no such order, or the venue refused a list.

        """
        asked = {"cl_ord_id": client_id}
        with means.listing_orders():
            found = (await client.privatePostOpenOrders(asked))["result"]["open"]
            found = found or (await client.privatePostClosedOrders(asked))["result"]["closed"]
        for name, row in found.items():
            # An order that cannot be read raises here: it must not look like an order that was never placed.
            if row.get("cl_ord_id") in {None, client_id}:
                order: Mapping[str, Any] = client.parse_order({**row, "id": name})
                return order
        raise VenueRefusalError(means.UNKNOWN_ORDER)

    async def open_orders(self, client: Client, symbol: str | None) -> Sequence[Mapping[str, Any]]:
        """Return ``POST /0/private/OpenOrders``."""
        found = self._orders(client, (await client.privatePostOpenOrders())["result"]["open"])
        return [order for order in found if symbol in {None, order["symbol"]}]

    async def ended(self, client: Client, symbol: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return ``POST /0/private/ClosedOrders``."""
        found = self._orders(client, (await client.privatePostClosedOrders())["result"]["closed"])
        return [order for order in found if symbol in {None, order["symbol"]}]

    def _orders(self, client: Client, found: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        rows = found.items()
        return read_rows(
            self.exchange, "orders", rows, lambda row: client.parse_order({**row[1], "id": row[0]}), lambda row: row[0]
        )

    async def candles(
        self, client: Client, symbol: str, interval: str, since: int | None, until: int | None, limit: int
    ) -> VenueCandles:
        """Return ``GET /0/public/OHLC``: the latest 720 candles, or those of them since a time. It takes no end."""
        return VenueCandles(await client.fetch_ohlcv(symbol, interval, since, max(limit, self.candles_kept)))

    async def fills(self, client: Client, symbol: str | None, since: int | None, order_id: str | None) -> VenueTrades:
        """Return ``POST /0/private/TradesHistory``: pages of fifty trades of all pairs, newest first.

        With ``order_id``, query the order and then its trades.
        """
        found = await (_pages(client, since) if order_id is None else _of_order(client, order_id))
        rows = [(name, row) for name, row in found.items()]
        trades = read_rows(
            self.exchange, "trades", rows, lambda row: client.parse_trade({**row[1], "id": row[0]}), lambda row: row[0]
        )
        times = times_of(found.values(), lambda row: int(amount(row["time"]) * 1000))
        return VenueTrades([trade for trade in trades if symbol in {None, trade["symbol"]}], len(rows), times)


def _balance(row: tuple[str, Mapping[str, Any]]) -> AssetBalance:
    """Read a row of BalanceEx. The balance includes what open orders hold. A credit line is not part of it."""
    asset, shown = row
    return held_in_part(asset, amount(shown["balance"]), amount(shown.get("hold_trade") or 0))


def _market(client: Client, name: str, pair: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a pair in CCXT's form. CCXT's own form has neither Kraken's step of the price nor its asset names."""
    base, quote = (client.safe_currency_code(pair[side]) for side in ("base", "quote"))
    lot = Decimal(1).scaleb(-int(pair["lot_decimals"]))
    tick = pair.get("tick_size") or Decimal(1).scaleb(-int(pair["pair_decimals"]))
    return {
        "id": name,
        "symbol": f"{base}/{quote}",
        "base": base,
        "quote": quote,
        "baseId": pair["base"],
        "quoteId": pair["quote"],
        "spot": True,
        "precision": {"price": str(tick), "amount": str(lot)},
        "limits": {"amount": {"min": pair.get("ordermin")}, "cost": {"min": pair.get("costmin")}},
        "info": pair,
    }


async def _pages(client: Client, since: int | None) -> Mapping[str, Mapping[str, Any]]:
    """Return the newest pages, or the oldest since ``since`` (ms). Kraken's offsets count from the newest trade."""
    asked: dict[str, object] = {} if since is None else {"start": since // 1000}
    answer = (await client.privatePostTradesHistory(asked))["result"]
    found: dict[str, Mapping[str, Any]] = dict(answer["trades"])
    count, most = int(answer["count"]), _PAGE * _PAGES
    offsets = range(_PAGE, min(count, most), _PAGE)
    if since is not None and count > _PAGE:
        # A trade newer than the first page would shift the offsets, and the oldest trades would be missed.
        times = {name: amount_or_zero(row, "time") for name, row in found.items()}
        asked["end"] = max(times, key=lambda name: times[name])
        # Rows that tell no time may be newer than that end. The others then move up by as many places at most.
        undated = sum(not at for at in times.values())
        offsets = range(_PAGE - undated, min(count, most), _PAGE)
        if count > most:
            offsets, found = range(count - most - undated, count, _PAGE), {}
    for offset in offsets:
        found |= (await client.privatePostTradesHistory({**asked, "ofs": offset}))["result"]["trades"]
    return found


async def _of_order(client: Client, order_id: str) -> Mapping[str, Mapping[str, Any]]:
    order = (await client.privatePostQueryOrders({"txid": order_id, "trades": True}))["result"][order_id]
    names = order.get("trades") or []
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(names), _TRADES_AT_ONCE):
        asked = ",".join(names[start : start + _TRADES_AT_ONCE])
        found |= (await client.privatePostQueryTrades({"txid": asked}))["result"]
    return found


def _quote(row: tuple[str, Mapping[str, Any]]) -> Quote:
    name, ticker = row
    return Quote(
        name, amount(ticker["b"][0]), amount(ticker["a"][0]), amount(ticker["c"][0]) if ticker.get("c") else None
    )


def _day(row: tuple[str, Mapping[str, Any]]) -> Quote24h:
    """Read a pair. Of two numbers the first is that of the day, and the second that of the last 24 hours."""
    _, ticker = row
    return Quote24h(
        bid=amount(ticker["b"][0]),
        ask=amount(ticker["a"][0]),
        last=amount(ticker["c"][0]),
        high=amount(ticker["h"][1]),
        low=amount(ticker["l"][1]),
        volume=amount(ticker["v"][1]),
    )


def _parts(error: str) -> Sequence[str]:
    """Return an error and its prefixes, longest first.

    ``EGeneral:Invalid arguments:volume`` has the prefixes ``EGeneral:Invalid arguments`` and ``EGeneral``.
    """
    words = error.split(":")
    return [":".join(words[:count]) for count in range(len(words), 0, -1)]
