"""Bybit, spot, unified trading accounts. They are only read. https://bybit-exchange.github.io/docs/v5."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar, Final

from moniqo_core.domain.market.marks import Marks
from moniqo_core.domain.market.ticker import Quote24h
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.orders.order import OrderType
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.venues.exchanges.bybit_codes import CLASSIC_ACCOUNT, FORBIDDEN, NO_CODE, REFUSALS
from moniqo_core.venues.exchanges.reading.balances import (
    AssetBalance,
    amount,
    amount_or_zero,
    held_in_part,
    read_balance,
)
from moniqo_core.venues.exchanges.reading.quotes import Quote, marks_of, read_quotes
from moniqo_core.venues.exchanges.reading.tickers import read_tickers, said
from moniqo_core.venues.exchanges.refusals import VenueRefusalError
from moniqo_core.venues.exchanges.rows import read_rows, times_of
from moniqo_core.venues.exchanges.venue import Client, Venue, VenueTrades, id_text

_KEEPS_FUNDS: Final = frozenset(
    {"AccountTransfer", "Spot", "ContractTrade", "Derivatives", "Options", "BlockTrade", "CopyTrading"}
    | {"Exchange", "Earn", "NFT", "Affiliate"}
)
"""Permissions that cannot move money out of the account.

Every other one counts as a withdrawal: payments, transfers to subaccounts, and what Bybit adds later.
"""
_RISES, _FALLS = 1, 2
_STATUSES: Final = {
    "Created": "open",
    "New": "open",
    "PartiallyFilled": "open",
    "Untriggered": "open",
    "Triggered": "open",
    "Active": "open",
    "PendingCancel": "open",
    "Filled": "closed",
    "PartiallyFilledCanceled": "canceled",
    "Cancelled": "canceled",
    "Deactivated": "canceled",
    "Rejected": "rejected",
}

_FILLS_PAGE: Final = 100
_ORDERS_PAGE: Final = 50
_MOST: Final = 500
_WEEK: Final = timedelta(days=7) // timedelta(milliseconds=1)
"""The longest span that one query for fills may cover, in milliseconds. The other spans have the same unit."""
_WEEKS_BACK: Final = 8
_SHORTEST_SPAN: Final = 1000
_SPAN_DIVISOR: Final = 16


class Bybit(Venue):
    """A spot account at Bybit."""

    exchange = "bybit"
    name = "Bybit"
    options: ClassVar[Mapping[str, object]] = {
        "fetchMarkets": {"types": ["spot"]},
        "defaultType": "spot",
        # Without these three, CCXT asks for the kind of account in two calls. `permissions` refuses the other kind.
        "enableUnifiedMargin": False,
        "enableUnifiedAccount": True,
        "unifiedMarginStatus": 6,
        "fetchOrder": {"acknowledged": True},
    }
    hosts = frozenset({"api.bybit.com"})
    test_hosts = frozenset({"api-testnet.bybit.com"})
    refusals = REFUSALS
    most_fills = _MOST
    adjusts_clock = True
    order_id = re.compile(r"[0-9]{1,20}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    quotes = ("USDT", "USDC", "USD")
    candles_per_query = 1000
    # Two calls at once. CCXT then spreads them to ten a second.
    burst = 10
    key_hint = (
        "In Bybit's API management, create a system-generated key that is 'Read-Only', with 'Orders' of 'Spot' allowed."
        " Leave 'Withdrawal' off."
    )

    def api(self, base_url: str) -> Mapping[str, str]:
        """Return the one address that serves every endpoint. Those of older versions cannot be called."""
        return {"public": base_url, "private": base_url}

    def codes(self, status: int, body: Any) -> Sequence[str]:
        """Return the code of ``{"retCode": 10003, "retMsg": ..., "result": {}}``. A success has the code 0.

        A status 403 has no code. An answer without a code is a failure.
        """
        if status == HTTPStatus.FORBIDDEN:
            return (FORBIDDEN,)
        if not isinstance(body, dict):
            return ()
        code = body.get("retCode")
        if code is None:
            return () if status >= HTTPStatus.MULTIPLE_CHOICES else (NO_CODE,)
        return () if str(code) == "0" else (str(code),)

    async def permissions(self, client: Client) -> KeyPermissions | None:
        """Read ``GET /v5/user/query-api``, which every key may call.

        Raises:
            VenueRefusalError: the account is not a unified trading account.

        """
        answer = (await client.privateGetV5UserQueryApi())["result"]
        if answer.get("uta") == 0:
            raise VenueRefusalError(CLASSIC_ACCOUNT)
        allowed, addresses = answer["permissions"], answer.get("ips")
        granted = {*allowed["Wallet"], *(name for name, values in allowed.items() if values and name != "Wallet")}
        can_change = answer["readOnly"] == 0
        return KeyPermissions(
            can_read=bool(allowed["Spot"]),
            can_trade=can_change and "SpotTrade" in allowed["Spot"],
            can_withdraw="Withdraw" in granted or (can_change and not granted <= _KEEPS_FUNDS),
            ip_restricted=None if addresses is None else addresses not in ([], ["*"]),
        )

    async def account_id(self, client: Client) -> str | None:
        """Return ``userID`` of ``GET /v5/user/query-api``. A sub-account has its own."""
        return id_text((await client.privateGetV5UserQueryApi())["result"].get("userID"))

    async def mids(self, client: Client) -> Marks:
        """Return the mark of every symbol, from one call."""
        shown = (await client.publicGetV5MarketTickers({"category": "spot"}))["result"]["list"]
        return marks_of(client, read_quotes(client, shown, _quote, "symbol"))

    async def tickers(self, client: Client, symbols: Sequence[str]) -> Mapping[str, Quote24h]:
        """Return ``GET /v5/market/tickers`` of these symbols. One call returns one symbol or all."""
        asked: dict[str, object] = {"category": "spot"}
        if len(symbols) == 1:
            asked["symbol"] = client.markets[symbols[0]]["id"]
        shown = (await client.publicGetV5MarketTickers(asked))["result"]["list"]
        return read_tickers(client, symbols, shown, _day, lambda row: row["symbol"])

    def type_of(self, order: Mapping[str, Any]) -> OrderType:
        """Return the type from Bybit's own fields.

        For a conditional order, ``orderType`` is the type of the order that its trigger places.
        """
        info = order["info"]
        limited = info["orderType"] == "Limit"
        if info.get("stopOrderType") in {None, "", "UNKNOWN"}:
            return OrderType.LIMIT if limited else OrderType.MARKET
        if limited:
            return OrderType.STOP_LIMIT
        takes_profit = info["triggerDirection"] == (_FALLS if info["side"] == "Buy" else _RISES)
        return OrderType.TAKE_PROFIT if takes_profit else OrderType.STOP_LOSS

    def amended(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take status, amounts and fees from Bybit's own fields.

        A market order by quote amount has no base amount, so its filled amount is used. What is left of such an order
        buys no lot, and Bybit cancels it. So the order counts as filled.
        """
        info = order["info"]
        status, filled = _STATUSES.get(info["orderStatus"]), info["cumExecQty"]
        in_quote = _is_in_quote(info)
        if in_quote and info["orderStatus"] == "PartiallyFilledCanceled":
            status = "closed"
        fees = info.get("cumFeeDetail") or {}
        return {
            **order,
            "status": status,
            "filled": filled,
            "cost": info["cumExecValue"],
            "amount": filled if in_quote else info["qty"],
            "fees": [{"cost": fee, "currency": coin} for coin, fee in fees.items()],
            "fee": None,
        }

    def amended_fill(self, trade: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add to the fee the taxes that some countries levy on a trade (``extraFees``), if they have the same coin."""
        fee, extra = trade["fee"], trade["info"].get("extraFees") or ()
        if not extra:
            return trade
        with exact():
            taxes = sum((amount(tax["fee"]) for tax in extra if tax["feeCoin"] == fee["currency"]), ZERO)
            return {**trade, "fee": {**fee, "cost": amount(fee["cost"]) + taxes}}

    async def balance(self, client: Client) -> Mapping[str, Any]:
        """Return ``GET /v5/account/wallet-balance``.

        Raises:
            TypeError: the answer holds no balances.

        """
        answer = (await client.privateGetV5AccountWalletBalance({"accountType": "UNIFIED"}))["result"]
        coins = [coin for account in answer["list"] for coin in account["coin"]]
        return read_balance(client, coins, _balance, lambda row: row["coin"])

    async def open_orders(self, client: Client, symbol: str | None) -> Sequence[Mapping[str, Any]]:
        """Return ``GET /v5/order/realtime``: up to 500 orders, the most that Bybit allows an account."""
        found, _ = await _pages(client.privateGetV5OrderRealtime, _asked(client, symbol, _ORDERS_PAGE))
        return _orders(client, found)

    async def ended(self, client: Client, symbol: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return ``GET /v5/order/history``: orders of the last seven days."""
        asked = _asked(client, symbol, _ORDERS_PAGE)
        found, _ = await _pages(client.privateGetV5OrderHistory, asked, limit)
        return _orders(client, found)

    async def fills(self, client: Client, symbol: str | None, since: int | None, order_id: str | None) -> VenueTrades:
        """Return ``GET /v5/execution/list``.

        One query covers seven days at most. Its pages hold a hundred fills, newest first.
        """
        asked = {**_asked(client, symbol, _FILLS_PAGE), "execType": "Trade"}
        if order_id is not None:
            found, _ = await _pages(client.privateGetV5ExecutionList, {**asked, "orderId": order_id})
        elif since is None:
            found = await _newest(client, asked)
        else:
            found = await _oldest(client, asked, since)
        trades = read_rows(
            self.exchange, "trades", found, lambda row: client.parse_trade(_readable(row)), lambda row: row["execId"]
        )
        return VenueTrades(trades, len(found), times_of(found, lambda row: int(row["execTime"])))


async def _newest(client: Client, asked: Mapping[str, object]) -> list[Mapping[str, Any]]:
    """Return the newest fills, read week by week."""
    found: list[Mapping[str, Any]] = []
    end = int(client.nonce())
    for _ in range(_WEEKS_BACK):
        week, _ = await _pages(client.privateGetV5ExecutionList, {**asked, "startTime": end - _WEEK, "endTime": end})
        found += week
        if len(found) >= _MOST:
            break
        end -= _WEEK + 1
    return found[:_MOST]


async def _oldest(client: Client, asked: Mapping[str, object], since: int) -> list[Mapping[str, Any]]:
    """Return the oldest fills since a time, without a gap. A span with too many fills is queried in parts."""
    found: list[Mapping[str, Any]] = []
    start, span, now = since, _WEEK, int(client.nonce())
    while start <= now and len(found) < _MOST:
        end = min(start + span, now)
        most = _MOST if span > _SHORTEST_SPAN else None
        given = {**asked, "startTime": start, "endTime": end}
        rows, is_whole = await _pages(client.privateGetV5ExecutionList, given, most)
        if not is_whole:
            span = max(span // _SPAN_DIVISOR, _SHORTEST_SPAN)
            continue
        found += sorted(rows, key=lambda fill: amount_or_zero(fill, "execTime"))
        start = end + 1
    return found[:_MOST]


def _asked(client: Client, symbol: str | None, limit: int) -> Mapping[str, object]:
    asked: dict[str, object] = {"category": "spot", "limit": limit}
    return asked if symbol is None else {**asked, "symbol": client.market(symbol)["id"]}


async def _pages(
    call: Callable[[Mapping[str, object]], Awaitable[Any]], asked: Mapping[str, object], most: int | None = _MOST
) -> tuple[list[Mapping[str, Any]], bool]:
    """Return the rows of all pages, and whether these are all rows. Stop at ``most`` rows, unless it is None."""
    found: list[Mapping[str, Any]] = []
    cursor = None
    while most is None or len(found) < most:
        answer = (await call(asked if cursor is None else {**asked, "cursor": cursor}))["result"]
        found += answer["list"]
        cursor = answer.get("nextPageCursor")
        if not cursor or not answer["list"]:
            return found, True
    return found, False


def _orders(client: Client, found: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return CCXT's orders. The market is given, because CCXT would guess whether it is a spot market."""

    def read(order: Mapping[str, Any]) -> Mapping[str, Any]:
        parsed: Mapping[str, Any] = client.parse_order(order, client.safe_market(order["symbol"], None, None, "spot"))
        return parsed

    return read_rows(client.venue.exchange, "orders", found, read, lambda row: row["orderId"])


def _is_in_quote(info: Mapping[str, Any]) -> bool:
    """Tell whether ``qty`` of an order is in the quote asset, as it is for market buys that name no unit."""
    unit = info.get("marketUnit") or ("quoteCoin" if info["side"] == "Buy" else "baseCoin")
    return info["orderType"] == "Market" and unit == "quoteCoin"


def _balance(row: Mapping[str, Any]) -> AssetBalance:
    """Read a coin of the account, which may owe some of it.

    ``walletBalance`` has what spot margin trading borrowed (``spotBorrow``), and is negative by what derivatives lost.
    ``borrowAmount`` counts both, so it is not subtracted. Orders and the margin of positions hold a part, for which
    other coins may serve too. A profit that is not realised (``equity``) is no balance.
    """
    total = amount(row["walletBalance"]) - amount(row.get("spotBorrow") or 0)
    held = sum((amount(row.get(name) or 0) for name in ("locked", "totalOrderIM", "totalPositionIM")), ZERO)
    return held_in_part(str(row["coin"]), total, held)


def _quote(row: Mapping[str, Any]) -> Quote:
    return Quote(
        row["symbol"], amount(row["bid1Price"] or 0), amount(row["ask1Price"] or 0), amount(row.get("lastPrice") or 0)
    )


def _day(row: Mapping[str, Any]) -> Quote24h:
    last, before, share = amount(row["lastPrice"]), said(row, "prevPrice24h"), said(row, "price24hPcnt")
    with exact():
        change = None if before is None else last - before
        percent = None if share is None else share * 100
    return Quote24h(
        bid=amount(row["bid1Price"] or 0),
        ask=amount(row["ask1Price"] or 0),
        last=last,
        change=change,
        change_percent=percent,
        high=said(row, "highPrice24h"),
        low=said(row, "lowPrice24h"),
        volume=said(row, "volume24h"),
    )


def _readable(fill: Mapping[str, Any]) -> dict[str, Any]:
    """Return a fill with the kind of market and the currency of the fee under the names that CCXT reads."""
    named = {**fill, "category": "spot"}
    return {**named, "feeCoin": fill["feeCurrency"]} if fill.get("feeCurrency") else named
