"""Demo wallets at live prices: a Binance of our own over HTTP, its faults, and a history that was recorded."""

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
from tests.support.venues.history import HistoricalBinance, History

D = Decimal
BEGIN = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
BTC = "BTC/USDT"
MINUTES = 60 * 30


@dataclass
class Desk:
    """A trader with wallets on the prices of a venue."""

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
def desk(environment: pytest.MonkeyPatch, seeded: Database, invoke: Invoke, run: Run) -> Iterator[Desk]:
    """A deployment whose clock the test moves, and so the venue's."""
    clock = Clock()
    clock.now = BEGIN + timedelta(hours=2, seconds=30)
    with HistoricalBinance(History("a history", BEGIN, MINUTES), clock) as venue:
        connector = WalletConnector(
            seeded, clock, allow_loopback=True, price_venues=("binance-spot-v1", "kraken-spot-v1")
        )
        environment.setattr(bootstrap, "wallets", cache(lambda: connector))
        config = {"base_url": venue.url, "rate_limits": {"requests_per_second": 1000}}
        for slug, body in (("binance-spot-v1", {"api_config": config}), ("demo-live-v1", {"is_active": True})):
            path = f"/wallets/definitions/{slug}"
            assert invoke("update_definition", "PATCH", path, user=ADMIN, body=body).status == 200
        yield Desk(Engine(invoke, clock, run), venue, clock, seeded, run)
        run(connector.close())


def test_a_market_order_takes_the_book_the_venue_shows(desk: Desk) -> None:
    wallet = desk.wallet()
    order = desk.engine.place(wallet, amount="0.3")
    price = desk.venue.history.price(BTC, desk.clock())
    # 0.2 on the first level, a cent above; 0.1 on the second.
    assert order["filled_quote"] == str((price + D("0.01")) * D("0.2") + (price + D("0.02")) * D("0.1"))
    receipt = order["receipt"]
    assert receipt["source"] == "binance-spot-v1"
    assert D(receipt["ask"]) == price + D("0.01")
    desk.replay(wallet)


def test_what_was_taken_stays_taken_until_the_level_shows_another_size(desk: Desk) -> None:
    asks = [["50001", "0.1"], ["50002", "0.1"], ["50003", "5"]]
    desk.venue.own_book = ([["49999", "5"]], asks)
    wallet = desk.wallet()
    assert [desk.engine.place(wallet, amount="0.1")["average_fill_price"] for _ in range(3)] == [
        *("50001", "50002", "50003")
    ]
    desk.engine.ask("reset_wallet", "POST", wallet, "/reset")
    assert desk.engine.place(wallet, amount="0.1")["average_fill_price"] == "50003"
    fork = desk.engine.ask("fork_wallet", "POST", wallet, "/fork", body={"custom_name": "A copy"})
    assert fork.status == 201, fork.text
    copy = fork.json["id"]
    assert desk.engine.place(copy, amount="0.1")["average_fill_price"] == "50003"
    # The market falls until the level is out of sight, and comes back: the level is as it was.
    desk.venue.own_book = ([["48999", "5"]], [["49000", "0.1"], ["49001", "5"]])
    assert desk.engine.place(copy, amount="0.05")["average_fill_price"] == "49000"
    desk.venue.own_book = ([["49999", "5"]], asks)
    assert desk.engine.place(copy, amount="0.05")["average_fill_price"] == "50003"
    asks[0][1] = "0.2"
    assert desk.engine.place(copy, amount="0.1")["average_fill_price"] == "50001"
    for wallet_id in (wallet, copy):
        desk.replay(wallet_id)


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
def test_a_book_nobody_should_trade_on_changes_nothing(desk: Desk, bids: Any, asks: Any) -> None:
    wallet = desk.wallet()
    before = desk.journal(wallet)
    desk.venue.own_book = (bids, asks)
    desk.refused(wallet)
    assert desk.journal(wallet) == before


@pytest.mark.parametrize(
    ("behind", "said"),
    [(3, "s old, at most 2 s count"), (900, "s old, at most 2 s count"), (-5, "ahead: a clock is wrong")],
)
def test_prices_of_another_time_are_refused(desk: Desk, behind: int, said: str) -> None:
    wallet = desk.wallet()
    desk.venue.behind = timedelta(seconds=behind)
    assert said in desk.refused(wallet)["detail"]


