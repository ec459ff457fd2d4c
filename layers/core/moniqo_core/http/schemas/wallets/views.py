"""Response bodies of user wallets. None holds a credential, a ciphertext or a part of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from moniqo_core.domain.wallets.list_queries import WalletCursor
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import BalanceSnapshot, UserWallet, UserWalletStatus
from moniqo_core.http.pagination import PageRequest, PageView, moment_cursor, page_view
from moniqo_core.http.schemas.common import Amount, Timestamp, View
from moniqo_core.http.schemas.wallets.risk_limits import RiskLimitsView


class AssetView(View):
    """One asset. ``value_usd`` is null when the asset has no price."""

    asset: str
    free: Amount
    locked: Amount
    total: Amount
    value_usd: Amount | None


class PnlView(View):
    """Profit and loss in US dollars. Null where the venue does not report them."""

    realized: Amount | None
    unrealized: Amount | None
    total: Amount | None


class SnapshotView(View):
    """The balance. The amounts of a paper wallet are those of its journal now, others are those at the last sync.

    ``partial`` means that the total is unknown or a value may be out of date.
    """

    last_synced_at: Timestamp | None
    partial: bool
    assets: tuple[AssetView, ...]
    total_value_usd: Annotated[
        Amount | None,
        Field(description="Without the unpriced_assets of a live wallet. Null when hardly anything else is held."),
    ]
    unpriced_assets: Annotated[tuple[str, ...], Field(description="Assets that had no price.")]
    total_pnl: PnlView


class ConnectionView(View):
    """The result of the last contact with the account."""

    is_connected: bool
    last_successful_ping: Timestamp | None
    last_error: str | None
    last_error_at: Timestamp | None
    retry_count: int
    next_retry_at: Timestamp | None


class StatisticsView(View):
    """Syncs of this wallet since it was created."""

    total_syncs: int
    failed_syncs: int


class UserWalletView(View):
    """A user's wallet."""

    id: str
    user_id: str
    wallet_id: str
    wallet_name: str
    wallet_slug: str
    custom_name: str
    description: str | None
    color: str | None
    icon: str | None
    mode: Literal["paper", "live"]
    is_active: Annotated[bool, Field(description="Neither paused nor suspended.")]
    status: UserWalletStatus
    status_reason: str | None
    pause_level: Annotated[
        PauseLevel | None,
        Field(description="`reduce_only`: sells, but does not buy. `full`: only cancels. Null unless paused."),
    ]
    has_credentials: bool
    balance: SnapshotView
    connection: ConnectionView
    risk_limits: RiskLimitsView
    forked_from: Annotated[
        str | None, Field(description="The wallet and the journal entry that this wallet was copied from.")
    ]
    ai_managed_state: dict[str, object] | None
    statistics: StatisticsView
    created_at: Timestamp
    updated_at: Timestamp
    last_used_at: Timestamp | None


class ConnectionTestView(View):
    """The result of a connection test. ``success`` is false when the venue refuses."""

    success: bool
    wallet_name: str
    tested_at: Timestamp
    latency_ms: int
    error_message: str | None


def wallet_view(wallet: UserWallet) -> UserWalletView:
    """Return the view of a wallet."""
    return UserWalletView.made_from(
        wallet,
        # A suspension keeps the level of the pause that it interrupts.
        pause_level=wallet.pause_level if wallet.status is UserWalletStatus.PAUSED else None,
        balance=snapshot_view(wallet.balance),
        connection=ConnectionView.made_from(wallet.connection),
        risk_limits=RiskLimitsView.made_from(wallet.risk_limits),
        statistics=StatisticsView.made_from(wallet.statistics),
    )


def snapshot_view(balance: BalanceSnapshot) -> SnapshotView:
    """Return the view of a balance snapshot."""
    realised, unrealised = balance.realised_pnl, balance.unrealised_pnl
    total = None if realised is None or unrealised is None else realised + unrealised
    return SnapshotView.made_from(
        balance,
        assets=tuple(AssetView.made_from(held) for held in balance.assets),
        total_pnl=PnlView.made(realized=realised, unrealized=unrealised, total=total),
    )


def wallet_cursor(page: PageRequest) -> WalletCursor | None:
    """Return the wallet that the page begins after, or None for the first page.

    Raises:
        ValidationError: the cursor is of another list.

    """
    cursor = moment_cursor(page)
    return WalletCursor(*cursor) if cursor else None


def wallet_page(found: Sequence[UserWallet], limit: int) -> PageView[UserWalletView]:
    """Return the page of the first ``limit`` wallets. If ``found`` has more, there is a next page."""
    last = found[limit - 1] if len(found) > limit else None
    next_cursor = [last.created_at.isoformat(), last.id] if last else None
    return page_view([wallet_view(wallet) for wallet in found[:limit]], next_cursor)
