"""Demo wallets at venue prices: a fake Binance over HTTP, its failures, and a recorded price history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from moniqo_core import bootstrap
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.wallets.connector import WalletConnector
from moniqo_core.wallets.demo.replay import Replay, WalletReplay
from tests.conftest import Database, Run
from tests.support.engine import Clock, Engine
from tests.support.lambdas import ADMIN, Invoke
from tests.support.venues.history import HistoricalBinance, draw

D = Decimal
BEGIN = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
BTC = "BTC/USDT"
MINUTES = 60 * 30


@dataclass
class LiveWalletHarness:
    """A trader with demo wallets at venue prices."""

    engine: Engine
    venue: HistoricalBinance
    clock: Clock
    database: Database
    run: Run

    def wallet(self, **fields: object) -> str:
        return self.engine.create(wallet_id="demo-live-v1", **fields)

    def refused(self, wallet: str, **fields: object) -> dict[str, Any]:
        answer = self.engine.try_to_place(wallet, **{"amount": "0.01"} | fields)
        assert answer.status == 503, answer.text
        problem: dict[str, Any] = answer.json
        assert problem["code"] == "MARKET_DATA_ERROR"
        return problem

    def replay(self, wallet: str) -> Replay:
        found = self.run(WalletReplay(self.database, "").run(wallet))
        assert found is not None
        assert found.difference is None, found.difference
        return found

    def journal(self, wallet: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.engine.get("get_ledger", wallet, "/ledger", limit=100)["items"]
        return items


@pytest.fixture
def harness(environment: pytest.MonkeyPatch, seeded: Database, invoke: Invoke, run: Run) -> Iterator[LiveWalletHarness]:
    """A deployment and a fake venue whose clock the test moves."""
    clock = Clock()
    clock.now = BEGIN + timedelta(hours=2, seconds=30)
    with HistoricalBinance(draw("a history", BEGIN, MINUTES), clock) as venue:
        connector = WalletConnector(
            seeded, clock, allow_loopback=True, price_venues=("binance-spot-v1", "kraken-spot-v1")
        )
        environment.setenv("LOOPBACK_VENUES", "true")
        bootstrap.settings.cache_clear()
        environment.setattr(bootstrap, "wallets", cache(lambda: connector))
        config = {"base_url": venue.url, "rate_limits": {"requests_per_second": 1000}}
        for slug, body in (("binance-spot-v1", {"api_config": config}), ("demo-live-v1", {"is_active": True})):
            path = f"/wallets/definitions/{slug}"
            assert invoke("update_definition", "PATCH", path, user=ADMIN, body=body).status == 200
        yield LiveWalletHarness(Engine(invoke, clock, run), venue, clock, seeded, run)
        run(connector.close())


def test_market_order_fills_against_the_venue_book(harness: LiveWalletHarness) -> None:
    wallet = harness.wallet()
    order = harness.engine.place(wallet, amount="0.3")
    price = harness.venue.history.price(BTC, harness.clock())
    # 0.2 on the first level, a cent above; 0.1 on the second.
    assert order["filled_quote"] == str((price + D("0.01")) * D("0.2") + (price + D("0.02")) * D("0.1"))
    receipt = order["receipt"]
    assert receipt["source"] == "binance-spot-v1"
    assert D(receipt["ask"]) == price + D("0.01")
    harness.replay(wallet)


def test_wallet_shows_its_journal_without_a_call_to_the_venue(harness: LiveWalletHarness) -> None:
    wallet = harness.wallet()
    before = harness.engine.get("get_wallet", wallet, "")["balance"]
    harness.engine.place(wallet, amount="0.3")
    held = harness.engine.get("get_balance", wallet, "/balance")["assets"]
    harness.venue.seen.clear()
    shown = harness.engine.get("get_wallet", wallet, "")["balance"]
    assert [(item["asset"], item["total"]) for item in shown["assets"]] == [
        (item["asset"], item["total"]) for item in held
    ]
    # The last sync knew no price of what was bought since.
    assert {item["asset"]: item["value_usd"] for item in shown["assets"]}["BTC"] is None
    assert (before["partial"], shown["partial"], shown["total_value_usd"]) == (False, True, None)
    assert harness.venue.seen == []
    harness.engine.ask("sync_balance", "POST", wallet, "/sync-balance")
    synced = harness.engine.get("get_wallet", wallet, "")["balance"]
    assert (synced["partial"], synced["unpriced_assets"]) == (False, [])


def test_filters_accept_a_paused_market_without_orders(harness: LiveWalletHarness) -> None:
    def pause(shown: Any) -> None:
        for row in shown["symbols"]:
            if row["symbol"] == "ETHUSDT":
                row["status"] = "BREAK"

    harness.venue.rewrite("/exchangeInfo", pause)
    engine, wallet = harness.engine, harness.wallet()
    query = {"user_wallet_id": wallet}
    markets = engine.invoke("list_markets", "GET", "/markets", user=engine.user, query=query).json["items"]
    assert "ETH/USDT" not in {market["symbol"] for market in markets}
    for function, method, path in (
        ("list_orders", "GET", "/orders"),
        ("list_trades", "GET", "/trades"),
        ("cancel_orders", "DELETE", "/orders"),
    ):
        for symbol, status in (("ETH/USDT", 200), ("ETHUSDT", 422)):
            assert engine.ask(function, method, wallet, path, query={"symbol": symbol}).status == status


def test_taken_liquidity_stays_taken_until_the_level_changes(harness: LiveWalletHarness) -> None:
    asks = [["50001", "0.1"], ["50002", "0.1"], ["50003", "5"]]
    harness.venue.own_book = ([["49999", "5"]], asks)
    wallet = harness.wallet()
    assert [harness.engine.place(wallet, amount="0.1")["average_fill_price"] for _ in range(3)] == [
        *("50001", "50002", "50003")
    ]
    harness.engine.ask("reset_wallet", "POST", wallet, "/reset")
    assert harness.engine.place(wallet, amount="0.1")["average_fill_price"] == "50003"
    fork = harness.engine.ask("fork_wallet", "POST", wallet, "/fork", body={"custom_name": "A copy"})
    assert fork.status == 201, fork.text
    copy = fork.json["id"]
    assert harness.engine.place(copy, amount="0.1")["average_fill_price"] == "50003"
    # The market falls until the level is out of sight, and comes back: the level is as it was.
    harness.venue.own_book = ([["48999", "5"]], [["49000", "0.1"], ["49001", "5"]])
    assert harness.engine.place(copy, amount="0.05")["average_fill_price"] == "49000"
    harness.venue.own_book = ([["49999", "5"]], asks)
    assert harness.engine.place(copy, amount="0.05")["average_fill_price"] == "50003"
    asks[0][1] = "0.2"
    assert harness.engine.place(copy, amount="0.1")["average_fill_price"] == "50001"
    for wallet_id in (wallet, copy):
        harness.replay(wallet_id)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([], [["50001", "1"]]),
        ([["0", "1"]], [["50001", "1"]]),
        ([["-5", "1"]], [["50001", "1"]]),
        ([["50002", "1"]], [["50001", "1"]]),
        ([["NaN", "1"]], [["50001", "1"]]),
        ([["Infinity", "1"]], [["50001", "1"]]),
        ([["49999", "x"]], [["50001", "1"]]),
        ([[]], [["50001", "1"]]),
        ("nothing", [["50001", "1"]]),
    ],
)
def test_implausible_book_is_refused_and_changes_nothing(harness: LiveWalletHarness, bids: Any, asks: Any) -> None:
    wallet = harness.wallet()
    before = harness.journal(wallet)
    harness.venue.own_book = (bids, asks)
    harness.refused(wallet)
    assert harness.journal(wallet) == before


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        (3, "s old. Trading needs a price at most 2 s old."),
        (900, "s old. Trading needs a price at most 2 s old."),
        (-5, "in the future. The clock"),
    ],
)
def test_prices_from_past_or_future_are_refused(harness: LiveWalletHarness, behind: int, said: str) -> None:
    wallet = harness.wallet()
    harness.venue.behind = timedelta(seconds=behind)
    assert said in harness.refused(wallet)["detail"]


def test_list_over_all_wallets_names_the_one_whose_prices_are_missing(harness: LiveWalletHarness) -> None:
    engine, at_venue_prices, simulated = harness.engine, harness.wallet(), harness.engine.create()
    for wallet in (at_venue_prices, simulated):
        engine.place(wallet, type="limit", amount="0.1", price="20000")
    harness.venue.break_with("status", times=None, status=503)
    harness.clock.forward(minutes=10)
    page = engine.invoke("list_all_orders", "GET", "/orders", user=engine.user).json
    assert {order["user_wallet_id"] for order in page["items"]} == {at_venue_prices, simulated}
    assert page["failed"] == [{"user_wallet_id": at_venue_prices, "code": "MARKET_DATA_ERROR"}]


@pytest.mark.parametrize("kind", ["status", "drop", "malformed", "empty", "redirect"])
def test_venue_failure_is_503_and_keeps_the_recorded_path(harness: LiveWalletHarness, kind: Any) -> None:
    wallet = harness.wallet()
    harness.engine.place(wallet, amount="0.1")
    harness.engine.place(wallet, type="limit", amount="0.1", price="20000")
    harness.venue.break_with(kind, times=None, status=503)
    problem = harness.refused(wallet)
    assert problem["retryable"] is True
    harness.clock.forward(minutes=10)
    positions = harness.engine.get("list_positions", wallet, "/positions")
    assert positions["stale"] is True
    balance = harness.engine.get("get_balance", wallet, "/balance")
    assert (balance["stale"], balance["total_value_usd"]) == (True, None)
    order = harness.engine.get("list_orders", wallet, "/orders", status="open")["items"][0]["order_id"]
    cancelled = harness.engine.ask("cancel_order", "DELETE", wallet, f"/orders/{order}")
    assert cancelled.json["status"] == "cancelled"
    harness.venue.mend()
    harness.replay(wallet)


def test_unknown_symbol_is_422(harness: LiveWalletHarness) -> None:
    wallet = harness.wallet()
    answer = harness.engine.try_to_place(wallet, symbol="NOPE/USDT", amount="1")
    assert (answer.status, answer.json["code"]) == (422, "INVALID_SYMBOL")
    # The venue does not list what the definition allows.
    assert harness.engine.try_to_place(wallet, symbol="DOGE/USDT", amount="100").status == 422


def test_resting_order_fills_on_the_recorded_path(harness: LiveWalletHarness) -> None:
    wallet = harness.wallet()
    price = harness.venue.history.price(BTC, harness.clock())
    limit = str((price * D("0.999")).quantize(D("0.01")))
    placed_at = harness.clock()
    order = harness.engine.place(wallet, type="limit", amount="0.001", price=limit)
    harness.clock.forward(hours=6)
    filled = harness.engine.order(wallet, order["order_id"])
    assert filled["status"] == "filled"
    through = D(limit) - D("0.01")
    first = next(
        candle.start
        for candle in harness.venue.history.candles[BTC]
        if candle.start >= placed_at and candle.low <= through
    )
    assert filled["fills"][0]["timestamp"] == f"{first + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    assert filled["fills"][0]["price"] == limit
    assert harness.replay(wallet).fills == 1


def test_order_expiring_within_a_minute_does_not_fill_in_it(harness: LiveWalletHarness) -> None:
    wallet = harness.wallet()
    price = harness.venue.history.price(BTC, harness.clock())
    ends = harness.clock() + timedelta(
        seconds=70
    )  # a minute and ten seconds past the next full one is not over by then
    order = harness.engine.place(
        wallet, type="limit", amount="0.001", price=str(price + 1000), time_in_force="GTD",
        expires_at=ends.isoformat(), post_only=False,
    )  # fmt: skip
    assert order["status"] == "filled"
    rests = harness.engine.place(
        wallet, type="limit", amount="0.001", price=str(price - 1), time_in_force="GTD", expires_at=ends.isoformat()
    )
    two = BEGIN + timedelta(hours=2)
    before = next(candle for candle in harness.venue.history.candles[BTC] if candle.start == two)
    deep = before._replace(start=two + timedelta(minutes=1), low=D(1), high=D(90000))
    harness.venue.history = harness.venue.history.with_candle(BTC, deep)
    harness.clock.forward(minutes=5)
    assert harness.engine.order(wallet, rests["order_id"])["status"] == "expired"


def test_evaluation_every_minute_and_once_a_day_give_the_same_result(harness: LiveWalletHarness) -> None:
    """Two wallets get the same commands at the same times. One is evaluated every minute, the other at the end."""
    often, seldom = harness.wallet(), harness.wallet()
    harness.engine.place(often, amount="0.2")
    harness.engine.place(seldom, amount="0.2")
    price = harness.venue.history.price(BTC, harness.clock())
    for wallet in (often, seldom):
        for share in ("0.999", "0.997", "0.99"):
            harness.engine.place(wallet, type="limit", amount="0.05", price=_cents(price * D(share)))
        harness.engine.place(wallet, side="sell", type="trailing_stop", amount="0.05", trail_percent="0.3")
        harness.engine.place(
            wallet, side="sell", type="stop_loss", amount="0.05", stop_price=_cents(price * D("0.997"))
        )
        harness.engine.place(
            wallet, side="sell", type="take_profit", amount="0.05", stop_price=_cents(price * D("1.003"))
        )
    connector = bootstrap.wallets()
    for number in range(100):
        harness.clock.forward(seconds=60)
        if number % 20 == 7:
            harness.venue.break_with("status", path="klines", status=500, times=3)

        async def look() -> None:
            (wallet,) = await connector.connect_accounts([often])
            async with wallet:
                await wallet.evaluate()

        harness.run(look())
    harness.venue.mend()
    # What the seldom one meets was not recorded before, and is recorded by it alone.
    recorded = harness.run(harness.database["market_minutes"].find().to_list())
    harness.run(harness.database["market_minutes"].delete_many({}))
    other = WalletConnector(harness.database, harness.clock, allow_loopback=True, price_venues=("binance-spot-v1",))

    async def look_once() -> None:
        (wallet,) = await other.connect_accounts([seldom])
        async with wallet:
            assert await wallet.evaluate()
        await other.close()

    harness.run(look_once())
    again = harness.run(harness.database["market_minutes"].find().to_list())
    assert _by_minute(again) == _by_minute(recorded)
    histories = [_happened(harness.journal(wallet)) for wallet in (often, seldom)]
    assert histories[0] == histories[1]
    assert len(histories[0]) > 4
    balances = [harness.engine.get("get_balance", wallet, "/balance")["assets"] for wallet in (often, seldom)]
    assert balances[0] == balances[1]
    for wallet in (often, seldom):
        harness.replay(wallet)


def _cents(price: Decimal) -> str:
    return str(price.quantize(D("0.01")))


def _by_minute(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {document["_id"]: document["candles"] for document in documents}


def _happened(entries: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    fills = [fill for entry in entries for fill in entry.get("fills", ())]
    return [(fill["timestamp"], fill["side"], fill["price"], fill["amount"], fill["fee"]) for fill in fills]


def test_definition_without_a_price_venue_cannot_be_connected(
    harness: LiveWalletHarness, environment: pytest.MonkeyPatch
) -> None:
    connector = WalletConnector(harness.database, harness.clock)
    environment.setattr(bootstrap, "wallets", cache(lambda: connector))
    answer = harness.engine.invoke(
        "create_wallet", "POST", "/wallets", user=harness.engine.user,
        body={"wallet_id": "demo-live-v1", "custom_name": "x", "credentials": {}, "risk_limits": {}},
    )  # fmt: skip
    assert answer.status in {400, 422}


def test_accounts_keep_the_price_feed_they_were_opened_with(harness: LiveWalletHarness) -> None:
    wallet = harness.wallet()
    store = DefinitionStore(harness.database)
    assert harness.run(store.get("demo-live-v1")).simulation is not None
    connector = WalletConnector(harness.database, harness.clock, price_venues=("kraken-spot-v1",))

    async def feed() -> str:
        (opened,) = await connector.connect_accounts([wallet])
        async with opened:
            return opened.feed.name

    assert harness.run(feed()) == "binance-spot-v1"


def test_replay_trusts_entries_whose_minutes_were_deleted(harness: LiveWalletHarness) -> None:
    wallet = harness.wallet()
    harness.engine.place(wallet, amount="0.2")
    price = harness.venue.history.price(BTC, harness.clock())
    for share in ("0.999", "0.997", "0.99"):
        harness.engine.place(wallet, type="limit", amount="0.05", price=_cents(price * D(share)))
    for _ in range(3):
        harness.clock.forward(minutes=30)
        harness.engine.place(wallet, amount="0.01")
    kept = harness.run(harness.database["market_minutes"].find().to_list())
    assert all(item["expires_at"] > harness.clock() + timedelta(days=399) for item in kept)
    whole = harness.replay(wallet)
    assert whole.believed == 0
    harness.run(harness.database["market_minutes"].delete_many({}))

    missing = harness.run(WalletReplay(harness.database, "").run(wallet))
    assert missing is not None
    assert missing.difference is not None

    later = WalletReplay(harness.database, "", lambda: harness.clock() + timedelta(days=401))
    found = harness.run(later.run(wallet))
    assert found is not None
    assert found.difference is None
    assert 3 <= found.believed < found.entries == whole.entries
