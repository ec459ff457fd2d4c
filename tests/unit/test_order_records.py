"""What the answer of an order derives: triggers and their times, the mark of a trailing stop, and fees by asset."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.ledger.commands import RecordEvaluation
from moniqo_core.domain.ledger.rules import ALL_RULES
from moniqo_core.domain.live.order_updates import intend
from moniqo_core.domain.live.record import live_record
from moniqo_core.domain.orders.fees import AssetFee
from moniqo_core.domain.orders.order import Fill, Liquidity, Order, OrderSide, OrderType
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import ExitSpec, OrderRequest
from moniqo_core.domain.paper.record import paper_record
from moniqo_core.storage.orders.order_codec import order_document, read_order
from tests.support.engine_harness import BTC, MARKETS, START, STEP, EngineHarness

D = Decimal


def record(harness: EngineHarness, order_id: str) -> OrderRecord:
    """Return an order as the journal has it, with the account as of now."""
    fills = tuple(item for commit in harness.commits for item in commit.fills if item.order_id == order_id)
    seen = harness.walk().commit(RecordEvaluation()).after
    return paper_record(seen, harness.order(order_id), fills, tick_size=MARKETS[BTC].tick_size)


def triggered_stop_limit(version: int) -> tuple[EngineHarness, Order]:
    """Return an order that was triggered by the second of three points and has not filled."""
    harness = EngineHarness()
    harness.rules = ALL_RULES[version]
    order = harness.place("buy", "stop_limit", "0.01", price="51000", stop_price="50500")
    for price in ("50100", "51200", "51300"):
        harness.tick(price)
    harness.evaluate()
    return harness, order


def test_stop_limit_tells_the_point_that_triggered_it_whenever_it_was_evaluated() -> None:
    harness, order = triggered_stop_limit(2)
    assert record(harness, order.order_id).triggered_at == START + 2 * STEP
    stored = harness.order(order.order_id)
    assert read_order(order_document(stored)).triggered_at == START + 2 * STEP


def test_entries_of_the_first_rules_keep_no_time_of_a_trigger() -> None:
    harness, order = triggered_stop_limit(1)
    stored = harness.order(order.order_id)
    assert stored.triggered
    assert "triggered_at" not in order_document(stored)
    assert record(harness, order.order_id).triggered_at is None


@pytest.mark.parametrize(
    ("kind", "fields", "price"),
    [
        ("stop_loss", {"stop_price": "49000"}, "48000"),
        ("take_profit", {"stop_price": "51000"}, "52000"),
        ("trailing_stop", {"trail_percent": "2"}, "48000"),
    ],
)
def test_order_that_sells_on_its_trigger_tells_when_that_was(kind: str, fields: dict[str, Any], price: str) -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    order = harness.place("sell", kind, "0.1", **fields)
    assert record(harness, order.order_id).triggered_at is None
    for trade in ("50000", price, "50000"):
        harness.tick(trade)
    harness.evaluate()
    assert record(harness, order.order_id).triggered_at == START + 2 * STEP


def test_trailing_stop_shows_the_mark_and_trigger_of_now_although_nothing_was_written() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    order = harness.place("sell", "trailing_stop", "0.1", trail_percent="3.33")
    placed = record(harness, order.order_id)
    assert (placed.mark_price, placed.stop_price) == (D(49999), D("48334.03"))
    harness.tick("55001")
    harness.tick("54000")
    assert harness.evaluate() is None
    later = record(harness, order.order_id)
    assert (later.mark_price, later.stop_price) == (D(55000), D("53168.50"))
    harness.tick("53000")
    harness.evaluate()
    ended = record(harness, order.order_id)
    assert (ended.mark_price, ended.stop_price) == (D(55000), D("53168.50"))


def test_trailing_stop_shows_a_mark_that_another_reader_has_already_written() -> None:
    harness = EngineHarness()
    harness.place("buy", "market", "0.1")
    order = harness.place("sell", "trailing_stop", "0.1", trail_percent="10")
    before = harness.account
    harness.tick("60001")
    written = harness.keep(harness.walk().commit(RecordEvaluation()))
    latest = next(item for item in written.orders if item.order_id == order.order_id)
    shown = paper_record(before, latest, tick_size=MARKETS[BTC].tick_size)
    assert (shown.mark_price, shown.stop_price) == (D(60000), D(54000))


def test_order_without_a_trigger_shows_none() -> None:
    harness = EngineHarness()
    shown = record(harness, harness.place("buy", "market", "0.1").order_id)
    assert (shown.stop_price, shown.mark_price, shown.triggered_at, shown.exits) == (None, None, None, ())
    assert shown.fees == (AssetFee("USDT", shown.fee),)


def test_record_of_an_order_that_the_account_does_not_know_yet() -> None:
    """Another request may place it, in a symbol new to the wallet, after this one read the account."""
    harness = EngineHarness()
    before = harness.account
    order = harness.place("buy", "limit", "0.01", price="40000")
    assert paper_record(before, order, tick_size=MARKETS[BTC].tick_size).evaluated_until == order.created_at


def test_record_names_the_exits_of_an_entry() -> None:
    harness = EngineHarness()
    harness.do(
        OrderRequest(
            BTC,
            OrderSide.BUY,
            OrderType.LIMIT,
            D("0.01"),
            price=D(40000),
            stop_loss=ExitSpec(percent=D(5)),
            take_profit=ExitSpec(stop_price=D(60000)),
        )
    )
    commit = harness.commits[-1]
    entry = next(order for order in commit.orders if order.entry is None)
    exits = [order for order in commit.orders if order.entry == entry.order_id]
    shown = paper_record(harness.account, entry, exits=exits, tick_size=MARKETS[BTC].tick_size)
    assert [tuple(item) for item in shown.exits] == [
        ("o-2-2", "stop_loss", None, "pending"),
        ("o-2-3", "take_profit", D(60000), "pending"),
    ]


def live_fill(number: int, amount: str, fee: str, asset: str) -> Fill:
    at = START + number * STEP
    return Fill(f"f-{number}", "o-1-1", BTC, OrderSide.SELL, D(amount), D(500), (), D(fee), asset, Liquidity.TAKER, at)


def live_stop(kind: OrderType) -> Any:
    order = OrderRequest(BTC, OrderSide.SELL, kind, D("0.02"), stop_price=D(49000))
    intent = intend(
        order,
        user_wallet_id="wallet",
        user_id="owner",
        venue="binance-spot-v1",
        seq=1,
        venue_client_id="id",
        token="token",
        now=START,
    )
    return replace(intent, filled_amount=D("0.02"), fee=D("0.002"), fee_currency="BNB")


def test_live_order_shows_the_fees_of_every_asset() -> None:
    fills = (live_fill(1, "0.01", "0.002", "BNB"), live_fill(2, "0.005", "0.5", "USDT"))
    more = (*fills, live_fill(3, "0.005", "0.25", "USDT"))
    shown = live_record(live_stop(OrderType.STOP_LOSS), more)
    assert shown.fees == (AssetFee("BNB", D("0.002")), AssetFee("USDT", D("0.75")))


def test_live_order_whose_fills_are_missing_shows_the_fee_that_its_venue_reports() -> None:
    shown = live_record(live_stop(OrderType.STOP_LOSS), (live_fill(1, "0.01", "0.001", "BNB"),))
    assert shown.fees == (AssetFee("BNB", D("0.002")),)
    unfilled = replace(live_stop(OrderType.STOP_LOSS), filled_amount=D(0), fee=D(0))
    assert live_record(unfilled).fees == ()


def test_live_stop_was_triggered_when_it_began_to_fill() -> None:
    fills = (live_fill(1, "0.01", "0", "BNB"), live_fill(2, "0.01", "0", "BNB"))
    assert live_record(live_stop(OrderType.STOP_LOSS), fills).triggered_at == START + timedelta(seconds=15)
    assert live_record(live_stop(OrderType.STOP_LOSS)).triggered_at is None
    assert live_record(live_stop(OrderType.STOP_LIMIT), fills).triggered_at is None


def test_stored_order_keeps_the_order_of_its_fields() -> None:
    """Earlier releases compare the bytes of an order when they replay a journal."""
    order = EngineHarness().place("buy", "limit", "0.1", price="40000")
    names = [name for name in order_document(order) if name != "metadata"]
    extras = ["stop_price", "trail_percent", "trail_mark", "expires_at", "reduce_only", "triggered", "triggered_at",
              "active_from", "filled_when_replaced", "entry", "exit_percent"]  # fmt: skip
    for name in extras:
        setattr(order, name, True if name in {"reduce_only", "triggered"} else D(0))
    order.expires_at = order.triggered_at = order.active_from = START
    order.entry = "o-1-1"
    found = [name for name in order_document(order) if name != "metadata"]
    assert [name for name in found if name in extras] == extras
    assert [name for name in found if name not in extras] == names
