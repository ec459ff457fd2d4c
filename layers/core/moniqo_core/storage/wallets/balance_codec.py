"""The stored form of a user wallet's balance snapshot, with the asset flows up to it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from moniqo_core.domain.money import plain
from moniqo_core.domain.portfolio.balance_equation import AssetFlows, Flow
from moniqo_core.domain.wallets.user_wallet import (
    BalanceSnapshot,
    SnapshotAsset,
)
from moniqo_core.storage.document import Document, optional_decimal, optional_text


def balance_document(balance: BalanceSnapshot) -> Document:
    """Return the document of a balance snapshot."""
    return {
        "last_synced_at": balance.last_synced_at,
        "assets": [
            {
                "asset": held.asset,
                "free": plain(held.free),
                "locked": plain(held.locked),
                "total": plain(held.total),
                "value_usd": optional_text(held.value_usd),
                **({} if held.unpriced_since is None else {"unpriced_since": held.unpriced_since}),
            }
            for held in balance.assets
        ],
        "total_value_usd": optional_text(balance.total_value_usd),
        "realised_pnl": optional_text(balance.realised_pnl),
        "unrealised_pnl": optional_text(balance.unrealised_pnl),
        "partial": balance.partial,
        "books": _asset_flows_document(balance.asset_flows),
        **({} if balance.firm else {"firm": False}),
    }


def read_balance(stored: Mapping[str, Any]) -> BalanceSnapshot:
    """Return the snapshot of a document that :func:`balance_document` returned. Missing fields have defaults."""
    return BalanceSnapshot(
        last_synced_at=stored.get("last_synced_at"),
        assets=tuple(
            SnapshotAsset(
                asset=held["asset"],
                free=Decimal(held["free"]),
                locked=Decimal(held["locked"]),
                total=Decimal(held["total"]),
                value_usd=optional_decimal(held["value_usd"]),
                unpriced_since=held.get("unpriced_since"),
            )
            for held in stored.get("assets", ())
        ),
        total_value_usd=optional_decimal(stored.get("total_value_usd")),
        realised_pnl=optional_decimal(stored.get("realised_pnl")),
        unrealised_pnl=optional_decimal(stored.get("unrealised_pnl")),
        partial=stored.get("partial", False),
        asset_flows=_read_asset_flows(stored.get("books")),
        firm=stored.get("firm", True),
    )


def _asset_flows_document(asset_flows: AssetFlows | None) -> Document | None:
    if asset_flows is None:
        return None
    flows = [[asset, *map(plain, flow)] for asset, flow in asset_flows.flows.items()]
    behind = sorted(asset_flows.behind)
    return {
        "epoch": asset_flows.epoch,
        "until": asset_flows.until,
        "seq": asset_flows.seq,
        "flows": flows,
        "behind": behind,
    }


def _read_asset_flows(stored: Mapping[str, Any] | None) -> AssetFlows | None:
    if stored is None:
        return None
    flows = {asset: Flow(*map(Decimal, amounts)) for asset, *amounts in stored["flows"]}
    return AssetFlows(stored["epoch"], stored["until"], flows, stored["seq"], frozenset(stored.get("behind", ())))
