"""What an entry of a live wallet's journal sets in the other collections.

Orders, fills and the user wallet only repeat what the entries say. The writes of an entry take effect once, however
often they are sent, and never replace what a later entry says.
"""

from __future__ import annotations

from typing import Any, Final

from pymongo import UpdateOne

from moniqo_core.domain.wallets.user_wallet import STOPPED_STATUSES
from moniqo_core.storage.document import USER_WALLETS, Document
from moniqo_core.storage.live.fills import fill_insert
from moniqo_core.storage.live.journal.entry_codec import EntryKind
from moniqo_core.storage.live.journal.entry_ids import NEXT_ENTRY
from moniqo_core.storage.live.live_order_codec import ORDERS, live_update, numbered_key
from moniqo_core.storage.wallets.user_wallet_codec import same_version

REACHED: Final = "journal_reached"
"""The field of a user wallet with the number of the last entry up to which everything is projected."""
REACHED_AT: Final = "journal_at"
"""The field with the time of that entry."""

GROUP: Final = {
    EntryKind.STATUS: "status_seq",
    EntryKind.LIMITS: "limits_seq",
    EntryKind.PERMISSIONS: "permissions_seq",
    EntryKind.TRANSFERS: "transfers_seq",
}
"""The field of a user wallet with the number of the entry that last set a group of fields, as in paper wallets."""


def projection_writes(database: str, entry: Document) -> list[UpdateOne]:
    """Return the writes that an entry makes, in their order."""
    match EntryKind(entry["kind"]):
        case EntryKind.INTENT:
            return [_order_insert(database, entry["order"])]
        case EntryKind.ORDER:
            # Fills come first, because an order must not count fills as stored before they are.
            fills = [fill_insert(database, fill) for fill in entry["fills"]]
            return [*fills, _order_update(database, entry["order"])]
        case EntryKind.STATUS | EntryKind.LIMITS | EntryKind.PERMISSIONS | EntryKind.TRANSFERS as kind:
            return [_wallet_update(database, entry, GROUP[kind])]
        case EntryKind.OPENED | EntryKind.VOID:
            return []


def is_first(entry: Document) -> bool:
    """Tell whether a journal begins with an entry."""
    return bool(entry["kind"] == EntryKind.OPENED or entry["seq"] == 1)


def reached_write(database: str, entry: Document) -> UpdateOne:
    """Return the write that follows the projection of an entry. It does nothing while an earlier one is missing."""
    before = None if is_first(entry) else entry["seq"] - 1
    wallet = {"_id": entry["user_wallet_id"], REACHED: before}
    return UpdateOne(wallet, {"$set": reached_fields(entry)}, namespace=f"{database}.{USER_WALLETS}")


def reached_fields(entry: Document) -> Document:
    """Return the fields of a user wallet that say that everything up to an entry is projected."""
    following = numbered_key(entry["user_wallet_id"], entry["seq"] + 1)
    return {REACHED: entry["seq"], REACHED_AT: entry["at"], NEXT_ENTRY: following}


def _order_insert(database: str, order: Document) -> UpdateOne:
    """Insert an order. It fails with a duplicate key if another writer's order has its number or client order id."""
    mine = {"_id": order["_id"], "token": order["token"]}
    new: Document = {name: value for name, value in order.items() if name not in mine}
    return UpdateOne(mine, {"$setOnInsert": new}, upsert=True, namespace=f"{database}.{ORDERS}")


def _order_update(database: str, order: Document) -> UpdateOne:
    """Set an order to the version of the entry, if it has the version before it."""
    before: Any = {"_id": order["_id"], "version": order["version"] - 1}
    return UpdateOne(before, live_update(order), namespace=f"{database}.{ORDERS}")


def _wallet_update(database: str, entry: Document, group: str) -> UpdateOne:
    """Set fields of the user wallet, if it still is as it was before the entry."""
    wallet = {"_id": entry["user_wallet_id"], **_same(entry.get("before", {})), group: {"$not": {"$gte": entry["seq"]}}}
    return UpdateOne(wallet, {"$set": {**entry["wallet"], group: entry["seq"]}}, namespace=f"{database}.{USER_WALLETS}")


def _same(before: Document) -> Document:
    if "credentials_version" in before:
        return same_version(before["credentials_version"])
    if "status" not in before:
        return before
    in_use = {"$nin": [status.value for status in STOPPED_STATUSES]}
    return {
        "status": before["status"] or in_use,
        "pause_level": {"$in": [before["pause_level"], None]},  # a pause of version 0.1.0 has no level in its document
        "buys_stopped": True if before["buys_stopped"] else {"$ne": True},
    }
