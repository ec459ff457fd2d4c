"""One pure decision, compared with the least arithmetic that an order needs."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal

from benchmarks.accounts import LIMITS, OWNER
from benchmarks.report import Line, Section
from benchmarks.timing import interleaved
from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Snapshot
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper import account_lifecycle, order_commands
from moniqo_core.feeds.simulated_feed import SimulatedFeed

NOW = datetime(2026, 2, 1, 12, 0, 1, tzinfo=UTC)
SYMBOL = "BTC/USDT"
OPEN_ORDERS = 100
_UNIT = Decimal("0.00000001")
_RATE = Decimal("0.001")
METHOD = (
    "`moniqo_core.domain.paper.order_commands.place` decides an order on an account with 100 open orders: rules, "
    "funds, fills, postings, position and the new state. Nothing is written. The market order takes all 20 levels of "
    "the book. The limit order rests. The baseline of both walks the same 20 levels in `Decimal`. At each level it "
    "fills, pays a fee that is rounded up, and moves both balances. It has no rules and no journal."
)


def measure() -> Section:
    """Measure decisions."""
    context = asyncio.run(_basis())
    account = _account(context)
    amount = sum((level.amount for level in context.snapshot.asks), Decimal(0))
    market = OrderRequest(SYMBOL, OrderSide.BUY, OrderType.MARKET, amount)
    limit = OrderRequest(SYMBOL, OrderSide.BUY, OrderType.LIMIT, Decimal("0.01"), price=Decimal(40_000))
    balances = {"USDT": Decimal(10**9), "BTC": Decimal(0)}
    lines = []
    for name, order, most in (("market order through 20 levels", market, 3.7), ("limit order that rests", limit, 2.5)):
        found = interleaved(
            lambda order=order: order_commands.place(AccountDraft(account, NOW), order, context),  # type: ignore[misc]
            lambda: bare_walk(context.snapshot, amount, balances),
            rounds=60,
            ours_calls=100,
            baseline_calls=300,
            clock=time.thread_time,
        )
        detail = f"{1 / found.ours:,.0f} per second, baseline {1 / found.baseline:,.0f}"
        lines.append(Line(name, found.ratio, most, detail=detail, is_bar=True))
    return Section("Decision", METHOD, lines)


def bare_walk(snapshot: Snapshot, amount: Decimal, balances: dict[str, Decimal]) -> list[tuple[Decimal, ...]]:
    """Fill a market buy level by level. Each fill pays its fee and moves both balances."""
    after = dict(balances)
    left = amount
    fills: list[tuple[Decimal, ...]] = []
    for price, shown in snapshot.asks:
        size = min(left, shown)
        quote = price * size
        fee = (quote * _RATE).quantize(_UNIT, ROUND_CEILING)
        if quote + fee > after["USDT"]:
            raise ValueError(quote)
        after["USDT"] -= quote + fee
        after["BTC"] += size
        fills.append((price, size, quote, fee))
        left -= size
        if not left:
            break
    return fills


async def _basis() -> MarketContext:
    feed = SimulatedFeed("bench", lambda: NOW)
    return MarketContext(await feed.market(SYMBOL), await feed.snapshot(SYMBOL), {}, Decimal(1))


def _account(context: MarketContext) -> Account:
    """Return an account with open orders and a position."""
    terms = AccountTerms(OWNER, Decimal(10**9), "USDT", Decimal("0.1"), Decimal("0.1"), Decimal(5), None, LIMITS)
    account = account_lifecycle.open_account("bench", terms, NOW).after
    first = OrderRequest(SYMBOL, OrderSide.BUY, OrderType.MARKET, Decimal("0.5"))
    resting = [
        OrderRequest(SYMBOL, OrderSide.BUY, OrderType.LIMIT, Decimal("0.01"), price=Decimal(30_000 + number))
        for number in range(OPEN_ORDERS)
    ]
    for order in (first, *resting):
        account = order_commands.place(AccountDraft(account, NOW), order, context).after
    return account
