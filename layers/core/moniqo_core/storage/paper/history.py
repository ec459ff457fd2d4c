"""Reads from the journal of a demo wallet: entries, accepted requests, and the account as it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import Command
from moniqo_core.domain.ledger.journal import EntryPostings, JournalEntry
from moniqo_core.domain.orders.order import numbered_order_id
from moniqo_core.gather_bounded import gather_bounded
from moniqo_core.storage.document import WHOLE_RESULT, Database, Document, begins_with
from moniqo_core.storage.paper.account_codec import read_account
from moniqo_core.storage.paper.account_values import entry_id
from moniqo_core.storage.paper.checkpoints import Checkpoints
from moniqo_core.storage.paper.decision_input_decoder import read_command
from moniqo_core.storage.paper.entry_codec import reset_id
from moniqo_core.storage.paper.journal_reader import (
    ENTRY_FIELDS,
    POSTINGS_FIELDS,
    read_journal_entry,
    read_postings,
)
from moniqo_core.storage.paper.orders.records import ORDER_FIELDS
from moniqo_core.storage.paper.snapshots import ENTRIES

QUERIES_AT_ONCE: Final = 8
"""Queries that run at once: the connections of the driver."""
_IDS_AT_ONCE: Final = 400
"""Ids of one query. The embedded server compares each document with all of them."""


class AcceptedRequest(NamedTuple):
    """An accepted request: the id of its first order, and the hash of its body."""

    order_id: str
    body_hash: str | None


class DemoHistory:
    """Reads the journals of one database. Decisions use the account that ``DemoJournal`` loads, not this history."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._entries = database[ENTRIES]
        self._checkpoints = Checkpoints(database)

    async def entries(self, user_wallet_id: str, after: int, limit: int) -> list[JournalEntry]:
        """Return up to ``limit`` journal entries with a sequence number above ``after``, oldest first."""
        return [read_journal_entry(entry) for entry in await self._next(user_wallet_id, after, limit, ENTRY_FIELDS)]

    async def postings(self, user_wallet_id: str, after: int, limit: int) -> list[EntryPostings]:
        """Return only the postings of the entries that :meth:`entries` would return."""
        return [read_postings(entry) for entry in await self._next(user_wallet_id, after, limit, POSTINGS_FIELDS)]

    async def _next(self, user_wallet_id: str, after: int, limit: int, fields: Sequence[str]) -> list[Document]:
        # Numbers have no gaps. Without the upper bound, the embedded server reads all later entries.
        query = {"user_wallet_id": user_wallet_id, "seq": {"$gt": after, "$lte": after + limit}}
        return await self._entries.find(query, list(fields), batch_size=WHOLE_RESULT).sort("seq", 1).to_list()

    async def accepted_as(self, user_wallet_id: str, client_order_id: str) -> AcceptedRequest | None:
        """Return the accepted request with a client order id, or None."""
        entry = await self.accepting(user_wallet_id, client_order_id, ("seq", "body_hash"))
        return None if entry is None else AcceptedRequest(numbered_order_id(entry["seq"]), entry.get("body_hash"))

    async def accepting(self, user_wallet_id: str, client_order_id: str, fields: Sequence[str]) -> Document | None:
        """Return the entry that accepted the request with a client order id, or None."""
        query = {"user_wallet_id": user_wallet_id, "client_order_id": client_order_id}
        return await self._entries.find_one(query, list(fields))

    async def accepted_under(self, user_wallet_id: str, prefix: str) -> Mapping[str, str | None]:
        """Return the hashes of accepted requests whose client order id begins with ``prefix``, by that id."""
        query = {"user_wallet_id": user_wallet_id, "client_order_id": begins_with(prefix)}
        found = self._entries.find(query, {"client_order_id": 1, "body_hash": 1})
        return {entry["client_order_id"]: entry.get("body_hash") async for entry in found}

    async def reset_under(self, user_wallet_id: str, key: str) -> Command | None:
        """Return the reset that an earlier request with this idempotency key made, or None."""
        query = {"user_wallet_id": user_wallet_id, "client_order_id": reset_id(key)}
        entry = await self._entries.find_one(query, {"kind": 1, "command": 1})
        return None if entry is None else read_command(entry)

    async def entries_of(self, user_wallet_id: str, order_ids: Iterable[str]) -> list[Document]:
        """Return the orders and fills of every entry that touched one of these orders, oldest first."""
        query = {"user_wallet_id": user_wallet_id, "order_ids": {"$in": list(order_ids)}}
        return await self._entries.find(query, list(ORDER_FIELDS), batch_size=WHOLE_RESULT).sort("seq", 1).to_list()

    async def between(
        self, user_wallet_id: str, seqs: range, equal: Mapping[str, str], limit: int, fields: Sequence[str]
    ) -> list[Document]:
        """Return up to ``limit`` entries whose numbers are in ``seqs``, newest first.

        ``equal`` is empty, or one of the fields of an index on wallet, field and number, with the wanted value. Such an
        index serves the query as it is. With another condition, the embedded server would read the whole journal.
        """
        query = {"user_wallet_id": user_wallet_id, **equal, "seq": {"$gte": seqs.start, "$lt": seqs.stop}}
        found = self._entries.find(query, list(fields), batch_size=WHOLE_RESULT).sort("seq", -1).limit(limit)
        return await found.to_list()

    async def at_seqs(self, seqs: Mapping[str, Iterable[int]], fields: Sequence[str]) -> list[Document]:
        """Return these fields of the entries with these numbers, by wallet. A query reads entries of many wallets.

        Entries that do not exist are left out. Every document has the wallet and the number of its entry.
        """
        ids = [entry_id(user_wallet_id, seq) for user_wallet_id, own in seqs.items() for seq in own]

        async def read(begin: int) -> list[Document]:
            query = {"_id": {"$in": ids[begin : begin + _IDS_AT_ONCE]}}
            found = self._entries.find(query, ["user_wallet_id", "seq", *fields], batch_size=WHOLE_RESULT)
            return await found.to_list()

        parts = await gather_bounded(read, range(0, len(ids), _IDS_AT_ONCE), QUERIES_AT_ONCE)
        return [entry for part in parts for entry in part]

    async def account_at(self, user_wallet_id: str, seq: int) -> Account | None:
        """Return the account as it was after entry ``seq``, or None if there is no such entry.

        It reads at most 499 entries where no checkpoint is missing.
        """
        state = await self._checkpoints.snapshot_at(user_wallet_id, seq)
        return None if state is None else read_account(state)
