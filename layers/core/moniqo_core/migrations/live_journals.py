"""Begins the journals of live wallets that have orders.

Wallets may trade meanwhile. The first order of a wallet begins a journal that is missing, so this only makes sure that
every wallet has one.
"""

from __future__ import annotations

from collections.abc import Callable

from moniqo_core.domain.clock import utc_now
from moniqo_core.storage.document import Database
from moniqo_core.storage.live.orders import LiveOrderStore


async def begin_journals(database: Database, progress: Callable[[str], None]) -> str:
    """Begin the missing journals above the numbers of their wallets' orders. A repetition goes on with those left."""
    store, begun = LiveOrderStore(database), 0
    async for user_wallet_id in store.without_journal():
        if await store.begin_journal(user_wallet_id, utc_now()) is not None:
            begun += 1
        progress(f"{begun} journals of live wallets have begun")
    return f"Journals of live wallets that began: {begun}."
