"""The paper engine over HTTP: every order type, exits, preflight, positions, performance, ledger, reset and fork."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core import bootstrap
from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.orders.order import Fill, OrderSide
from moniqo_core.http.schemas.orders.fills_csv import fills_csv
from tests.conftest import Database, Run
from tests.support.engine import NOON, WIDE, Clock, Engine, clock, engine
from tests.support.lambdas import STRANGER, Answer, Invoke
from tests.support.round_trips import round_trips
from tests.support.wallets import aws

__all__ = ["aws", "clock", "engine"]

pytestmark = pytest.mark.usefixtures("aws", "seeded")
D = Decimal


class TestOrders:
    def test_every_order_type_rests_until_its_condition(self, engine: Engine) -> None:
        wallet = engine.create()
        engine.place(wallet, amount="0.5")
        sell: dict[str, Any] = {"side": "sell", "amount": "0.1"}
        placed = [
            engine.place(wallet, **sell, type="stop_loss", stop_price=engine.away("-0.2")),
            engine.place(wallet, **sell, type="take_profit", stop_price=engine.away("0.2")),
            engine.place(wallet, **sell, type="trailing_stop", trail_percent="10"),
            engine.place(wallet, **sell, type="limit", price=engine.away("0.2"), reduce_only=True),
            engine.place(
                wallet, amount="0.1", type="stop_limit", stop_price=engine.away("0.2"), price=engine.away("0.21")
            ),
        ]
        assert {order["status"] for order in placed} == {"open"}
        assert [order["trail_percent"] for order in placed] == [None, None, "10", None, None]
        assert [order["stop_price"] is not None for order in placed] == [True, True, True, False, True]
        assert [order["reduce_only"] for order in placed] == [False, False, False, True, False]
        balance = engine.get("get_balance", wallet, "/balance")
        held = {asset["asset"]: asset["locked"] for asset in balance["assets"]}
        assert held["BTC"] == "0.4"

    def test_distant_limit_fills_at_its_price_when_the_market_reaches_it(self, engine: Engine, clock: Clock) -> None:
        wallet = engine.create()
        order = engine.place(wallet, amount="0.1", type="limit", price=engine.away("-0.003"))
        found = order
        while found["status"] != "filled" and clock.now < NOON + timedelta(days=30):
            clock.forward(hours=12)
            found = engine.order(wallet, order["order_id"])
        assert found["average_fill_price"] == found["price"]
        assert {fill["liquidity"] for fill in found["fills"]} == {"maker"}
        assert found["evaluated_until"] == found["updated_at"]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"type": "stop_loss", "side": "sell", "amount": "0.1"}, "stop_price"),
            ({"type": "trailing_stop", "side": "sell", "amount": "0.1"}, "trail_percent"),
            ({"type": "stop_limit", "amount": "0.1", "stop_price": "60000"}, "price"),
            ({"amount": "0.1", "time_in_force": "GTD"}, "expires_at"),
            ({"amount": "0.1", "expires_at": "2027-01-01T00:00:00Z"}, "expires_at"),
            ({"amount": "0.1", "reduce_only": True}, "reduce_only"),
            ({"side": "sell", "amount": "0.1", "stop_loss": {}}, "stop_loss"),
        ],
    )
    def test_contradictory_fields_are_422(self, engine: Engine, fields: dict[str, Any], field: str) -> None:
        refused = engine.try_to_place(engine.create(), **fields)
        assert (refused.status, refused.json["code"], refused.json["field"]) == (422, "INVALID_ORDER", field)

    @pytest.mark.parametrize(
        "fields",
        [
            {"trail_percent": "50.1"},
            {"expires_at": "2027-01-01T00:00:00"},
            {"expires_at": 1800000000},
            {"expires_at": "2027-01-01"},
            {"stop_loss": {"percent": "100"}},
            {"stop_loss": {"percent": "2", "stop_price": "1"}},
            {"take_profit": {"price": "2"}},
            {"type": "iceberg"},
            {"time_in_force": "GTX"},
        ],
    )
    def test_values_out_of_range_are_422(self, engine: Engine, fields: dict[str, Any]) -> None:
        refused = engine.try_to_place(engine.create(), amount="0.1", **fields)
        assert (refused.status, refused.json["code"]) == (422, "VALIDATION_ERROR")

    def test_order_expires_at_its_stated_time(self, engine: Engine, clock: Clock) -> None:
        wallet = engine.create()
        until = clock.now + timedelta(minutes=3)
        gone = engine.place(
            wallet, amount="0.1", type="limit", price="20000", time_in_force="GTD",
            expires_at=until.isoformat().replace("+00:00", "+00:00"),
        )  # fmt: skip
        day = engine.place(wallet, amount="0.1", type="limit", price="20000", time_in_force="DAY")
        assert day["expires_at"] == "2026-03-03T00:00:00Z"
        clock.forward(minutes=4)
        ended = engine.order(wallet, gone["order_id"])
        assert ended["status"] == "expired"
        assert ended["updated_at"] == ended["expires_at"] == gone["expires_at"]
        assert engine.order(wallet, day["order_id"])["status"] == "open"


def test_orders_are_found_by_their_fields(engine: Engine, clock: Clock) -> None:
    wallet = engine.create()
    plain = engine.place(wallet, amount="0.1")["order_id"]
    bought = engine.place(wallet, amount="0.5", client_order_id="first", stop_loss={"percent": "50"})
    clock.forward(minutes=10)
    sold = engine.place(wallet, side="sell", amount="0.1", client_order_id="second")
    bid = engine.place(wallet, type="limit", amount="0.1", price="20000")
    entry, (exit_order,) = bought["order_id"], [
        order["order_id"] for order in engine.get("list_orders", wallet, "/orders")["items"] if order["entry"]
    ]  # fmt: skip
    later = {"from": "2026-03-02T17:05:00Z"}
    for query, expected in (
        ({"client_order_id": "first"}, [entry]),
        ({"client_order_id": "first", "status": "open"}, []),
        ({"client_order_id": "third"}, []),
        ({"side": "sell"}, [sold["order_id"], exit_order]),
        ({"side": "sell", "status": "open"}, [exit_order]),
        ({"side": "sell", "limit": 1}, [sold["order_id"]]),
        ({"type": "limit"}, [bid["order_id"]]),
        ({"type": "limit", "status": "open"}, [bid["order_id"]]),
        (later, [bid["order_id"], sold["order_id"]]),
        (later | {"status": "closed"}, [sold["order_id"]]),
        ({"to": "2026-03-02T17:05:00Z"}, [exit_order, entry, plain]),
        (later | {"to": "2026-03-02T17:06:00Z"}, []),
    ):
        found = engine.get("list_orders", wallet, "/orders", **query)["items"]
        assert [order["order_id"] for order in found] == expected, query


class TestExits:
    def test_exits_are_separate_orders(self, engine: Engine) -> None:
        wallet = engine.create()
        entry = engine.place(wallet, amount="0.1", stop_loss={"percent": "10"}, take_profit={})
        listed = engine.get("list_orders", wallet, "/orders", status="open")["items"]
        assert [(order["type"], order["entry"]) for order in listed] == [
            ("take_profit", entry["order_id"]),
            ("stop_loss", entry["order_id"]),
        ]
        average = D(entry["average_fill_price"])
        # 10% below, and the wallet's default of 5% above, down to the tick.
        assert [order["stop_price"] for order in listed] == [_tick(average * D("1.05")), _tick(average * D("0.9"))]
        assert {order["amount"] for order in listed} == {"0.1"}
        assert {order["receipt"]["seq"] for order in listed} == {entry["receipt"]["seq"]}

    def test_exits_wait_for_their_entry_and_end_with_it(self, engine: Engine) -> None:
        wallet = engine.create()
        price = engine.away("-0.2")
        entry = engine.place(wallet, amount="0.1", type="limit", price=price, stop_loss={"stop_price": "10000"})
        exit_id = entry["order_id"][:-1] + "2"
        assert engine.order(wallet, exit_id)["status"] == "pending"
        cancelled = engine.ask("cancel_order", "DELETE", wallet, f"/orders/{entry['order_id']}")
        assert cancelled.json["status"] == "cancelled"
        assert engine.order(wallet, exit_id)["status"] == "cancelled"

    @pytest.mark.parametrize("status", [None, "open", "closed"])
    @pytest.mark.parametrize("limit", [1, 2, 5])
    def test_pages_neither_skip_nor_repeat(self, engine: Engine, status: str | None, limit: int) -> None:
        wallet = engine.create()
        expected = [(engine.place(wallet, amount="0.1")["order_id"], False)]
        for number in range(3):
            entry = engine.place(wallet, amount="0.1", stop_loss={"percent": "20"}, take_profit={"percent": "20"})
            ids = [entry["order_id"][:-1] + str(last) for last in (1, 2, 3)]
            expected += [(ids[0], False), (ids[1], True), (ids[2], True)]
            trailing = engine.place(wallet, side="sell", amount="0.01", type="trailing_stop", trail_percent="20")
            expected.append((trailing["order_id"], True))
            engine.clock.forward(minutes=number + 1)
        ether = engine.place(wallet, symbol="ETH/USDT", amount="1")
        closed = engine.ask("close_position", "POST", wallet, "/positions/close", query={"symbol": "ETH/USDT"}).json
        expected += [(ether["order_id"], False), (closed["order_id"], False)]

        query = {"limit": limit} | ({"status": status} if status else {})
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = engine.get("list_orders", wallet, "/orders", **query, **({"cursor": cursor} if cursor else {}))
            seen += [order["order_id"] for order in page["items"]]
            cursor = page["next_cursor"]
        wanted = [name for name, is_open in expected if status is None or is_open is (status == "open")]
        assert seen == wanted[::-1]


class TestPreflight:
    def check(self, engine: Engine, wallet: str, **fields: object) -> dict[str, Any]:
        body = {"symbol": "BTC/USDT", "side": "buy", "type": "market"} | fields
        answer = engine.ask("preflight_order", "POST", wallet, "/orders/preflight", body=body)
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def test_preflight_predicts_the_fill(self, engine: Engine) -> None:
        wallet = engine.create()
        before = engine.get("get_ledger", wallet, "/ledger")
        found = self.check(engine, wallet, amount="0.3")
        assert engine.get("get_ledger", wallet, "/ledger") == before
        assert found["would_pass"]
        assert {rule["result"] for rule in found["rules"]} == {"passed"}
        order = engine.place(wallet, amount="0.3")
        estimate = found["estimated_fill"]
        assert (estimate["quote"], estimate["fee"]) == (order["filled_quote"], order["fee"])
        assert estimate["average_price"] == order["average_fill_price"]

    def test_largest_amount_passes_and_one_lot_more_fails(self, engine: Engine) -> None:
        limits = WIDE | {"max_position_size_usd": "12345"}
        for wallet in (engine.create(), engine.create(risk_limits=limits)):
            for fields in ({"type": "market"}, {"type": "limit", "price": engine.away("-0.01")}):
                largest = D(self.check(engine, wallet, **fields, amount="0.001")["largest_amount"])
                assert largest > D("0.1")
                assert self.check(engine, wallet, **fields, amount=str(largest))["would_pass"]
                assert not self.check(engine, wallet, **fields, amount=str(largest + D("0.00001")))["would_pass"]

    def test_every_failed_rule_reports_its_numbers(self, engine: Engine) -> None:
        wallet = engine.create(risk_limits=WIDE | {"max_position_size_usd": "1000", "max_total_exposure_usd": "2000"})
        found = self.check(engine, wallet, amount="3")
        rules = {rule["rule"]: rule for rule in found["rules"]}
        failed = {name for name, rule in rules.items() if rule["result"] == "failed"}
        assert failed == {"max_position_size_usd", "max_total_exposure_usd", "funds"}
        assert rules["max_position_size_usd"]["numbers"]["limit"] == "1000"
        assert rules["max_position_size_usd"]["code"] == "RISK_LIMIT_EXCEEDED"
        assert D(rules["funds"]["numbers"]["needed"]) > D(rules["funds"]["numbers"]["available"]) == 100000
        assert rules["open_orders"]["numbers"] == {"value": "0", "limit": "500"}
        assert not found["would_pass"]

    def test_rules_that_cannot_be_computed_are_skipped(self, engine: Engine) -> None:
        wallet = engine.create()
        found = self.check(engine, wallet, amount="0.0000001")
        results = {rule["rule"]: rule["result"] for rule in found["rules"]}
        assert results["form"] == "failed"
        assert {name for name, result in results.items() if result == "skipped"} == {
            "market", "max_position_size_usd", "max_total_exposure_usd", "max_open_positions", "funds",
        }  # fmt: skip
        unknown = self.check(engine, wallet, symbol="FOO/USDT", amount="1")
        assert unknown["rules"][0]["code"] == "INVALID_SYMBOL"
        assert unknown["largest_amount"] is None

    def test_preflight_checks_all_rules_of_a_paused_wallet(self, engine: Engine) -> None:
        wallet = engine.create()
        assert engine.ask("pause_wallet", "POST", wallet, "/pause", body={}).status == 200
        found = self.check(engine, wallet, quote_amount="100")
        rules = {rule["rule"]: rule for rule in found["rules"]}
        assert (rules["status"]["result"], rules["status"]["code"]) == ("failed", "WALLET_PAUSED")
        assert rules["funds"]["result"] == "passed"
        assert found["largest_amount"] == found["largest_quote_amount"] == "0"

    def test_largest_sale_is_the_whole_holding_even_off_the_lot_step(self, engine: Engine) -> None:
        wallet = engine.create()
        engine.place(wallet, amount="0.3")
        assert self.check(engine, wallet, side="sell", amount="0.1")["largest_amount"] == "0.3"


class TestPositions:
    def test_position_reports_amount_cost_and_profit(self, engine: Engine, clock: Clock) -> None:
        wallet = engine.create()
        first, second = engine.place(wallet, amount="0.3"), engine.place(wallet, amount="0.1")
        clock.forward(hours=3)
        (position,) = engine.get("list_positions", wallet, "/positions")["items"]
        cost = D(first["filled_quote"]) + D(second["filled_quote"])
        fees = D(first["fee"]) + D(second["fee"])
        assert (position["amount"], D(position["cost"]), D(position["fees"])) == ("0.4", cost, fees)
        assert D(position["realised_pnl"]) == -fees
        assert D(position["average_cost"]) == (cost / D("0.4")).quantize(D("0.00000001"))
        assert D(position["unrealised_pnl"]) == D("0.4") * D(position["mark_price"]) - cost

    def test_closing_a_position_sells_everything_and_cancels_its_exits(self, engine: Engine) -> None:
        wallet = engine.create()
        engine.place(wallet, amount="0.3", stop_loss={"percent": "30"})
        answer = engine.ask("close_position", "POST", wallet, "/positions/close", query={"symbol": "BTC/USDT"})
        assert answer.status == 201
        assert (answer.json["side"], answer.json["status"], answer.json["filled_amount"]) == ("sell", "filled", "0.3")
        assert engine.get("list_positions", wallet, "/positions")["items"] == []
        assert engine.get("list_orders", wallet, "/orders", status="open")["items"] == []
        again = engine.ask("close_position", "POST", wallet, "/positions/close", query={"symbol": "BTC/USDT"})
        assert (again.status, again.json["code"]) == (422, "ORDER_REJECTED")


class TestHistory:
    def test_equity_at_a_time_is_the_same_in_every_range(self, engine: Engine, clock: Clock) -> None:
        wallet = engine.create()
        engine.place(wallet, amount="0.3")
        clock.forward(hours=30)
        engine.ask("close_position", "POST", wallet, "/positions/close", query={"symbol": "BTC/USDT"})
        clock.forward(days=4)
        engine.place(wallet, amount="0.1")
        clock.forward(hours=5)

        def points(since: timedelta, until: timedelta, interval: str) -> dict[str, str]:
            span = {"from": rfc3339(NOON + since), "to": rfc3339(NOON + until), "interval": interval}
            items = engine.get("get_equity", wallet, "/equity", **span)["items"]
            return {item["at"]: item["total_value_usd"] for item in items}

        hours = points(timedelta(0), timedelta(days=7), "1h")
        assert len(hours) == 30 + 4 * 24 + 5
        days = points(timedelta(0), timedelta(days=7), "1d")
        assert list(days) == [f"2026-03-0{day}T00:00:00Z" for day in (3, 4, 5, 6, 7, 8)]
        assert days.items() <= hours.items()
        for begin, end in ((0, 8), (25, 40), (33, 34), (70, 131)):
            part = points(timedelta(hours=begin), timedelta(hours=end), "1h")
            assert part.items() <= hours.items()
            assert len(part) == min(end, 131) - begin
        # Nothing was held from the second day to the sixth.
        assert len({hours[f"2026-03-0{day}T12:00:00Z"] for day in (4, 5, 6, 7)}) == 1
        assert hours["2026-03-04T12:00:00Z"] == days["2026-03-05T00:00:00Z"]

    @pytest.mark.parametrize(
        "query", [{"from": "2020-01-01T00:00:00Z"}, {"to": "2020-01-01T00:00:00Z", "from": "2021-01-01T00:00:00Z"}]
    )
    def test_invalid_equity_range_is_422(self, engine: Engine, query: dict[str, str]) -> None:
        answer = engine.ask("get_equity", "GET", engine.create(), "/equity", query=query)
        assert (answer.status, answer.json["code"]) == (422, "VALIDATION_ERROR")

    def test_performance_figures_add_up(self, engine: Engine, clock: Clock) -> None:
        wallet = engine.create()
        for amount in ("0.3", "0.2"):
            engine.place(wallet, amount=amount)
            clock.forward(hours=30)
            engine.place(wallet, side="sell", amount="0.1")
            clock.forward(hours=30)
        found = engine.get("get_performance", wallet, "/performance")
        balance = engine.get("get_balance", wallet, "/balance")
        assert found["equity_usd"] == balance["total_value_usd"]
        assert D(found["total_pnl"]) == D(found["equity_usd"]) - 100000
        assert D(found["total_pnl"]) == D(found["realised_pnl"]) + D(found["unrealised_pnl"])
        assert found["trades"] == found["wins"] + found["losses"] == 2
        trades = engine.get("list_trades", wallet, "/trades")["items"]
        assert D(found["fees"]) == sum(D(fill["fee"]) for fill in trades)
        assert D(found["volume"]) == sum(D(fill["quote"]) for fill in trades)
        assert found["sharpe_ratio"] is not None
        (symbol,) = found["symbols"]
        assert (symbol["symbol"], symbol["trades"], symbol["volume"]) == ("BTC/USDT", 2, found["volume"])

    def test_performance_of_an_idle_wallet_is_zero_or_undefined(self, engine: Engine) -> None:
        found = engine.get("get_performance", engine.create(), "/performance")
        assert found["total_pnl"] == found["return_percent"] == found["max_drawdown"] == "0"
        for name in ("win_rate_percent", "profit_factor", "expectancy", "sharpe_ratio"):
            assert found[name] is None
        assert found["symbols"] == []

    def test_ledger_pages_balance_and_omit_nothing(self, engine: Engine, clock: Clock) -> None:
        wallet = engine.create()
        for _ in range(4):
            engine.place(wallet, amount="0.1", metadata={"why": ["because"]})
        entries: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = engine.get("get_ledger", wallet, "/ledger", **query)
            entries += page["items"]
            cursor = page["next_cursor"]
        assert [entry["seq"] for entry in entries] == [1, 2, 3, 4, 5]
        assert [entry["kind"] for entry in entries] == ["open", *["place"] * 4]
        assert entries[1]["command"]["metadata"] == {"why": ["because"]}
        assert entries[1]["order_ids"] == ["o-2-1"]
        assert entries[1]["basis"]["source"] == "simulated"
        for entry in entries:
            sums: dict[str, Decimal] = {}
            for posting in entry["postings"]:
                sums[posting["asset"]] = sums.get(posting["asset"], D(0)) + D(posting["amount"])
            assert set(sums.values()) == {D(0)}

    def test_ledger_csv_parts_contain_every_posting(self, engine: Engine, environment: pytest.MonkeyPatch) -> None:
        from moniqo_core.http.schemas.portfolio import ledger

        environment.setattr(ledger, "MAX_CSV_ROWS", 9)
        wallet = engine.create()
        for _ in range(4):
            engine.place(wallet, amount="0.1")
        rows: list[dict[str, str]] = []
        query = "format=csv"
        parts = 0
        while query:
            answer = engine.ask("get_ledger", "GET", wallet, "/ledger", query=query)
            assert answer.headers["content-type"].startswith("text/csv")
            assert f"ledger-{wallet}.csv" in answer.headers["content-disposition"]
            rows += csv.DictReader(io.StringIO(answer.text, newline=""))
            found = re.fullmatch(r'<\?(.+)>; rel="next"', answer.headers.get("link", ""))
            query = found[1] if found else ""
            parts += 1
        whole = engine.get("get_ledger", wallet, "/ledger")["items"]
        expected = [
            (str(entry["seq"]), posting["book"], posting["asset"], posting["amount"])
            for entry in whole
            for posting in entry["postings"]
        ]
        assert [(row["seq"], row["book"], row["asset"], row["amount"]) for row in rows] == expected
        assert parts > 1


def test_trades_csv_parts_contain_every_fill(engine: Engine, clock: Clock, environment: pytest.MonkeyPatch) -> None:
    from moniqo_core.http.routes.orders import list_trades

    environment.setattr(list_trades, "MAX_CSV_ROWS", 2)
    wallet = engine.create()
    for symbol in ("BTC/USDT", "ETH/USDT", "BTC/USDT", "BTC/USDT", "BTC/USDT", "BTC/USDT"):
        engine.place(wallet, symbol=symbol, amount="0.1")
        clock.forward(minutes=1)
    rows: list[dict[str, str]] = []
    query: Any = {"format": "csv", "symbol": "BTC/USDT", "from": "2026-03-02T18:00:06+01:00"}
    while query:
        answer = engine.ask("list_trades", "GET", wallet, "/trades", query=query)
        assert answer.text.count("\r\n") == 3  # the header and two fills
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/csv"), answer.text
        rows += csv.DictReader(io.StringIO(answer.text, newline=""))
        found = re.fullmatch(r'<\?(.+)>; rel="next"', answer.headers.get("link", ""))
        query = found[1] if found else ""
    shown = engine.get("list_trades", wallet, "/trades", symbol="BTC/USDT")["items"][:-1]
    names = ("symbol", "side", "price", "amount", "quote", "fee", "fee_currency", "liquidity", "order_id", "fill_id")
    assert [[row[name] for name in names] for row in rows] == [[fill[name] for name in names] for fill in shown]
    assert len(rows) == 4


@pytest.mark.parametrize("symbol", ["=1+1/USD", "+A/USD", "-A/USD", "@A/USD", "\tA/USD"])
def test_csv_holds_no_formula(symbol: str) -> None:
    fill = Fill(
        fill_id="o-1-1-1", order_id="o-1-1", symbol=symbol, side=OrderSide.BUY, amount=D(1), quote=D(1), levels=(),
        fee=D("-0.1"), fee_currency=symbol, liquidity=None, at=NOON, realised=D(0),
    )  # fmt: skip
    (row,) = csv.DictReader(io.StringIO(fills_csv([fill]), newline=""))
    assert (row["symbol"], row["fee_currency"], row["fee"]) == (f"'{symbol}", f"'{symbol}", "-0.1")


def test_last_use_is_the_time_of_the_last_command(engine: Engine, clock: Clock) -> None:
    wallet = engine.create()
    assert engine.get("get_wallet", wallet, "")["last_used_at"] is None
    commands: list[tuple[str, str, object]] = [
        ("place_order", "/orders", {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.1"}),
        ("pause_wallet", "/pause", {"reason": "lunch"}),
        ("resume_wallet", "/resume", {"confirm": True}),
        ("reset_wallet", "/reset", None),
    ]
    for function, path, body in commands:
        clock.forward(hours=3)
        answer = engine.ask(function, "POST", wallet, path, body=body)
        assert answer.status in {200, 201}, answer.text
        used = clock.now
        assert datetime.fromisoformat(engine.get("get_wallet", wallet, "")["last_used_at"]) == used, function
        clock.forward(hours=3)
        engine.get("get_balance", wallet, "/balance")
        assert datetime.fromisoformat(engine.get("get_wallet", wallet, "")["last_used_at"]) == used, function


def test_wallet_shows_the_balance_of_its_journal_at_once(engine: Engine, clock: Clock) -> None:
    wallet = engine.create()

    def amounts(shown: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        return {held["asset"]: tuple(held[name] for name in ("free", "locked", "total")) for held in shown["assets"]}

    def check() -> None:
        journal = engine.get("get_balance", wallet, "/balance")
        shown = engine.get("get_wallet", wallet, "")["balance"]
        assert amounts(shown) == amounts(journal)
        assert abs(D(shown["total_value_usd"]) - D(journal["total_value_usd"])) < D("0.00000001")
        listed = engine.invoke("list_wallets", "GET", "/wallets", user=engine.user).json["items"]
        assert [item["balance"] for item in listed if item["id"] == wallet] == [shown]
        changed = engine.invoke("update_wallet", "PATCH", f"/wallets/{wallet}", user=engine.user, body={"icon": "x"})
        assert changed.json["balance"] == shown

    opened = engine.get("get_wallet", wallet, "")["balance"]
    assert amounts(opened) == {"USDT": ("100000", "0", "100000")}
    engine.place(wallet, amount="0.3")
    check()
    resting = engine.place(wallet, amount="0.1", type="limit", price="20000")
    check()
    engine.ask("cancel_order", "DELETE", wallet, f"/orders/{resting['order_id']}")
    check()
    engine.ask("close_position", "POST", wallet, "/positions/close", query={"symbol": "BTC/USDT"})
    check()
    shown = engine.get("get_wallet", wallet, "")["balance"]
    assert D(shown["total_pnl"]["realized"]) == D(shown["total_value_usd"]) - 100000
    assert shown["last_synced_at"] == opened["last_synced_at"]


class TestResetAndFork:
    def test_reset_starts_a_new_epoch(self, engine: Engine, clock: Clock) -> None:
        wallet = engine.create()
        engine.place(wallet, amount="0.3")
        engine.place(wallet, amount="0.1", type="limit", price="20000")
        clock.forward(hours=2)
        answer = engine.ask("reset_wallet", "POST", wallet, "/reset", headers={"Idempotency-Key": "again"})
        assert answer.status == 200
        assert answer.json["balance"]["total_value_usd"] == "100000"
        assert [asset["total"] for asset in engine.get("get_balance", wallet, "/balance")["assets"]] == ["100000"]
        assert engine.get("list_orders", wallet, "/orders", status="open")["items"] == []
        assert len(engine.get("list_trades", wallet, "/trades")["items"]) == 1
        entries = engine.get("get_ledger", wallet, "/ledger")["items"]
        assert (entries[-1]["kind"], entries[-1]["epoch"]) == ("reset", 2)

        engine.place(wallet, amount="0.1")
        repeated = engine.ask("reset_wallet", "POST", wallet, "/reset", headers={"Idempotency-Key": "again"})
        assert (repeated.status, repeated.headers["idempotent-replayed"]) == (200, "true")
        assert len(engine.get("list_positions", wallet, "/positions")["items"]) == 1
        clock.forward(hours=2)
        span = {"from": rfc3339(NOON), "to": rfc3339(clock.now)}
        points = engine.get("get_equity", wallet, "/equity", **span)["items"]
        assert [(point["at"][11:13], point["epoch"]) for point in points] == [
            ("18", 1), ("19", 1), ("20", 2), ("21", 2),
        ]  # fmt: skip
        performance = engine.get("get_performance", wallet, "/performance")
        assert (performance["opening_equity_usd"], performance["trades"]) == ("100000", 0)
        engine.replay(wallet)

    def test_reset_pays_the_requested_balance(self, engine: Engine, clock: Clock) -> None:
        wallet = engine.create()
        engine.place(wallet, amount="0.3")
        clock.forward(hours=2)
        answer = engine.ask("reset_wallet", "POST", wallet, "/reset", body={"initial_balance_usd": "50000"})
        assert (answer.status, answer.json["balance"]["total_value_usd"]) == (200, "50000")
        assert [asset["total"] for asset in engine.get("get_balance", wallet, "/balance")["assets"]] == ["50000"]
        performance = engine.get("get_performance", wallet, "/performance")
        assert (performance["opening_equity_usd"], performance["total_pnl"]) == ("50000", "0")
        (command,) = [
            entry for entry in engine.get("get_ledger", wallet, "/ledger")["items"] if entry["kind"] == "reset"
        ]
        assert [posting["amount"] for posting in command["postings"] if posting["book"] == "free"][-1] == "50000"
        engine.ask("reset_wallet", "POST", wallet, "/reset")
        assert engine.get("get_balance", wallet, "/balance")["total_value_usd"] == "100000"
        engine.replay(wallet)

    def test_a_key_resets_to_one_balance(self, engine: Engine) -> None:
        wallet = engine.create()

        def reset(body: object) -> Answer:
            return engine.ask("reset_wallet", "POST", wallet, "/reset", body=body, headers={"Idempotency-Key": "half"})

        answers = [reset(body) for body in ({"initial_balance_usd": 50000}, {"initial_balance_usd": "50000.00"})]
        assert [(answer.status, answer.headers.get("idempotent-replayed")) for answer in answers] == [
            (200, None), (200, "true"),
        ]  # fmt: skip
        for body in (None, {}, {"initial_balance_usd": "100000"}):
            other = reset(body)
            assert (other.status, other.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")
        assert engine.get("get_balance", wallet, "/balance")["total_value_usd"] == "50000"

    @pytest.mark.parametrize("balance", ["0", "-1", "0.00001", "1000000000001", "1e5", True, "much"])
    def test_reset_checks_the_balance_as_creation_does(self, engine: Engine, balance: object) -> None:
        wallet = engine.create()
        refused = engine.ask("reset_wallet", "POST", wallet, "/reset", body={"initial_balance_usd": balance})
        assert (refused.status, refused.json["code"]) == (422, "VALIDATION_ERROR")
        assert [error["field"] for error in refused.json["errors"]] == ["initial_balance_usd"]
        assert len(engine.get("get_ledger", wallet, "/ledger")["items"]) == 1

    def test_reset_names_an_unknown_field(self, engine: Engine) -> None:
        refused = engine.ask("reset_wallet", "POST", engine.create(), "/reset", body={"initial_balance": "50000"})
        assert (refused.status, [error["field"] for error in refused.json["errors"]]) == (422, ["initial_balance"])
        assert "initial_balance_usd" in refused.json["errors"][0]["message"]

    def test_fork_holds_what_the_ledger_says(self, engine: Engine, clock: Clock) -> None:
        wallet = engine.create(custom_name="x" * 100)
        first = engine.place(wallet, amount="0.3")
        engine.place(wallet, amount="0.1", type="limit", price="20000")
        engine.place(wallet, side="sell", amount="0.3")
        clock.forward(hours=50)
        answer = engine.ask("fork_wallet", "POST", wallet, "/fork", body={"seq": 3})
        assert answer.status == 201
        fork = answer.json["id"]
        assert (answer.json["forked_from"], answer.json["status"]) == (f"{wallet}:3", "active")
        shown = answer.json["balance"]
        assert shown["assets"] == engine.get("get_balance", fork, "/balance")["assets"]
        assert engine.get("get_wallet", fork, "")["balance"] == shown
        assert len(answer.json["custom_name"]) == 100
        (position,) = engine.get("list_positions", fork, "/positions")["items"]
        assert (position["amount"], position["cost"]) == ("0.3", first["filled_quote"])
        assert position["realised_pnl"] == position["fees"] == "0"
        assert engine.get("list_orders", fork, "/orders")["items"] == []
        cash = 100000 - D(first["filled_quote"]) - D(first["fee"])
        held = {asset["asset"]: asset for asset in engine.get("get_balance", fork, "/balance")["assets"]}
        assert (D(held["USDT"]["free"]), held["USDT"]["locked"]) == (cash, "0")
        performance = engine.get("get_performance", fork, "/performance")
        assert (performance["total_pnl"], performance["trades"]) == ("0", 0)
        newest = engine.ask("fork_wallet", "POST", wallet, "/fork", body={"custom_name": "Now"})
        last = engine.get("get_ledger", wallet, "/ledger")["items"][-1]["seq"]
        assert newest.json["forked_from"] == f"{wallet}:{last}"
        engine.replay(wallet, fork, newest.json["id"])
        assert engine.get("list_positions", newest.json["id"], "/positions")["items"] == []

    def test_fork_may_start_at_an_entry_of_an_earlier_epoch(self, engine: Engine) -> None:
        wallet = engine.create()
        engine.place(wallet, amount="0.3")
        engine.ask("reset_wallet", "POST", wallet, "/reset")
        engine.place(wallet, amount="0.1")
        fork = engine.ask("fork_wallet", "POST", wallet, "/fork", body={"seq": 2}).json["id"]
        assert engine.get("list_positions", fork, "/positions")["items"][0]["amount"] == "0.3"

    def test_repeated_fork_returns_the_first(self, engine: Engine) -> None:
        wallet = engine.create()
        key = {"Idempotency-Key": "fork"}
        made = engine.ask("fork_wallet", "POST", wallet, "/fork", body={"seq": 1}, headers=key)
        again = engine.ask("fork_wallet", "POST", wallet, "/fork", body={"seq": 1}, headers=key)
        other = engine.ask("fork_wallet", "POST", wallet, "/fork", body={}, headers=key)
        assert (made.status, again.status, again.headers["idempotent-replayed"]) == (201, 200, "true")
        assert again.json == made.json
        assert (other.status, other.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")

    @pytest.mark.parametrize("seq", [2, 10**9, 0, -1, "1", 1.5])
    def test_fork_at_an_unknown_entry_is_422(self, engine: Engine, seq: object) -> None:
        refused = engine.ask("fork_wallet", "POST", engine.create(), "/fork", body={"seq": seq})
        assert (refused.status, refused.json["code"]) == (422, "VALIDATION_ERROR")
        assert refused.json["errors"][0]["field"] == "seq"


def test_wallet_in_breach_of_a_loss_limit_cannot_be_resumed(engine: Engine, clock: Clock) -> None:
    wallet = engine.create(risk_limits=WIDE | {"daily_loss_limit_usd": "60"})
    engine.place(wallet, amount="1.5")
    engine.place(wallet, side="sell", amount="1.4999")  # the fees alone are a loss of more than 100
    clock.forward(minutes=1)
    balance = engine.get("get_balance", wallet, "/balance")
    assert D(balance["total_value_usd"]) < 100000
    paused = engine.get("get_wallet", wallet, "")
    assert (paused["status"], paused["is_active"]) == ("paused", False)
    order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.001"}
    hint = engine.ask("place_order", "POST", wallet, "/orders", body=order).json["hint"]
    assert hint.index("PATCH /wallets/{id}") < hint.index("POST /wallets/{id}/resume"), "resuming alone is refused"
    refused = engine.ask("resume_wallet", "POST", wallet, "/resume", body={"confirm": True})
    assert (refused.status, refused.json["code"]) == (409, "CONFLICT")
    assert refused.json["limit_type"] == "daily_loss_limit_usd"
    engine.ask("reset_wallet", "POST", wallet, "/reset")
    assert engine.get("get_wallet", wallet, "")["status"] == "active"


def test_reset_of_a_suspended_wallet_is_followed_by_what_reinstating_it_restores(
    engine: Engine, clock: Clock, database: Database, run: Run
) -> None:
    wallet = engine.create(risk_limits=WIDE | {"daily_loss_limit_usd": "60"})
    engine.place(wallet, amount="1.5")
    engine.place(wallet, side="sell", amount="1.4999")
    clock.forward(minutes=1)
    engine.get("get_balance", wallet, "/balance")
    run(bootstrap.wallet_lifecycle().suspend(wallet, "a review"))

    def restored() -> str:
        stored = run(database.user_wallets.find_one({"_id": wallet}))
        assert stored is not None
        assert stored["status"] == "suspended"
        return str(stored["status_before_suspension"])

    assert restored() == "paused"
    assert engine.ask("reset_wallet", "POST", wallet, "/reset").status == 200
    assert restored() == "active"


def test_other_users_get_404(engine: Engine, invoke: Invoke) -> None:
    wallet = engine.create()
    order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "1"}
    calls: list[tuple[str, str, str, object]] = [
        ("list_positions", "GET", "/positions", None),
        ("close_position", "POST", "/positions/close?symbol=BTC/USDT", None),
        ("get_performance", "GET", "/performance", None),
        ("get_equity", "GET", "/equity", None),
        ("get_ledger", "GET", "/ledger", None),
        ("reset_wallet", "POST", "/reset", None),
        ("fork_wallet", "POST", "/fork", {}),
        ("preflight_order", "POST", "/orders/preflight", order),
    ]
    for function, method, target, body in calls:
        path, _, query = target.partition("?")
        answer = invoke(function, method, f"/wallets/{wallet}{path}", user=STRANGER, body=body, query=query)
        assert (answer.status, answer.json["code"]) == (404, "NOT_FOUND"), function


def test_reads_take_few_round_trips(engine: Engine) -> None:
    wallet = engine.create()
    engine.place(wallet, amount="0.1", stop_loss={})
    engine.get("get_balance", wallet, "/balance")
    for function, path, expected in (
        ("list_positions", "/positions", ["aggregate"]),
        # Totals and the entries since, figures of equity and the points since.
        ("get_performance", "/performance", ["aggregate", "find", "find", "find", "find"]),
        ("get_equity", "/equity", ["aggregate", "find", "find"]),
        ("get_ledger", "/ledger", ["aggregate", "find"]),
    ):
        with round_trips() as commands:
            engine.get(function, wallet, path)
        assert commands == expected, function


def _tick(price: Decimal) -> str:
    text = str(price.quantize(D("0.01"), rounding="ROUND_FLOOR"))
    return text.rstrip("0").rstrip(".")
