"""Demo wallets for stocks at venue prices: a fake Polygon over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from moniqo_core import bootstrap
from moniqo_core.venues.polygon_http import PolygonHttp
from moniqo_core.wallets.connector import WalletConnector
from moniqo_core.wallets.demo.replay import WalletReplay
from tests.conftest import Database, Run
from tests.support.engine import WIDE, Clock, Engine
from tests.support.lambdas import ADMIN, Invoke
from tests.support.venues.polygon import KEY, FakePolygon

OPENS = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
APPLE = {"symbol": "AAPL/USD"}


@dataclass
class SharesHarness:
    """A trader in shares."""

    engine: Engine
    polygon: FakePolygon
    clock: Clock
    database: Database
    run: Run

    def wallet(self, **limits: object) -> str:
        return self.engine.create(wallet_id="demo-stocks-live-v1", risk_limits=WIDE | limits)

    def refused(self, wallet: str) -> dict[str, Any]:
        answer = self.engine.try_to_place(wallet, **APPLE, amount="1")
        assert (answer.status, answer.json["code"]) == (503, "MARKET_DATA_ERROR"), answer.text
        assert KEY not in answer.text
        problem: dict[str, Any] = answer.json
        return problem


@pytest.fixture
def harness(environment: pytest.MonkeyPatch, seeded: Database, invoke: Invoke, run: Run) -> Iterator[SharesHarness]:
    clock = Clock()
    clock.now = OPENS + timedelta(hours=1, seconds=30)
    with FakePolygon(clock) as polygon:
        polygon.trade("AAPL", OPENS - timedelta(hours=1), 9 * 60, "190")
        connector = WalletConnector(seeded, clock, polygon=PolygonHttp(lambda: KEY, polygon.url))
        environment.setattr(bootstrap, "wallets", cache(lambda: connector))
        path = "/wallets/definitions/demo-stocks-live-v1"
        done = invoke("update_definition", "PATCH", path, user=ADMIN, body={"is_active": True})
        assert done.status == 200, done.text
        yield SharesHarness(Engine(invoke, clock, run), polygon, clock, seeded, run)


def test_share_is_bought_at_the_ask_and_its_exit_fills_in_the_next_session(harness: SharesHarness) -> None:
    wallet = harness.wallet()
    order = harness.engine.place(wallet, **APPLE, amount="10", stop_loss={"stop_price": "185"})
    assert (order["average_fill_price"], order["receipt"]["source"]) == ("190.01", "polygon")
    after_hours = datetime(2026, 3, 2, 22, 0, tzinfo=UTC)
    harness.polygon.trade("AAPL", after_hours, 5, "150")
    next_session = OPENS + timedelta(days=1)
    harness.polygon.trade("AAPL", next_session, 60, "180")
    harness.clock.now = next_session + timedelta(minutes=30)
    positions = harness.engine.get("list_positions", wallet, "/positions")
    assert (positions["items"], positions["stale"]) == ([], False)
    sold = harness.engine.get("list_trades", wallet, "/trades")["items"][0]
    # Nothing fills at 22:00 UTC, when the exchange is closed; the next session opens in a gap below the stop.
    assert (sold["side"], sold["timestamp"][:16]) == ("sell", "2026-03-03T14:31")
    assert sold["price"] < "180"
    found = harness.run(WalletReplay(harness.database, "").run(wallet))
    assert found is not None
    assert found.difference is None


def test_delayed_prices_never_fill(harness: SharesHarness) -> None:
    wallet = harness.wallet()
    harness.polygon.behind = timedelta(minutes=15)
    assert "s old. Trading needs a price at most 15 s old." in harness.refused(wallet)["detail"]
    harness.polygon.behind, harness.polygon.plan = timedelta(0), "DELAYED"
    assert "is delayed" in harness.refused(wallet)["detail"]


def test_refused_polygon_key_is_reported_without_the_key(harness: SharesHarness, run: Run) -> None:
    harness.polygon.break_with("status", status=401, times=None)
    assert "does not accept this deployment's key" in harness.refused(harness.wallet())["detail"]


@pytest.mark.parametrize("kind", ["status", "drop", "malformed", "empty", "redirect", "hang"])
def test_polygon_failure_is_retryable(harness: SharesHarness, kind: Any) -> None:
    wallet = harness.wallet()
    harness.polygon.break_with(kind, times=None)
    assert harness.refused(wallet)["retryable"] is True


@pytest.mark.parametrize("quote", [("0", "190.01"), ("190.02", "190.01"), ("-1", "190.01")])
def test_implausible_quote_is_refused(harness: SharesHarness, quote: tuple[str, str]) -> None:
    harness.polygon.quotes["AAPL"] = quote
    harness.refused(harness.wallet())


def test_unknown_share_is_422(harness: SharesHarness) -> None:
    answer = harness.engine.try_to_place(harness.wallet(), symbol="NOPE/USD", amount="1")
    assert (answer.status, answer.json["code"]) == (422, "INVALID_SYMBOL")


def test_limit_order_placed_while_closed_fills_after_the_opening(harness: SharesHarness) -> None:
    wallet = harness.wallet(respect_market_hours=False)
    harness.clock.now = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
    harness.polygon.behind = timedelta(hours=4)
    order = harness.engine.place(wallet, **APPLE, type="limit", amount="5", price="190.50")
    assert order["status"] == "open"
    harness.polygon.behind = timedelta(0)
    harness.polygon.trade("AAPL", OPENS + timedelta(days=1), 30, "190.20")
    harness.clock.now = OPENS + timedelta(days=1, minutes=10)
    assert harness.engine.order(wallet, order["order_id"])["status"] == "filled"


def test_ticker_has_the_session_as_polygon_says_it(harness: SharesHarness) -> None:
    wallet = harness.wallet()
    query = {"user_wallet_id": wallet, "symbols": "AAPL/USD"}

    def shown() -> dict[str, Any]:
        answer = harness.engine.invoke("get_ticker", "GET", "/markets/ticker", user=harness.engine.user, query=query)
        (item,) = answer.json["items"]
        return {name: item[name] for name in ("bid", "ask", "change", "change_percent", "high", "low", "volume")}

    day = {"o": 189.5, "h": 191.25, "l": 188.75, "c": 190, "v": 1_234_567}
    harness.polygon.days["AAPL"] = {"day": day, "todaysChange": 1.5, "todaysChangePerc": 0.796}
    prices = {"bid": "189.99", "ask": "190.01"}
    moved = {"change": "1.5", "change_percent": "0.796", "high": "191.25", "low": "188.75", "volume": "1234567"}
    assert shown() == prices | moved
    harness.polygon.days["AAPL"] = {"day": dict.fromkeys("ohlcv", 0), "todaysChange": 0, "todaysChangePerc": 0}
    assert shown() == prices | dict.fromkeys(moved)


def test_candles_and_valuation_come_from_polygon(harness: SharesHarness) -> None:
    wallet = harness.wallet()
    harness.engine.place(wallet, **APPLE, amount="10")
    query = {"user_wallet_id": wallet, "symbol": "AAPL/USD", "interval": "1m", "limit": 3}
    candles = harness.engine.invoke("get_candles", "GET", "/markets/candles", user=harness.engine.user, query=query)
    assert [item["start"][11:16] for item in candles.json["items"]] == ["15:27", "15:28", "15:29"], candles.text
    balance = harness.engine.get("get_balance", wallet, "/balance")
    assert {item["asset"]: item["value_usd"] for item in balance["assets"]}["AAPL"] == "1900"
