"""Changes of a live wallet, such as pausing or deleting it, as entries of its journal.

A demo account writes them to its own journal. Pauses, limits and intents of a live wallet compete for one number, so
each is decided on all that were committed before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from moniqo_core.domain.errors import NotFoundError, TemporarilyUnavailableError
from moniqo_core.domain.live.lifecycle import decide_lifecycle
from moniqo_core.domain.risk.limits import changed_limits
from moniqo_core.domain.wallets.lifecycle_commands import ChangeLimits, DeleteWallet, LifecycleCommand
from moniqo_core.domain.wallets.status_changes import check_pause_unchanged
from moniqo_core.domain.wallets.user_wallet import STOPPED_STATUSES, UserWallet
from moniqo_core.storage.document import USER_WALLETS, Database, Document
from moniqo_core.storage.live.journal.entry_codec import EntryKind, WalletChange, wallet_entry
from moniqo_core.storage.live.journal.live_journal import CommitOutcome, Journaled, LiveJournal
from moniqo_core.storage.live.journal.projection import GROUP
from moniqo_core.storage.live.orders import LiveOrderStore
from moniqo_core.storage.risk_limits import limit_changes_document
from moniqo_core.storage.wallets.last_use import time_of_use
from moniqo_core.storage.wallets.user_wallet_codec import read_user_wallet, stored_fields

DECISIONS: Final = 20
"""The most decisions for one command. It is decided again when another writer of the journal was faster."""


class LiveLifecycle:
    """Writes changes of live wallets to their journals."""

    def __init__(self, database: Database) -> None:
        """Use the collections of ``database``."""
        self._wallets = database[USER_WALLETS]
        self._journal = LiveJournal(database)
        self._orders = LiveOrderStore(database)

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
        for _ in range(DECISIONS):
            found = await self._read(wallet)
            stored = read_user_wallet(found.wallet)
            check_pause_unchanged(command, wallet.pause_level, stored.status, stored.pause_level)
            if isinstance(command, ChangeLimits):
                changed_limits(stored.risk_limits, command.changes)
                change = _limits_change(found.wallet, command, fields)
            else:
                decided = decide_lifecycle(stored, command, stop_known="buys_stopped" in fields)
                ended = {"deleted_at": at} if isinstance(command, DeleteWallet) else {}
                change = _status_change(stored, {**fields, **decided, **ended})
            if await self._commit(found, change, at):
                return
        raise TemporarilyUnavailableError("Too many requests are changing this wallet at once.", retry_after=1)

    async def pause(self, before: UserWallet, paused: UserWallet, at: datetime) -> bool:
        """Commit a pause that a sync decided.

        Return False if the wallet was stopped or deleted meanwhile, or has other credentials than the sync used.
        """
        set_by_pause = ("status", "status_reason", "pause_level", "buys_stopped")
        fields = {name: getattr(paused, name) for name in set_by_pause}
        for _ in range(DECISIONS):
            try:
                found = await self._read(before)
            except NotFoundError:
                return False
            stored = read_user_wallet(found.wallet)
            if stored.status in STOPPED_STATUSES or stored.credentials_version != before.credentials_version:
                return False
            if await self._commit(found, _status_change(stored, fields), at):
                return True
        return False

    async def _read(self, wallet: UserWallet) -> Journaled:
        found = await self._journal.read({"_id": wallet.id, "user_id": wallet.user_id, "deleted_at": None})
        if found is None:
            raise NotFoundError("There is no such wallet.")
        return found

    async def _commit(self, found: Journaled, change: WalletChange, at: datetime) -> bool:
        """Commit a change. Return False if it must be decided again.

        The release before changes the wallet without an entry. Then the wallet is not as it was before the change, and
        keeps what that release wrote.
        """
        wallet = found.wallet["_id"]
        end = found.end or await self._orders.begin_journal(wallet, at)
        if end is None:
            return False
        entry = wallet_entry(wallet, change, end, at)
        if await self._journal.commit(entry) is not CommitOutcome.DONE:
            return False
        group = GROUP[change.kind]
        stored = await self._wallets.find_one({"_id": wallet}, {group: 1})
        return stored is not None and stored.get(group, 0) >= entry["seq"]


def _status_change(stored: UserWallet, fields: Mapping[str, object]) -> WalletChange:
    before = {
        # A connection that fails or recovers changes the status of a wallet in use, but does not stop it.
        "status": stored.status.value if stored.status in STOPPED_STATUSES else None,
        "pause_level": None if stored.pause_level is None else stored.pause_level.value,
        "buys_stopped": stored.buys_stopped,
    }
    return WalletChange(EntryKind.STATUS, before, stored_fields(fields))


def _limits_change(wallet: Document, command: ChangeLimits, fields: Mapping[str, object]) -> WalletChange:
    before = {"risk_limits": wallet["risk_limits"]}
    limits = {**wallet["risk_limits"], **limit_changes_document(command.changes)}
    return WalletChange(EntryKind.LIMITS, before, {**stored_fields(fields), "risk_limits": limits})
