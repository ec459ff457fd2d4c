"""The projection of a demo account: fields of its user wallet that are written together with a journal entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import RecordEvaluation
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.paper.account_rules import pause_level_of
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus

Projection = Mapping[str, object]

STATUS_SEQ: Final = "status_seq"
"""The field of a user wallet with the number of the entry that last set its status."""
LIMITS_SEQ: Final = "limits_seq"
"""The field of a user wallet with the number of the entry that last set its risk limits."""
ORDERS_SEQ: Final = "orders_seq"
"""The field of a user wallet with the number of the entry that last set the fields that schedule evaluations."""


def follow_account(before: Account, commit: Commit) -> Projection:
    """Return the fields that follow any commit: the last use, and the deletion."""
    fields: dict[str, object] = {}
    if _is_of_the_user(commit):
        fields["last_used_at"] = commit.after.at
    if commit.after.deleted and not before.deleted:
        fields["deleted_at"] = commit.after.at
    return fields


def follow_groups(before: Account, commit: Commit) -> Mapping[str, Projection]:
    """Return the fields that follow a changed status, changed limits or changed orders.

    The key of a group is :data:`STATUS_SEQ`, :data:`LIMITS_SEQ` or :data:`ORDERS_SEQ`. Two commits may reach the user
    wallet in the wrong order. The fields of the later one include the changes of the earlier one. So the user wallet
    keeps the number of the entry that its fields are from.
    """
    after, groups = commit.after, dict[str, Projection]()
    was = before.status, before.status_before_suspension
    if isinstance(commit.command, SetStatus) or (after.status, after.status_before_suspension) != was:
        groups[STATUS_SEQ] = {
            "status": after.status,
            "status_reason": after.reason,
            "status_before_suspension": after.status_before_suspension,
            "pause_level": pause_level_of(after) or after.pause_level,
        }
    if after.limits_version != before.limits_version:
        groups[LIMITS_SEQ] = {"risk_limits": after.limits}
    if _changes_evaluations(before, commit):
        walked = (after.evaluated_until[symbol] for symbol in after.tracked_symbols)
        groups[ORDERS_SEQ] = {"has_open_orders": bool(after.orders), "evaluated_until": min(walked, default=None)}
    return groups


def _changes_evaluations(before: Account, commit: Commit) -> bool:
    """Tell whether a commit changes when the schedule evaluates the wallet."""
    after = commit.after
    return (
        isinstance(commit.command, RecordEvaluation)
        or bool(before.orders) != bool(after.orders)
        or _is_tracked(before) != _is_tracked(after)
    )


def _is_of_the_user(commit: Commit) -> bool:
    """Tell whether the owner gave the command. Evaluations, admins and loss limits do not use a wallet."""
    command = commit.command
    return not isinstance(command, RecordEvaluation) and (not isinstance(command, SetStatus) or command.by == "owner")


def _is_tracked(account: Account) -> bool:
    return bool(account.orders) or any(position.amount for position in account.positions.values())
