"""Binance, spot. https://developers.binance.com/docs/binance-spot-api-docs (errors, rest-api, filters)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from moniqo_core.domain.market.market_mode import MarketMode
from moniqo_core.domain.market.marks import Marks
from moniqo_core.domain.market.ticker import Quote24h
from moniqo_core.domain.orders.order import OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.venues.exchanges.binance_codes import REFUSALS
from moniqo_core.venues.exchanges.reading.balances import AssetBalance, amount, read_balance
from moniqo_core.venues.exchanges.reading.quotes import Quote, marks_of, read_quotes
from moniqo_core.venues.exchanges.reading.tickers import read_tickers, said
from moniqo_core.venues.exchanges.rows import read_rows, times_of
from moniqo_core.venues.exchanges.venue import IN_QUOTE, Client, Venue, VenueTrades, amount_text, id_text

_TYPES: Final = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.STOP_LOSS: "STOP_LOSS",
    OrderType.TAKE_PROFIT: "TAKE_PROFIT",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
}
_READ: Final = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "STOP_LOSS": OrderType.STOP_LOSS,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT_LIMIT": OrderType.STOP_LIMIT,
}
_STATUSES: Final = {
    "NEW": "open",
    "PENDING_NEW": "open",
    "PARTIALLY_FILLED": "open",
    "PENDING_CANCEL": "open",
    "FILLED": "closed",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}
_MOST: Final = 1000


class Binance(Venue):
    """A spot account at Binance."""

    exchange = "binance"
    name = "Binance"
    hosts = frozenset(f"{name}.binance.com" for name in ("api", "api-gcp", "api1", "api2", "api3", "api4"))
    test_hosts = frozenset({"testnet.binance.vision"})
    options: ClassVar[Mapping[str, object]] = {
        "crossMarginPairsData": [],
        "isolatedMarginPairsData": [],
        "fetchMarkets": {"types": ["spot"]},
        "fetchBalance": "spot",
        "defaultType": "spot",
        "fetchOpenOrders": {"warnWithoutSymbol": False},
        "warnOnFetchOpenOrdersWithoutSymbol": False,
        "newOrderRespType": {"market": "FULL", "limit": "FULL"},
    }
    refusals = REFUSALS
    order_types = frozenset(_TYPES)
    history_by_symbol = True
    most_fills = _MOST
    limits_address = True
    answers_whole_order = True
    adjusts_clock = True
    order_id = re.compile(r"[0-9]{1,19}")
    quotes = ("USDT", "USDC", "FDUSD")
    # Two seconds at CCXT's rate. Listing every open order uses 0.8 s of it, and no order must wait for that.
    burst = 40
    key_hint = (
        "In Binance's API Management, create a key with 'Enable Reading' and 'Enable Spot & Margin Trading'."
        " Then leave 'Enable Withdrawals' off, and restrict the key to this service's address if that is fixed."
    )

    def api(self, base_url: str) -> Mapping[str, str]:
        """Return the spot and wallet endpoints, without margin and futures."""
        spot = f"{base_url}/api/v3"
        return {"public": spot, "private": spot, "sapi": f"{base_url}/sapi/v1"}

    def codes(self, status: int, body: Any) -> Sequence[str]:
        """Return the code of ``{"code": -2015, "msg": ...}`` followed by its message, and then the code alone.

        A successful answer may have the code 0 or 200.
        """
        if not isinstance(body, dict) or "code" not in body:
            return ()
        code = str(body["code"])
        return () if code in {"0", "200"} else (f"{code} {body.get('msg')}", code)

    async def permissions(self, client: Client) -> KeyPermissions | None:
        """Read ``GET /sapi/v1/account/apiRestrictions``. Return None on the test network, which does not offer it."""
        if client.on_test_network:
            return None
        answer = await client.sapiGetAccountApiRestrictions()
        return KeyPermissions(
            can_read=answer["enableReading"],
            can_trade=answer["enableSpotAndMarginTrading"],
            can_withdraw=answer["enableWithdrawals"] or answer.get("enableInternalTransfer") is True,
            ip_restricted=answer["ipRestrict"],
        )

    async def account_id(self, client: Client) -> str | None:
        """Return ``uid`` of ``GET /api/v3/account``. A sub-account has its own."""
        return id_text((await client.privateGetAccount({"omitZeroBalances": "true"})).get("uid"))

    async def markets(self, client: Client) -> Sequence[Mapping[str, Any]]:
        """Return the symbols of ``GET /api/v3/exchangeInfo``."""
        symbols = (await client.publicGetExchangeInfo())["symbols"]
        return read_rows(self.exchange, "markets", symbols, client.parse_market, lambda row: row["symbol"])

    def market_mode(self, item: Mapping[str, Any]) -> MarketMode:
        """Return Binance's ``status``. HALT, BREAK, AUCTION_MATCH and the like take no orders."""
        info = item["info"]
        if info.get("status") == "CANCEL_ONLY":
            return MarketMode.CANCEL_ONLY
        closed = item["active"] is False or info.get("isSpotTradingAllowed") is False
        return MarketMode.CLOSED if closed else MarketMode.NORMAL

    async def mids(self, client: Client) -> Marks:
        """Return the mark of every symbol, from one call, and from another one if a spread is not sane."""
        shown = await client.publicGetTickerBookTicker()
        quotes = read_quotes(client, shown, _quote, "symbol")
        if not any(quote.is_thin for quote in quotes):
            return marks_of(client, quotes)
        trades = await self._last_trades(client)
        return marks_of(client, [quote._replace(last=trades.get(quote.name)) for quote in quotes])

    async def tickers(self, client: Client, symbols: Sequence[str]) -> Mapping[str, Quote24h]:
        """Return ``GET /api/v3/ticker/24hr`` of these symbols, in one call."""
        asked = client.json([client.markets[symbol]["id"] for symbol in symbols])
        shown = await client.publicGetTicker24hr({"symbols": asked})
        return read_tickers(client, symbols, shown, _day, lambda row: row["symbol"])

    async def _last_trades(self, client: Client) -> Mapping[str, Decimal]:
        """Return the price of the last trade by the venue's name of the symbol, or nothing without an answer.

        Without last trades, the bid serves as the mark where the spread is not sane.
        """
        try:
            shown = await client.publicGetTickerPrice()
        except Exception:  # noqa: BLE001  the bid of such a market is used instead, whatever the reason
            return {}
        rows = read_rows(self.exchange, "prices", shown, _last_trade, lambda row: row["symbol"])
        return dict(rows)

    async def place(self, client: Client, order: OrderRequest, client_id: str) -> Mapping[str, Any]:
        """Send ``POST /api/v3/order``."""
        params: dict[str, object] = {"newClientOrderId": client_id, "newOrderRespType": "FULL"}
        if order.type in {OrderType.LIMIT, OrderType.STOP_LIMIT}:
            params["timeInForce"] = order.time_in_force.value
        if order.post_only:
            params["postOnly"] = True
        if order.stop_price is not None:
            params["stopPrice"] = amount_text(order.stop_price)
        if order.quote_amount is not None:
            params["quoteOrderQty"] = amount_text(order.quote_amount)
        amount, price = amount_text(order.amount), amount_text(order.price)
        kind, side = _TYPES[order.type], order.side.value
        sent: Mapping[str, Any] = await client.create_order(order.symbol, kind, side, amount, price, params)
        return sent

    async def order(self, client: Client, order_id: str, symbol: str) -> Mapping[str, Any]:
        """Return ``GET /api/v3/order``."""
        found = await client.privateGetOrder({"symbol": _symbol_id(client, symbol), "orderId": order_id})
        order: Mapping[str, Any] = client.parse_order(found, client.markets.get(symbol))
        return order

    async def cancel(self, client: Client, order_id: str, symbol: str) -> object:
        """Send ``DELETE /api/v3/order``."""
        return await client.privateDeleteOrder({"symbol": _symbol_id(client, symbol), "orderId": order_id})

    def details(self, info: Mapping[str, Any]) -> Mapping[str, Any]:
        """Keep the order types of the market, because CCXT refuses any other type."""
        return {"orderTypes": list(info["orderTypes"])}

    def type_of(self, order: Mapping[str, Any]) -> OrderType:
        """Return the type from Binance's own field, because CCXT turns a stop-limit order into a limit order."""
        return _READ[order["info"]["type"]]

    def amended(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take the status from Binance's own field.

        A negative quote amount means that Binance does not know it. Then the amounts are added up from the fills.
        """
        info = order["info"]
        own: dict[str, object] = {"status": _STATUSES.get(info["status"])}
        if Decimal(str(info["cummulativeQuoteQty"])) < 0:
            own |= {"cost": None, IN_QUOTE: True}
        return {**order, **own}

    def is_on_margin(self, info: Mapping[str, Any]) -> bool:
        """Tell by ``isIsolated``, which only trades of a cross or an isolated margin account have."""
        return "isIsolated" in info

    async def balance(self, client: Client) -> Mapping[str, Any]:
        """Return ``GET /api/v3/account``, without assets whose balance is zero.

        Raises:
            TypeError: the answer holds no balances.

        """
        found = (await client.privateGetAccount({"omitZeroBalances": "true"}))["balances"]
        if not isinstance(found, list):
            raise TypeError
        return read_balance(client, found, _balance, lambda row: row["asset"])

    async def ended(self, client: Client, symbol: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return ``GET /api/v3/allOrders``, which includes open orders."""
        found: Sequence[Mapping[str, Any]] = await client.fetch_orders(symbol, None, _MOST)
        return found

    async def fills(self, client: Client, symbol: str | None, since: int | None, order_id: str | None) -> VenueTrades:
        """Return ``GET /api/v3/myTrades``. With ``order_id`` no start time is sent: Binance does not accept both.

        Raises:
            TypeError: the answer is no list.

        """
        market = client.market(symbol)
        asked = {"symbol": market["id"], "limit": _MOST}
        if order_id is not None:
            asked["orderId"] = order_id
        elif since is not None:
            asked["startTime"] = since
        rows = await client.privateGetMyTrades(asked)
        if not isinstance(rows, list):
            raise TypeError
        trades = read_rows(
            self.exchange, "trades", rows, lambda row: client.parse_trade(row, market), lambda row: row["id"]
        )
        return VenueTrades(trades, len(rows), times_of(rows, lambda row: int(row["time"])))


def _quote(row: Mapping[str, Any]) -> Quote:
    return Quote(row["symbol"], amount(row["bidPrice"]), amount(row["askPrice"]))


def _day(row: Mapping[str, Any]) -> Quote24h:
    return Quote24h(
        bid=amount(row["bidPrice"]),
        ask=amount(row["askPrice"]),
        last=amount(row["lastPrice"]),
        change=said(row, "priceChange"),
        change_percent=said(row, "priceChangePercent"),
        high=said(row, "highPrice"),
        low=said(row, "lowPrice"),
        volume=said(row, "volume"),
    )


def _last_trade(row: Mapping[str, Any]) -> tuple[str, Decimal]:
    return str(row["symbol"]), amount(row["price"])


def _balance(row: Mapping[str, Any]) -> AssetBalance:
    free = amount(row["free"])
    return AssetBalance(str(row["asset"]), free, free + amount(row["locked"]))


def _symbol_id(client: Client, symbol: str) -> str:
    """Return Binance's name of a symbol, also of one that it no longer lists."""
    market = client.markets.get(symbol)
    return str(market["id"]) if market else symbol.replace("/", "")
