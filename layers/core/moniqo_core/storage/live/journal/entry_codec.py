"""Entries of the journal of a live wallet, as documents.

An entry has the number ``seq`` in its wallet, the time ``at``, the ``kind``, and the ``commit_id`` by which a writer
recognizes its own entry. Orders and fills in it are documents as their collections store them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from os import urandom
from typing import Any, Final, NamedTuple

from moniqo_core.domain.live.order import LiveOrder
from moniqo_core.domain.live.transfers import Transfer
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import Fill
from moniqo_core.storage.document import Document, optional_decimal, optional_text
from moniqo_core.storage.live.fills import fill_to_store
from moniqo_core.storage.live.live_order_codec import live_document, numbered_key

ENTRIES_PER_CHECKPOINT: Final = 500


class EntryKind(StrEnum):
    """The kinds of entries."""

    OPENED = "opened"
    """The journal begins. The entry has the orders that could still fill then."""
    INTENT = "intent"
    """An order was accepted. It was not sent before this entry existed."""
    ORDER = "order"
    """News of an order: the order after it, and its new fills."""
    STATUS = "status"
    """The status of the wallet changed, or the wallet was deleted."""
    LIMITS = "limits"
    """Its risk limits changed."""
    PERMISSIONS = "permissions"
    """A sync found other permissions of the key than before, or a new key's."""
    TRANSFERS = "transfers"
    """A sync found deposits or withdrawals."""
    VOID = "void"
    """An intent is no order: the release before took its number or its client order id."""


class JournalEnd(NamedTuple):
    """The last entry of a journal: its number and time."""

    seq: int
    at: datetime


def opened_entry(user_wallet_id: str, seq: int, orders: Sequence[LiveOrder], at: datetime) -> Document:
    """Return the first entry. ``seq`` is above the number of every order that the wallet already has."""
    return _entry(user_wallet_id, JournalEnd(seq, at), EntryKind.OPENED, orders) | {
        "orders": [live_document(order) for order in orders]
    }


def intent_entry(order: LiveOrder, after: JournalEnd) -> Document:
    """Return the entry of an order that was accepted. It follows the entry ``after``."""
    end = _next(after, order.created_at)
    return _entry(order.user_wallet_id, end, EntryKind.INTENT, [order]) | {"order": live_document(order)}


def news_entry(order: LiveOrder, fills: Sequence[Fill], after: JournalEnd, at: datetime) -> Document:
    """Return the entry of news of an order. ``order`` is as it is with the news."""
    return _entry(order.user_wallet_id, _next(after, at), EntryKind.ORDER, [order]) | {
        "order": live_document(order),
        "fills": [fill_to_store(order, fill) for fill in fills],
    }


class WalletChange(NamedTuple):
    """A change of a user wallet.

    ``before`` is what it was decided on: the limits, the version of the credentials, or level, stop of buys, and the
    status, None for a wallet in use. ``fields`` are the fields to set.
    """

    kind: EntryKind
    before: Document
    fields: Document


def wallet_entry(user_wallet_id: str, change: WalletChange, after: JournalEnd, at: datetime) -> Document:
    """Return the entry of a change of a user wallet."""
    return _entry(user_wallet_id, _next(after, at), change.kind, []) | {
        "before": change.before,
        "wallet": change.fields,
    }


def transfers_entry(user_wallet_id: str, found: TransfersFound, after: JournalEnd, at: datetime) -> Document:
    """Return the entry of transfers that a sync found."""
    return _entry(user_wallet_id, _next(after, at), EntryKind.TRANSFERS, []) | {
        "transfers": _stored(found.new),
        "wallet": {"transfers_since": found.since, "transfers_found": _stored(found.all)},
    }


def read_transfers(stored: Sequence[Sequence[Any]]) -> list[Transfer]:
    """Return transfers as an entry or a user wallet has them."""
    return [Transfer(asset, Decimal(amount), optional_decimal(price)) for asset, amount, price in stored]


def _stored(found: Sequence[Transfer]) -> list[list[str | None]]:
    return [[each.asset, plain(each.amount), optional_text(each.price)] for each in found]


class TransfersFound(NamedTuple):
    """All transfers since the sync at ``since``, and the new ones, which have no entry yet.

    The outcome of a sync may be lost after its entry. Then the next one counts from the same time again.
    """

    all: Sequence[Transfer]
    since: datetime
    new: Sequence[Transfer]


def transfers_since(wallet: Document, found: Sequence[Transfer], since: datetime) -> TransfersFound:
    """Return what a sync found, given the stored ``wallet``. What was found before and is explained now is undone."""
    known = read_transfers(wallet.get("transfers_found", ())) if wallet.get("transfers_since") == since else []
    entered = {each.asset: each for each in known}
    new = [
        each._replace(amount=each.amount - entered.pop(each.asset).amount) if each.asset in entered else each
        for each in found
    ]
    undone = [each._replace(amount=-each.amount) for each in entered.values()]
    return TransfersFound(found, since, [each for each in (*new, *undone) if each.amount])


def void_entry(intent: Document, seq: int) -> Document:
    """Return the entry with number ``seq`` that says that an intent has no order."""
    end = JournalEnd(seq, intent["at"])
    return _entry(intent["user_wallet_id"], end, EntryKind.VOID, []) | {"order_id": intent["order"]["_id"]}


def _next(after: JournalEnd, at: datetime) -> JournalEnd:
    """Return the number and time of the next entry. Times never go back, even if a clock does."""
    return JournalEnd(after.seq + 1, max(after.at, at))


def _entry(user_wallet_id: str, end: JournalEnd, kind: EntryKind, orders: Sequence[LiveOrder]) -> Document:
    return {
        "_id": numbered_key(user_wallet_id, end.seq),
        "user_wallet_id": user_wallet_id,
        "seq": end.seq,
        "at": end.at,
        "commit_id": urandom(16).hex(),
        "kind": kind.value,
        "order_ids": [order.order_id for order in orders],
    }
