"""Documents of user wallets as of the last entry of their journals.

A server that stops in the middle of a commit leaves an entry of a live wallet that is not projected to its orders,
fills and user wallet. Every request first reads the wallet to check its owner. So this read also looks up the next
entry, and completes the projection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.live.journal.entry_ids import FIRST_ENTRY, LIVE_ENTRIES, NEXT_ENTRY


async def read_current(db: Database, read: Callable[[], Awaitable[list[Document]]]) -> list[Document]:
    """Return the user wallets that ``read`` finds, once their projections are complete.

    It takes another round trip if there are live wallets among them.
    """
    while True:
        found = await read()
        behind = await _behind(db, found)
        if not behind:
            return found
        # Reads of paper wallets do not load the parts of real money.
        from moniqo_core.storage.live.journal.catching_up import catch_up

        for wallet in behind:
            await catch_up(db, wallet)


async def _behind(db: Database, wallets: Sequence[Document]) -> list[Document]:
    live = {
        wallet.get(NEXT_ENTRY) or f"{wallet['_id']}{FIRST_ENTRY}": wallet for wallet in wallets if not wallet["is_demo"]
    }
    if not live:
        return []
    newer = db[LIVE_ENTRIES].find({"_id": {"$in": list(live)}}, {"_id": 1})
    return [live[entry["_id"]] async for entry in newer]
