"""Converts commits to journal entries, and applies entries to snapshots."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Final

from moniqo_core.domain.ledger.commands import OpenAccount, ResetAccount
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.ledger.rules import ALL_RULES
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OPEN_STATUSES
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest
from moniqo_core.domain.wallets.lifecycle_commands import SetLimits, SetStatus
from moniqo_core.storage.document import Document, document_key
from moniqo_core.storage.orders.order_codec import fill_document, order_document, pack_order
from moniqo_core.storage.paper.account_codec import BEFORE_SUSPENSION, PAUSE_LEVEL, state_document
from moniqo_core.storage.paper.account_values import (
    day_values,
    entry_id,
    holding_values,
    observed_market_values,
    open_order_totals_values,
    position_values,
    taken_key,
    taken_values,
)
from moniqo_core.storage.paper.command_kinds import KIND_OF
from moniqo_core.storage.paper.decision_input_encoder import command_document, context_document
from moniqo_core.storage.risk_limits import limits_document


def _changes_of(commit: Commit) -> Document:
    """Return the paths of the snapshot that a commit sets, except its orders.

    An entry stores them, so that a snapshot can be rebuilt from the entries after it.
    """
    after = commit.after
    changes: Document = {
        "seq": after.seq,
        "at": after.at,
        "next_entry": entry_id(after.user_wallet_id, after.seq + 1),
        "status": after.status,
        "reason": after.reason,
        "paused_by_limit": after.paused_by_limit,
        "still_since": after.idle_since,
        "deleted": after.deleted,
        "peak": plain(after.peak),
        "day": day_values(after.day),
    }
    changed = commit.changed
    for asset, holding in changed.balances.items():
        changes[f"balances.{document_key(asset)}"] = holding_values(holding)
    for symbol, position in changed.positions.items():
        changes[f"positions.{document_key(symbol)}"] = position_values(position)
    for (name, side), book in changed.taken.items():
        changes[f"taken.{taken_key(name, side)}"] = taken_values(book)
    for symbol, until in changed.evaluated_until.items():
        changes[f"evaluated_until.{document_key(symbol)}"] = until
    for symbol, open_order_totals in changed.open_order_totals.items():
        changes[f"interest.{document_key(symbol)}"] = open_order_totals_values(open_order_totals)
    for symbol, mark in changed.marks.items():
        changes[f"marks.{document_key(symbol)}"] = plain(mark)
    for symbol, shown in changed.observed_markets.items():
        changes[f"shown.{document_key(symbol)}"] = observed_market_values(shown)
    if isinstance(commit.command, SetLimits):
        changes["limits"] = limits_document(commit.command.limits)
        changes["limits_version"] = after.limits_version
    if isinstance(commit.command, SetStatus):
        changes |= _status_changes(commit, commit.command)
    return changes


def _status_changes(commit: Commit, command: SetStatus) -> Document:
    """Return what a change of status sets beside the status. Entries of version 0.1.0 have none of it."""
    changes: Document = {}
    if ALL_RULES[commit.rules_version].pauses_have_levels:
        changes[PAUSE_LEVEL] = commit.after.pause_level
    if command.before is not None:
        changes[BEFORE_SUSPENSION] = commit.after.status_before_suspension
    return changes


def begins_epoch(commit: Commit) -> bool:
    """Tell whether an entry holds the whole account, as the first one and every reset do."""
    return isinstance(commit.command, OpenAccount | ResetAccount)


def entry_document(commit: Commit, commit_id: str) -> Document:
    """Return the journal entry of a commit. ``commit_id`` identifies the writer's attempt."""
    after, command = commit.after, commit.command
    document: Document = {
        "_id": entry_id(after.user_wallet_id, after.seq),
        "user_wallet_id": after.user_wallet_id,
        "seq": after.seq,
        "epoch": after.epoch,
        "at": after.at,
        "commit_id": commit_id,
        "rules_version": commit.rules_version,
        "kind": KIND_OF[type(command)],
        "command": command_document(command),
        "walked_to": commit.walked_to,
        "postings": [[str(book), asset, plain(amount)] for book, asset, amount in commit.postings],
    }
    if begins_epoch(commit):
        document["account"] = state_document(after)
    else:
        document["changes"] = [[path, value] for path, value in _changes_of(commit).items()]
    if commit.context is not None:
        document["basis"] = context_document(commit, commit.context)
    if commit.orders:
        document["orders"] = [order_document(order) for order in commit.orders]
        document["order_ids"] = [order.order_id for order in commit.orders]
    if commit.fills:
        document["fills"] = [fill_document(item) for item in commit.fills]
    if isinstance(command, OrderRequest | ClosePosition) and command.client_order_id is not None:
        document["client_order_id"] = command.client_order_id
        document["body_hash"] = command.body_hash()
    if isinstance(command, ResetAccount) and command.key is not None:
        document["client_order_id"] = reset_id(command.key)
    return document


def opening_commit_id(state: Document, projection: Document | None) -> str:
    """Return the commit id of an opening, which is the same if the request is repeated."""
    request = [state["terms"], projection.get("request_hash") if projection else None]
    return sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def snapshot_update(entry: Document) -> Document:
    """Return the update of the stored snapshot that corresponds to :func:`apply_entry`. It sets only changed paths."""
    changes: Document = dict(entry["changes"])
    gone: Document = {}
    for order in entry.get("orders", ()):
        if order["status"] in OPEN_STATUSES:
            changes[f"orders.{order['order_id']}"] = pack_order(order)
        else:
            gone[f"orders.{order['order_id']}"] = ""
    return {"$set": changes, "$unset": gone} if gone else {"$set": changes}


def checkpoint_document(state: Document) -> Document:
    """Return the checkpoint of an account. Applied like an entry, it gives the snapshot ``state``."""
    user_wallet_id, seq = state["user_wallet_id"], state["seq"]
    return {"_id": entry_id(user_wallet_id, seq), "user_wallet_id": user_wallet_id, "seq": seq, "account": state}


APPLIED_FIELDS: Final = ("seq", "account", "changes", "orders")
"""The fields of an entry that :func:`apply_entry` and its callers need."""


def apply_entry(state: Document, entry: Document) -> None:
    """Bring a snapshot document forward by one journal entry, in place."""
    if "account" in entry:
        state.clear()
        state.update(entry["account"])
        return
    for path, value in entry["changes"]:
        parent = state
        *parents, last = path.split(".")
        for name in parents:
            parent = parent.setdefault(name, {})
        parent[last] = value
    for order in entry.get("orders", ()):
        if order["status"] in OPEN_STATUSES:
            state["orders"][order["order_id"]] = pack_order(order)
        else:
            state["orders"].pop(order["order_id"], None)


def reset_id(request_key: str) -> str:
    """Return the stored id of a reset. A client order id has no space, so one unique index serves both."""
    return f"reset {request_key}"
