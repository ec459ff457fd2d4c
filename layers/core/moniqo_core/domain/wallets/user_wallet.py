"""A user's wallet as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from moniqo_core.domain.portfolio.balance_equation import AssetFlows
from moniqo_core.domain.portfolio.valuation import unpriced
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.domain.wallets.pause_level import PauseLevel


class UserWalletStatus(StrEnum):
    """The status of a user's wallet."""

    CONNECTING = "connecting"
    ACTIVE = "active"
    PAUSED = "paused"
    ERROR = "error"
    SUSPENDED = "suspended"


# A wallet that lost its connection may still be used. A paused or suspended one may not.
STOPPED_STATUSES: Final = frozenset({UserWalletStatus.PAUSED, UserWalletStatus.SUSPENDED})
SYNCED_BY_SCHEDULE: Final = (UserWalletStatus.ACTIVE, UserWalletStatus.ERROR, UserWalletStatus.CONNECTING)


class SnapshotAsset(NamedTuple):
    """One asset at the last sync. ``value_usd`` is None when it has no price.

    ``unpriced_since`` is the time of the sync that first found it without one. It is None for an asset that had no
    price at the very first sync, or that an earlier version found without one.
    """

    asset: str
    free: Decimal
    locked: Decimal
    total: Decimal
    value_usd: Decimal | None
    unpriced_since: datetime | None = None


class BalanceSnapshot(NamedTuple):
    """The balance at the last sync, empty before the first one. Values and PnL are in US dollars.

    ``partial`` tells that the total is unknown, or that a price or an order may be out of date. ``asset_flows`` has the
    movements up to that sync. ``firm`` tells that every price came from a market with a sane spread.
    """

    last_synced_at: datetime | None = None
    assets: tuple[SnapshotAsset, ...] = ()
    total_value_usd: Decimal | None = None
    realised_pnl: Decimal | None = None
    unrealised_pnl: Decimal | None = None
    partial: bool = False
    asset_flows: AssetFlows | None = None
    firm: bool = True

    @property
    def unpriced_assets(self) -> tuple[str, ...]:
        """The assets held that had no price."""
        return unpriced(self.assets)


class LossBaseline(NamedTuple):
    """The values that a live wallet's losses are measured from, in US dollars.

    ``day_start`` is the equity at the start of the owner's day, from which the loss in dollars counts. ``percent_from``
    is the same for the loss in percent. ``peak`` is the highest equity. ``until`` is the start of the next day.
    """

    day_start: Decimal
    percent_from: Decimal
    peak: Decimal
    until: datetime


class ConnectionState(NamedTuple):
    """The state of the connection to the account. ``retry_count`` counts failures since the last success."""

    is_connected: bool = False
    last_successful_ping: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    retry_count: int = 0
    next_retry_at: datetime | None = None


class SyncStatistics(NamedTuple):
    """Number of syncs of this wallet since it was created."""

    total_syncs: int = 0
    failed_syncs: int = 0


_NO_BALANCE: Final = BalanceSnapshot()
_NO_CONNECTION: Final = ConnectionState()
_NO_SYNCS: Final = SyncStatistics()


