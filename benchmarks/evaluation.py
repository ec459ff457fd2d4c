"""How long it takes to match the resting orders of many wallets with a day of candles, and how that time grows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from benchmarks.accounts import LIMITS, OWNER
from benchmarks.report import Line, Section
from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Market, PathPoint, PriceLevel, Snapshot
from moniqo_core.domain.matching import path_walk
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper import account_lifecycle, order_commands

START = datetime(2026, 2, 2, tzinfo=UTC)
SYMBOL = "BTC/USDT"
TICK = Decimal("0.01")
MARKET = Market(SYMBOL, "BTC", "USDT", TICK, Decimal("0.00001"), Decimal("0.00001"), Decimal(5))
OPEN_TICKS = 5_000_000
HALF_SPREAD = Decimal("2.50")
DAY = 1440
WALLETS = 100
ORDERS = 10
ROUNDS = 5
METHOD = (
    "Every evaluation and every replay calls `moniqo_core.domain.matching.path_walk.walk`, and this benchmark "
    "measures it alone. Accounts are neither read nor written. The path is a day of one-minute candles that move by a "
    "few percent. Each candle is four points: open, nearer extreme, farther extreme, close. The orders of the first "
    "line are limits on both sides, stops and take-profits, 0.5% to 8% away from the price. Some of them fill. Orders "
    "out of reach are 30% to 60% away. Both sizes run in turn, and growth is the median over the rounds."
)


def measure() -> Section:
    """Measure evaluation."""
    day, days = _path(DAY), _path(2 * DAY)
    mixed = [_account(_mixed(ORDERS, number)) for number in range(WALLETS)]
    rate = WALLETS / statistics.median(_seconds(mixed, day) for _ in range(ROUNDS))
    few, many = _account(_far(ORDERS)), _account(_far(10 * ORDERS))
    trailing = [
        OrderRequest(SYMBOL, OrderSide.SELL, OrderType.TRAILING_STOP, Decimal("0.1"), trail_percent=Decimal(40))
    ]
    few_trailing, many_trailing = _account(trailing + _far(ORDERS)), _account(trailing + _far(10 * ORDERS))
    few_filled, many_filled = _account(_near(ORDERS)), _account(_near(10 * ORDERS))
    cases = (
        ("twice the candles", 2.3, (few, days), (few, day)),
        ("ten times the orders, out of reach", 1.3, (many, day), (few, day)),
        ("the same with a trailing stop", 1.3, (many_trailing, day), (few_trailing, day)),
        ("ten times the orders, all of which fill", 12, (many_filled, day), (few_filled, day)),
    )
    line = Line("1,000 orders of 100 wallets, a day", round(rate, 1), None, "wallets/s", _outcome(mixed, day))
    return Section("Evaluation", METHOD, [line, *(_growth(*case) for case in cases)])


Walked = tuple[Account, Sequence[PathPoint]]


def _growth(name: str, limit: float, large: Walked, small: Walked) -> Line:
    _walk(*large)
    ratios: list[float] = []
    spent: list[tuple[float, float]] = []
    for _ in range(4 * ROUNDS):
        spent.append((_seconds([large[0]], large[1]), _seconds([small[0]], small[1])))
        ratios.append(spent[-1][0] / spent[-1][1])
    more, less = (statistics.median(column) * 1e3 for column in zip(*spent, strict=True))
    return Line(name, statistics.median(ratios), limit, "x", f"{more:.1f} ms per wallet, smaller case {less:.1f} ms")


def _seconds(accounts: Sequence[Account], path: Sequence[PathPoint]) -> float:
    started = time.perf_counter()
    for account in accounts:
        _walk(account, path)
    return time.perf_counter() - started


def _walk(account: Account, path: Sequence[PathPoint]) -> AccountDraft:
    return path_walk.walk(account, {SYMBOL: path}, {SYMBOL: MARKET}, path[-1].end, path[-1].end)


def _outcome(accounts: Sequence[Account], path: Sequence[PathPoint]) -> str:
    drafts = [_walk(account, path) for account in accounts]
    return f"{len(path):,} points, {sum(len(draft.fills) for draft in drafts):,} fills"


def _path(minutes: int) -> list[PathPoint]:
    """Four points of each candle."""
    rng, at, ticks = Random(1), START, OPEN_TICKS
    points: list[PathPoint] = []
    for _ in range(minutes):
        end = at + timedelta(minutes=1)
        closing = max(ticks + int(rng.gauss(0, 4_000)), 1)
        low, high = min(ticks, closing) - rng.randrange(2_000), max(ticks, closing) + rng.randrange(2_000)
        nearer, farther = (low, high) if ticks - low <= high - ticks else (high, low)
        volume = Decimal(rng.randrange(1, 400)) / 100
        points += [PathPoint(at, end, price * TICK, volume, HALF_SPREAD) for price in (ticks, nearer, farther, closing)]
        at, ticks = end, closing
    return points


def _account(orders: Sequence[OrderRequest]) -> Account:
    """Return an account that holds as much as its orders could sell, with these open."""
    terms = AccountTerms(OWNER, Decimal(10**9), "USDT", Decimal("0.1"), Decimal("0.1"), Decimal(5), None, LIMITS)
    account = account_lifecycle.open_account("bench", terms, START).after
    for order in (OrderRequest(SYMBOL, OrderSide.BUY, OrderType.MARKET, Decimal(50)), *orders):
        account = order_commands.place(AccountDraft(account, START), order, _basis()).after
    return account


def _basis() -> MarketContext:
    price = OPEN_TICKS * TICK
    bids, asks = [PriceLevel(price - HALF_SPREAD, Decimal(1000))], [PriceLevel(price + HALF_SPREAD, Decimal(1000))]
    return MarketContext(MARKET, Snapshot(SYMBOL, START, price, bids, asks, "bench"), {}, Decimal(1))


def _mixed(count: int, number: int) -> list[OrderRequest]:
    rng = Random(number)
    return [_KINDS[at % len(_KINDS)](Decimal(rng.randrange(5, 80)) / 1000) for at in range(count)]


def _far(count: int) -> list[OrderRequest]:
    return [_KINDS[at % len(_KINDS)](Decimal(300 + at) / 1000) for at in range(count)]


def _near(count: int) -> list[OrderRequest]:
    return [_buy_limit(Decimal(1 + at % 10) / 10_000) for at in range(count)]


def _buy_limit(away: Decimal) -> OrderRequest:
    return OrderRequest(SYMBOL, OrderSide.BUY, OrderType.LIMIT, Decimal("0.01"), price=_price(-away))


def _sell_limit(away: Decimal) -> OrderRequest:
    return OrderRequest(SYMBOL, OrderSide.SELL, OrderType.LIMIT, Decimal("0.01"), price=_price(away))


def _stop_loss(away: Decimal) -> OrderRequest:
    return OrderRequest(SYMBOL, OrderSide.SELL, OrderType.STOP_LOSS, Decimal("0.01"), stop_price=_price(-away))


def _take_profit(away: Decimal) -> OrderRequest:
    return OrderRequest(SYMBOL, OrderSide.SELL, OrderType.TAKE_PROFIT, Decimal("0.01"), stop_price=_price(away))


_KINDS = (_buy_limit, _sell_limit, _buy_limit, _stop_loss, _take_profit)


def _price(share: Decimal) -> Decimal:
    return (OPEN_TICKS * (1 + share)).to_integral_value() * TICK
