"""The time of the owner's last command to a live wallet. It is part of a write that the command does anyway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from moniqo_core.domain.wallets.lifecycle_commands import ChangeLimits, DeleteWallet, LifecycleCommand, SetStatus
from moniqo_core.storage.document import USER_WALLETS


def mark_used(database: str, user_wallet_id: str, at: datetime) -> UpdateOne:
    """Return the update that sets the time of use, for a bulk write. An earlier command never sets it back."""
    namespace = f"{database}.{USER_WALLETS}"
    update: Mapping[str, Any] = {"$max": {"last_used_at": at}}
    return UpdateOne({"_id": user_wallet_id, "deleted_at": None}, update, namespace=namespace)


def time_of_use(command: LifecycleCommand, at: datetime | None) -> Mapping[str, object]:
    """Return the attributes that a lifecycle command sets, if its time ``at`` is given.

    Admins and loss limits do not use a wallet.
    """
    by_owner = command.by == "owner" if isinstance(command, SetStatus) else False
    is_use = by_owner or isinstance(command, ChangeLimits | DeleteWallet)
    return {"last_used_at": at} if is_use and at is not None else {}
