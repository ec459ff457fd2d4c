"""What an account says of itself when its balance is synced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from moniqo.domain.account import Account
from moniqo.domain.balance_equation import Books
from moniqo.domain.commit import Sample
from moniqo.domain.key_permissions import KeyPermissions
from moniqo.domain.risk import RiskLimits
from moniqo.domain.user_wallet import STOPPED, UserWallet, UserWalletStatus
from moniqo.domain.valuation import Valuation


class Opening(NamedTuple):
    """What the last sync left: totals per asset, and what had moved by then; ``books`` of None is the first time."""

    totals: Mapping[str, Decimal]
    books: Books | None


class AccountRecord(NamedTuple):
    """What a paper account's journal says of things its user wallet shows too: the journal is right.

    ``evaluated_until`` is None while nothing is held or open.
    """

    status: UserWalletStatus
    reason: str | None
    limits: RiskLimits | None
    has_open_orders: bool
    evaluated_until: datetime | None


@dataclass(frozen=True, slots=True)
class Statement:
    """Holdings and profit, what moved, and hours of equity that nobody wrote down yet.

    ``books`` of None: the account does not tell what moved. ``record`` is a paper account's own. ``api_calls`` counts
    calls to a venue.
    """

    value: Valuation
    books: Books | None = None
    samples: Sequence[Sample] = ()
    record: AccountRecord | None = None
    permissions: KeyPermissions | None = None
    api_calls: int = 0


def record_of(account: Account) -> AccountRecord:
    """Read what the user wallet of a paper account must show."""
    held = {symbol for symbol, position in account.positions.items() if position.amount}
    walked = [account.evaluated_until[symbol] for symbol in held | account.interest.keys()]
    return AccountRecord(
        UserWalletStatus(account.status),
        account.reason,
        account.limits,
        bool(account.orders),
        min(walked, default=None),
    )


def mended(wallet: UserWallet, record: AccountRecord) -> UserWallet:
    """Return the wallet as the journal has it, the very same object when nothing differs.

    A commit cut short may have left the user wallet behind. How far the market was followed differs as a rule and only
    whether it is followed counts; a wallet that lost its connection is active in the journal.
    """
    changes: dict[str, object] = {}
    told = wallet.status if wallet.status in STOPPED else UserWalletStatus.ACTIVE
    if record.status is not told:
        suspended = record.status is UserWalletStatus.SUSPENDED
        changes["status"], changes["status_reason"] = record.status, record.reason
        changes["status_before_suspension"] = wallet.status if suspended else None
    if record.limits is not None and record.limits != wallet.risk_limits:
        changes["risk_limits"] = record.limits
    if record.has_open_orders != wallet.has_open_orders:
        changes["has_open_orders"] = record.has_open_orders
    if (record.evaluated_until is None) is not (wallet.evaluated_until is None):
        changes["evaluated_until"] = record.evaluated_until
    return replace(wallet, **changes) if changes else wallet  # type: ignore[arg-type]