@pytest.mark.parametrize("kind", ["status", "drop", "malformed", "empty", "redirect"])
def test_a_venue_that_fails_is_503_and_what_was_recorded_stays(desk: Desk, kind: Any) -> None:
    wallet = desk.wallet()
    desk.engine.place(wallet, amount="0.1")
    desk.engine.place(wallet, type="limit", amount="0.1", price="20000")
    desk.venue.break_with(kind, times=None, status=503)
    problem = desk.refused(wallet)
    assert problem["retryable"] is True
    desk.clock.forward(minutes=10)
    positions = desk.engine.get("list_positions", wallet, "/positions")
    assert positions["stale"] is True
    balance = desk.engine.get("get_balance", wallet, "/balance")
    assert (balance["stale"], balance["total_value_usd"]) == (True, None)
    order = desk.engine.get("list_orders", wallet, "/orders", status="open")["items"][0]["order_id"]
    cancelled = desk.engine.ask("cancel_order", "DELETE", wallet, f"/orders/{order}")
    assert cancelled.json["status"] == "cancelled"
    desk.venue.mend()
    desk.replay(wallet)


def test_an_unknown_symbol_is_a_mistake_of_the_caller(desk: Desk) -> None:
    wallet = desk.wallet()
    answer = desk.engine.try_to_place(wallet, symbol="NOPE/USDT", amount="1")
    assert (answer.status, answer.json["code"]) == (422, "INVALID_SYMBOL")
    # The venue does not list what the definition allows.
    assert desk.engine.try_to_place(wallet, symbol="DOGE/USDT", amount="100").status == 422


def test_a_resting_order_fills_on_the_recorded_path(desk: Desk) -> None:
    wallet = desk.wallet()
    price = desk.venue.history.price(BTC, desk.clock())
    limit = str((price * D("0.999")).quantize(D("0.01")))
    placed_at = desk.clock()
    order = desk.engine.place(wallet, type="limit", amount="0.001", price=limit)
    desk.clock.forward(hours=6)
    filled = desk.engine.order(wallet, order["order_id"])
    assert filled["status"] == "filled"
    through = D(limit) - D("0.01")
    first = next(
        start
        for start, candle in sorted(desk.venue.history.candles[BTC].items())
        if start >= placed_at and candle.low <= through
    )
    assert filled["fills"][0]["timestamp"] == f"{first + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    assert filled["fills"][0]["price"] == limit
    assert desk.replay(wallet).fills == 1


def test_an_order_that_expires_within_a_minute_does_not_meet_it(desk: Desk) -> None:
    wallet = desk.wallet()
    price = desk.venue.history.price(BTC, desk.clock())
    ends = desk.clock() + timedelta(seconds=70)  # a minute and ten seconds past the next full one is not over by then
    order = desk.engine.place(
        wallet, type="limit", amount="0.001", price=str(price + 1000), time_in_force="GTD",
        expires_at=ends.isoformat(), post_only=False,
    )  # fmt: skip
    assert order["status"] == "filled"
    rests = desk.engine.place(
        wallet, type="limit", amount="0.001", price=str(price - 1), time_in_force="GTD", expires_at=ends.isoformat()
    )
    desk.venue.history.candles[BTC][BEGIN + timedelta(hours=2, minutes=1)] = desk.venue.history.candles[BTC][
        BEGIN + timedelta(hours=2)
    ]._replace(start=BEGIN + timedelta(hours=2, minutes=1), low=D(1), high=D(90000))
    desk.clock.forward(minutes=5)
    assert desk.engine.order(wallet, rests["order_id"])["status"] == "expired"


