"""Keeps the totals and the figures of equity of paper wallets near the ends of their journals."""

from __future__ import annotations

import logging
from typing import Final

from moniqo_core.domain.ledger.account import Account
from moniqo_core.storage.client import UNREADABLE_DOCUMENT, DatabaseError
from moniqo_core.storage.document import Database
from moniqo_core.storage.paper.totals.equity_figures import EquityFiguresStore
from moniqo_core.storage.paper.totals.journal_totals import JournalTotals

log: Final = logging.getLogger("moniqo")


async def follow_commit(database: Database, after: Account) -> None:
    """Bring both forward after a commit. A failure is logged, and a later commit makes up for it."""
    user_wallet_id, seq = after.user_wallet_id, after.seq
    totals = JournalTotals(database)
    try:
        if await totals.bring_forward(user_wallet_id, seq) == seq:
            start = (await totals.as_of(user_wallet_id, seq)).start
            await EquityFiguresStore(database).of_epoch(user_wallet_id, after.epoch, start, after.at)
    except (DatabaseError, *UNREADABLE_DOCUMENT):
        log.exception("totals are not stored", extra={"fields": {"user_wallet_id": user_wallet_id, "seq": seq}})
