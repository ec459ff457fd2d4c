"""The totals of an epoch's fills after a stored entry."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from moniqo_core.domain.ledger.commands import OpenAccount, ResetAccount
from moniqo_core.domain.orders.order import OPEN_STATUSES
from moniqo_core.domain.portfolio.trade_totals import (
    EpochStart,
    TradeTotals,
    begun_totals,
    changed_totals,
)
from moniqo_core.storage.document import Document, read_document_key
from moniqo_core.storage.orders.order_codec import read_fill
from moniqo_core.storage.paper.command_kinds import KIND_OF

BEGINNINGS: Final = (KIND_OF[OpenAccount], KIND_OF[ResetAccount])
"""Kinds of entries that begin an epoch."""


def totals_after_entry(before: TradeTotals | None, entry: Document) -> TradeTotals:
    """Return the totals after a stored entry, given those after the entry before it. An epoch begins with new ones.

    Raises:
        LookupError: there are no totals before the entry, and it begins no epoch.

    """
    if entry["kind"] in BEGINNINGS:
        account = entry["account"]
        held = {read_document_key(symbol): Decimal(amount) for symbol, (amount, *_) in account["positions"].items()}
        return begun_totals(entry["seq"], EpochStart(account["at"], Decimal(account["peak"])), held)
    if before is None:
        raise LookupError("The journal does not begin with the opening of its account.")
    fills = [read_fill({**item, "levels": ()}) for item in entry.get("fills", ())]
    ended = [
        (order["symbol"], order["order_id"])
        for order in entry.get("orders", ())
        if order["status"] not in OPEN_STATUSES
    ]
    return before.after(entry["seq"], changed_totals(before, fills, ended))
