"""Changes how CCXT parses lists: a row that it cannot parse is left out, and the others stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from moniqo_core.domain.money import plain
from moniqo_core.venues.exchanges.reading.balances import amount
from moniqo_core.venues.exchanges.rows import read_rows
from moniqo_core.venues.exchanges.venue import Venue


class RowByRow:
    """Methods of CCXT's exchanges that parse lists. Rows without a time are left out too, because CCXT sorts by it."""

    venue: Venue

    def parse_orders(self, orders: Any, market: Any = None, *rest: Any, **named: Any) -> Any:
        """Parse a list of orders, or a mapping of orders by id."""
        rows = orders
        if isinstance(orders, Mapping):
            rows = [{"id": name, **row} if isinstance(row, Mapping) else row for name, row in orders.items()]
        return self._parse("parse_orders", "parse_order", "orders", rows, market, *rest, **named)

    def parse_trades(self, trades: Any, market: Any = None, *rest: Any, **named: Any) -> Any:
        """Parse a list of trades."""
        return self._parse("parse_trades", "parse_trade", "trades", trades, market, *rest, **named)

    def parse_ohlcvs(self, ohlcvs: Any, market: Any = None, *rest: Any, **named: Any) -> Any:
        """Parse a list of candles."""
        return self._parse("parse_ohlcvs", "parse_ohlcv", "candles", ohlcvs, market, *rest, **named)

    def parse_order_book_bids_asks(self, bidasks: Any, price: Any = 0, size: Any = 1, *keys: Any) -> Any:
        """Return one side of an order book in the venue's own digits, where CCXT's own method makes floats of them."""

        def level(row: Any) -> list[str]:
            return [plain(amount(row[price])), plain(amount(row[size]))]

        return read_rows(self.venue.exchange, "price levels", bidasks or (), level, _name)

    def get_delisted_market_by_id(self, id: Any) -> None:  # noqa: A002  CCXT's name
        """Return nothing, where CCXT's own method would guess the assets from the letters of a name."""

    def _parse(self, whole: str, single: str, kind: str, rows: Any, market: Any, *rest: Any, **named: Any) -> Any:
        try:
            return self._super(whole)(rows, market, *rest, **named)
        except Exception:  # noqa: BLE001  some row is odd, in any way
            kept = self._readable(kind, rows, lambda row: _dated(getattr(self, single)(row, market)))
            return self._super(whole)(kept, market, *rest, **named)

    def _super(self, name: str) -> Any:
        return getattr(super(), name)

    def _readable(self, kind: str, rows: Iterable[Any], check: Callable[[Any], object]) -> list[Any]:
        def read(row: Any) -> Any:
            check(row)
            return row

        return read_rows(self.venue.exchange, kind, rows, read, _name)


def _dated(parsed: Mapping[str, Any] | Sequence[Any]) -> None:
    """Raise TypeError for an order, a trade or a candle without a time."""
    at = parsed["timestamp"] if isinstance(parsed, Mapping) else parsed[0]
    if not isinstance(at, int):
        raise TypeError


def _name(row: Any) -> object:
    if not isinstance(row, Mapping):
        return row[0]
    return next(row[name] for name in ("id", "orderId", "order_id", "trade_id", "symbol") if name in row)
