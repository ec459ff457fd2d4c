"""Response bodies of balance syncs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from moniqo_core.domain.sync.outcome import SyncLogCursor, SyncLogEntry, SyncOutcome, SyncStatus, SyncType
from moniqo_core.http.pagination import PageRequest, PageView, moment_cursor, page_view
from moniqo_core.http.schemas.common import Amount, Timestamp, View
from moniqo_core.http.schemas.wallets.views import SnapshotView, snapshot_view


class SyncView(View):
    """The result of a sync and the snapshot that is stored after it."""

    success: bool
    user_wallet_id: str
    mode: Literal["paper", "live"]
    synced_at: Timestamp
    balance: SnapshotView
    assets_count: int
    error_message: str | None


class EquationView(View):
    """The balance of an asset explained: opening + trades - fees + transfers + residue = closing."""

    asset: str
    opening: Amount
    trades: Annotated[Amount, Field(description="Bought less sold, before fees.")]
    fees: Amount
    transfers: Annotated[Amount, Field(description="Deposits less withdrawals, as far as the venue reports them.")]
    closing: Amount
    residue: Annotated[
        Amount, Field(description="The unexplained rest, such as a transfer that the venue does not report.")
    ]


class SyncLogView(View):
    """One sync. ``api_calls`` counts calls to a venue. A paper wallet makes none."""

    id: str
    user_wallet_id: str
    sync_type: SyncType
    status: SyncStatus
    started_at: Timestamp
    duration_ms: int
    api_calls: int
    error_code: str | None
    assets_count: int
    total_value_usd: Amount | None
    balanced: Annotated[
        bool | None,
        Field(description="True when no asset has a residue. Null when the account does not report enough."),
    ]
    equation: Annotated[tuple[EquationView, ...] | None, Field(description="Assets that moved since the last sync.")]


def sync_view(outcome: SyncOutcome) -> SyncView:
    """Return the view of a sync's outcome."""
    wallet = outcome.after
    return SyncView(
        success=outcome.error_message is None,
        user_wallet_id=wallet.id,
        mode=wallet.mode,
        synced_at=outcome.run.started_at,
        balance=snapshot_view(wallet.balance),
        assets_count=len(wallet.balance.assets),
        error_message=outcome.error_message,
    )


def sync_log_cursor(page: PageRequest) -> SyncLogCursor | None:
    """Return the sync that the page begins after, or None for the first page.

    Raises:
        ValidationError: the cursor is of another list.

    """
    cursor = moment_cursor(page)
    return SyncLogCursor(*cursor) if cursor else None


def sync_log_page(found: Sequence[SyncLogEntry], limit: int) -> PageView[SyncLogView]:
    """Return the page of the first ``limit`` syncs. If ``found`` has more, there is a next page."""
    last = found[limit - 1] if len(found) > limit else None
    next_cursor = [last.started_at.isoformat(), last.id] if last else None
    return page_view([SyncLogView.model_validate(entry) for entry in found[:limit]], next_cursor)
