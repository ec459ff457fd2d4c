"""A fake of Bybit's REST interface for the spot market. https://bybit-exchange.github.io/docs/v5."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.support.venues.exchange import Account, Exchange, Fill, Order
from tests.support.venues.server import FakeVenue

Given = dict[str, str]
RECV_WINDOW = 5000
WEEK = 7 * 24 * 3600 * 1000
MOST_FILLS, MOST_ORDERS = 100, 50
_STATUSES = {"filled": "Filled", "cancelled": "Cancelled", "expired": "Cancelled"}
_INTERVALS = {"1": 60_000, "5": 300_000, "15": 900_000, "60": 3_600_000, "240": 14_400_000, "D": 86_400_000}


class CodeError(Exception):
    """A refusal with one of Bybit's codes."""


class FakeBybit(FakeVenue):
    """A fake Bybit that only answers reads. Refusals have status 200, and a buy pays its fee in what was bought."""

    name = "bybit"
    balances_path = "/v5/account/wallet-balance"
    markets_path = "/instruments-info"

    def __init__(self, exchange: Exchange | None = None, latency: float = 0.0) -> None:
        super().__init__(exchange or Exchange(fee_in_base=True), latency)
        self.is_unified = True
        self.more_permissions: dict[str, list[str]] = {}
        self.ids = {symbol.replace("/", ""): symbol for symbol in self.exchange.listed}

    def routes(self) -> list[web.RouteDef]:
        public = {"time": self._time, "instruments-info": self._markets, "tickers": self._tickers}
        public |= {"orderbook": self._book, "kline": self._candles}
        private = {"user/query-api": self._key, "account/wallet-balance": self._balance}
        private |= {"execution/list": self._fills, "order/realtime": self._orders, "order/history": self._history}
        return [
            *(web.get(f"/v5/market/{name}", self._public(answer)) for name, answer in public.items()),
            *(web.get(f"/v5/{name}", self._private(answer)) for name, answer in private.items()),
        ]

    def key_of(self, request: web.Request) -> str | None:
        return request.headers.get("X-BAPI-API-KEY")

    def credentials(self, **account: Any) -> dict[str, str]:
        opened = self.exchange.open(account.pop("balances", {"USDT": "10000"}), **account)
        return {"api_key": opened.key, "api_secret": opened.secret}

    def _public(self, answer: Callable[[Given], Any]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            return self._respond(lambda: answer(dict(request.query)))

        return handle

    def _private(self, answer: Callable[[Account, Given], Any]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            given = dict(parse_qsl(request.url.raw_query_string))
            return self._respond(lambda: answer(self._verify(request), given))

        return handle

    def _respond(self, work: Callable[[], Any]) -> web.Response:
        code, result = 0, {}
        try:
            result = work()
        except CodeError as refused:
            code = int(str(refused))
        answer = {"retCode": code, "retMsg": "OK" if code == 0 else "refused", "result": result, "retExtInfo": {}}
        return web.json_response({**answer, "time": self.exchange.now()})

    def _verify(self, request: web.Request) -> Account:
        """Check the HMAC SHA256 of time, key, window and query, and that the time is within the window."""
        sent, key, signed = (request.headers[f"X-BAPI-{name}"] for name in ("TIMESTAMP", "API-KEY", "SIGN"))
        window = request.headers.get("X-BAPI-RECV-WINDOW", str(RECV_WINDOW))
        account = self.exchange.accounts.get(key)
        if account is None or account.revoked:
            raise CodeError(10003)
        text = sent + key + window + request.url.raw_query_string
        if not hmac.compare_digest(
            hmac.new(account.secret.encode(), text.encode(), hashlib.sha256).hexdigest(), signed
        ):
            raise CodeError(10004)
        now = self.exchange.now()
        if not now - int(window) <= int(sent) < now + 1000:
            raise CodeError(10002)
        return account

    def _symbol(self, given: Given) -> str:
        if given.get("category") != "spot" or given.get("symbol") not in self.ids:
            raise CodeError(10001)
        return self.ids[given["symbol"]]

    def _time(self, _: Given) -> Any:
        now = self.exchange.now()
        return {"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)}

    def _markets(self, given: Given) -> Any:
        if given.get("category") != "spot":
            raise CodeError(10001)
        listed = ((name, self.exchange.listed[symbol]) for name, symbol in self.ids.items())
        shown = [
            {
                "symbol": name,
                "baseCoin": market.base,
                "quoteCoin": market.quote,
                "innovation": "0",
                "status": "Trading",
                "marginTrading": "none",
                "lotSizeFilter": {
                    "basePrecision": str(market.lot),
                    "quotePrecision": "0.00000001",
                    "minOrderQty": str(market.min_amount),
                    "maxOrderQty": "71.73956243",
                    "minOrderAmt": str(market.min_notional),
                    "maxOrderAmt": "2000000",
                },
                "priceFilter": {"tickSize": str(market.tick)},
            }
            for name, market in listed
        ]
        return {"category": "spot", "list": shown}

    def _tickers(self, given: Given) -> Any:
        names = [given["symbol"]] if "symbol" in given else list(self.ids)
        return {"category": "spot", "list": [self._ticker({**given, "symbol": name}) for name in names]}

    def _ticker(self, given: Given) -> Any:
        symbol = self._symbol(given)
        bids, asks = self.exchange.book(symbol)
        prices = {"bid1Price": str(bids[0][0]), "ask1Price": str(asks[0][0])}
        sizes = {"bid1Size": "2", "ask1Size": "1.862172"}
        day, last = self.exchange.day(symbol), self.exchange.prices[symbol]
        share = f"{(last - day.before) / day.before:.4f}"
        moved = {"prevPrice24h": str(day.before), "price24hPcnt": share, "volume24h": str(day.volume)}
        moved |= {"highPrice24h": str(day.high), "lowPrice24h": str(day.low), "turnover24h": "1"}
        return {"symbol": given["symbol"], **prices, **sizes, "lastPrice": str(last), **moved}

    def _book(self, given: Given) -> Any:
        sides = self.exchange.book(self._symbol(given))
        bids, asks = ([[str(price), str(size)] for price, size in side] for side in sides)
        return {"s": given["symbol"], "b": bids, "a": asks, "ts": self.exchange.now(), "u": 5277055}

    def _candles(self, given: Given) -> Any:
        symbol, step, limit = self._symbol(given), _INTERVALS[given["interval"]], int(given.get("limit", 200))
        last = int(given.get("end", self.exchange.now()))
        if "start" in given:
            first = int(given["start"])
            last = min(last, first + step * 1000)
        else:
            first = last - step * limit
        found = self.exchange.bars(symbol, step, first, last)
        rows = [[str(start), *bar, "75000"] for start, bar in found[::-1][:limit]]
        return {"category": "spot", "symbol": given["symbol"], "list": rows}

    def _key(self, account: Account, _: Given) -> Any:
        return {
            "id": "16651472",
            "apiKey": account.key,
            "readOnly": 0 if account.can_trade else 1,
            "secret": "",
            "permissions": {
                "ContractTrade": [],
                "Spot": ["SpotTrade"],
                "Wallet": ["AccountTransfer", *(["Withdraw"] if account.can_withdraw else [])],
                "Options": [],
                "Derivatives": [],
                "Exchange": [],
                "FiatP2P": [],
                "FiatBitPay": [],
                **self.more_permissions,
            },
            "ips": ["192.0.2.1"] if account.ip_restricted else ["*"],
            "type": 1,
            "uta": 1 if self.is_unified else 0,
            "userID": int(account.id),
        }

    def _balance(self, account: Account, given: Given) -> Any:
        if given.get("accountType") != "UNIFIED" or not self.is_unified:
            raise CodeError(10001)
        held = [
            {
                "coin": name,
                "walletBalance": str(account.free.get(name, 0) + account.locked.get(name, 0)),
                "locked": str(account.locked.get(name, 0)),
                "availableToWithdraw": "",
                "borrowAmount": "0",
                "accruedInterest": "0",
                "totalOrderIM": "0",
                "totalPositionIM": "0",
            }
            for name in account.assets()
        ]
        return {"list": [{"accountType": "UNIFIED", "coin": held}]}

    def _fills(self, account: Account, given: Given) -> Any:
        start, end = self._times(given)
        every = [(fill, order) for order in account.orders.values() for fill in order.fills]
        if "orderId" in given:
            found = [pair for pair in every if pair[1].id == given["orderId"]]
        else:
            wanted = self._symbol(given) if "symbol" in given else None
            found = [pair for pair in every if start <= pair[0].at <= end and wanted in {None, pair[1].symbol}]
        found.sort(key=lambda pair: (pair[0].at, pair[0].id), reverse=True)
        return _page([_fill(*pair) for pair in found], given, 50, MOST_FILLS)

    def _times(self, given: Given) -> tuple[int, int]:
        """Return the queried span in milliseconds. It has seven days at most, and ends now if no time is given."""
        if "startTime" in given:
            start = int(given["startTime"])
            end = int(given.get("endTime", start + WEEK))
        else:
            end = int(given.get("endTime", self.exchange.now()))
            start = end - WEEK
        if not 0 <= end - start <= WEEK:
            raise CodeError(10001)
        return start, end

    def _orders(self, account: Account, given: Given) -> Any:
        """Return the open orders, or one order of any status."""
        if "orderId" in given:
            found = [account.orders[given["orderId"]]] if given["orderId"] in account.orders else []
            return _page([_order(order) for order in found], given, 20, MOST_ORDERS)
        return self._listed(account, given, is_open=True)

    def _history(self, account: Account, given: Given) -> Any:
        return self._listed(account, given, is_open=False)

    def _listed(self, account: Account, given: Given, *, is_open: bool) -> Any:
        wanted = self._symbol(given) if "symbol" in given else None
        orders = (order for order in reversed(account.orders.values()) if (order.status == "open") is is_open)
        return _page([_order(order) for order in orders if wanted in {None, order.symbol}], given, 20, MOST_ORDERS)


def _page(rows: Sequence[Any], given: Given, usual: int, most: int) -> Any:
    """Return one page. Its cursor is already escaped for a query string, as Bybit's cursors are."""
    limit, start = int(given.get("limit", usual)), int(given.get("cursor", "page:0").partition(":")[2])
    if not 1 <= limit <= most:
        raise CodeError(10001)
    end = start + limit
    return {"category": "spot", "list": rows[start:end], "nextPageCursor": f"page%3A{end}" if end < len(rows) else ""}


def _fill(fill: Fill, order: Order) -> dict[str, Any]:
    return {
        "symbol": order.symbol.replace("/", ""),
        "orderId": order.id,
        "orderLinkId": order.client_id,
        "side": order.side.title(),
        "orderType": "Market" if order.price is None else "Limit",
        "stopOrderType": "",
        "execFee": str(fill.fee),
        "feeCurrency": fill.fee_asset,
        "execId": str(fill.id),
        "execPrice": str(fill.price),
        "execQty": str(fill.amount),
        "execType": "Trade",
        "execValue": str(fill.quote),
        "execTime": str(fill.at),
        "isMaker": fill.maker,
        "feeRate": "0.001",
    }


def _order(order: Order) -> dict[str, Any]:
    rises = (order.side == "buy") != (order.kind == "take_profit")
    status = _STATUSES.get(
        order.status, "Untriggered" if order.waiting else "PartiallyFilled" if order.fills else "New"
    )
    return {
        "orderId": order.id,
        "orderLinkId": order.client_id,
        "symbol": order.symbol.replace("/", ""),
        "price": str(order.price or 0),
        "qty": str(order.amount),
        "side": order.side.title(),
        "orderStatus": status,
        "avgPrice": str(order.quote / order.filled) if order.filled else "",
        "leavesQty": str(order.left),
        "cumExecQty": str(order.filled),
        "cumExecValue": str(order.quote),
        "cumExecFee": str(sum(fill.fee for fill in order.fills)),
        "timeInForce": order.time_in_force,
        "orderType": "Market" if order.price is None else "Limit",
        "stopOrderType": "" if order.stop is None else "Stop",
        "marketUnit": "baseCoin",
        "triggerPrice": str(order.stop or "0.00"),
        "triggerDirection": 0 if order.stop is None else 1 if rises else 2,
        "createdTime": str(order.at),
        "updatedTime": str(order.updated or order.at),
    }
