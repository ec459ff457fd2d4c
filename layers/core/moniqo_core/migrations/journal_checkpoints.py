"""Writes the checkpoints that are missing in the journals of paper wallets.

Wallets may trade meanwhile, also by the release before, which writes no checkpoints. Whatever it leaves out after this
has run is written by the first reader that needs it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from moniqo_core.storage.client import UNREADABLE_DOCUMENT
from moniqo_core.storage.document import Database
from moniqo_core.storage.paper.checkpoints import Checkpoints
from moniqo_core.storage.paper.long_journals import long_journal_count, long_journals
from moniqo_core.storage.paper.snapshots import ENTRIES_PER_CHECKPOINT

log: Final = logging.getLogger("moniqo")


async def complete_checkpoints(database: Database, progress: Callable[[str], None]) -> str:
    """Write every missing checkpoint, wallet by wallet. Each is stored as soon as it is made.

    A journal that cannot be read is logged and left as it is. Its wallet works as before.
    """
    checkpoints = Checkpoints(database)
    total = await long_journal_count(database)
    if not total:
        return f"No journal has {ENTRIES_PER_CHECKPOINT} entries."
    journals = written = unreadable = 0
    async for wallet, entries in long_journals(database):
        journals += 1
        missing = await checkpoints.missing(wallet, entries)
        for done, seq in enumerate(missing):
            progress(f"journal {journals} of {total}: {done} of {len(missing)} missing checkpoints are written")
            if not await _is_written(checkpoints, wallet, seq):
                unreadable += 1
                break
            written += 1
    return f"Long journals: {journals}. Checkpoints written: {written}. Journals that cannot be read: {unreadable}."


async def _is_written(checkpoints: Checkpoints, wallet: str, seq: int) -> bool:
    fields = {"user_wallet_id": wallet, "seq": seq}
    try:
        if await checkpoints.complete(wallet, seq):
            return True
        log.error("journal has a gap", extra={"fields": fields})
    except UNREADABLE_DOCUMENT:
        log.exception("journal cannot be read", extra={"fields": fields})
    return False
