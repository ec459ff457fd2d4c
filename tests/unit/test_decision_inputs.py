"""The command and the market context in a ledger entry survive a round trip, with every field."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from moniqo_core.domain.ledger.account import AccountTerms
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import CancelOrder, Command, RecordEvaluation, ResetAccount
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Market, PriceLevel, Snapshot
from moniqo_core.domain.orders.order import OrderSide, OrderType, TimeInForce
from moniqo_core.domain.orders.request import ClosePosition, ExitSpec, OrderRequest, ReplaceOrder
from moniqo_core.domain.paper.account_lifecycle import open_account
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.lifecycle_commands import DeleteWallet, SetLimits, SetStatus
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.storage.paper.command_kinds import KIND_OF
from moniqo_core.storage.paper.decision_input_decoder import read_command, read_context
from moniqo_core.storage.paper.decision_input_encoder import command_document, context_document

D = Decimal
NOW = datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
EVERYTHING = OrderRequest(
    symbol="BTC/USDT",
    side=OrderSide.BUY,
    type=OrderType.STOP_LIMIT,
    amount=D("0.5"),
    quote_amount=D(20),
    price=D("50000.01"),
    stop_price=D(49_000),
    trail_percent=D("2.5"),
    time_in_force=TimeInForce.GTD,
    expires_at=NOW,
    post_only=True,
    reduce_only=True,
    stop_loss=ExitSpec(percent=D(3)),
    take_profit=ExitSpec(stop_price=D(60_000)),
    client_order_id="mine",
    metadata={"why": ["because"]},
)


def test_sample_order_sets_every_field() -> None:
    plain = OrderRequest("BTC/USDT", OrderSide.SELL, OrderType.MARKET)
    same = {item.name for item in fields(OrderRequest) if getattr(EVERYTHING, item.name) == getattr(plain, item.name)}
    assert same == {"symbol"}


@pytest.mark.parametrize(
    "command",
    [
        EVERYTHING,
        OrderRequest("BTC/USDT", OrderSide.SELL, OrderType.MARKET, D(1)),
        CancelOrder("o-2-1"),
        ReplaceOrder("o-2-1", D("0.5"), D("50000.01"), D(49_000), D("2.5"), D("0.1")),
        ReplaceOrder("o-2-1", price=D(1)),
        ClosePosition("BTC/USDT", "mine", D("0.5")),
        ClosePosition("BTC/USDT", percent=D("12.5")),
        ClosePosition("BTC/USDT"),
        SetStatus("paused", "owner", None),
        SetStatus("paused", "owner", "why", PauseLevel.FULL, keep_orders=True),
        ResetAccount("again", D("50000.5")),
        SetLimits(RiskLimits(D(1_000), D("2000.5"), 3, daily_loss_limit_usd=D(400))),
        DeleteWallet(force=True),
        RecordEvaluation(),
    ],
)
def test_command_survives_a_round_trip(command: Command) -> None:
    entry = {"kind": KIND_OF[type(command)], "command": command_document(command)}
    assert read_command(entry) == command


@pytest.mark.parametrize("changes", [{}, {"session_close": NOW, "is_open": False, "next_open": NOW}])
def test_market_context_survives_a_round_trip(changes: dict[str, Any]) -> None:
    market = Market("BRK.B/USD", "BRK.B", "USD", D("0.01"), D("0.001"), D("0.002"), D(5), "XNYS")
    snapshot = Snapshot("BRK.B/USD", NOW, D(400), [PriceLevel(D(399), D(1))], [PriceLevel(D(401), D(2))], "simulated")
    context = replace(MarketContext(market, snapshot, {"AAPL/USD": D("190.5")}, D("0.99")), **changes)
    terms = AccountTerms("owner", D(1000), "USD", D(0), D(0), D(0))
    commit = AccountDraft(open_account("wallet", terms, NOW).after, NOW).commit(EVERYTHING, context)
    assert read_context({"basis": context_document(commit, context)}) == context


@pytest.mark.parametrize(
    ("source", "amount", "stored"),
    [("simulated", D(1), (1, 2)), ("simulated", None, (2, 3)), ("binance", D(1), (4, 4))],
)
def test_simulated_book_is_stored_as_deep_as_it_was_taken(
    source: str, amount: Decimal | None, stored: tuple[int, int]
) -> None:
    market = Market("BTC/USDT", "BTC", "USDT", D("0.01"), D("0.001"), D("0.002"), D(5))
    bids, asks = ([PriceLevel(D(500 + sign * step), D(1)) for step in range(1, 5)] for sign in (-1, 1))
    snapshot = Snapshot("BTC/USDT", NOW, D(500), bids, asks, source)
    context = MarketContext(market, snapshot, {}, D(1))
    draft = AccountDraft(
        open_account("wallet", AccountTerms("owner", D(1000), "USDT", D(0), D(0), D(0)), NOW).after, NOW
    )
    draft.taken[snapshot.book, OrderSide.BUY] = {asks[1]: D(1)}
    quote = None if amount is not None else D(700)
    order = OrderRequest("BTC/USDT", OrderSide.BUY, OrderType.MARKET, amount, quote_amount=quote)
    document = context_document(draft.commit(order, context), context)
    # The side that was not taken has its best level, and a quote amount also depends on the level beyond.
    assert (len(document["bids"]), len(document["asks"])) == stored


@pytest.mark.parametrize(("percent", "whole"), [(None, True), ("99.99", False), ("100", True), ("100.0", True)])
def test_close_of_a_hundred_percent_is_whole(percent: str | None, whole: bool) -> None:
    assert ClosePosition("BTC/USDT", percent=None if percent is None else D(percent)).is_whole is whole
    assert not ClosePosition("BTC/USDT", amount=D(1)).is_whole
