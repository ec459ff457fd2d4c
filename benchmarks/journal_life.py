"""The life of a paper wallet with a long journal: commands decided on the simulated market, without a database.

A life depends on the number of its entries alone, so every run of a benchmark reads the same journal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from benchmarks.accounts import LIMITS, OWNER
from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.domain.ledger.commands import CancelAllOrders, CancelOrder, Command, RecordEvaluation
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.matching import path_walk
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import ClosePosition, ExitSpec, OrderRequest
from moniqo_core.domain.paper import account_lifecycle, decide
from moniqo_core.feeds.simulated_feed import SimulatedFeed
from moniqo_core.wallets.demo.market_view import context_for
from moniqo_core.wallets.demo.path_from_feed import furthest, walk_to

SEED: Final = "a market for benchmarks"
"""The seed of the simulated market that the life is lived on."""
START: Final = datetime(2026, 1, 5, tzinfo=UTC)
RARE: Final = "SOL/USDT"
"""A symbol that one command in 200 names. Bitcoin and ether share the others."""

_LAST_ENTRIES: Final = 10
"""The entries at the end in which the wallet cancels its orders and sells what it holds."""
_MOST_OPEN: Final = 8
_AMOUNTS: Final = {"BTC/USDT": Decimal("0.01"), "ETH/USDT": Decimal("0.1"), RARE: Decimal(1)}


def wallet_id(entries: int) -> str:
    """Return the id of the wallet whose journal has this number of entries."""
    return str(uuid5(NAMESPACE_URL, f"journal of {entries}"))


async def life(entries: int) -> AsyncIterator[Commit]:
    """Decide every commit of a wallet, as an order through the service would."""
    rng, now = Random(1), START

    def clock() -> datetime:
        return now

    feed = SimulatedFeed(SEED, clock)
    terms = AccountTerms(OWNER, Decimal(10**6), "USDT", Decimal("0.1"), Decimal("0.1"), Decimal(5), None, LIMITS)
    commit = account_lifecycle.open_account(wallet_id(entries), terms, now)
    yield commit
    while (account := commit.after).seq < entries:
        is_ending = account.seq >= entries - _LAST_ENTRIES
        if not is_ending:
            now += timedelta(hours=1, seconds=5) if rng.random() < 0.002 else timedelta(seconds=rng.randint(5, 60))
        draft = await walk_to(feed, account, furthest(account, now), now)
        if path_walk.has_visible_changes(draft) or path_walk.is_worth_recording(draft):
            commit = draft.commit(RecordEvaluation())
        else:
            command = _last_command(account) if is_ending else _drawn(rng, account, await feed.mids(tuple(_AMOUNTS)))
            try:
                commit = decide.decide(draft, command, await context_for(command, draft, feed, clock))
            except WalletError:
                continue
        yield commit


def _drawn(rng: Random, account: Account, prices: dict[str, Decimal]) -> Command:
    """Draw a command: half of them market orders, the others such as rest, fill later or are cancelled."""
    if len(account.orders) >= _MOST_OPEN:
        return CancelOrder(next(iter(account.orders)))
    symbol = RARE if rng.random() < 0.005 else rng.choice(("BTC/USDT", "ETH/USDT"))
    price, held = prices[symbol], account.position(symbol).amount
    if held > 3 * _AMOUNTS[symbol] or (held and rng.random() < 0.02):
        return ClosePosition(symbol)
    amount = _AMOUNTS[symbol] * rng.randint(1, 5) / 10
    side = OrderSide.SELL if held > amount and rng.random() < 0.5 else OrderSide.BUY
    fields: dict[str, Any] = {"client_order_id": f"c-{account.seq}"} if rng.random() < 0.3 else {}
    draw = rng.random()
    if draw < 0.5:
        return OrderRequest(symbol, side, OrderType.MARKET, amount, **fields)
    if draw < 0.9 or side is OrderSide.BUY:
        away = rng.choice(("0.0002", "0.0005", "0.001", "0.02"))
        limit = price * (1 - Decimal(away) if side is OrderSide.BUY else 1 + Decimal(away))
        if side is OrderSide.BUY and rng.random() < 0.1:
            fields |= {"stop_loss": ExitSpec(percent=Decimal(1)), "take_profit": ExitSpec(percent=Decimal("0.2"))}
        return OrderRequest(symbol, side, OrderType.LIMIT, amount, price=_to_cent(limit), **fields)
    if draw < 0.99:
        return OrderRequest(symbol, side, OrderType.STOP_LOSS, amount, stop_price=_to_cent(price * Decimal("0.999")))
    return OrderRequest(symbol, side, OrderType.TRAILING_STOP, amount, trail_percent=Decimal("0.5"), **fields)


def _last_command(account: Account) -> Command:
    """Leave nothing to evaluate, so that a journal of the past can be read today."""
    if account.orders:
        return CancelAllOrders()
    held = [symbol for symbol, position in account.positions.items() if position.amount]
    return ClosePosition(held[0]) if held else RecordEvaluation()


def _to_cent(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.01"))
