"""The writes of a commit: the entry, the snapshot, the user wallet, sometimes a checkpoint, and equity points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pymongo import InsertOne, ReplaceOne, UpdateOne

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import ResetAccount
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.storage.document import USER_WALLETS, Document
from moniqo_core.storage.equity_points import point_inserts
from moniqo_core.storage.paper.account_codec import state_document
from moniqo_core.storage.paper.entry_codec import begins_epoch, entry_document, snapshot_update
from moniqo_core.storage.paper.snapshots import ENTRIES, STATES, LoadedAccount, checkpoint_writes
from moniqo_core.storage.wallets.user_wallet_codec import stored_fields

_ONLY_FORWARD: Final = ("mirror_seq", "last_used_at")
"""Stored fields of a user wallet that the write of an earlier commit never sets back."""


def commit_writes(
    database: str,
    commit: Commit,
    commit_id: str,
    loaded: LoadedAccount,
    projection: Mapping[str, object],
    groups: Mapping[str, Mapping[str, object]],
) -> list[Any]:
    """Return the writes of a commit on the account ``loaded``, in order. The first one inserts the entry.

    :meth:`moniqo_core.storage.paper.journal_commit.DemoJournal.commit` documents ``projection`` and ``groups``.
    """
    after, user_wallets = commit.after, f"{database}.{USER_WALLETS}"
    entry = entry_document(commit, commit_id)
    models: list[Any] = [
        InsertOne(entry, namespace=f"{database}.{ENTRIES}"),
        _snapshot(commit, entry, loaded, f"{database}.{STATES}"),
    ]
    if projection or groups:
        models.append(_projected(after, {}, {**projection, "journal_seq": after.seq}, user_wallets))
    for name, fields in groups.items():
        not_later = {name: {"$not": {"$gte": after.seq}}}
        models.append(_projected(after, not_later, {**fields, name: after.seq}, user_wallets))
    models += checkpoint_writes(database, after, loaded.later_fields)
    # Points come last. Two evaluations may insert the same point, and an ordered write stops at a duplicate.
    # The points of a reset belong to the epoch that it ended.
    epoch = after.epoch - isinstance(commit.command, ResetAccount)
    return models + point_inserts(database, after.user_wallet_id, epoch, commit.samples)


def _snapshot(commit: Commit, entry: Document, loaded: LoadedAccount, namespace: str) -> Any:
    """Return the write of the snapshot. One that misses entries is written whole."""
    after = commit.after
    if loaded.behind or begins_epoch(commit):
        behind = {"_id": after.user_wallet_id, "seq": {"$lt": after.seq}}
        return ReplaceOne(behind, {**loaded.later_fields, **state_document(after)}, namespace=namespace)
    update = snapshot_update(entry)
    if loaded.turn is not None:  # it is used, or no longer needed
        update["$unset"] = {**update.get("$unset", {}), "turn": ""}
    return UpdateOne({"_id": after.user_wallet_id, "seq": after.seq - 1}, update, namespace=namespace)


def _projected(after: Account, condition: Document, fields: Mapping[str, object], namespace: str) -> UpdateOne:
    values = stored_fields(fields)
    newest = {name: values.pop(name) for name in _ONLY_FORWARD if name in values}
    update = {"$set": values, "$max": newest}
    changes = {operator: given for operator, given in update.items() if given}
    return UpdateOne({"_id": after.user_wallet_id, **condition}, changes, namespace=namespace)
