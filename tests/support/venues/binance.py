"""Binance's spot REST interface, as https://developers.binance.com/docs/binance-spot-api-docs documents it."""

from __future__ import annotations

import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.support.venues.exchange import Account, Exchange, Fill, Listed, Order, RefusedError, Ticket
from tests.support.venues.server import FakeVenue, RefusalError

Given = dict[str, str]
RECV_WINDOW = 5000
_KINDS = {
    "MARKET": "market",
    "LIMIT": "limit",
    "LIMIT_MAKER": "limit",
    "STOP_LOSS": "stop",
    "STOP_LOSS_LIMIT": "stop_limit",
    "TAKE_PROFIT": "take_profit",
}
_STATUSES = {"filled": "FILLED", "cancelled": "CANCELED", "expired": "EXPIRED"}
_REFUSALS = {
    "funds": (-2010, "Account has insufficient balance for requested action."),
    "duplicate": (-2010, "Duplicate order sent."),
    "takes": (-2010, "Order would immediately match and take."),
    "permission": (-2015, "Invalid API-key, IP, or permissions for action."),
    "symbol": (-1121, "Invalid symbol."),
    "closed": (-2011, "Unknown order sent."),
}
_INTERVALS = {
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "1h": 3_600_000,
    "4h": 14_400_000,
    "1d": 86_400_000,
}
MOST_CANDLES = 1000


def refusal(code: int, message: str, status: int = 400) -> RefusalError:
    """Return an answer with a code of Binance's."""
    return RefusalError(web.json_response({"code": code, "msg": message}, status=status))


