"""Changes of a live wallet, such as pausing or deleting it, as entries of its journal.

A demo account writes them to its own journal. Pauses, limits and intents of a live wallet compete for one number, so
each is decided on all that were committed before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from moniqo_core.domain.live.lifecycle import decide_lifecycle
from moniqo_core.domain.risk.limits import changed_limits
from moniqo_core.domain.wallets.lifecycle_commands import ChangeLimits, DeleteWallet, LifecycleCommand
from moniqo_core.domain.wallets.status_changes import check_pause_unchanged
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.live.journal.entry_codec import EntryKind, WalletChange
from moniqo_core.storage.live.journal.retry_pause import pause_after
from moniqo_core.storage.live.wallet_changes import DECISIONS, LiveWalletChanges, status_change, too_many_changes
from moniqo_core.storage.risk_limits import limit_changes_document
from moniqo_core.storage.wallets.last_use import time_of_use
from moniqo_core.storage.wallets.user_wallet_codec import read_user_wallet, stored_fields


class LiveLifecycle:
    """Writes changes of live wallets to their journals."""

    def __init__(self, database: Database) -> None:
        """Use the collections of ``database``."""
        self._changes = LiveWalletChanges(database)

    async def record(self, wallet: UserWallet, command: LifecycleCommand, fields: Mapping[str, object]) -> None:
        """Decide a command on the stored state of a wallet and commit it. ``wallet`` is as the caller read it.

        ``fields`` are further attributes to set, among them the time of the command, ``updated_at``. A wallet whose
        buys were stopped becomes active only if they also set ``buys_stopped``.

        Raises:
            NotFoundError: the wallet was deleted.
            WalletSuspendedError: the wallet is suspended, and the command is not an admin's.
            ConflictError: the command does not fit the status, or the pause that it ends was changed meanwhile.
            ValidationError: no daily loss limit would stay set.
            TemporarilyUnavailableError: other requests were faster for too long, or the outcome is unknown.

        """
        at = fields["updated_at"]
        assert isinstance(at, datetime)  # noqa: S101  every caller gives the time of the command
        fields = {**fields, **time_of_use(command, at)}
        for tries in range(1, DECISIONS + 1):
            found = await self._changes.read(wallet)
            stored = read_user_wallet(found.wallet)
            check_pause_unchanged(command, wallet.pause_level, stored.status, stored.pause_level)
            if isinstance(command, ChangeLimits):
                changed_limits(stored.risk_limits, command.changes)
                change = _limits_change(found.wallet, command, fields)
            else:
                decided = decide_lifecycle(stored, command, stop_known="buys_stopped" in fields)
                ended = {"deleted_at": at} if isinstance(command, DeleteWallet) else {}
                change = status_change(stored, {**fields, **decided, **ended})
            if await self._changes.commit(found, change, at):
                return
            await pause_after(tries)
        raise too_many_changes()


def _limits_change(wallet: Document, command: ChangeLimits, fields: Mapping[str, object]) -> WalletChange:
    before = {"risk_limits": wallet["risk_limits"]}
    limits = {**wallet["risk_limits"], **limit_changes_document(command.changes)}
    return WalletChange(EntryKind.LIMITS, before, {**stored_fields(fields), "risk_limits": limits})
