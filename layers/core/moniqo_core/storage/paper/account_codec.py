"""The stored form of a demo account's snapshot.

Symbols and assets are document keys. MongoDB would read a dot in one (``BRK.B/USD``) as a path, so it is written as
``%2E``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from moniqo_core.domain.ledger.account import Account, AccountTerms, OpenOrderTotals
from moniqo_core.domain.ledger.open_orders import OrdersByType
from moniqo_core.domain.market.market import SIMULATED
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import Order, OrderType
from moniqo_core.domain.risk.loss_limits import LocalDay
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.storage.document import Document, document_key, read_document_key
from moniqo_core.storage.orders.order_codec import order_document, pack_order, unpack_order
from moniqo_core.storage.paper.account_values import (
    day_values,
    entry_id,
    holding_values,
    observed_market_values,
    open_order_totals_values,
    position_values,
    read_balances,
    read_observed_market,
    read_positions,
    read_taken,
    read_taken_key,
    taken_key,
    taken_values,
)
from moniqo_core.storage.risk_limits import limits_document, read_limits

PAUSE_LEVEL: Final = "pause_level"
BEFORE_SUSPENSION: Final = "before_suspension"


def state_document(account: Account) -> Document:
    """Return the document of a whole snapshot, as written by the first commit and after a rebuild."""
    terms = account.terms
    return {
        "_id": account.user_wallet_id,
        "user_wallet_id": account.user_wallet_id,
        "user_id": terms.user_id,
        "seq": account.seq,
        "next_entry": entry_id(account.user_wallet_id, account.seq + 1),
        "epoch": account.epoch,
        "at": account.at,
        "status": account.status,
        "reason": account.reason,
        "deleted": account.deleted,
        "terms": {
            "initial_balance": plain(terms.initial_balance),
            "cash_asset": terms.cash_asset,
            "maker_fee_percent": plain(terms.maker_fee_percent),
            "taker_fee_percent": plain(terms.taker_fee_percent),
            "slippage_bps": plain(terms.slippage_bps),
            "symbols": None if terms.symbols is None else list(terms.symbols),
        },
        "limits": limits_document(account.limits) if account.limits else None,
        "limits_version": account.limits_version,
        "balances": {document_key(asset): holding_values(holding) for asset, holding in account.balances.items()},
        "positions": {
            document_key(symbol): position_values(position) for symbol, position in account.positions.items()
        },
        "orders": {order_id: pack_order(order_document(order)) for order_id, order in account.orders.items()},
        "interest": {
            document_key(symbol): open_order_totals_values(open_order_totals)
            for symbol, open_order_totals in account.open_order_totals.items()
        },
        "taken": {taken_key(name, side): taken_values(book) for (name, side), book in account.taken.items()},
        "evaluated_until": {document_key(symbol): until for symbol, until in account.evaluated_until.items()},
        "marks": {document_key(symbol): plain(mark) for symbol, mark in account.marks.items()},
        "opening": plain(account.opening),
        "peak": plain(account.peak),
        "day": day_values(account.day),
        "paused_by_limit": account.paused_by_limit,
        "forked_from": account.forked_from,
        "still_since": account.idle_since,
        **_stopped_values(account),
        **_venue_price_values(account),
    }


def _stopped_values(account: Account) -> Document:
    """Return the fields that only paused and suspended accounts have."""
    values = {PAUSE_LEVEL: account.pause_level, BEFORE_SUSPENSION: account.status_before_suspension}
    return {name: str(value) for name, value in values.items() if value is not None}


def _venue_price_values(account: Account) -> Document:
    """Return the fields that accounts of the simulated market do not have."""
    if not account.terms.uses_venue_prices:
        return {}
    return {
        "feed": account.terms.feed,
        "shown": {
            document_key(symbol): observed_market_values(shown) for symbol, shown in account.observed_markets.items()
        },
    }


def read_account(document: Document) -> Account:
    """Return the account of a snapshot document."""
    terms, open_order_totals = document["terms"], document["interest"]
    limits = read_limits(document["limits"]) if document["limits"] else None
    return Account(
        user_wallet_id=document["user_wallet_id"],
        terms=AccountTerms(
            user_id=document["user_id"],
            initial_balance=Decimal(terms["initial_balance"]),
            cash_asset=terms["cash_asset"],
            maker_fee_percent=Decimal(terms["maker_fee_percent"]),
            taker_fee_percent=Decimal(terms["taker_fee_percent"]),
            slippage_bps=Decimal(terms["slippage_bps"]),
            symbols=None if terms["symbols"] is None else tuple(terms["symbols"]),
            limits=limits,
            feed=document.get("feed", SIMULATED),
        ),
        seq=document["seq"],
        epoch=document["epoch"],
        at=document["at"],
        status=document["status"],
        reason=document["reason"],
        deleted=document["deleted"],
        limits=limits,
        limits_version=document["limits_version"],
        balances=read_balances(document["balances"]),
        positions=read_positions(document["positions"]),
        orders=StoredOrders(document["orders"]),
        # A commit that ends the last order of a symbol stores totals of zero.
        open_order_totals={
            name: OpenOrderTotals(orders, expiring, Decimal(buying))
            for name, (orders, expiring, buying) in (
                (read_document_key(symbol), totals) for symbol, totals in open_order_totals.items()
            )
            if orders
        },
        taken={read_taken_key(name): read_taken(levels) for name, levels in document["taken"].items()},
        evaluated_until={read_document_key(symbol): until for symbol, until in document["evaluated_until"].items()},
        marks={read_document_key(symbol): Decimal(mark) for symbol, mark in document["marks"].items()},
        opening=Decimal(document["opening"]),
        peak=Decimal(document["peak"]),
        day=LocalDay(Decimal(document["day"][0]), document["day"][1]) if document["day"] else None,
        paused_by_limit=document["paused_by_limit"],
        status_before_suspension=document.get(BEFORE_SUSPENSION),
        forked_from=document["forked_from"],
        idle_since=document["still_since"],
        pause_level=PauseLevel(document[PAUSE_LEVEL]) if document.get(PAUSE_LEVEL) else None,
        observed_markets={
            read_document_key(name): read_observed_market(read_document_key(name), values)
            for name, values in document.get("shown", {}).items()
        },
    )


class StoredOrders(OrdersByType):
    """Open orders in their stored form, oldest first. Each is decoded on first access."""

    def __init__(self, packed: Mapping[str, bytes]) -> None:
        """Sort the orders by age. Ids are ``o-{seq}-{n}`` with one digit for n, so length and then text order them."""
        self._packed = {order_id: packed[order_id] for order_id in sorted(packed, key=lambda name: (len(name), name))}
        self._read: dict[str, Order] = {}

    def __getitem__(self, order_id: str) -> Order:
        order = self._read.get(order_id)
        if order is None:
            order = self._read[order_id] = unpack_order(self._packed[order_id])
        return order

    def of_type(self, wanted: OrderType) -> list[Order]:
        """Return the orders of a type, in no particular order. No other order is decoded, with few exceptions.

        The name of the type may also be in a text of the caller or in another name.
        """
        name = wanted.value.encode()
        found = [self[order_id] for order_id, packed in self._packed.items() if name in packed]
        return [order for order in found if order.type is wanted]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, order_id: object) -> bool:
        return order_id in self._packed
