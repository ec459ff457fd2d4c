"""What is asked of a deployment at the end of a recording."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from moniqo_core.domain.clock import rfc3339
from tests.support.lambdas import ADMIN, TRADER, User
from tests.support.recorded_calls import BASE, request


def of_catalogue(slugs: list[str]) -> list[dict[str, Any]]:
    """Ask for the definitions."""
    listed = [request("GET", f"{BASE}/wallets/definitions", user) for user in (None, ADMIN)]
    return [*listed, *(request("GET", f"{BASE}/wallets/definitions/{slug}", None) for slug in slugs)]


def of_wallet(wallet: str, now: datetime, user: User = TRADER) -> list[dict[str, Any]]:
    """Ask everything about a paper or a live wallet. A live wallet refuses what only paper can do."""
    path = f"{BASE}/wallets/{wallet}"
    paths = ["", "/balance", "/positions", "/orders", "/trades", "/performance", "/ledger", "/sync-log"]
    span = {"from": rfc3339(now - timedelta(days=14)), "to": rfc3339(now)}
    queries: list[tuple[str, dict[str, Any]]] = [
        ("/orders", {"status": "open"}),
        ("/orders", {"status": "closed", "limit": 7}),
        ("/equity", {**span, "interval": "1h"}),
        ("/equity", {**span, "interval": "1d"}),
        ("/ledger", {"format": "csv"}),
    ]
    return [
        *(request("GET", path + part, user) for part in paths),
        *(request("GET", path + part, user, query=query) for part, query in queries),
    ]


def of_orders(wallet: str, order_ids: list[str]) -> list[dict[str, Any]]:
    """Ask for orders one by one."""
    return [request("GET", f"{BASE}/wallets/{wallet}/orders/{order_id}", TRADER) for order_id in order_ids]


def of_market(wallet: str, *symbols: str) -> list[dict[str, Any]]:
    """Ask for prices, books, candles and a check of an order."""
    asked = [request("GET", f"{BASE}/markets", TRADER, query={"user_wallet_id": wallet})]
    for symbol in symbols:
        query = {"user_wallet_id": wallet, "symbol": symbol}
        asked += [request("GET", f"{BASE}/markets/{part}", TRADER, query=query) for part in ("price", "book")]
        candles = {**query, "interval": "1h", "limit": 5}
        asked.append(request("GET", f"{BASE}/markets/candles", TRADER, query=candles))
        order = {"symbol": symbol, "side": "buy", "type": "market", "amount": "1"}
        asked.append(request("POST", f"{BASE}/wallets/{wallet}/orders/preflight", TRADER, body=order))
    return asked
