"""A journal and its snapshot exactly as they are stored, to compare them with a recomputed account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from moniqo_core.domain.ledger.account import Account, OpenOrderTotals
from moniqo_core.domain.ledger.commands import Command
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.ledger.rules import ALL_RULES, Rules
from moniqo_core.domain.portfolio.trade_totals import TradeTotals
from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.paper.account_codec import BEFORE_SUSPENSION, PAUSE_LEVEL, read_account, state_document
from moniqo_core.storage.paper.account_values import entry_id, open_order_totals_values
from moniqo_core.storage.paper.decision_input_decoder import read_command, read_context
from moniqo_core.storage.paper.entry_codec import apply_entry, entry_document
from moniqo_core.storage.paper.replay.comparison import is_later_field, with_named_changes, with_named_orders
from moniqo_core.storage.paper.replay.first_mismatch import ABSENT, Mismatch, first_mismatch
from moniqo_core.storage.paper.snapshots import CHECKPOINTS, ENTRIES, ENTRIES_PER_CHECKPOINT, STATES
from moniqo_core.storage.paper.totals.entry_totals import totals_after_entry
from moniqo_core.storage.paper.totals.journal_totals import TOTALS
from moniqo_core.storage.trade_totals import StoredTotals, totals_document

ORIGIN: Final = "command.forked_from"
PRICE_SOURCE: Final = "basis.source"
SNAPSHOT_SEQ: Final = "snapshot.seq"
TOTALS_SEQ: Final = "totals.seq"
"""Fields of a journal or snapshot, as :class:`~moniqo_core.storage.paper.replay.first_mismatch.Mismatch` names them."""

_BATCH: Final = 200
"""Entries of a journal in memory at once. Without it the server sends batches of 16 MB."""
_NO_OPEN_ORDERS: Final = open_order_totals_values(OpenOrderTotals())


class StoredEntry:
    """One journal entry. Its properties raise the errors of :mod:`moniqo_core.storage.paper.decision_input_decoder`."""

    def __init__(self, document: Document) -> None:
        """Wrap ``document``, which may be damaged."""
        self.document = document
        self.later_fields: set[str] = set()
        """The names of fields of a later release, which :meth:`mismatch` found and ignored."""

    @property
    def seq(self) -> object:
        """The stored sequence number, which may be damaged or missing."""
        return self.document.get("seq")

    @property
    def rules_version(self) -> object:
        """The stored version of the rules of the decision, which may be damaged or missing."""
        return self.document.get("rules_version")

    @property
    def rules(self) -> Rules | None:
        """The rules of the decision, or None if this program does not know their version."""
        version = self.rules_version
        return ALL_RULES.get(version) if type(version) is int else None

    @property
    def kind(self) -> object:
        """The stored name of the command."""
        return self.document["kind"]

    @property
    def at(self) -> datetime:
        """The time of the commit."""
        at: datetime = self.document["at"]
        return at

    @property
    def walked_to(self) -> datetime | None:
        """The time up to which open orders were evaluated before the command, or None."""
        walked_to: datetime | None = self.document["walked_to"]
        return walked_to

    @property
    def command(self) -> Command:
        """The command."""
        return read_command(self.document)

    @property
    def context(self) -> MarketContext | None:
        """The market context of the decision, or None if it needed no market."""
        return read_context(self.document)

    @property
    def account(self) -> Account:
        """The whole account, which only the first entry and resets hold."""
        return read_account(self.document["account"])

    def mismatch(self, commit: Commit) -> Mismatch | None:
        """Return the first difference from the entry of ``commit``, or None. Fields of a later release are ignored."""
        expected = entry_document(commit, self.document["commit_id"])
        return first_mismatch(
            with_named_changes(self.document), with_named_changes(expected), is_ignored=self._is_later
        )

    def _is_later(self, name: str) -> bool:
        if not is_later_field(name):
            return False
        self.later_fields.add(name)
        return True


class StoredAccount:
    """The account that stored entries add up to when they are applied one after another."""

    def __init__(self) -> None:
        """Start before the first entry."""
        self._state: Document = {}

    def apply(self, entry: StoredEntry) -> None:
        """Bring the account forward by one entry."""
        apply_entry(self._state, entry.document)

    def read(self) -> Account:
        """Return the account after the last applied entry."""
        return read_account(self._state)


class StoredSnapshot:
    """The stored snapshot of a demo account, or a checkpoint of it."""

    def __init__(self, document: Document, name: str = "snapshot") -> None:
        """Wrap ``document``, which may be damaged. ``name`` begins the names of its fields."""
        self._document = document
        self._name = name

    @property
    def seq(self) -> int:
        """The sequence number of its last entry, or 0 if that is missing."""
        seq: int = self._document.get("seq", 0)
        return seq

    def mismatch(self, account: Account) -> Mismatch | None:
        """Return the first difference from the snapshot of ``account``, or None if they are equal."""
        stored = dict(self._document)
        stored.pop("turn", None)  # the writer's turn is not part of the account
        for name in (PAUSE_LEVEL, BEFORE_SUSPENSION):
            if stored.get(name, ABSENT) is None:  # a commit that ends a pause or a suspension leaves an empty field
                del stored[name]
        # A commit that ends the last order of a symbol stores totals of zero.
        totals = stored.get("interest", {}).items()
        stored["interest"] = {name: value for name, value in totals if value != _NO_OPEN_ORDERS}
        expected = state_document(account)
        return first_mismatch(
            with_named_orders(stored), with_named_orders(expected), self._name, is_ignored=is_later_field
        )


class StoredTotalsDocument:
    """The stored totals of a wallet's fills, compared with those of its entries."""

    def __init__(self, document: Document) -> None:
        """Wrap ``document``, which may be damaged."""
        self._document = document
        self._totals: TradeTotals | None = None

    @property
    def seq(self) -> object:
        """The sequence number of the entry that they are from, which may be damaged or missing."""
        return self._document.get("seq")

    def follow(self, entry: StoredEntry) -> Mismatch | None:
        """Add the fills of the next entry. Return the first difference if the totals are as of this entry."""
        self._totals = totals_after_entry(self._totals, entry.document)
        if self.seq != self._totals.seq:
            return None
        expected = StoredTotals(self._totals, entry.document["commit_id"])
        return first_mismatch(
            self._document,
            totals_document(entry.document["user_wallet_id"], expected),
            "totals",
            is_ignored=is_later_field,
        )


