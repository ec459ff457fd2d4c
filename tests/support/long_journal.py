"""Journals of more entries than a test could commit one by one. The release before wrote them: without checkpoints."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import CancelOrder, Command, ResetAccount
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper import decide
from moniqo_core.domain.wallets.lifecycle_commands import SetLimits
from moniqo_core.feeds.simulated_feed import SimulatedFeed
from moniqo_core.storage.paper.account_codec import state_document
from moniqo_core.storage.paper.entry_codec import entry_document
from moniqo_core.storage.paper.journal_commit import DemoJournal
from moniqo_core.storage.paper.snapshots import CHECKPOINTS, ENTRIES, STATES
from moniqo_core.storage.simulation_seed import simulation_seed
from moniqo_core.wallets.demo.market_view import context_for
from tests.conftest import Database, Run
from tests.support.engine import Clock

BTC = "BTC/USDT"
RESET_EVERY = 700
MOST_OPEN = 6


async def lengthen(database: Database, wallet: str, through: int, clock: Clock) -> None:
    """Append entries to the journal of a wallet until the last one is ``through``. The snapshot follows."""
    loaded = await DemoJournal(database).load(wallet, None)
    assert loaded is not None
    account, drawn = loaded.account, Random(wallet)
    feed = SimulatedFeed(await simulation_seed(database), clock)
    entries = []
    while account.seq < through:
        commit = await _commit(account, _command(account, drawn), feed, clock)
        entries.append(entry_document(commit, f"commit {commit.after.seq}"))
        account = commit.after
    await database[ENTRIES].insert_many(entries)
    await database[STATES].replace_one({"_id": wallet}, state_document(account))


async def _commit(account: Account, command: Command, feed: SimulatedFeed, clock: Clock) -> Commit:
    draft = AccountDraft(account, clock())
    return decide.decide(draft, command, await context_for(command, draft, feed, clock))


def _command(account: Account, drawn: Random) -> Command:
    if account.seq % RESET_EVERY == 0:
        return ResetAccount()
    draw = drawn.random()
    if draw < 0.5 and account.limits is not None:
        return SetLimits(account.limits)
    if len(account.orders) >= MOST_OPEN or (draw < 0.6 and account.orders):
        return CancelOrder(drawn.choice(list(account.orders)))
    if draw < 0.8:
        price = Decimal(drawn.randrange(9_000, 20_000))
        return OrderRequest(BTC, OrderSide.BUY, OrderType.LIMIT, Decimal("0.001"), price=price)
    side = OrderSide.SELL if account.holding("BTC").free > Decimal("0.01") else OrderSide.BUY
    return OrderRequest(BTC, side, OrderType.MARKET, Decimal("0.001"))


def checkpoints(database: Database, run: Run, wallet: str) -> dict[int, Any]:
    """Return the checkpoints of a wallet by the number of their entry."""
    found = run(database[CHECKPOINTS].find({"user_wallet_id": wallet}).sort("seq", 1).to_list())
    return {checkpoint["seq"]: checkpoint for checkpoint in found}
