"""Coinbase Advanced Trade, spot. https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any, ClassVar, Final

from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.market.market_mode import MarketMode
from moniqo_core.domain.market.marks import Marks, has_sane_spread
from moniqo_core.domain.market.ticker import Quote24h
from moniqo_core.domain.money import ZERO, exact, floor_to
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.venues.exchanges import refusals as means
from moniqo_core.venues.exchanges.coinbase_codes import REFUSALS, REFUSED_ORDER
from moniqo_core.venues.exchanges.reading.balances import AssetBalance, amount, read_balance
from moniqo_core.venues.exchanges.reading.quotes import Quote, marks_of, read_quotes
from moniqo_core.venues.exchanges.reading.tickers import read_tickers, said
from moniqo_core.venues.exchanges.refusals import VenueRefusalError
from moniqo_core.venues.exchanges.rows import read_rows, times_of
from moniqo_core.venues.exchanges.venue import Client, Venue, VenueCandles, VenueTrades, amount_text, id_text

_READ: Final = {"MARKET": OrderType.MARKET, "LIMIT": OrderType.LIMIT, "STOP_LIMIT": OrderType.STOP_LIMIT}
_STATUSES: Final = {
    "PENDING": "open",
    "QUEUED": "open",
    "OPEN": "open",
    "EDIT_QUEUED": "open",
    "CANCEL_QUEUED": "open",
    "FILLED": "closed",
    "CANCELLED": "canceled",
    "EXPIRED": "expired",
    "FAILED": "rejected",
}
_OTHER: Final = {"buy": "sell", "sell": "buy"}
_MODES: Final = {
    "cancel_only": MarketMode.CANCEL_ONLY,
    "post_only": MarketMode.POST_ONLY,
    "limit_only": MarketMode.LIMIT_ONLY,
    "auction_mode": MarketMode.LIMIT_ONLY,
}
_MOST: Final = 250
_ORDERS_AT_ONCE: Final = 50
_LAST_FILLS: Final = 500
_MOST_FILLS: Final = 1000
"""Fills read since a given time: four pages, which fit into a sync.

