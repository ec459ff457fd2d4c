"""Computes the totals of paper wallets with long journals.

Wallets may trade meanwhile, also by the release before, which stores no totals. Whatever is missing after this has run
is added by later commits and by the first read of a wallet's performance.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from moniqo_core.storage.client import UNREADABLE_DOCUMENT
from moniqo_core.storage.document import Database
from moniqo_core.storage.paper.long_journals import long_journals
from moniqo_core.storage.paper.totals.journal_totals import JournalTotals

log: Final = logging.getLogger("moniqo")

ENTRIES_AT_ONCE: Final = 5_000
"""The entries after which totals are stored, and from which an interrupted migration goes on."""


async def complete_totals(database: Database, progress: Callable[[str], None]) -> str:
    """Store the totals of every long journal as of its last entry, some thousand entries at a time.

    A repetition goes on from what is stored. A journal that cannot be read is logged and left as it is.
    """
    totals = JournalTotals(database)
    journals = unreadable = 0
    async for journal in long_journals(database):
        journals += 1
        try:
            reached = 0
            while reached < journal.seq:
                reached = await totals.bring_forward(journal.user_wallet_id, journal.seq, ENTRIES_AT_ONCE)
                progress(f"journal {journals}: totals of {reached} of {journal.seq} entries are stored")
        except UNREADABLE_DOCUMENT:
            unreadable += 1
            log.exception("journal cannot be read", extra={"fields": {"user_wallet_id": journal.user_wallet_id}})
    return f"Long journals with totals: {journals - unreadable}. Journals that cannot be read: {unreadable}."
