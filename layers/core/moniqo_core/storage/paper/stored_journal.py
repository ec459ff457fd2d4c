"""A journal and its snapshot exactly as they are stored, to compare them with what they must be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from moniqo_core.domain.ledger.account import Account, OpenOrderTotals
from moniqo_core.domain.ledger.commands import Command
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.paper.account_codec import read_account, state_document
from moniqo_core.storage.paper.account_values import open_order_totals_values
from moniqo_core.storage.paper.decision_reader import read_command, read_context
from moniqo_core.storage.paper.entry_codec import apply_entry, entry_document
from moniqo_core.storage.paper.first_mismatch import Mismatch, first_mismatch
from moniqo_core.storage.paper.snapshots import ENTRIES, STATES

ORIGIN: Final = "command.forked_from"
PRICE_SOURCE: Final = "basis.source"
SNAPSHOT_SEQ: Final = "snapshot.seq"
"""Places of a journal and its snapshot, as :class:`~moniqo_core.storage.paper.first_mismatch.Mismatch` names them."""

_NO_OPEN_ORDERS: Final = open_order_totals_values(OpenOrderTotals())


class StoredEntry:
    """One journal entry. Reading a part raises what :mod:`moniqo_core.storage.paper.decision_reader` raises."""

    def __init__(self, document: Document) -> None:
        """Hold ``document``, which may be damaged."""
        self.document = document

    @property
    def seq(self) -> object:
        """Its sequence number, whatever stands there."""
        return self.document.get("seq")

    @property
    def rules_version(self) -> object:
        """The version of the rules it was decided by, whatever stands there."""
        return self.document.get("rules_version")

    @property
    def kind(self) -> object:
        """The name of its command."""
        return self.document["kind"]

    @property
    def at(self) -> datetime:
        """When it was committed."""
        at: datetime = self.document["at"]
        return at

    @property
    def walked_to(self) -> datetime | None:
        """Up to when resting orders met the path first."""
        walked_to: datetime | None = self.document["walked_to"]
        return walked_to

    @property
    def command(self) -> Command:
        """What was asked for."""
        return read_command(self.document)

    @property
    def context(self) -> MarketContext | None:
        """What it was decided on."""
        return read_context(self.document)

    @property
    def account(self) -> Account:
        """The account that an opening carries."""
        return read_account(self.document["account"])

    def mismatch(self, commit: Commit) -> Mismatch | None:
        """Return the first place where it is not what ``commit`` writes."""
        expected = entry_document(commit, self.document["commit_id"])
        return first_mismatch(_with_named_changes(self.document), _with_named_changes(expected))


class StoredAccount:
    """The account that entries add up to as they are stored, one after the other."""

    def __init__(self) -> None:
        """Begin before the first entry."""
        self._state: Document = {}

    def apply(self, entry: StoredEntry) -> None:
        """Bring the account forward by one entry."""
        apply_entry(self._state, entry.document)

    def read(self) -> Account:
        """Return the account."""
        return read_account(self._state)


class StoredSnapshot:
    """The snapshot of a demo account."""

    def __init__(self, document: Document) -> None:
        """Hold ``document``, which may be damaged."""
        self._document = document

    @property
    def seq(self) -> int:
        """The entry it stands at; 0 when it does not say."""
        seq: int = self._document.get("seq", 0)
        return seq

    def mismatch(self, account: Account) -> Mismatch | None:
        """Return the first place where it is not what ``account`` writes."""
        stored = dict(self._document)
        stored.pop("turn", None)  # whose turn it is to write is no part of the account
        # Totals of a symbol whose last order ended stand there as none.
        totals = stored.get("interest", {}).items()
        stored["interest"] = {name: value for name, value in totals if value != _NO_OPEN_ORDERS}
        return first_mismatch(stored, state_document(account), "snapshot")


class StoredJournals:
    """Reads the journals of one database as they are stored."""

    def __init__(self, database: Database) -> None:
        """Use ``database``; nothing is read yet."""
        self._states = database[STATES]
        self._entries = database[ENTRIES]

    async def snapshot(self, user_wallet_id: str) -> StoredSnapshot | None:
        """Return the snapshot of a wallet, None where there is none."""
        document = await self._states.find_one({"_id": user_wallet_id})
        return None if document is None else StoredSnapshot(document)

    async def entries(self, user_wallet_id: str) -> AsyncIterator[StoredEntry]:
        """Yield every entry of a wallet, oldest first."""
        async for document in self._entries.find({"user_wallet_id": user_wallet_id}).sort("seq", 1):
            yield StoredEntry(document)

    async def newest_seq(self, user_wallet_id: str) -> int:
        """Return the number of the last entry of a wallet, 0 where there is none."""
        newest = await self._entries.find_one({"user_wallet_id": user_wallet_id}, {"seq": 1}, sort=[("seq", -1)])
        return newest["seq"] if newest else 0

    async def is_empty(self) -> bool:
        """Tell whether the database has no journal at all."""
        return await self._entries.find_one({}, {"_id": 1}) is None

    async def wallet_count(self) -> int:
        """Return about how many wallets have a snapshot."""
        return await self._states.estimated_document_count()

    async def wallet_ids(self, page: int) -> AsyncIterator[str]:
        """Yield the wallets that have a snapshot, then those with nothing but a journal."""
        last = ""
        # Page by page: a cursor would not live as long as work on all wallets takes.
        while states := await self._states.find({"_id": {"$gt": last}}, {"_id": 1}).sort("_id", 1).to_list(page):
            for state in states:
                yield state["_id"]
            last = states[-1]["_id"]
        without_snapshot: list[Document] = [
            {"$group": {"_id": "$user_wallet_id"}},
            {"$lookup": {"from": STATES, "localField": "_id", "foreignField": "_id", "as": "snapshot"}},
            {"$match": {"snapshot": []}},
            {"$project": {"_id": 1}},
        ]
        found = await self._entries.aggregate(without_snapshot, allowDiskUse=True)
        for journal in await found.to_list():
            yield journal["_id"]


def _with_named_changes(entry: Document) -> Document:
    """Return an entry with its changes by name: they are written in any order."""
    return {**entry, "changes": dict(entry["changes"])} if "changes" in entry else entry