@dataclass(frozen=True)
class UserWallet:
    """One user's account under one wallet definition.

    ``credentials`` is the encrypted form of the secret fields. ``settings`` are the fields that the definition marks as
    not secret. ``credentials_version`` counts how often they were stored. ``key_permissions`` are the permissions of
    the key at the last sync, for the version ``key_permissions_version`` of the credentials.

    ``synced_for`` is the scheduled time of the last scheduled sync. Older deliveries of the same work change nothing.
    ``journal_seq`` is the journal entry that last changed the account's fields in this document. ``forked_from`` names
    the wallet and the journal entry that this wallet was copied from. ``baseline`` is what a live wallet's losses count
    from, and is None before its first complete snapshot. ``pause_level`` is the level of its pause, or of one that a
    suspension interrupted. ``buys_stopped`` tells that the open buys of a live wallet must be cancelled, because it
    was paused or reached a loss limit. ``account_fingerprints`` tell which venue account a live wallet is connected to.
    ``account_duplicate`` is the wallet's own id if another wallet had that account already. ``transfers_since`` is the
    time of the sync from which the journal's last entry of transfers counts.
    """

    id: str
    user_id: str
    wallet_id: str
    wallet_name: str
    wallet_slug: str
    custom_name: str
    risk_limits: RiskLimits
    created_at: datetime
    updated_at: datetime
    is_demo: bool
    status: UserWalletStatus = UserWalletStatus.CONNECTING
    description: str | None = None
    color: str | None = None
    icon: str | None = None
    credentials: str | None = field(default=None, repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    credentials_version: int = 1
    request_hash: str | None = None
    status_reason: str | None = None
    status_before_suspension: UserWalletStatus | None = None
    balance: BalanceSnapshot = _NO_BALANCE
    connection: ConnectionState = _NO_CONNECTION
    statistics: SyncStatistics = _NO_SYNCS
    ai_managed_state: Mapping[str, object] | None = None
    next_sync_at: datetime | None = None
    synced_for: datetime | None = None
    has_open_orders: bool = False
    evaluated_until: datetime | None = None
    journal_seq: int | None = None
    key_permissions: KeyPermissions | None = None
    key_permissions_version: int | None = None
    baseline: LossBaseline | None = None
    buys_stopped: bool = False
    pause_level: PauseLevel | None = None
    forked_from: str | None = None
    account_fingerprints: tuple[str, ...] = field(default=(), repr=False)
    account_duplicate: str | None = None
    transfers_since: datetime | None = None
    last_used_at: datetime | None = None
    deleted_at: datetime | None = None

    @classmethod
    def of_attributes(cls, given: Mapping[str, Any]) -> Self:
        """Return the wallet with these attributes, all of which are given.

        Every read of a wallet calls this. The initialiser of a frozen class takes seven times as long, because it sets
        each attribute with a call.

        Raises:
            TypeError: an attribute is missing or unknown.

        """
        if given.keys() != _ATTRIBUTES:
            raise TypeError(f"missing or unknown: {', '.join(sorted(given.keys() ^ _ATTRIBUTES))}")
        wallet = cls.__new__(cls)
        vars(wallet).update(given)
        return wallet

    @property
    def is_active(self) -> bool:
        """Whether the wallet is in use: neither paused nor suspended."""
        return self.status not in STOPPED_STATUSES

    @property
    def has_credentials(self) -> bool:
        """Whether any credential field of the definition is stored."""
        return self.credentials is not None or bool(self.settings)

    @property
    def known_permissions(self) -> KeyPermissions | None:
        """The permissions of the key at the last sync, or None if the key was replaced since."""
        return self.key_permissions if self.key_permissions_version == self.credentials_version else None

    @property
    def key_can_withdraw(self) -> bool:
        """Whether the key could withdraw at the last sync, so that the wallet cannot be resumed with it."""
        return self.known_permissions is not None and self.known_permissions.can_withdraw

    @property
    def mode(self) -> str:
        """``paper`` for a demo wallet, ``live`` for real money."""
        return "paper" if self.is_demo else "live"


_ATTRIBUTES: Final = frozenset(item.name for item in fields(UserWallet))


class AccountRecord(NamedTuple):
    """The state in a paper account's journal that its user wallet repeats. The journal takes precedence.

    ``evaluated_until`` is None while nothing is held or open. ``pause_level`` is None unless the account is paused.
    ``status_before_suspension`` is None where the journal did not record it.
    """

    status: UserWalletStatus
    reason: str | None
    limits: RiskLimits | None
    has_open_orders: bool
    evaluated_until: datetime | None
    pause_level: PauseLevel | None = None
    status_before_suspension: UserWalletStatus | None = None