class FakeBinance(FakeVenue):
    """A fake Binance. As at Binance, purchases pay their fee in the bought asset."""

    name = "binance"
    balances_path = "/api/v3/account"
    markets_path = "/exchangeInfo"
    orders_path = "/api/v3/order"
    cancel_path = "/api/v3/order"
    cancel_method = "DELETE"

    def __init__(self, exchange: Exchange | None = None, latency: float = 0.0) -> None:
        super().__init__(exchange or Exchange(fee_in_base=True), latency)
        self.ids = {symbol.replace("/", ""): symbol for symbol in self.exchange.listed}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/v3/time", self._open(lambda _: {"serverTime": self.exchange.now()})),
            web.get("/api/v3/exchangeInfo", self._open(self._info)),
            web.get("/api/v3/depth", self._open(self._depth)),
            web.get("/api/v3/ticker/24hr", self._open(self._ticker)),
            web.get("/api/v3/ticker/bookTicker", self._open(self._book_tickers)),
            web.get("/api/v3/ticker/price", self._open(self._last_prices)),
            web.get("/api/v3/klines", self._open(self._klines)),
            web.get("/api/v3/account", self._signed(self._account)),
            web.post("/api/v3/order", self._signed(self._place)),
            web.get("/api/v3/order", self._signed(self._order)),
            web.delete("/api/v3/order", self._signed(self._cancel)),
            web.get("/api/v3/openOrders", self._signed(self._open_orders)),
            web.get("/api/v3/allOrders", self._signed(self._all_orders)),
            web.get("/api/v3/myTrades", self._signed(self._trades)),
            web.get("/sapi/v1/account/apiRestrictions", self._signed(self._restrictions)),
        ]

    def key_of(self, request: web.Request) -> str | None:
        return request.headers.get("X-MBX-APIKEY")

    def credentials(self, **account: Any) -> dict[str, str]:
        opened = self.exchange.open(account.pop("balances", {"USDT": "10000"}), **account)
        return {"api_key": opened.key, "api_secret": opened.secret}

    def _open(self, answer: Any) -> Any:
        async def handle(request: web.Request) -> web.Response:
            return web.json_response(answer(dict(request.query)))

        return handle

    def _signed(self, answer: Any) -> Any:
        async def handle(request: web.Request) -> web.Response:
            account, given = await self._verify(request)
            try:
                return web.json_response(answer(account, given))
            except RefusedError as refused:
                code, message = _REFUSALS.get(refused.reason, (-1013, f"Filter failure: {refused.reason}"))
                raise refusal(code, message, 401 if code == -2015 else 400) from None

        return handle

    async def _verify(self, request: web.Request) -> tuple[Account, Given]:
        """SIGNED: HMAC SHA256 with the secret over query string and body, ``timestamp`` within ``recvWindow``."""
        text = request.url.raw_query_string + await request.text()
        payload, _, signature = text.rpartition("&signature=")
        given = dict(parse_qsl(payload))
        key = request.headers.get("X-MBX-APIKEY", "")
        account = self.exchange.accounts.get(key)
        if account is None or account.revoked:
            raise refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        wanted = hmac.new(account.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, signature):
            raise refusal(-1022, "Signature for this request is not valid.")
        sent, now = int(given["timestamp"]), self.exchange.now()
        if not (sent < now + 1000 and now - sent <= int(given.get("recvWindow", RECV_WINDOW))):
            raise refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
        return account, given

    def _symbol(self, given: Given) -> str:
        if given.get("symbol") not in self.ids:
            raise refusal(-1121, "Invalid symbol.")
        return self.ids[given["symbol"]]

    def _info(self, _: Given) -> Any:
        return {
            "timezone": "UTC",
            "serverTime": self.exchange.now(),
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [
                {
                    "symbol": name,
                    "status": "TRADING",
                    "baseAsset": market.base,
                    "baseAssetPrecision": 8,
                    "quoteAsset": market.quote,
                    "quotePrecision": 8,
                    "orderTypes": list(_KINDS),
                    "isSpotTradingAllowed": True,
                    "isMarginTradingAllowed": False,
                    "filters": _filters(market),
                    "permissions": [],
                    "permissionSets": [["SPOT"]],
                }
                for name, market in ((name, self.exchange.listed[symbol]) for name, symbol in self.ids.items())
            ],
        }

    def _depth(self, given: Given) -> Any:
        bids, asks = self.exchange.book(self._symbol(given))
        return {
            "lastUpdateId": 1,
            "bids": [[str(price), str(size)] for price, size in bids],
            "asks": [[str(price), str(size)] for price, size in asks],
        }

    def _ticker(self, given: Given) -> Any:
        if "symbols" in given:
            return [self._ticker({"symbol": name}) for name in json.loads(given["symbols"])]
        symbol = self._symbol(given)
        bids, asks = self.exchange.book(symbol)
        day, last = self.exchange.day(symbol), self.exchange.prices[symbol]
        return {
            "symbol": given["symbol"],
            "lastPrice": str(last),
            "bidPrice": str(bids[0][0]),
            "askPrice": str(asks[0][0]),
            "priceChange": str(last - day.before),
            "priceChangePercent": f"{(last - day.before) / day.before * 100:.3f}",
            "highPrice": str(day.high),
            "lowPrice": str(day.low),
            "volume": str(day.volume),
            "closeTime": self.exchange.now(),
            "openTime": 0,
        }

    def _book_tickers(self, _: Given) -> Any:
        shown = []
        for name, symbol in self.ids.items():
            bids, asks = self.exchange.book(symbol)
            prices = {"bidPrice": str(bids[0][0]), "askPrice": str(asks[0][0])}
            shown.append({"symbol": name, **prices, "bidQty": "1", "askQty": "1"})
        return shown

    def _last_prices(self, _: Given) -> Any:
        return [{"symbol": name, "price": str(self.exchange.prices[symbol])} for name, symbol in self.ids.items()]

    def _klines(self, given: Given) -> Any:
        symbol, step = self._symbol(given), _INTERVALS[given["interval"]]
        count, last = min(int(given.get("limit", 500)), MOST_CANDLES), int(given.get("endTime", self.exchange.now()))
        first = int(given["startTime"]) if "startTime" in given else max(last - step * max(4 * count, 1000), 0)
        last = min(last, first + step * max(4 * count, 1000))
        found = self.exchange.bars(symbol, step, first, last)
        shown = found[:count] if "startTime" in given else found[-count:]
        return [[start, *bar, start + step - 1, "0", 1, "0", "0", "0"] for start, bar in shown]

    def _account(self, account: Account, given: Given) -> Any:
        balances = [
            {"asset": name, "free": _text(account.free.get(name)), "locked": _text(account.locked.get(name))}
            for name in account.assets()
            if account.free.get(name) or account.locked.get(name) or given.get("omitZeroBalances") != "true"
        ]
        return {
            "canTrade": True,
            "canWithdraw": True,
            "accountType": "SPOT",
            "updateTime": 0,
            "balances": balances,
            "uid": int(account.id),
        }

    def _restrictions(self, account: Account, _: Given) -> Any:
        return {
            "ipRestrict": account.ip_restricted,
            "createTime": 1698645219000,
            "enableReading": True,
            "enableWithdrawals": account.can_withdraw,
            "enableInternalTransfer": False,
            "enableSpotAndMarginTrading": account.can_trade,
        }

    def _place(self, account: Account, given: Given) -> Any:
        symbol, kind = self._symbol(given), given["type"]
        if kind == "LIMIT" and "timeInForce" not in given:
            raise refusal(-1102, "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.")
        order = self.exchange.place(
            account,
            Ticket(
                client_id=given["newClientOrderId"],
                symbol=symbol,
                side=given["side"].lower(),
                kind=_KINDS[kind],
                amount=_number(given.get("quantity")),
                quote_amount=_number(given.get("quoteOrderQty")),
                price=_number(given.get("price")),
                stop=_number(given.get("stopPrice")),
                time_in_force=given.get("timeInForce", "GTC"),
                post_only=kind == "LIMIT_MAKER",
            ),
        )
        fills = [
            {
                "price": str(fill.price),
                "qty": str(fill.amount),
                "commission": str(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.id,
            }
            for fill in order.fills
        ]
        return {**self._show(order), "transactTime": order.at, "fills": fills}

    def _show(self, order: Order) -> dict[str, Any]:
        status = _STATUSES.get(order.status, "PARTIALLY_FILLED" if order.fills else "NEW")
        kind = "LIMIT_MAKER" if order.post_only else next(name for name, k in _KINDS.items() if k == order.kind)
        return {
            "symbol": order.symbol.replace("/", ""),
            "orderId": order.number,
            "orderListId": -1,
            "clientOrderId": order.client_id,
            "price": _text(order.price),
            "origQty": _text(order.amount),
            "executedQty": _text(order.filled),
            "origQuoteOrderQty": _text(order.quote_amount),
            "cummulativeQuoteQty": _text(order.quote),
            "status": status,
            "timeInForce": order.time_in_force,
            "type": kind,
            "side": order.side.upper(),
            "stopPrice": _text(order.stop),
            "time": order.at,
            "updateTime": order.updated or order.at,
            "isWorking": not order.waiting,
        }

    def _find(self, account: Account, given: Given, code: int, message: str) -> Order:
        if "orderId" in given:
            order = account.orders.get(given["orderId"])
        else:
            order = account.by_client.get(given.get("origClientOrderId", ""))
        if order is None or order.symbol != self._symbol(given):
            raise refusal(code, message)
        return order

    def _order(self, account: Account, given: Given) -> Any:
        return self._show(self._find(account, given, -2013, "Order does not exist."))

    def _cancel(self, account: Account, given: Given) -> Any:
        order = self._find(account, given, -2011, "Unknown order sent.")
        self.exchange.cancel(account, order)
        return self._show(order)

    def _open_orders(self, account: Account, given: Given) -> Any:
        wanted = self._symbol(given) if "symbol" in given else None
        found = (order for order in account.orders.values() if order.status == "open")
        return [self._show(order) for order in found if wanted in {None, order.symbol}]

    def _all_orders(self, account: Account, given: Given) -> Any:
        wanted = self._symbol(given)
        found = [order for order in account.orders.values() if order.symbol == wanted]
        return [self._show(order) for order in found[-int(given.get("limit", 500)) :]]

    def _trades(self, account: Account, given: Given) -> Any:
        wanted, since = self._symbol(given), int(given.get("startTime", 0))
        shown = []
        for order in account.orders.values():
            if order.symbol == wanted and given.get("orderId") in {None, order.id}:
                shown += [self._trade(order, fill) for fill in order.fills if fill.at >= since]
        shown.sort(key=lambda trade: trade["id"])
        limit = int(given.get("limit", 500))
        return shown[:limit] if "startTime" in given else shown[-limit:]

    def _trade(self, order: Order, fill: Fill) -> dict[str, Any]:
        return {
            "symbol": order.symbol.replace("/", ""),
            "id": fill.id,
            "orderId": order.number,
            "price": str(fill.price),
            "qty": str(fill.amount),
            "quoteQty": str(fill.quote),
            "commission": str(fill.fee),
            "commissionAsset": fill.fee_asset,
            "time": fill.at,
            "isBuyer": order.side == "buy",
            "isMaker": fill.maker,
            "isBestMatch": True,
        }


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _text(value: Decimal | None) -> str:
    return f"{value or Decimal(0):.8f}"


def _filters(market: Listed) -> list[dict[str, object]]:
    tick, least, lot, worth = (
        str(value) for value in (market.tick, market.min_amount, market.lot, market.min_notional)
    )
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": "9000.00", "stepSize": lot},
        {"filterType": "NOTIONAL", "minNotional": worth, "applyMinToMarket": True, "maxNotional": "9000000.00"},
    ]
