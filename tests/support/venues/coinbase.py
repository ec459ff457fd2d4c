"""Coinbase Advanced Trade's REST interface, as https://docs.cdp.coinbase.com documents it."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.support.venues.exchange import Account, Exchange, Listed, Order, RefusedError, Ticket
from tests.support.venues.server import FakeVenue, RefusalError

D = Decimal
PATH = "/api/v3/brokerage"
MARKETS = (
    Listed("BTC", "USD", D(50000), lot=D("0.00000001"), min_amount=D("0.00000001"), min_notional=D(1)),
    Listed("ETH", "USD", D(3000), lot=D("0.00000001"), min_amount=D("0.00000001"), min_notional=D(1)),
    Listed("USDC", "USD", D(1), tick=D("0.0001"), lot=D("0.01"), min_amount=D(1), min_notional=D(1)),
)
MOST_FILLS = 250
_STATUSES = {"open": "OPEN", "filled": "FILLED", "cancelled": "CANCELLED", "expired": "CANCELLED"}
_REFUSALS = {
    "funds": ("INSUFFICIENT_FUND", "PREVIEW_INSUFFICIENT_FUND"),
    "takes": ("INVALID_LIMIT_PRICE_POST_ONLY", "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
    "unfillable": ("UNKNOWN_FAILURE_REASON", "PREVIEW_MISSING_COMMISSION_RATE"),
    "symbol": ("INVALID_PRODUCT_ID", "PREVIEW_INVALID_PRODUCT_ID"),
    "LOT_SIZE": ("INVALID_SIZE_PRECISION", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
    "NOTIONAL": ("UNKNOWN_FAILURE_REASON", "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
    "PRICE_FILTER": ("INVALID_PRICE_PRECISION", "PREVIEW_INVALID_PRICE_PRECISION"),
}
_SECONDS = {"ONE_MINUTE": 60, "FIVE_MINUTE": 300, "FIFTEEN_MINUTE": 900, "ONE_HOUR": 3600, "ONE_DAY": 86400}
MOST_CANDLES = 350


def refusal(status: int, error: str) -> RefusalError:
    """Return an answer that is not 200."""
    text = "Unauthorized\n" if status == 401 else json.dumps({"error": error, "error_details": error})
    return RefusalError(web.Response(status=status, text=text))


class FakeCoinbase(FakeVenue):
    """A fake Coinbase. As at Coinbase, each request has a token for its path, signed with the account's EC key."""

    name = "coinbase"
    balances_path = "/brokerage/accounts"
    markets_path = "/market/products"
    orders_path = "/brokerage/orders"
    cancel_path = "/orders/batch_cancel"
    order_path = "/historical/"

    def __init__(self, exchange: Exchange | None = None, latency: float = 0.0) -> None:
        super().__init__(exchange or Exchange(MARKETS), latency)
        self.exchange.name_order = _order_name
        self.products = {symbol.replace("/", "-"): symbol for symbol in self.exchange.listed}

    def routes(self) -> list[web.RouteDef]:
        market = f"{PATH}/market"
        signed = self._signed
        return [
            web.get(f"{market}/products", self._public(self._list)),
            web.get(f"{market}/product_book", self._public(self._book)),
            web.get(f"{market}/products/{{product_id}}/ticker", self._public(self._ticker)),
            web.get(f"{market}/products/{{product_id}}/candles", self._public(self._candles)),
            web.get(f"{PATH}/key_permissions", signed(self._permissions)),
            web.get(f"{PATH}/accounts", signed(self._accounts)),
            web.post(f"{PATH}/orders", signed(self._place)),
            web.post(f"{PATH}/orders/batch_cancel", signed(self._cancel)),
            web.get(f"{PATH}/orders/historical/batch", signed(self._orders)),
            web.get(f"{PATH}/orders/historical/fills", signed(self._fills)),
            web.get(f"{PATH}/orders/historical/{{order_id}}", signed(self._order)),
        ]

    def key_of(self, request: web.Request) -> str | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            return str(jwt.get_unverified_header(token)["kid"])
        except (jwt.InvalidTokenError, KeyError):
            return None

    def credentials(self, **account: Any) -> dict[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
        name = f"organizations/{uuid.uuid4()}/apiKeys/{uuid.uuid4()}"
        opened = self.exchange.open(
            account.pop("balances", {"USD": "10000"}), **{"key": name, "secret": secret} | account
        )
        return {"api_key": opened.key, "api_secret": opened.secret}

    def _public(self, answer: Any) -> Any:
        async def handle(request: web.Request) -> web.Response:
            return web.json_response(answer(request))

        return handle

    def _signed(self, answer: Any) -> Any:
        async def handle(request: web.Request) -> web.Response:
            body = await request.json() if request.can_read_body else {}
            return web.json_response(answer(self._verify(request), request, body))

        return handle

    def _verify(self, request: web.Request) -> Account:
        """ES256, for this method, host and path, at most two minutes old."""
        account = self.exchange.accounts.get(self.key_of(request) or "")
        if account is None or account.revoked:
            raise refusal(401, "unauthorized")
        token = request.headers["Authorization"].removeprefix("Bearer ")
        private = load_pem_private_key(account.secret.encode(), None)
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        try:
            claims = jwt.decode(
                token, private.public_key(), ["ES256"], issuer="coinbase-cloud", options={"verify_aud": False}
            )
        except jwt.InvalidTokenError:
            raise refusal(401, "unauthorized") from None
        uri = claims["uri"].replace("http://", "")
        late = self.exchange.now() / 1000 - claims["nbf"]
        if claims["sub"] != account.key or uri != f"{request.method} {request.host}{request.path}" or abs(late) > 120:
            raise refusal(401, "unauthorized")
        return account

    def _symbol(self, product_id: str | None) -> str:
        if product_id not in self.products:
            raise refusal(404, "NOT_FOUND")
        return self.products[product_id]

    def _list(self, request: web.Request) -> Any:
        shown = []
        wanted = request.query.getall("product_ids", list(self.products))
        for name, symbol in ((name, symbol) for name, symbol in self.products.items() if name in wanted):
            day = self.exchange.day(symbol)
            change = (self.exchange.prices[symbol] - day.before) / day.before * 100
            market, price = self.exchange.listed[symbol], str(self.exchange.prices[symbol])
            shown.append(
                {
                    "product_id": name,
                    "price": price,
                    "mid_market_price": "",
                    "price_percentage_change_24h": f"{change:.8f}",
                    "volume_24h": str(day.volume),
                    "base_currency_id": market.base,
                    "quote_currency_id": market.quote,
                    "base_increment": str(market.lot),
                    "quote_increment": str(market.tick),
                    "price_increment": str(market.tick),
                    "base_min_size": str(market.min_amount),
                    "quote_min_size": str(market.min_notional),
                    "base_max_size": "3400",
                    "quote_max_size": "150000000",
                    "product_type": "SPOT",
                    "trading_disabled": False,
                    "alias_to": [],
                }
            )
        return {"products": shown, "num_products": len(shown)}

    def _book(self, request: web.Request) -> Any:
        name = request.query.get("product_id")
        bids, asks = self.exchange.book(self._symbol(name))
        sides = {
            side: [{"price": str(price), "size": f"{size:f}"} for price, size in levels]
            for side, levels in (("bids", bids), ("asks", asks))
        }
        return {"pricebook": {"product_id": name, **sides, "time": self._now()}}

    def _now(self) -> str:
        return _time(self.exchange.now())

    def _ticker(self, request: web.Request) -> Any:
        symbol = self._symbol(request.match_info["product_id"])
        bids, asks = self.exchange.book(symbol)
        trade = {"trade_id": "1", "product_id": request.match_info["product_id"], "size": "0.1", "side": "BUY"}
        trade |= {"price": str(self.exchange.prices[symbol]), "time": self._now()}
        return {"trades": [trade], "best_bid": str(bids[0][0]), "best_ask": str(asks[0][0])}

    def _candles(self, request: web.Request) -> Any:
        symbol, step = self._symbol(request.match_info["product_id"]), _SECONDS[request.query["granularity"]]
        first, last = (int(request.query[name]) for name in ("start", "end"))
        if (last - first) // step >= MOST_CANDLES:
            raise refusal(400, "INVALID_ARGUMENT")
        names = ("open", "high", "low", "close", "volume")
        found = self.exchange.bars(symbol, step * 1000, first * 1000, last * 1000)
        rows = [{"start": str(start // 1000), **dict(zip(names, bar, strict=True))} for start, bar in found]
        return {"candles": rows[::-1]}

    def _permissions(self, account: Account, _: web.Request, __: Any) -> Any:
        return {
            "can_view": True,
            "can_trade": account.can_trade,
            "can_transfer": account.can_withdraw,
            "portfolio_uuid": account.id,
            "portfolio_type": "DEFAULT",
        }

    def _accounts(self, account: Account, request: web.Request, _: Any) -> Any:
        start, limit = int(request.query.get("cursor") or 0), min(int(request.query.get("limit", 49)), self.page)
        names = account.assets()
        page = [
            {
                "uuid": f"a-{name}",
                "currency": name,
                "type": "ACCOUNT_TYPE_FIAT" if name == "USD" else "ACCOUNT_TYPE_CRYPTO",
                "available_balance": {"value": str(account.free.get(name, D(0))), "currency": name},
                "hold": {"value": str(account.locked.get(name, D(0))), "currency": name},
            }
            for name in names[start : start + limit]
        ]
        more = start + limit < len(names)
        return {"accounts": page, "has_next": more, "cursor": str(start + limit) if more else "", "size": len(page)}

    page = 250
    """Most accounts in one answer."""

    def _place(self, account: Account, _: web.Request, given: dict[str, Any]) -> Any:
        ((name, fields),) = given["order_configuration"].items()
        before = account.by_client.get(given["client_order_id"])
        if before is not None:
            return _placed(before)
        ending = name.rpartition("_")[2].upper()
        try:
            order = self.exchange.place(
                account,
                Ticket(
                    client_id=given["client_order_id"],
                    symbol=self.products.get(given["product_id"], ""),
                    side=given["side"].lower(),
                    kind="stop_limit" if "stop" in name else name.partition("_")[0].replace("sor", "limit"),
                    amount=_number(fields.get("base_size")),
                    quote_amount=_number(fields.get("quote_size")),
                    price=_number(fields.get("limit_price")),
                    stop=_number(fields.get("stop_price")),
                    time_in_force=ending,
                    post_only=bool(fields.get("post_only")),
                ),
            )
        except RefusedError as refused:
            if refused.reason == "permission":
                raise refusal(403, "PERMISSION_DENIED") from None
            error, why = _REFUSALS[refused.reason]
            return {"success": False, "error_response": {"error": error, "preview_failure_reason": why}}
        return _placed(order)

    def _show(self, order: Order) -> dict[str, Any]:
        kind = {"market": "MARKET", "limit": "LIMIT", "stop_limit": "STOP_LIMIT"}[order.kind]
        base = {"base_size": str(order.amount)} if order.quote_amount is None else {}
        limit = {**base, "limit_price": str(order.price), "post_only": order.post_only}
        configuration = {
            "MARKET": {"market_market_ioc": base},
            "LIMIT": {"limit_limit_gtc": limit},
            "STOP_LIMIT": {"stop_limit_stop_limit_gtc": {**limit, "stop_price": str(order.stop)}},
        }[kind]
        average = order.quote / order.filled if order.filled else D(0)
        return {
            "order_id": order.id,
            "product_id": order.symbol.replace("/", "-"),
            "order_configuration": configuration,
            "side": order.side.upper(),
            "client_order_id": order.client_id,
            "status": _STATUSES[order.status],
            "time_in_force": {"IOC": "IMMEDIATE_OR_CANCEL", "FOK": "FILL_OR_KILL"}.get(
                order.time_in_force, "GOOD_UNTIL_CANCELLED"
            ),
            "created_time": _time(order.at),
            "filled_size": str(order.filled),
            "average_filled_price": f"{average:.10f}",
            "filled_value": str(order.quote),
            "total_fees": str(sum((fill.fee for fill in order.fills), D(0))),
            "order_type": kind,
        }

    def _order(self, account: Account, request: web.Request, _: Any) -> Any:
        order = account.orders.get(request.match_info["order_id"])
        if order is None:
            raise refusal(404, "NOT_FOUND")
        return {"order": self._show(order)}

    def _orders(self, account: Account, request: web.Request, _: Any) -> Any:
        product, status = request.query.get("product_id"), request.query.get("order_status")
        wanted = set(request.query.getall("order_ids", []))
        found = [
            self._show(order)
            for order in reversed(account.orders.values())
            if product in {None, order.symbol.replace("/", "-")}
            and (not wanted or order.id in wanted)
            and status in {None, _STATUSES[order.status]}
        ]
        return {"orders": found[: int(request.query.get("limit", 100))], "has_next": False, "cursor": ""}

    def _cancel(self, account: Account, _: web.Request, given: dict[str, Any]) -> Any:
        results = []
        for order_id in given["order_ids"]:
            reason = "UNKNOWN_CANCEL_FAILURE_REASON"
            order = account.orders.get(order_id)
            success = order is not None and order.status == "open"
            if order is None or order.status not in {"open", "filled"}:
                reason = "UNKNOWN_CANCEL_ORDER"
            elif order.status == "filled":
                reason = "ORDER_IS_FULLY_FILLED"
            else:
                self.exchange.cancel(account, order)
            results.append({"success": success, "failure_reason": reason, "order_id": order_id})
        return {"results": results}

    def _fills(self, account: Account, request: web.Request, _: Any) -> Any:
        products, orders = (set(request.query.getall(key, [])) for key in ("product_ids", "order_ids"))
        since = request.query.get("start_sequence_timestamp", "")
        found = [
            (fill, order)
            for order in account.orders.values()
            if (not products or order.symbol.replace("/", "-") in products) and (not orders or order.id in orders)
            for fill in order.fills
            if not since or _time(fill.at) >= since
        ]
        found.sort(key=lambda pair: -pair[0].id)
        limit, begin = min(int(request.query.get("limit", 100)), MOST_FILLS), int(request.query.get("cursor") or 0)
        shown = [
            {
                "entry_id": str(fill.id),
                "trade_id": str(fill.id),
                "order_id": order.id,
                "trade_time": _time(fill.at),
                "price": str(fill.price),
                "size": str(fill.amount),
                "commission": str(fill.fee),
                "product_id": order.symbol.replace("/", "-"),
                "liquidity_indicator": "MAKER" if fill.maker else "TAKER",
                "size_in_quote": False,
                "side": order.side.upper(),
            }
            for fill, order in found[begin : begin + limit]
        ]
        return {"fills": shown, "cursor": str(begin + limit) if len(found) > begin + limit else ""}


def _placed(order: Order) -> dict[str, Any]:
    return {"success": True, "success_response": {"order_id": order.id, "client_order_id": order.client_id}}


def _order_name(number: int) -> str:
    return str(uuid.UUID(int=number))


def _time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(text: str | None) -> Decimal | None:
    return None if text is None else D(text)
