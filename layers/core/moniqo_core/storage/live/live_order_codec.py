"""The stored form of live orders: amounts as strings, times as dates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from moniqo_core.domain.live.order import ENDED_STATUSES, LiveOrder
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderSide, OrderStatus, OrderType, TimeInForce
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.storage.document import Document, optional_decimal, optional_text

_FIELDS: Final[Mapping[str, str]] = {
    "user_wallet_id": "user_wallet_id",
    "user_id": "user_id",
    "venue": "venue",
    "seq": "seq",
    "venue_client_id": "venue_client_id",
    "token": "token",
    "body_hash": "body_hash",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "fee_currency": "fee_currency",
    "version": "version",
    "holds_client_id": "holds_client_id",
    "venue_order_id": "venue_order_id",
    "seen_at": "acknowledged_at",
    "misses": "misses",
    "looks": "queries_without_news",
    "reason": "reason",
}
"""The attribute of each field that is stored unchanged. Stored names never change, even if attributes are renamed."""

_AMOUNTS: Final[Mapping[str, str]] = {
    "amount": "amount",
    "filled_amount": "filled_amount",
    "filled_quote": "filled_quote",
    "fee": "fee",
    "mirrored": "stored_fill_amount",
}
QUERY_FIELDS: Final = frozenset({"seen_at", "looks", "misses", "settle_at"})
"""The stored fields that tell when an order was queried, and when it will be again."""
_OPTIONAL: Final = ("client_order_id", "settle_at")
"""Fields that only some orders have. Partial indexes hold only documents that have them."""
_ASKED_AMOUNTS: Final = ("amount", "quote_amount", "price", "stop_price", "trail_percent")


ORDERS: Final = "orders"


def numbered_key(user_wallet_id: str, seq: int) -> str:
    """Return the ``_id`` of an order or an entry. Of two writers that use the same number, only one succeeds."""
    return f"{user_wallet_id}:{seq:012d}"


def live_document(order: LiveOrder) -> Document:
    """Return the document of an order."""
    request = order.request
    indexed = dict(zip(_OPTIONAL, (request.client_order_id, order.reconcile_at), strict=True))
    return {
        "_id": numbered_key(order.user_wallet_id, order.seq),
        **{name: value for name, value in indexed.items() if value is not None},
        "symbol": request.symbol,
        "status": order.status.value,
        "status_history": [[status.value, at] for status, at in order.status_history],
        **{name: getattr(order, attribute) for name, attribute in _FIELDS.items()},
        **{name: plain(getattr(order, attribute)) for name, attribute in _AMOUNTS.items()},
        "request": {
            "side": request.side.value,
            "type": request.type.value,
            "time_in_force": request.time_in_force.value,
            "expires_at": request.expires_at,
            "post_only": request.post_only,
            "reduce_only": request.reduce_only,
            # The caller's own keys may contain characters that a document key must not.
            "metadata": json.dumps(request.metadata, ensure_ascii=False) if request.metadata else None,
            **{name: optional_text(getattr(request, name)) for name in _ASKED_AMOUNTS},
        },
    }


def may_get_fills(document: Document) -> bool:
    """Tell whether a stored order may get fills. Its venue may list some of them after the order ended."""
    has_ended = OrderStatus(document["status"]) in ENDED_STATUSES
    return not has_ended or Decimal(document["mirrored"]) < Decimal(document["filled_amount"])


def live_update(document: Document) -> Document:
    """Return the update that makes a stored order equal to ``document``, and keeps fields of a later release."""
    changes = {name: value for name, value in document.items() if name not in {"_id", "request"}}
    changes |= {f"request.{name}": value for name, value in document["request"].items()}
    gone = {name: "" for name in _OPTIONAL if name not in document}
    return {"$set": changes, "$unset": gone} if gone else {"$set": changes}


def queries_update(order: LiveOrder) -> Document:
    """Return the update that sets when an order was queried, and when it will be again."""
    known = {"seen_at": order.acknowledged_at, "looks": order.queries_without_news, "misses": order.misses}
    if order.reconcile_at is None:
        return {"$set": known, "$unset": {"settle_at": ""}}
    return {"$set": {**known, "settle_at": order.reconcile_at}}


def read_live(document: Document) -> LiveOrder:
    """Return the order of a document that :func:`live_document` returned."""
    amounts: Document = {attribute: Decimal(document[name]) for name, attribute in _AMOUNTS.items()}
    return LiveOrder(
        status=OrderStatus(document["status"]),
        status_history=tuple((OrderStatus(status), at) for status, at in document["status_history"]),
        request=_request(document),
        reconcile_at=document.get("settle_at"),
        **{attribute: document[name] for name, attribute in _FIELDS.items()},
        **amounts,
    )


def _request(document: Document) -> OrderRequest:
    asked = document["request"]
    amounts: Document = {name: optional_decimal(asked[name]) for name in _ASKED_AMOUNTS}
    return OrderRequest(
        symbol=document["symbol"],
        side=OrderSide(asked["side"]),
        type=OrderType(asked["type"]),
        time_in_force=TimeInForce(asked["time_in_force"]),
        expires_at=asked["expires_at"],
        post_only=asked["post_only"],
        reduce_only=asked["reduce_only"],
        client_order_id=document.get("client_order_id"),
        metadata=json.loads(asked["metadata"]) if asked["metadata"] else {},
        **amounts,
    )
