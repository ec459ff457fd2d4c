"""Totals of a wallet's fills, in ``demo_wallet_totals``, brought up to its last entry from the entries since.

Totals only repeat what the entries say, so they may be of an earlier entry or missing. Every 500th commit brings them
forward. So a reader adds the fills of at most 499 entries, or more after entries of a release without totals.
"""

from __future__ import annotations

from typing import Final

from pymongo.errors import DuplicateKeyError

from moniqo_core.domain.portfolio.trade_totals import TradeTotals
from moniqo_core.storage.document import Database
from moniqo_core.storage.paper.account_values import entry_id
from moniqo_core.storage.paper.snapshots import ENTRIES
from moniqo_core.storage.paper.totals.entry_totals import totals_after_entry
from moniqo_core.storage.trade_totals import StoredTotals, read_totals, totals_document

TOTALS: Final = "demo_wallet_totals"
MOST_AT_ONCE: Final = 1_000
"""The most entries that are added at once, so that a commit does not wait for a long journal without totals."""
WORTH_STORING: Final = 100
"""A reader stores what it computed if that many entries were missing."""
_BATCH: Final = 500
_FIELDS: Final = (
    *("seq", "kind", "commit_id", "account.at", "account.peak", "account.positions"),
    *("fills.fill_id", "fills.order_id", "fills.symbol", "fills.side", "fills.amount", "fills.quote", "fills.fee"),
    *("fills.fee_currency", "fills.liquidity", "fills.at", "fills.realised"),
    *("orders.order_id", "orders.symbol", "orders.status"),
)


class JournalTotals:
    """Reads and brings forward the totals of the wallets of one database."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._totals = database[TOTALS]
        self._entries = database[ENTRIES]

    async def as_of(self, user_wallet_id: str, seq: int) -> TradeTotals:
        """Return the totals as of entry ``seq``, which must be the last one that the caller knows. Two round trips.

        If many entries were missing, the totals are stored, which takes another.

        Raises:
            LookupError: the journal has no such entry, or does not begin with the opening of its account.

        """
        while True:
            before = await self._read(user_wallet_id)
            after = await self._from(user_wallet_id, before, seq)
            if after is not None:
                break
            # A request may not reach the end of a long journal. The next one goes on from what is stored.
            await self.bring_forward(user_wallet_id, seq, MOST_AT_ONCE)
        if seq - _seq_of(before) >= WORTH_STORING:
            await self._store(user_wallet_id, before, after)
        return after.totals

    async def bring_forward(self, user_wallet_id: str, seq: int, most: int = MOST_AT_ONCE) -> int:
        """Store the totals as of entry ``seq``, or as far as ``most`` entries lead. Return the entry they are of.

        Totals of another journal are replaced by those of the first ``most`` entries of this one. If another process
        has stored totals meanwhile, nothing is stored.

        Raises:
            LookupError: as for :meth:`as_of`.

        """
        before = await self._read(user_wallet_id)
        known = _seq_of(before)
        if known >= seq and await self._is_of_the_journal(user_wallet_id, before):
            return known
        after = await self._since(user_wallet_id, before, min(seq, known + most)) if known < seq else None
        after = after or await self._since(user_wallet_id, None, min(seq, most)) or _no_entry(user_wallet_id, seq)
        return after.totals.seq if await self._store(user_wallet_id, before, after) else known

    async def _read(self, user_wallet_id: str) -> StoredTotals | None:
        document = await self._totals.find_one({"_id": user_wallet_id})
        return None if document is None else read_totals(document)

    async def _from(self, user_wallet_id: str, before: StoredTotals | None, seq: int) -> StoredTotals | None:
        """Return the totals as of entry ``seq`` from those before.

        Return None if too many entries are missing, or if those before are of another journal.
        """
        if _seq_of(before) > seq and await self._is_of_the_journal(user_wallet_id, before):
            # Another process stored later totals after the caller had read its account.
            return await self._since(user_wallet_id, None, seq)
        if 0 <= seq - _seq_of(before) <= MOST_AT_ONCE:
            return await self._since(user_wallet_id, before, seq)
        return None

    async def _is_of_the_journal(self, user_wallet_id: str, stored: StoredTotals | None) -> bool:
        entry = await self._entries.find_one({"_id": entry_id(user_wallet_id, _seq_of(stored))}, ["commit_id"])
        return entry is not None and stored is not None and entry["commit_id"] == stored.commit_id

    async def _since(self, user_wallet_id: str, before: StoredTotals | None, seq: int) -> StoredTotals | None:
        """Apply the entries after ``before``.

        Return None if these totals are of another journal, or if there is no first entry to begin with.

        Raises:
            LookupError: the journal has entries, but not entry ``seq``.

        """
        totals = before.totals if before else None
        # With a further condition, for example on fills, the embedded server would read the whole journal.
        query = {"user_wallet_id": user_wallet_id, "seq": {"$gte": _seq_of(before), "$lte": seq}}
        is_of_the_journal, commit_id = before is None, None
        async for entry in self._entries.find(query, list(_FIELDS), batch_size=_BATCH).sort("seq", 1):
            commit_id = entry["commit_id"] if entry["seq"] == seq else None
            if before is not None and entry["seq"] == before.totals.seq:
                is_of_the_journal = entry["commit_id"] == before.commit_id
            else:
                totals = totals_after_entry(totals, entry)
            if not is_of_the_journal:
                return None
        if totals is None or not is_of_the_journal:
            return None
        return _no_entry(user_wallet_id, seq) if commit_id is None else StoredTotals(totals, commit_id)

    async def _store(self, user_wallet_id: str, before: StoredTotals | None, after: StoredTotals) -> bool:
        """Replace the totals, unless another process has replaced them meanwhile. Tell whether they are stored."""
        document = totals_document(user_wallet_id, after)
        if before is not None:
            same = {"_id": user_wallet_id, "seq": before.totals.seq, "commit_id": before.commit_id}
            return bool((await self._totals.replace_one(same, document)).matched_count)
        try:
            await self._totals.insert_one(document)
        except DuplicateKeyError:
            return False
        return True


def _seq_of(stored: StoredTotals | None) -> int:
    return stored.totals.seq if stored else 0


def _no_entry(user_wallet_id: str, seq: int) -> StoredTotals:
    message = f"The journal of {user_wallet_id} has no entry {seq}."
    raise LookupError(message)