Coinbase neither says how many there are nor can return the oldest first.
"""


class Coinbase(Venue):
    """A spot account at Coinbase Advanced."""

    exchange = "coinbase"
    name = "Coinbase"
    hosts = frozenset({"api.coinbase.com"})
    test_hosts = frozenset({"api-sandbox.coinbase.com"})
    refusals = REFUSALS
    order_types = frozenset(_READ.values())
    times_in_force = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD})
    most_fills = _MOST_FILLS
    newest_fills = True
    order_id = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    quotes = ("USD", "USDC", "USDT")
    candles_per_query = 300
    candles_made_of: ClassVar[Mapping[str, str]] = {"4h": "1h"}
    key_hint = (
        "In the Coinbase Developer Platform, create a secret API key (ECDSA) with 'View' and 'Trade' but without"
        " 'Transfer'. Give the key's name in one field and its whole private key in the other."
    )

    def api(self, base_url: str) -> Mapping[str, str]:
        """Return the one address that serves every endpoint."""
        return {"rest": base_url}

    def credential(self, value: str) -> str:
        r"""Replace each ``\n`` in a private key that was copied from Coinbase's key file by a line break."""
        return value.replace("\\n", "\n")

    def codes(self, status: int, body: Any) -> Sequence[str]:
        """Return the code of ``{"error": "PERMISSION_DENIED"}``, or the reason why an order was refused.

        A refused order or cancellation has HTTP status 200, with the reason in its body. A status 404 counts as
        ``NOT_FOUND`` if the body gives no other code.
        """
        if not isinstance(body, dict):
            return ()
        response = body.get("error_response")
        # An answer that does not tell its success is a refusal if it gives a reason.
        if isinstance(response, dict) and body.get("success", not response) is False:
            names = (response.get("preview_failure_reason"), response.get("error"))
            known = [str(name) for name in names if name and not str(name).startswith("UNKNOWN_")]
            return [*known, REFUSED_ORDER]
        failed = [item for item in body.get("results") or () if item.get("success") is False]
        if failed:
            return [str(failed[0].get("failure_reason"))]
        ids = [item.get("id") for item in body.get("errors") or () if isinstance(item, dict)]
        given = [name.upper() for name in (body.get("error"), *ids) if isinstance(name, str)]
        if status == HTTPStatus.NOT_FOUND:
            return [*(name for name in given if name != "UNKNOWN"), "NOT_FOUND"]
        return given

    async def permissions(self, client: Client) -> KeyPermissions | None:
        """Read ``GET /api/v3/brokerage/key_permissions``."""
        answer = await client.v3PrivateGetBrokerageKeyPermissions()
        return KeyPermissions(answer["can_view"], answer["can_trade"], answer["can_transfer"])

    async def account_id(self, client: Client) -> str | None:
        """Return the portfolio of the key, which is all that it may trade."""
        return id_text((await client.v3PrivateGetBrokerageKeyPermissions()).get("portfolio_uuid"))

    async def markets(self, client: Client) -> Sequence[Mapping[str, Any]]:
        """Return the spot products of ``GET /api/v3/brokerage/market/products``."""
        found = await client.v3PublicGetBrokerageMarketProducts({"product_type": "SPOT"})
        products = found["products"]
        return read_rows(self.exchange, "markets", products, lambda row: client.parse_spot_market(row, {}), _product)

    def market_mode(self, item: Mapping[str, Any]) -> MarketMode:
        """Return the mode that the flags of the product tell. The strictest of several counts."""
        info = item["info"]
        if any(info.get(flag) for flag in ("trading_disabled", "is_disabled", "view_only")):
            return MarketMode.CLOSED
        if str(info.get("status") or "online").lower() not in {"online", "pending"}:
            return MarketMode.CLOSED
        return next((mode for flag, mode in _MODES.items() if info.get(flag)), MarketMode.NORMAL)

    async def mids(self, client: Client) -> Marks:
        """Return the mid price of every product from the list of products, or the last price if it has no mid price."""
        found = await client.v3PublicGetBrokerageMarketProducts({"product_type": "SPOT"})
        return marks_of(client, read_quotes(client, found["products"], _price, "product_id"))

    async def tickers(self, client: Client, symbols: Sequence[str]) -> Mapping[str, Quote24h]:
        """Return the products, from one call, with the best prices of each, which take one call a product.

        Coinbase tells the best prices of several products at once only to holders of a key. It tells no high and low.
        """
        ids = [client.markets[symbol]["id"] for symbol in symbols]
        found = await client.v3PublicGetBrokerageMarketProducts({"product_type": "SPOT", "product_ids": ids})
        listed = {row.get("product_id") for row in found["products"] if isinstance(row, Mapping)}
        ids = [name for name in ids if name in listed]
        read_best = client.v3PublicGetBrokerageMarketProductsProductIdTicker
        asked = (read_best({"product_id": name, "limit": 1}) for name in ids)
        shown = dict(zip(ids, await asyncio.gather(*asked, return_exceptions=True), strict=True))
        failures = [best for best in shown.values() if isinstance(best, BaseException)]
        if failures and len(failures) == len(ids):
            raise failures[0]

        def day(row: Mapping[str, Any]) -> Quote24h:
            best = shown[row["product_id"]]
            if isinstance(best, BaseException):
                raise best
            return _day(row, best)

        return read_tickers(client, symbols, found["products"], day, _product)

    async def place(self, client: Client, order: OrderRequest, client_id: str) -> Mapping[str, Any]:
        """Send ``POST /api/v3/brokerage/orders``. The answer holds only the id of the order."""
        request = {
            "client_order_id": client_id,
            "product_id": client.market(order.symbol)["id"],
            "side": order.side.value.upper(),
            "order_configuration": _configuration(order),
        }
        answer = await client.v3PrivatePostBrokerageOrders(request)
        return {"id": answer["success_response"]["order_id"]}

    async def order(self, client: Client, order_id: str, symbol: str) -> Mapping[str, Any]:
        """Return ``GET /api/v3/brokerage/orders/historical/{order_id}``, which needs no symbol."""
        found: Mapping[str, Any] = await client.fetch_order(order_id)
        return found

    async def cancel(self, client: Client, order_id: str, symbol: str) -> object:
        """Send ``POST /api/v3/brokerage/orders/batch_cancel``.

        Raises:
            VenueRefusalError: the answer does not say that this order is being cancelled.

        """
        answer = await client.v3PrivatePostBrokerageOrdersBatchCancel({"order_ids": [order_id]})
        if not any(item["order_id"] == order_id and item["success"] is True for item in answer["results"]):
            raise VenueRefusalError(means.CANCEL_REFUSED)
        return answer

    def type_of(self, order: Mapping[str, Any]) -> OrderType:
        """Return the type from Coinbase's own field."""
        return _READ[order["info"]["order_type"]]

    def amended(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take every number from Coinbase's own fields.

        A market order that was placed by quote amount has no base amount, so its filled amount is used. The fee is in
        the quote asset.
        """
        info = order["info"]
        ((_, fields),) = info["order_configuration"].items()
        return {
            **order,
            "status": _STATUSES.get(info["status"]),
            "filled": info["filled_size"],
            "cost": info["filled_value"],
            "amount": fields.get("base_size") or info["filled_size"],
            "price": fields.get("limit_price"),
            "fees": None,
            "fee": {"cost": info["total_fees"], "currency": order["symbol"].partition("/")[2]},
        }

    def amended_fill(self, trade: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take price, size and commission from Coinbase's own fields.

        With ``size_in_quote`` the size is the quote amount, and :meth:`fills` has added the base amount. A reversal
        takes back an earlier fill. It and other adjusted fills have the id of that fill, so their type is added to it.
        """
        info = trade["info"]
        size, commission = amount(info["size"]), amount(info["commission"])
        in_quote = info.get("size_in_quote") is True
        kind = str(info.get("trade_type") or "FILL")
        taken_back = kind == "REVERSAL"
        side = trade["side"]
        return {
            **trade,
            "id": trade["id"] if kind == "FILL" else f"{trade['id']}-{kind.lower()}",
            "side": _OTHER[side] if taken_back else side,
            "price": info["price"],
            "amount": info.get("base_size") if in_quote else size,
            "cost": size if in_quote else None,
            "fee": {"cost": -commission if taken_back else commission, "currency": trade["symbol"].partition("/")[2]},
        }

    async def balance(self, client: Client) -> Mapping[str, Any]:
        """Return the balance from all pages of ``GET /api/v3/brokerage/accounts``. If one page fails, so does this."""
        accounts: list[Any] = []
        asked: dict[str, object] = {"limit": _MOST}
        while True:
            page = await client.v3PrivateGetBrokerageAccounts(asked)
            accounts += page["accounts"]
            if not page["has_next"]:
                break
            asked = {**asked, "cursor": page["cursor"]}
        held = [row for row in accounts if not isinstance(row, Mapping) or _is_spot(row)]
        return read_balance(client, held, _balance, lambda row: row["currency"])

    async def open_orders(self, client: Client, symbol: str | None) -> Sequence[Mapping[str, Any]]:
        """Return ``GET /api/v3/brokerage/orders/historical/batch``, with 250 orders where CCXT reads a hundred."""
        found: Sequence[Mapping[str, Any]] = await client.fetch_open_orders(symbol, None, _MOST)
        return found

    async def ended(self, client: Client, symbol: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return ``GET /api/v3/brokerage/orders/historical/batch``, which includes open orders."""
        found: Sequence[Mapping[str, Any]] = await client.fetch_orders(symbol, None, _MOST)
        return found

    async def find(self, client: Client, client_id: str, symbol: str) -> Mapping[str, Any]:
        """Search the last orders of the symbol, because Coinbase has no query by client order id.

        Raises:
            VenueRefusalError: the order is not among them, or the venue refused the list.

        """
        asked = {"product_id": client.market(symbol)["id"], "limit": _MOST}
        with means.listing_orders():
            page = await client.v3PrivateGetBrokerageOrdersHistoricalBatch(asked)
        for row in page["orders"]:
            # An order that cannot be read raises here: it must not look like an order that was never placed.
            if isinstance(row, Mapping) and row.get("client_order_id") == client_id:
                order: Mapping[str, Any] = client.parse_order(row)
                return order
        raise VenueRefusalError(means.UNKNOWN_ORDER)

    async def candles(
        self, client: Client, symbol: str, interval: str, since: int | None, until: int | None, limit: int
    ) -> VenueCandles:
        """Return ``GET /api/v3/brokerage/market/products/{product_id}/candles``, newest first.

        A period without a trade has no row.
        """
        market, each = client.market(symbol), client.parse_timeframe(interval)
        first = int(client.seconds()) - limit * each if since is None else since // 1000
        last = first + limit * each if until is None else until // 1000
        asked = {"product_id": market["id"], "granularity": client.timeframes[interval]}
        page = await client.v3PublicGetBrokerageMarketProductsProductIdCandles(
            {**asked, "start": str(first), "end": str(last)}
        )
        shown = page["candles"]
        rows = read_rows(self.exchange, "candles", shown, _candle, lambda row: row["start"])
        return VenueCandles(rows, odd=len(rows) < len(shown))

    async def fills(self, client: Client, symbol: str | None, since: int | None, order_id: str | None) -> VenueTrades:
        """Return ``GET /api/v3/brokerage/orders/historical/fills``, newest first, or all pages for one ``order_id``."""
        asked: dict[str, object] = {"limit": _MOST}
        if symbol is not None:
            asked["product_ids"] = client.market(symbol)["id"]
        if order_id is not None:
            asked["order_ids"] = order_id
        if since is not None:
            asked["start_sequence_timestamp"] = client.iso8601(since)
        most = _LAST_FILLS if since is None else _MOST_FILLS
        rows: list[Any] = []
        while True:
            page = await client.v3PrivateGetBrokerageOrdersHistoricalFills(asked)
            rows += page["fills"]
            if not page["cursor"] or (order_id is None and len(rows) >= most):
                break
            asked = {**asked, "cursor": page["cursor"]}
        rows = await _with_base_sizes(client, rows)
        trades = read_rows(self.exchange, "trades", rows, client.parse_trade, lambda row: row["trade_id"])
        times = times_of(rows, lambda row: int(client.parse8601(row["trade_time"])))
        return VenueTrades(trades, len(rows), times)


async def _with_base_sizes(client: Client, rows: Sequence[Any]) -> list[Any]:
    """Add ``base_size`` to fills whose size is in the quote asset. Coinbase tells it only for a whole order.

    If all fills of an order are there, the last one gets the rest of the order's base amount.
    """
    readable = [row for row in rows if isinstance(row, Mapping) and "order_id" in row]
    in_quote = [row for row in readable if row.get("size_in_quote") is True]
    if not in_quote:
        return list(rows)
    orders: dict[str, Any] = {}
    ids = sorted({str(row["order_id"]) for row in in_quote})
    for start in range(0, len(ids), _ORDERS_AT_ONCE):
        asked = {"order_ids": ids[start : start + _ORDERS_AT_ONCE], "limit": _MOST}
        page = await client.v3PrivateGetBrokerageOrdersHistoricalBatch(asked)
        orders.update(read_rows(client.venue.exchange, "orders", page["orders"], _by_id, lambda row: row["order_id"]))
    of_orders = [[row for row in in_quote if str(row["order_id"]) == name] for name in ids]
    found = read_rows(
        client.venue.exchange,
        "trades",
        of_orders,
        lambda own: _base_sizes(client, own, orders.get(str(own[0]["order_id"]))),
        lambda own: own[0]["order_id"],
    )
    sizes = {name: size for own in found for name, size in own.items()}
    return [{**row, "base_size": sizes[id(row)]} if id(row) in sizes else row for row in rows]


def _by_id(order: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    return str(order["order_id"]), order


def _base_sizes(
    client: Client, fills: Sequence[Mapping[str, Any]], order: Mapping[str, Any] | None
) -> Mapping[int, Decimal]:
    lot = amount(client.markets_by_id[fills[0]["product_id"]][0]["precision"]["amount"])
    with exact():
        sizes = {id(row): floor_to(amount(row["size"]) / amount(row["price"]), lot) for row in fills}
        spent = sum((amount(row["size"]) for row in fills), ZERO)
        if order is not None and spent == amount(order["filled_value"]):
            *others, last = sizes
            sizes[last] = amount(order["filled_size"]) - sum((sizes[name] for name in others), ZERO)
    return sizes


def _price(row: Mapping[str, Any]) -> Quote:
    """Return the mid price as both bid and ask, or the last price if there is no mid.

    The list of products shows no bid and ask. If the mid is far from the last trade, the spread is not sane. Then the
    last trade serves as the bid, and the ask is set so high that the quote's spread is not sane either.
    """
    last, mid = amount(row.get("price") or 0), amount(row.get("mid_market_price") or 0)
    if last <= 0 or mid <= 0 or has_sane_spread(min(last, mid), max(last, mid)):
        price = mid if mid > 0 else last
        return Quote(row["product_id"], price, price)
    return Quote(row["product_id"], last, last * 2 + mid, last)


def _is_spot(account: Mapping[str, Any]) -> bool:
    """Tell whether an account holds coins or money, and is no vault. Coinbase documents two forms of the type."""
    return str(account.get("type")).removeprefix("ACCOUNT_TYPE_") in {"CRYPTO", "FIAT"}


def _balance(row: Mapping[str, Any]) -> AssetBalance:
    free = amount(row["available_balance"]["value"])
    return AssetBalance(str(row["available_balance"]["currency"]), free, free + amount(row["hold"]["value"]))


def _day(row: Mapping[str, Any], best: Mapping[str, Any]) -> Quote24h:
    return Quote24h(
        bid=amount(best["best_bid"] or 0),
        ask=amount(best["best_ask"] or 0),
        last=amount(row["price"]),
        change_percent=said(row, "price_percentage_change_24h"),
        volume=said(row, "volume_24h"),
    )


def _candle(row: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("open", "high", "low", "close", "volume")
    return (int(row["start"]) * 1000, *(amount(row[name]) for name in names))


def _product(row: Mapping[str, Any]) -> object:
    return row["product_id"]


def _configuration(order: OrderRequest) -> dict[str, dict[str, object]]:
    """Return Coinbase's ``order_configuration``, whose key names the type and the time in force."""
    size = {"base_size": amount_text(order.amount)}
    if order.type is OrderType.MARKET:
        if order.quote_amount is not None:
            size = {"quote_size": amount_text(order.quote_amount)}
        return {"market_market_fok" if order.time_in_force is TimeInForce.FOK else "market_market_ioc": dict(size)}
    limit: dict[str, object] = {**size, "limit_price": amount_text(order.price)}
    ending = order.time_in_force.value.lower()
    if order.expires_at is not None:
        limit["end_time"] = rfc3339(order.expires_at)
    if order.type is OrderType.STOP_LIMIT:
        direction = "STOP_DIRECTION_STOP_DOWN" if order.side is OrderSide.SELL else "STOP_DIRECTION_STOP_UP"
        stop = {**limit, "stop_price": amount_text(order.stop_price), "stop_direction": direction}
        return {f"stop_limit_stop_limit_{ending}": stop}
    if order.time_in_force is TimeInForce.IOC:
        return {"sor_limit_ioc": limit}
    if order.time_in_force is not TimeInForce.FOK:
        limit["post_only"] = order.post_only
    return {f"limit_limit_{ending}": limit}
