"""How a stored entry or snapshot is compared with a recomputed one: what is decoded first, and what is ignored.

Fields that this release does not know are ignored, because a later release stored them. They have no influence on what
is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import UTC
from functools import cache
from typing import Final, get_args, get_type_hints

import bson
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON

from moniqo_core.domain.ledger.account import AccountTerms
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.market import Snapshot
from moniqo_core.domain.orders.order import Fill, Receipt
from moniqo_core.storage.document import Document
from moniqo_core.storage.orders.order_codec import ORDER_FIELDS
from moniqo_core.storage.paper.account_values import SNAPSHOT_FIELDS
from moniqo_core.storage.paper.command_kinds import KIND_OF

_OF_AN_ENTRY: Final = frozenset(
    {
        *("_id", "user_wallet_id", "seq", "epoch", "at", "commit_id", "rules_version", "kind", "command", "walked_to"),
        *("postings", "account", "changes", "basis", "orders", "order_ids", "fills", "client_order_id", "body_hash"),
    }
)
# Symbols, assets and order ids are names of fields too, and none of them has this form.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_UTC_TIMES: Final = CodecOptions(dict, tz_aware=True, tzinfo=UTC)


def with_named_changes(entry: Document) -> Document:
    """Return an entry with its changes by name, because their order has no meaning."""
    if "account" in entry:
        return {**entry, "account": with_named_orders(entry["account"])}
    return {**entry, "changes": dict(entry["changes"])} if "changes" in entry else entry


def with_named_orders(snapshot: Document) -> Document:
    """Return a snapshot with its open orders decoded, so that they are compared field by field."""
    if not isinstance(snapshot.get("orders"), Mapping):
        return snapshot
    orders = dict(snapshot["orders"])
    for name, packed in orders.items():
        with suppress(InvalidBSON, TypeError):  # a damaged order is compared as it is
            orders[name] = bson.decode(packed, _UTC_TIMES)
    return {**snapshot, "orders": orders}


def is_later_field(name: str) -> bool:
    """Tell whether this release does not know a field of an entry or a snapshot. ``name`` may be a path."""
    first = name.partition(".")[0]
    return first not in _known() and _NAME.fullmatch(first) is not None


@cache
def _known() -> frozenset[str]:
    of_values = (
        name for kind in (*KIND_OF, MarketContext, Snapshot, AccountTerms, Fill, Receipt) for name in _names(kind)
    )
    return _OF_AN_ENTRY | SNAPSHOT_FIELDS | ORDER_FIELDS | frozenset(of_values)


def _names(kind: type) -> Iterator[str]:
    """Yield the names of the fields of a dataclass or a named tuple, and of such types in them."""
    if not is_dataclass(kind):
        yield from getattr(kind, "_fields", ())
        return
    hints = get_type_hints(kind)
    for field in fields(kind):
        yield field.name
        for part in (hints[field.name], *get_args(hints[field.name])):
            if isinstance(part, type):
                yield from _names(part)
