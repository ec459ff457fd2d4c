"""The fills of a wallet as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import Fill
from moniqo_core.http.schemas.csv_text import HEADERS, inert, table

COLUMNS: Final = (
    "time", "symbol", "side", "price", "amount", "quote", "fee", "fee_currency", "liquidity", "order_id", "fill_id",
)  # fmt: skip

FILLS_CSV: Final[dict[str, Any]] = {
    "content": {
        "text/csv": {
            "schema": {"type": "string", "description": f"Columns: {', '.join(COLUMNS)}."},
            "example": f"{','.join(COLUMNS)}\r\n"
            "2026-01-31T12:00:00.000Z,BTC/USDT,buy,50000,0.01,500,0.5,USDT,taker,o-2-1,o-2-1-1\r\n",
        }
    },
    "headers": HEADERS,
}


def fills_csv(fills: Iterable[Fill]) -> str:
    """Return a CSV file with one row per fill."""
    return table(COLUMNS, map(_row, fills))


def _row(fill: Fill) -> list[str]:
    amounts = map(plain, (fill.price, fill.amount, fill.quote, fill.fee))
    names = map(inert, (fill.fee_currency, fill.liquidity or "", fill.order_id, fill.fill_id))
    return [rfc3339(fill.at), inert(fill.symbol), fill.side.value, *amounts, *names]
