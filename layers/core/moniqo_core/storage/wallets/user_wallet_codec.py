"""The stored form of a user wallet: amounts as plain strings, times as BSON dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final

from moniqo_core.domain.money import plain
from moniqo_core.domain.risk.limits import RiskLimits
from moniqo_core.domain.risk.loss_limits import is_loss_limit_reason
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import (
    BalanceSnapshot,
    ConnectionState,
    LossBaseline,
    SyncStatistics,
    UserWallet,
    UserWalletStatus,
)
from moniqo_core.storage.document import Document
from moniqo_core.storage.risk_limits import limits_document, read_limits
from moniqo_core.storage.wallets.balance_codec import balance_document, read_balance

_REQUIRED: Final = (
    "user_id",
    "wallet_id",
    "wallet_name",
    "wallet_slug",
    "custom_name",
    "is_demo",
    "created_at",
    "updated_at",
)
_OPTIONAL: Final = (
    "description",
    "color",
    "icon",
    "credentials",
    "credentials_version",
    "request_hash",
    "status_reason",
    "ai_managed_state",
    "next_sync_at",
    "synced_for",
    "has_open_orders",
    "evaluated_until",
    "buys_stopped",
    "forked_from",
    "account_duplicate",
    "transfers_since",
    "last_used_at",
    "deleted_at",
)
_RENAMED: Final[Mapping[str, str]] = {"journal_seq": "mirror_seq", "key_permissions_version": "key_permissions_of"}
"""The stored name of each attribute whose name differs. Stored names never change, even if attributes are renamed."""

_SCALARS: Final = frozenset({type(None), str, int, bool, datetime})
"""The types of values that are stored as they are. Every order stores some."""

_ATTRIBUTES: Final = tuple(item.name for item in fields(UserWallet) if item.name != "id")

_read_required: Final = itemgetter(*_REQUIRED)
_DEFAULTS: Final = {item.name: item.default for item in fields(UserWallet) if item.name in {*_OPTIONAL, *_RENAMED}}
"""The attributes that are stored as they are and that an older version may not have written, with their defaults."""
_STORED_NAMES: Final = tuple(_RENAMED.get(name, name) for name in _DEFAULTS)

_CONNECTION: Final = (
    "is_connected",
    "last_successful_ping",
    "last_error",
    "last_error_at",
    "retry_count",
    "next_retry_at",
)

_BASELINE: Final = ("day_start", "percent_from", "peak")


def changes_between(before: UserWallet, after: UserWallet) -> Document:
    """Return the stored form of the fields that differ, each as a whole."""
    old, new = user_wallet_document(before), user_wallet_document(after)
    return {name: value for name, value in new.items() if value != old[name]}


def stored_fields(changes: Mapping[str, object]) -> Document:
    """Return the stored form of changes that are named by attributes. Values in their stored form stay as they are.

    Raises:
        TypeError: a value is of a type that no attribute of a wallet has.

    """
    return {
        _RENAMED.get(name, name): value if type(value) in _SCALARS else _stored(name, value)
        for name, value in changes.items()
    }


def _stored(name: str, value: object) -> object:
    match value:
        case RiskLimits():
            return limits_document(value)
        case BalanceSnapshot():
            return balance_document(value)
        case ConnectionState():
            return connection_document(value)
        case LossBaseline():
            return _baseline_document(value)
        case KeyPermissions() | SyncStatistics():
            return {field: getattr(value, field) for field in value.__match_args__}
        case UserWalletStatus() | PauseLevel():
            return value.value
        case Mapping():
            return dict(value)
        case tuple() if name == "account_fingerprints":
            return list(value) or None
        case None | str() | int() | datetime():
            return value
        case _:
            # The driver would store a tuple as a list, and the wallet could not be read any more.
            raise TypeError(f"{name} of a user wallet cannot be stored as {type(value).__name__}")


def user_wallet_document(wallet: UserWallet) -> Document:
    """Return the document of a wallet."""
    return {"_id": wallet.id, **stored_fields({name: getattr(wallet, name) for name in _ATTRIBUTES})}


def read_user_wallet(document: Mapping[str, Any]) -> UserWallet:
    """Return the wallet of a document. Fields that an older version did not write have their defaults.

    Fields of a later version are ignored.
    """
    attributes = dict(zip(_REQUIRED, _read_required(document), strict=True))
    attributes.update(zip(_DEFAULTS, map(document.get, _STORED_NAMES, _DEFAULTS.values()), strict=True))
    before, permissions = document.get("status_before_suspension"), document.get("key_permissions")
    attributes |= {
        "id": document["_id"],
        "status": UserWalletStatus(document["status"]),
        "status_before_suspension": UserWalletStatus(before) if before else None,
        "pause_level": _read_pause_level(document),
        "account_fingerprints": tuple(document.get("account_fingerprints") or ()),
        "settings": document.get("settings") or {},
        "risk_limits": read_limits(document["risk_limits"]),
        "key_permissions": KeyPermissions(**_known(KeyPermissions, permissions)) if permissions else None,
        "baseline": _baseline(document.get("baseline")),
        "balance": read_balance(document.get("balance") or {}),
        "connection": ConnectionState(**_known(ConnectionState, document.get("connection") or {})),
        "statistics": SyncStatistics(**_known(SyncStatistics, document.get("statistics") or {})),
    }
    return UserWallet.of_attributes(attributes)


def _known(kind: type[KeyPermissions | ConnectionState | SyncStatistics], document: Mapping[str, Any]) -> Document:
    """Return the stored fields of a value of ``kind``, without those of a later release."""
    return {name: document[name] for name in kind.__match_args__ if name in document}


def _read_pause_level(document: Mapping[str, Any]) -> PauseLevel | None:
    """Return the stored level, or the level of a pause that an earlier version stored without one.

    Such a pause is full if it is by the owner, and reduce-only if it is by a loss limit. A loss limit may also be
    reached during a suspension.
    """
    if document.get("pause_level") is not None:
        return PauseLevel(document["pause_level"])
    if document["status"] == UserWalletStatus.PAUSED:
        by_limit = is_loss_limit_reason(document.get("status_reason"))
        return PauseLevel.REDUCE_ONLY if by_limit else PauseLevel.FULL
    if document["status"] == UserWalletStatus.SUSPENDED and document.get("buys_stopped"):
        return PauseLevel.REDUCE_ONLY
    was_paused = document.get("status_before_suspension") == UserWalletStatus.PAUSED
    return PauseLevel.FULL if was_paused else None


def same_credentials(wallet: UserWallet) -> Document:
    """Match a wallet whose credentials are still those that it was read with. Re-encryption does not change them."""
    return same_version(wallet.credentials_version)


def same_version(version: int) -> Document:
    """Match a wallet whose credentials have a version. The first one may be missing."""
    return {"credentials_version": {"$in": [None, version]} if version == 1 else version}


def connection_document(connection: ConnectionState) -> Document:
    """Return the document of a connection's state."""
    return {name: getattr(connection, name) for name in _CONNECTION}


def _baseline_document(baseline: LossBaseline) -> Document:
    *amounts, until = baseline
    return {**dict(zip(_BASELINE, map(plain, amounts), strict=True)), "until": until}


def _baseline(stored: Mapping[str, Any] | None) -> LossBaseline | None:
    if stored is None:
        return None
    return LossBaseline(**{name: Decimal(stored[name]) for name in _BASELINE}, until=stored["until"])