class StoredJournals:
    """Reads the stored journals and snapshots of one database."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._states = database[STATES]
        self._entries = database[ENTRIES]
        self._checkpoints = database[CHECKPOINTS]
        self._totals = database[TOTALS]

    async def snapshot(self, user_wallet_id: str) -> StoredSnapshot | None:
        """Return the snapshot of a wallet, or None if there is none."""
        document = await self._states.find_one({"_id": user_wallet_id})
        return None if document is None else StoredSnapshot(document)

    async def checkpoint(self, user_wallet_id: str, seq: int) -> StoredSnapshot | None:
        """Return the checkpoint after entry ``seq``, or None if there is none. No round trip if none is due there."""
        if seq % ENTRIES_PER_CHECKPOINT:
            return None
        document = await self._checkpoints.find_one({"_id": entry_id(user_wallet_id, seq)})
        return None if document is None else StoredSnapshot(document.get("account", {}), "checkpoint")

    async def totals(self, user_wallet_id: str) -> StoredTotalsDocument | None:
        """Return the totals of a wallet's fills, or None if there are none."""
        document = await self._totals.find_one({"_id": user_wallet_id})
        return None if document is None else StoredTotalsDocument(document)

    async def entries(self, user_wallet_id: str) -> AsyncIterator[StoredEntry]:
        """Yield every entry of a wallet, oldest first."""
        found = self._entries.find({"user_wallet_id": user_wallet_id}, batch_size=_BATCH)
        async for document in found.sort("seq", 1):
            yield StoredEntry(document)

    async def newest_seq(self, user_wallet_id: str) -> int:
        """Return the sequence number of the last entry of a wallet, or 0 if there is none."""
        newest = await self._entries.find_one({"user_wallet_id": user_wallet_id}, {"seq": 1}, sort=[("seq", -1)])
        return newest["seq"] if newest else 0

    async def is_empty(self) -> bool:
        """Tell whether the database has no journal at all."""
        return await self._entries.find_one({}, {"_id": 1}) is None

    async def wallet_count(self) -> int:
        """Return the approximate number of wallets that have a snapshot."""
        return await self._states.estimated_document_count()

    async def wallet_ids(self, page: int) -> AsyncIterator[str]:
        """Yield the ids of wallets with a snapshot, ``page`` at a time, then of those with only a journal."""
        last = ""
        # Read in pages, because a cursor expires before the work on all wallets ends.
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
