"""Checking that everything the database stores of a paper wallet is consistent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.invariants import account_violations
from moniqo_core.domain.money import exact
from moniqo_core.storage.paper.journal_commit import DemoJournal
from moniqo_core.storage.paper.snapshots import ENTRIES, STATES
from moniqo_core.storage.simulation_seed import simulation_seed
from moniqo_core.wallets.demo.replay import WalletReplay
from tests.support.traders import OWNER

Database = AsyncDatabase[dict[str, Any]]


async def entries_of(db: Database, user_wallet_id: str) -> list[dict[str, Any]]:
    return [entry async for entry in db[ENTRIES].find({"user_wallet_id": user_wallet_id}).sort("seq", 1)]


async def audited(db: Database, user_wallet_id: str) -> Account:
    """Audit a wallet: check its journal against its snapshot and its user wallet. Returns the account."""
    entries = await entries_of(db, user_wallet_id)
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1)), "the journal has a gap"
    loaded = await DemoJournal(db).load(user_wallet_id, OWNER)
    assert loaded is not None
    account = loaded.account
    assert account.seq == len(entries)
    assert account_violations(account) == []
    assert _fold(entries) == {
        (book, asset): amount
        for asset, held in account.balances.items()
        for book, amount in (("free", held.free), ("locked", held.locked))
        if amount
    }
    # The snapshot is redundant. Replaying the journal from its first entry gives the same account.
    lost = await db[STATES].find_one({"_id": user_wallet_id})
    assert lost is not None
    first = {**lost, "seq": 0, "next_entry": entries[0]["_id"], "balances": {}, "positions": {}, "orders": {}}
    first |= {"taken": {}, "evaluated_until": {}}
    await db[STATES].replace_one({"_id": user_wallet_id}, first)
    rebuilt = await DemoJournal(db).load(user_wallet_id, OWNER)
    await db[STATES].replace_one({"_id": user_wallet_id}, lost)
    assert rebuilt is not None
    assert rebuilt.behind
    assert rebuilt.account == account
    replay = await WalletReplay(db, await simulation_seed(db)).run(user_wallet_id)
    assert replay is not None
    assert replay.difference is None
    return account


def _fold(entries: Sequence[dict[str, Any]]) -> dict[tuple[str, str], Decimal]:
    """Compute the user's balances from postings alone. The postings of every entry must sum to zero."""
    books: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with exact():
        for entry in entries:
            sums: defaultdict[str, Decimal] = defaultdict(Decimal)
            for book, asset, amount in entry["postings"]:
                sums[asset] += Decimal(amount)
                books[book, asset] += Decimal(amount)
            assert not any(sums.values()), entry["_id"]
    return {key: amount for key, amount in books.items() if key[0] in {"free", "locked"} and amount}
