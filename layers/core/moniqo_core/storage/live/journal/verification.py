"""Recompute what the journal of a live wallet says elsewhere, and compare it with what is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from moniqo_core.domain.orders.order import numbered_order_id
from moniqo_core.domain.wallets.user_wallet import STOPPED_STATUSES
from moniqo_core.storage.document import USER_WALLETS, Database, Document
from moniqo_core.storage.live.fills import FILLS
from moniqo_core.storage.live.journal.account import (
    LiveAccount,
    after_entry,
    checkpoint_document,
    closed_position_document,
)
from moniqo_core.storage.live.journal.checkpoints import LiveCheckpoints
from moniqo_core.storage.live.journal.entry_codec import ENTRIES_PER_CHECKPOINT, EntryKind
from moniqo_core.storage.live.journal.entry_ids import LIVE_ENTRIES
from moniqo_core.storage.live.journal.projection import REACHED
from moniqo_core.storage.live.live_order_codec import ORDERS, QUERY_FIELDS

TRIES: Final = 5
"""How often a wallet is compared that trades meanwhile."""
_BATCH: Final = 500
_FIELDS: Final = (
    *("status", "status_reason", "status_before_suspension", "pause_level", "deleted_at", "risk_limits"),
    *("key_permissions", "key_permissions_of", "transfers_since", "transfers_found"),
)
"""The fields of a user wallet that its journal tells."""
_MISSING: Final = "missing"


class LiveDifference(NamedTuple):
    """A field that is not as the journal says, as of its last entry ``seq``."""

    seq: int
    field: str
    stored: object
    recomputed: object


@dataclass(slots=True)
class LiveVerification:
    """What the journal of a wallet says, and the first difference to what is stored. None means that they agree."""

    user_wallet_id: str
    entries: int = 0
    begins: int = 0
    """The number of the last order that the wallet had before its journal."""
    orders: dict[str, Document] = field(default_factory=dict)
    fills: dict[str, Document] = field(default_factory=dict)
    account: LiveAccount | None = None
    difference: LiveDifference | None = None

    def add(self, entry: Document) -> None:
        """Apply the next entry."""
        self.entries += 1
        self.account = after_entry(self.account, entry)
        match EntryKind(entry["kind"]):
            case EntryKind.OPENED:
                self.begins = entry["seq"] - 1
                self.orders |= {order["_id"]: order for order in entry["orders"]}
            case EntryKind.INTENT:
                self.orders[entry["order"]["_id"]] = entry["order"]
            case EntryKind.ORDER:
                self.orders[entry["order"]["_id"]] = entry["order"]
                for fill in entry["fills"]:
                    self.fills.setdefault(fill["_id"], fill)
            case EntryKind.VOID:
                self.orders.pop(entry["order_id"], None)
            case EntryKind.STATUS | EntryKind.LIMITS | EntryKind.PERMISSIONS | EntryKind.TRANSFERS:
                pass  # what they change is in the account


class LiveJournals:
    """Verifies the journals of the live wallets of one database. It only reads, and wallets may trade meanwhile."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._database = database
        self._entries = database[LIVE_ENTRIES]
        self._checkpoints = LiveCheckpoints(database)

    async def is_empty(self) -> bool:
        """Tell whether no live wallet has a journal."""
        return await self._entries.find_one({}, {"_id": 1}) is None

    async def wallet_ids(self) -> AsyncIterator[str]:
        """Yield the ids of the wallets that have a journal, deleted ones among them."""
        last = ""
        # One journal after the other: a wallet may have many entries.
        while entry := await self._entries.find_one({"_id": {"$gt": last}}, {"user_wallet_id": 1}, sort=[("_id", 1)]):
            yield entry["user_wallet_id"]
            last = f"{entry['user_wallet_id']}:~"

    async def run(
        self, user_wallet_id: str, progress: Callable[[int], None] = lambda _: None
    ) -> LiveVerification | None:
        """Compare orders, fills and the user wallet with the journal. Return None for a wallet without a journal."""
        tries = 0
        while True:
            tries += 1
            # Another reader would project the entries that an interrupted commit left out.
            wallet = await self._database[USER_WALLETS].find_one({"_id": user_wallet_id}) or {}
            found, last = LiveVerification(user_wallet_id), 0
            async for entry in self._entries.find({"user_wallet_id": user_wallet_id}, batch_size=_BATCH).sort("seq", 1):
                if found.entries and entry["seq"] != last + 1:
                    found.difference = LiveDifference(last + 1, "entry", _MISSING, "an entry")
                    return found
                last = entry["seq"]
                found.add(entry)
                if last % ENTRIES_PER_CHECKPOINT == 0:
                    found.difference = await self._difference_of_checkpoint(found)
                    if found.difference is not None:
                        return found
                progress(found.entries)
            if not found.entries:
                return None
            found.difference = await self._first_difference(found, wallet, last)
            if found.difference is None or last == wallet.get(REACHED) or tries == TRIES:
                return found

    async def _difference_of_checkpoint(self, found: LiveVerification) -> LiveDifference | None:
        """Compare the checkpoint of the last entry, and the positions that were closed since the one before."""
        account = found.account
        stored = account and await self._checkpoints.stored(found.user_wallet_id, account.seq)
        if account is None or stored is None:
            return None
        different = _different("checkpoint", stored, checkpoint_document(found.user_wallet_id, account))
        closed = [closed_position_document(found.user_wallet_id, record) for record in account.totals.records.closed]
        positions = await self._checkpoints.stored_positions([wanted["_id"] for wanted in closed])
        for wanted in closed:
            different = different or _different(f"position {wanted['symbol']}", positions.get(wanted["_id"]), wanted)
        found.account = account.without_closed()
        return None if different is None else LiveDifference(account.seq, *different)

    async def _first_difference(self, found: LiveVerification, wallet: Document, seq: int) -> LiveDifference | None:
        mine = {"user_wallet_id": found.user_wallet_id}
        stored_orders = {each["_id"]: each async for each in self._database[ORDERS].find(mine, batch_size=_BATCH)}
        for key, order in sorted(found.orders.items()):
            wanted = {name: value for name, value in order.items() if name not in QUERY_FIELDS}
            name = f"orders.{numbered_order_id(order['seq'])}"
            different = _different(name, stored_orders.pop(key, None), wanted)
            if different is not None:
                return LiveDifference(seq, *different)
        for order in stored_orders.values():
            if order["seq"] > found.begins:
                return LiveDifference(seq, f"orders.{numbered_order_id(order['seq'])}", order["status"], _MISSING)
        fills = {each["_id"]: each async for each in self._database[FILLS].find(mine, batch_size=_BATCH)}
        for key, fill in found.fills.items():
            different = _different(f"order_fills.{fill['fill_id']}", fills.get(key), fill)
            if different is not None:
                return LiveDifference(seq, *different)
        different = _different(USER_WALLETS, _shown(wallet), _shown(found.account.wallet if found.account else {}))
        return None if different is None else LiveDifference(seq, *different)


def _shown(wallet: Mapping[str, Any]) -> Document:
    """Return the fields of a user wallet that its journal tells. A wallet in use may be without a connection."""
    shown = {name: wallet[name] for name in _FIELDS if name in wallet}
    if shown.get("status") not in STOPPED_STATUSES:
        shown.pop("status", None)
    return shown


def _different(name: str, stored: Document | None, wanted: Document) -> tuple[str, object, object] | None:
    """Return the name, the stored and the recomputed value of the first field that differs."""
    if stored is None:
        return name, _MISSING, wanted.get("status", "there")
    for field_name, value in wanted.items():
        if stored.get(field_name, _MISSING) != value:
            return f"{name}.{field_name}", stored.get(field_name, _MISSING), value
    return None