def test_looks_every_minute_and_once_a_day_give_the_same(desk: Desk) -> None:
    """Two traders do the same at the same times; what one meets is recorded minute by minute, the other's at once."""
    often, seldom = desk.wallet(), desk.wallet()
    desk.engine.place(often, amount="0.2")
    desk.engine.place(seldom, amount="0.2")
    price = desk.venue.history.price(BTC, desk.clock())
    for wallet in (often, seldom):
        for share in ("0.999", "0.997", "0.99"):
            desk.engine.place(wallet, type="limit", amount="0.05", price=_cents(price * D(share)))
        desk.engine.place(wallet, side="sell", type="trailing_stop", amount="0.05", trail_percent="0.3")
        desk.engine.place(wallet, side="sell", type="stop_loss", amount="0.05", stop_price=_cents(price * D("0.997")))
        desk.engine.place(wallet, side="sell", type="take_profit", amount="0.05", stop_price=_cents(price * D("1.003")))
    connector = bootstrap.wallets()
    for number in range(100):
        desk.clock.forward(seconds=60)
        if number % 20 == 7:
            desk.venue.break_with("status", path="klines", status=500, times=3)

        async def look() -> None:
            (wallet,) = await connector.connect_accounts([often])
            async with wallet:
                await wallet.evaluate()

        desk.run(look())
    desk.venue.mend()
    # What the seldom one meets was not recorded before, and is recorded by it alone.
    recorded = desk.run(desk.database["market_minutes"].find().to_list())
    desk.run(desk.database["market_minutes"].delete_many({}))
    other = WalletConnector(desk.database, desk.clock, allow_loopback=True, price_venues=("binance-spot-v1",))

    async def look_once() -> None:
        (wallet,) = await other.connect_accounts([seldom])
        async with wallet:
            assert await wallet.evaluate()
        await other.close()

    desk.run(look_once())
    again = desk.run(desk.database["market_minutes"].find().to_list())
    assert _by_minute(again) == _by_minute(recorded)
    histories = [_happened(desk.journal(wallet)) for wallet in (often, seldom)]
    assert histories[0] == histories[1]
    assert len(histories[0]) > 4
    balances = [desk.engine.get("get_balance", wallet, "/balance")["assets"] for wallet in (often, seldom)]
    assert balances[0] == balances[1]
    for wallet in (often, seldom):
        desk.replay(wallet)


def _cents(price: Decimal) -> str:
    return str(price.quantize(D("0.01")))


def _by_minute(documents: list[dict[str, Any]]) -> dict[str, Any]:
    return {document["_id"]: document["candles"] for document in documents}


def _happened(entries: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    fills = [fill for entry in entries for fill in entry.get("fills", ())]
    return [(fill["timestamp"], fill["side"], fill["price"], fill["amount"], fill["fee"]) for fill in fills]


def test_a_definition_without_a_venue_connects_nobody(desk: Desk, environment: pytest.MonkeyPatch) -> None:
    connector = WalletConnector(desk.database, desk.clock)
    environment.setattr(bootstrap, "wallets", cache(lambda: connector))
    answer = desk.engine.invoke(
        "create_wallet", "POST", "/wallets", user=desk.engine.user,
        body={"wallet_id": "demo-live-v1", "custom_name": "x", "credentials": {}, "risk_limits": {}},
    )  # fmt: skip
    assert answer.status in {400, 422}


def test_accounts_keep_the_feed_they_were_opened_on(desk: Desk) -> None:
    wallet = desk.wallet()
    store = DefinitionStore(desk.database)
    assert desk.run(store.get("demo-live-v1")).simulation is not None
    connector = WalletConnector(desk.database, desk.clock, price_venues=("kraken-spot-v1",))

    async def feed() -> str:
        (opened,) = await connector.connect_accounts([wallet])
        async with opened:
            return opened.feed.name

    assert desk.run(feed()) == "binance-spot-v1"


def test_a_replay_believes_entries_whose_minutes_are_kept_no_more(desk: Desk) -> None:
    wallet = desk.wallet()
    desk.engine.place(wallet, amount="0.2")
    price = desk.venue.history.price(BTC, desk.clock())
    for share in ("0.999", "0.997", "0.99"):
        desk.engine.place(wallet, type="limit", amount="0.05", price=_cents(price * D(share)))
    for _ in range(3):
        desk.clock.forward(minutes=30)
        desk.engine.place(wallet, amount="0.01")
    kept = desk.run(desk.database["market_minutes"].find().to_list())
    assert all(item["expires_at"] > desk.clock() + timedelta(days=399) for item in kept)
    whole = desk.replay(wallet)
    assert whole.believed == 0
    desk.run(desk.database["market_minutes"].delete_many({}))

    missing = desk.run(WalletReplay(desk.database, "").run(wallet))
    assert missing is not None
    assert missing.difference is not None

    later = WalletReplay(desk.database, "", lambda: desk.clock() + timedelta(days=401))
    found = desk.run(later.run(wallet))
    assert found is not None
    assert found.difference is None
    assert 3 <= found.believed < found.entries == whole.entries
