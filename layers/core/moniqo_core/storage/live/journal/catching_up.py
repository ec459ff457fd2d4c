"""Projects the entries that an interrupted commit left out."""

from __future__ import annotations

from typing import Final

from pymongo.errors import ClientBulkWriteException

from moniqo_core.storage.bulk_write import duplicate_of
from moniqo_core.storage.document import USER_WALLETS, Database, Document
from moniqo_core.storage.live.journal.entry_ids import LIVE_ENTRIES
from moniqo_core.storage.live.journal.projection import REACHED, projection_writes, reached_fields

ENTRIES_AT_ONCE: Final = 100


async def catch_up(database: Database, wallet: Document) -> None:
    """Project the entries of a user wallet that its document does not reach."""
    name, reached = wallet["_id"], wallet.get(REACHED, 0)
    newer = {"user_wallet_id": name, "seq": {"$gt": reached}}
    async for entry in database[LIVE_ENTRIES].find(newer, batch_size=ENTRIES_AT_ONCE).sort("seq", 1):
        writes = projection_writes(database.name, entry)
        try:
            if writes:
                await database.client.bulk_write(writes, ordered=True)
        except ClientBulkWriteException as error:
            if duplicate_of(error) is None:
                raise
            # The intent is void: an order of the release before has its number or its client order id.
        behind = {"_id": name, REACHED: {"$not": {"$gte": entry["seq"]}}}
        await database[USER_WALLETS].update_one(behind, {"$set": reached_fields(entry)})
