"""Kraken's spot REST interface, as https://docs.kraken.com/api documents it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.support.venues.exchange import Account, Exchange, Fill, Listed, Order, RefusedError, Ticket
from tests.support.venues.server import FakeVenue

D = Decimal
Given = dict[str, str]
MARKETS = (
    Listed("BTC", "USD", D(50000), tick=D("0.1")),
    Listed("ETH", "USD", D(3000), lot=D("0.0001"), min_amount=D("0.001")),
    Listed("USDT", "USD", D("0.9998"), tick=D("0.0001"), lot=D(1), min_amount=D(5)),
)
_NAMES = {"BTC": ("XXBT", "XBT"), "ETH": ("XETH", "ETH"), "USD": ("ZUSD", "USD")}
_KINDS = {
    "market": "market",
    "limit": "limit",
    "stop-loss": "stop",
    "stop-loss-limit": "stop_limit",
    "take-profit": "take_profit",
}
_STATUSES = {"open": "open", "filled": "closed", "cancelled": "canceled", "expired": "canceled"}
_REFUSALS = {
    "funds": "EOrder:Insufficient funds",
    "takes": "EOrder:Post only order",
    "duplicate": "EOrder:Invalid client order id",
    "permission": "EGeneral:Permission denied",
    "closed": "EOrder:Unknown order",
    "symbol": "EQuery:Unknown asset pair",
    "LOT_SIZE": "EOrder:Order minimum not met",
    "NOTIONAL": "EOrder:Cost minimum not met",
    "PRICE_FILTER": "EOrder:Tick size check failed",
}
_TRADES = ("query-funds", "query-open-trades", "query-closed-trades", "modify-trades", "close-trades")
# The counter of calls of the lowest tier: https://docs.kraken.com/api/docs/guides/spot-rest-ratelimits
MOST_CALLS = 15
FORGOTTEN_PER_SECOND = 0.33
MOST_TRADES_NAMED = 20
_COUNTS = {"TradesHistory": 2, "AddOrder": 0, "CancelOrder": 0}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class FakeKraken(FakeVenue):
    """A fake Kraken. As at Kraken, every refusal is a 200 response with errors in it.

    With a ``clock`` of seconds it counts the calls of each key, and forgets them by that clock. ``refused_calls`` were
    too many. Most tests ask faster than any account may.
    """

    name = "kraken"
    balances_path = "/BalanceEx"
    markets_path = "/AssetPairs"
    orders_path = "/AddOrder"
    cancel_path = "/CancelOrder"
    order_path = "/QueryOrders"

    def __init__(
        self,
        exchange: Exchange | None = None,
        latency: float = 0.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(exchange or Exchange(MARKETS), latency)
        self.clock = clock
        self.counters: dict[str, tuple[float, float]] = {}
        self.refused_calls = 0
        self.exchange.name_order = _order_name
        self.pairs = {_pair(market, 0): symbol for symbol, market in self.exchange.listed.items()}
        self.alternatives = {_pair(market, 1): symbol for symbol, market in self.exchange.listed.items()}

    def routes(self) -> list[web.RouteDef]:
        public = {"Time": self._time, "AssetPairs": self._asset_pairs, "Ticker": self._ticker}
        public |= {"Depth": self._depth, "OHLC": self._candles}
        private = {"BalanceEx": self._balance, "GetApiKeyInfo": self._key, "AddOrder": self._add}
        private |= {"OpenOrders": self._open, "ClosedOrders": self._closed, "QueryOrders": self._query}
        private |= {"CancelOrder": self._cancel, "TradesHistory": self._trades, "QueryTrades": self._query_trades}
        return [
            *(web.get(f"/0/public/{name}", self._public(answer)) for name, answer in public.items()),
            *(web.post(f"/0/private/{name}", self._private(answer)) for name, answer in private.items()),
        ]

    def key_of(self, request: web.Request) -> str | None:
        return request.headers.get("API-Key")

    def credentials(self, **account: Any) -> dict[str, str]:
        secret = base64.b64encode(secrets.token_bytes(64)).decode()
        opened = self.exchange.open(account.pop("balances", {"USD": "10000"}), **{"secret": secret} | account)
        return {"api_key": opened.key, "api_secret": opened.secret}

    def _public(self, answer: Any) -> Any:
        async def handle(request: web.Request) -> web.Response:
            return _answer(answer, dict(request.query))

        return handle

    def _private(self, answer: Any) -> Any:
        async def handle(request: web.Request) -> web.Response:
            body = await request.text()
            given = dict(parse_qsl(body))
            account = self.exchange.accounts.get(request.headers.get("API-Key", ""))
            if account is None or account.revoked:
                return _refuse("EAPI:Invalid key")
            digest = hashlib.sha256((given["nonce"] + body).encode()).digest()
            signed = hmac.new(base64.b64decode(account.secret), request.path.encode() + digest, hashlib.sha512)
            if not hmac.compare_digest(base64.b64encode(signed.digest()).decode(), request.headers["API-Sign"]):
                return _refuse("EAPI:Invalid signature")
            if int(given["nonce"]) <= account.last_nonce:
                return _refuse("EAPI:Invalid nonce")
            account.last_nonce = int(given["nonce"])
            if self.clock is not None and not self._count(account.key, request.path, self.clock()):
                return _refuse("EAPI:Rate limit exceeded")
            return _answer(answer, account, given)

        return handle

    def _count(self, key: str, path: str, now: float) -> bool:
        """Count a call, and return whether it is let through. A refused call counts as well."""
        counted, at = self.counters.get(key, (0.0, now))
        counted = max(0.0, counted - (now - at) * FORGOTTEN_PER_SECOND) + _COUNTS.get(path.rpartition("/")[2], 1)
        self.counters[key] = counted, now
        self.refused_calls += counted > MOST_CALLS
        return counted <= MOST_CALLS

    def _symbol(self, given: Given) -> str:
        name = given.get("pair", "")
        symbol = self.pairs.get(name) or self.alternatives.get(name)
        if symbol is None:
            raise RefusedError("symbol")
        return symbol

    def _time(self, _: Given) -> Any:
        return {"unixtime": self.exchange.now() // 1000}

    def _asset_pairs(self, _: Given) -> Any:
        return {
            name: {
                "altname": _pair(market, 1),
                "wsname": f"{_NAMES.get(market.base, ('', market.base))[1]}/{market.quote}",
                "base": _NAMES.get(market.base, (market.base,))[0],
                "quote": _NAMES.get(market.quote, (market.quote,))[0],
                "pair_decimals": -int(market.tick.as_tuple().exponent),
                "lot_decimals": max(0, -int(market.lot.as_tuple().exponent)),
                "ordermin": str(market.min_amount),
                "costmin": str(market.min_notional),
                "tick_size": str(market.tick),
                "status": "online",
                "leverage_buy": [],
                "fees": [[0, 0.4]],
                "fees_maker": [[0, 0.25]],
            }
            for name, market in ((name, self.exchange.listed[symbol]) for name, symbol in self.pairs.items())
        }

    def _ticker(self, given: Given) -> Any:
        names = given["pair"].split(",") if "pair" in given else self.pairs
        wanted = {self._symbol({"pair": name}) for name in names}
        shown = {}
        for name, symbol in self.pairs.items():
            if symbol in wanted:
                bids, asks = self.exchange.book(symbol)
                ask, bid = ([str(side[0][0]), "1", "1.000"] for side in (asks, bids))
                day, last = self.exchange.day(symbol), str(self.exchange.prices[symbol])
                today = {"h": [last, str(day.high)], "l": [last, str(day.low)], "v": ["0.1", str(day.volume)]}
                shown[name] = {"a": ask, "b": bid, "c": [last, "0.1"], **today, "o": last}
        return shown

    def _depth(self, given: Given) -> Any:
        symbol = self._symbol(given)
        at = self.exchange.now() // 1000
        bids, asks = ([[str(price), str(size), at] for price, size in side] for side in self.exchange.book(symbol))
        return {self._name(symbol): {"asks": asks, "bids": bids}}

    def _name(self, symbol: str) -> str:
        return _pair(self.exchange.listed[symbol], 0)

    def _candles(self, given: Given) -> Any:
        symbol, step = self._symbol(given), int(given["interval"]) * 60
        last = self.exchange.now() // 1000 // step * step
        first = max(last - 719 * step, int(given.get("since", 0)) + step)
        found = self.exchange.bars(symbol, step * 1000, first * 1000, last * 1000)
        rows = [[start // 1000, *bar[:4], bar[3], bar[4], 3] for start, bar in found]
        return {self._name(symbol): rows, "last": last}

    def _balance(self, account: Account, _: Given) -> Any:
        return {
            _NAMES.get(name, (name,))[0]: {
                "balance": str(account.free.get(name, D(0)) + account.locked.get(name, D(0))),
                "hold_trade": str(account.locked.get(name, D(0))),
            }
            for name in account.assets()
        }

    def _key(self, account: Account, _: Given) -> Any:
        allowed = [name for name in _TRADES if account.can_trade or name.startswith("query")]
        return {
            "apiKeyName": "test",
            "permissions": [*allowed, *(["withdraw-funds"] if account.can_withdraw else [])],
            "ipAllowlist": ["192.0.2.1/32"] if account.ip_restricted else [],
            "iban": f"AA00 N84G {account.id}",
        }

    def _add(self, account: Account, given: Given) -> Any:
        kind, flags = given["ordertype"], given.get("oflags", "").split(",")
        first, second, volume = (_number(given.get(name)) for name in ("price", "price2", "volume"))
        triggered = kind not in {"market", "limit"}
        order = self.exchange.place(
            account,
            Ticket(
                client_id=given.get("cl_ord_id", secrets.token_hex(16)),
                symbol=self._symbol(given),
                side=given["type"],
                kind=_KINDS[kind],
                amount=None if "viqc" in flags else volume,
                quote_amount=volume if "viqc" in flags else None,
                price=second if triggered else first,
                stop=first if triggered else None,
                time_in_force=given.get("timeinforce", "GTC"),
                post_only="post" in flags,
            ),
        )
        return {"descr": {"order": f"{order.side} {order.amount}"}, "txid": [order.id]}

    def _show(self, order: Order) -> dict[str, Any]:
        triggered = order.stop is not None
        first, second = (order.stop, order.price) if triggered else (order.price, None)
        average = order.quote / order.filled if order.filled else D(0)
        return {
            "status": _STATUSES[order.status],
            "cl_ord_id": order.client_id,
            "opentm": order.at / 1000,
            "closetm": order.updated / 1000,
            "descr": {
                "pair": _pair(self.exchange.listed[order.symbol], 1),
                "type": order.side,
                "ordertype": next(name for name, kind in _KINDS.items() if kind == order.kind),
                "price": str(first or 0),
                "price2": str(second or 0),
            },
            "vol": str(order.amount if order.quote_amount is None else order.quote_amount),
            "vol_exec": str(order.filled),
            "cost": str(order.quote),
            "fee": str(sum((fill.fee for fill in order.fills), D(0))),
            "price": f"{average:.5f}",
            "oflags": "fciq" if order.quote_amount is None else "fciq,viqc",
        }

    def _listed(self, account: Account, given: Given, *, is_open: bool) -> dict[str, Any]:
        found = [order for order in account.orders.values() if (order.status == "open") is is_open]
        wanted = given.get("cl_ord_id")
        shown = [order for order in reversed(found) if wanted in {None, order.client_id}]
        return {order.id: self._show(order) for order in (shown if is_open else shown[:50])}

    def _open(self, account: Account, given: Given) -> Any:
        return {"open": self._listed(account, given, is_open=True)}

    def _closed(self, account: Account, given: Given) -> Any:
        found = self._listed(account, given, is_open=False)
        return {"closed": found, "count": len(found)}

    def _query(self, account: Account, given: Given) -> Any:
        if given["txid"] not in account.orders:
            raise RefusedError("closed")
        order = account.orders[given["txid"]]
        shown = self._show(order)
        if given.get("trades", "").lower() == "true":
            shown["trades"] = [_trade_name(fill) for fill in order.fills]
        return {order.id: shown}

    def _cancel(self, account: Account, given: Given) -> Any:
        order = account.orders.get(given["txid"])
        if order is None:
            raise RefusedError("closed")
        self.exchange.cancel(account, order)
        return {"count": 1}

    def _trades(self, account: Account, given: Given) -> Any:
        every = [(fill, order) for order in account.orders.values() for fill in order.fills]
        every.sort(key=lambda pair: pair[0].id, reverse=True)
        since, offset = int(given.get("start", 0)) * 1000, int(given.get("ofs", 0))
        found = [pair for pair in every if pair[0].at > since]
        if "end" in given:
            found = [pair for pair in found if _trade_name(pair[0]) <= given["end"]]
        page = found[offset : offset + 50]
        return {"trades": {_trade_name(fill): self._trade(fill, order) for fill, order in page}, "count": len(found)}

    def _query_trades(self, account: Account, given: Given) -> Any:
        wanted = given["txid"].split(",")
        if len(wanted) > MOST_TRADES_NAMED:
            raise RefusedError("closed")
        every = {_trade_name(fill): (fill, order) for order in account.orders.values() for fill in order.fills}
        return {name: self._trade(*every[name]) for name in wanted}

    def _trade(self, fill: Fill, order: Order) -> dict[str, Any]:
        return {
            "ordertxid": order.id,
            "pair": _pair(self.exchange.listed[order.symbol], 0),
            "time": fill.at / 1000,
            "type": order.side,
            "ordertype": order.kind,
            "price": str(fill.price),
            "cost": str(fill.quote),
            "fee": str(fill.fee),
            "vol": str(fill.amount),
            "maker": fill.maker,
            "margin": "0.00000",
            "leverage": "0",
            "misc": "",
        }


def _trade_name(fill: Fill) -> str:
    return f"T{fill.id:016d}"


def _pair(market: Listed, form: int) -> str:
    return "".join(_NAMES.get(asset, (asset, asset))[form] for asset in (market.base, market.quote))


def _order_name(number: int) -> str:
    digits = ""
    for _ in range(16):
        number, digit = divmod(number, 32)
        digits = _LETTERS[digit] + digits
    name = "O" + digits
    return f"{name[:6]}-{name[6:11]}-{name[11:]}"


def _answer(work: Any, *given: Any) -> web.Response:
    try:
        return web.json_response({"error": [], "result": work(*given)})
    except RefusedError as refused:
        return _refuse(_REFUSALS[refused.reason])


def _refuse(error: str) -> web.Response:
    return web.json_response({"error": [error]})


def _number(text: str | None) -> Decimal | None:
    return None if text is None else D(text)
