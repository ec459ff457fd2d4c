"""The projection of a demo account: fields of its user wallet that are written together with a journal entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import RecordEvaluation
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.paper.account_rules import pause_level_of
from moniqo_core.domain.wallets.lifecycle_commands import DeleteWallet, LifecycleCommand, SetLimits, SetStatus

Projection = Mapping[str, object]


def follow_account(before: Account, commit: Commit) -> Projection:
    """Return the fields that follow any commit: the time of use, a changed status, what schedules evaluations."""
    had, has = bool(before.orders), bool(commit.after.orders)
    fields: dict[str, object] = {} if had == has else {"has_open_orders": has}
    if _is_of_the_user(commit):
        fields["last_used_at"] = commit.after.at
    if isinstance(commit.command, RecordEvaluation) or _is_tracked(before) != _is_tracked(commit.after):
        walked = [commit.after.evaluated_until[symbol] for symbol in commit.after.tracked_symbols]
        fields["evaluated_until"] = min(walked, default=None)
    if commit.after.status != before.status:
        fields |= {"status": commit.after.status, "status_reason": commit.after.reason}
    if isinstance(commit.command, SetStatus) or commit.after.status != before.status:
        fields["pause_level"] = pause_level_of(commit.after) or commit.after.pause_level
    return fields


def follow_life(command: LifecycleCommand, now: datetime) -> Projection:
    """Return the fields that follow a lifecycle command: limits, deletion or status."""
    if isinstance(command, SetLimits):
        return {"risk_limits": command.limits}
    if isinstance(command, DeleteWallet):
        return {"deleted_at": now}
    return {"status": command.status}


def _is_of_the_user(commit: Commit) -> bool:
    """Tell whether the owner gave the command. Evaluations, admins and loss limits do not use a wallet."""
    command = commit.command
    return not isinstance(command, RecordEvaluation) and (not isinstance(command, SetStatus) or command.by == "owner")


def _is_tracked(account: Account) -> bool:
    return bool(account.orders) or any(position.amount for position in account.positions.values())
