"""The stored form of orders and fills: amounts as strings, times as dates."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Final

import bson
from bson.codec_options import CodecOptions

from moniqo_core.domain.market.market import PriceLevel
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import (
    Fill,
    HistoryMark,
    Liquidity,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    Receipt,
    TimeInForce,
)
from moniqo_core.domain.orders.status_history import OrderChange
from moniqo_core.storage.document import Document, later_fields, optional_decimal, optional_text

_UTC_TIMES: Final = CodecOptions(dict, tz_aware=True, tzinfo=UTC)

# A lookup takes a third of the time of a call of the enumeration, and an order has six such values.
_SIDES: Final = {str(side): side for side in OrderSide}
_TYPES: Final = {str(kind): kind for kind in OrderType}
_TIMES_IN_FORCE: Final = {str(time): time for time in TimeInForce}
_LIQUIDITY: Final = {str(liquidity): liquidity for liquidity in Liquidity}
_STATUSES: Final = {str(status): status for status in OrderStatus}
_HISTORY_MARKS: Final[Mapping[str, HistoryMark]] = {**_STATUSES, str(OrderChange.REPLACED): OrderChange.REPLACED}

_EXTRAS: Final = (
    *("stop_price", "trail_percent", "trail_mark", "expires_at", "reduce_only", "triggered", "triggered_at"),
    *("active_from", "filled_when_replaced", "entry", "exit_percent"),
)
"""Fields that are stored only where they are not empty. An earlier release compares their order, too."""


def order_document(order: Order) -> Document:
    """Return the document of an order."""
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": str(order.side),
        "type": str(order.type),
        "status": str(order.status),
        "amount": plain(order.amount),
        "price": optional_text(order.price),
        "time_in_force": str(order.time_in_force),
        "post_only": order.post_only,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "fee_currency": order.fee_currency,
        "filled_amount": plain(order.filled_amount),
        "filled_quote": plain(order.filled_quote),
        "fee_accrued": plain(order.fee_accrued),
        "fee": plain(order.fee),
        "locked": plain(order.locked),
        "fill_count": order.fill_count,
        "status_history": [[str(mark), at] for mark, at in order.status_history],
        "quote_amount": optional_text(order.quote_amount),
        **_extras(order),
        # The caller's own keys may contain characters that a document key must not.
        "metadata": json.dumps(order.metadata, ensure_ascii=False) if order.metadata else None,
        "receipt": _receipt(order.receipt),
        **order.later_fields,
    }


ORDER_FIELDS: Final = frozenset(Order.__slots__) - {"later_fields"}
"""The fields of an order that this release stores. Stored names never change, even if attributes are renamed."""


def _receipt(receipt: Receipt) -> Document:
    return {
        "seq": receipt.seq,
        "rules_version": receipt.rules_version,
        "limits_version": receipt.limits_version,
        "maker_fee_percent": plain(receipt.maker_fee_percent),
        "taker_fee_percent": plain(receipt.taker_fee_percent),
        "bid": plain(receipt.bid),
        "ask": plain(receipt.ask),
        "quoted_at": receipt.quoted_at,
        "source": receipt.source,
    }


def _read_receipt(document: Document) -> Receipt:
    return Receipt(
        document["seq"],
        document["rules_version"],
        document["limits_version"],
        Decimal(document["maker_fee_percent"]),
        Decimal(document["taker_fee_percent"]),
        Decimal(document["bid"]),
        Decimal(document["ask"]),
        document["quoted_at"],
        document["source"],
    )


def _extras(order: Order) -> Document:
    """Return the fields that only some orders have."""
    found: Document = {}
    for name in _EXTRAS:
        value = getattr(order, name)
        if isinstance(value, Decimal):
            found[name] = plain(value)
        elif value:
            found[name] = value
    return found


def read_order(document: Document) -> Order:
    """Return the order of a document that :func:`order_document` returned."""
    return Order(
        order_id=document["order_id"],
        client_order_id=document["client_order_id"],
        symbol=document["symbol"],
        side=_SIDES[document["side"]],
        type=_TYPES[document["type"]],
        status=_STATUSES[document["status"]],
        amount=Decimal(document["amount"]),
        price=optional_decimal(document["price"]),
        time_in_force=_TIMES_IN_FORCE[document["time_in_force"]],
        post_only=document["post_only"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        fee_currency=document["fee_currency"],
        filled_amount=Decimal(document["filled_amount"]),
        filled_quote=Decimal(document["filled_quote"]),
        fee_accrued=Decimal(document["fee_accrued"]),
        fee=Decimal(document["fee"]),
        locked=Decimal(document["locked"]),
        fill_count=document["fill_count"],
        status_history=tuple([(_HISTORY_MARKS[mark], at) for mark, at in document["status_history"]]),
        quote_amount=optional_decimal(document["quote_amount"]),
        stop_price=optional_decimal(document.get("stop_price")),
        trail_percent=optional_decimal(document.get("trail_percent")),
        trail_mark=optional_decimal(document.get("trail_mark")),
        expires_at=document.get("expires_at"),
        reduce_only=document.get("reduce_only", False),
        triggered=document.get("triggered", False),
        triggered_at=document.get("triggered_at"),
        active_from=document.get("active_from"),
        filled_when_replaced=optional_decimal(document.get("filled_when_replaced")),
        entry=document.get("entry"),
        exit_percent=optional_decimal(document.get("exit_percent")),
        metadata=json.loads(document["metadata"]) if document["metadata"] else {},
        receipt=_read_receipt(document["receipt"]),
        later_fields=later_fields(document, ORDER_FIELDS),
    )


def pack_order(order: Document) -> bytes:
    """Encode the document of an order as one BSON value, so that a snapshot with hundreds of orders is fast to read."""
    return bson.encode(order)


def unpack_order(packed: bytes) -> Order:
    """Return the order of a value that :func:`pack_order` returned."""
    return read_order(bson.decode(packed, _UTC_TIMES))


def fill_document(item: Fill) -> Document:
    """Return the document of a fill."""
    return {
        "fill_id": item.fill_id,
        "order_id": item.order_id,
        "symbol": item.symbol,
        "side": str(item.side),
        "amount": plain(item.amount),
        "quote": plain(item.quote),
        "levels": levels_document(item.levels),
        "fee": plain(item.fee),
        "fee_currency": item.fee_currency,
        "liquidity": item.liquidity and str(item.liquidity),
        "at": item.at,
        "realised": plain(item.realised),
    }


def read_fill(document: Document) -> Fill:
    """Return the fill of a document that :func:`fill_document` returned."""
    return Fill(
        fill_id=document["fill_id"],
        order_id=document["order_id"],
        symbol=document["symbol"],
        side=_SIDES[document["side"]],
        amount=Decimal(document["amount"]),
        quote=Decimal(document["quote"]),
        levels=tuple([PriceLevel(Decimal(price), Decimal(amount)) for price, amount in document["levels"]]),
        fee=Decimal(document["fee"]),
        fee_currency=document["fee_currency"],
        liquidity=_LIQUIDITY[document["liquidity"]] if document["liquidity"] else None,
        at=document["at"],
        realised=Decimal(document["realised"]),
    )


def levels_document(levels: Iterable[PriceLevel]) -> list[list[str]]:
    """Return price levels as pairs of price and amount."""
    return [[plain(price), plain(amount)] for price, amount in levels]
