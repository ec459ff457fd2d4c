"""What syncs find out about live wallets, as entries of their journals: a reason to pause, permissions, transfers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from moniqo_core.domain.errors import NotFoundError
from moniqo_core.domain.sync.outcome import SyncOutcome
from moniqo_core.domain.wallets.user_wallet import STOPPED_STATUSES, UserWallet, UserWalletStatus
from moniqo_core.storage.document import Database
from moniqo_core.storage.live.journal.entry_codec import EntryKind, WalletChange, transfers_entry, transfers_since
from moniqo_core.storage.live.journal.live_journal import Journaled
from moniqo_core.storage.live.journal.retry_pause import pause_after
from moniqo_core.storage.live.wallet_changes import DECISIONS, LiveWalletChanges, status_change, too_many_changes
from moniqo_core.storage.wallets.user_wallet_codec import read_user_wallet, stored_fields

_PAUSE: Final = ("status", "status_reason", "pause_level", "buys_stopped")
_PERMISSIONS: Final = ("key_permissions", "key_permissions_version", "status_before_suspension")
"""A suspended wallet whose key changed is paused when it is reinstated."""


class SyncFindings:
    """Writes findings of syncs to the journals of live wallets."""

    def __init__(self, database: Database) -> None:
        """Use the collections of ``database``."""
        self._changes = LiveWalletChanges(database)

    async def commit(self, outcome: SyncOutcome, at: datetime) -> SyncOutcome:
        """Commit what a sync found, and return the outcome without the changes that its entries made.

        If the wallet was stopped or deleted meanwhile, or has other credentials than the sync used, the outcome is
        returned as it is. It then does not fit the stored wallet and is not stored.

        Raises:
            TemporarilyUnavailableError: other requests were faster for too long, or the result is unknown.

        """
        before, after = outcome.before, outcome.after
        if before.is_demo:
            return outcome
        # A sync that is interrupted here finds the permissions still to be other ones, and pauses a wallet that is not.
        if outcome.pauses:
            if not await self.pause(before, after, at):
                return outcome
            outcome = _without(outcome, *_PAUSE)
        if _permissions_changed(outcome):
            if not await self._decided(before, partial(_permissions_change, outcome.before, after), at):
                return outcome
            outcome = _without(outcome, *_PERMISSIONS)
        since = before.balance.last_synced_at or before.created_at
        # An entry since the same sync may be of one whose outcome was lost. What it found may since be explained.
        if outcome.transfers or before.transfers_since == since:
            await self._add_transfers(outcome, since, at)
        return outcome

    async def pause(self, before: UserWallet, paused: UserWallet, at: datetime) -> bool:
        """Commit a pause that a sync decided.

        Return False if the wallet was stopped or deleted meanwhile, or has other credentials than the sync used.

        Raises:
            TemporarilyUnavailableError: as for :meth:`commit`.

        """
        fields = {name: getattr(paused, name) for name in _PAUSE}

        def decide(stored: UserWallet) -> WalletChange | None:
            return None if stored.status in STOPPED_STATUSES else status_change(stored, fields)

        return await self._decided(before, decide, at)

    async def _decided(
        self, before: UserWallet, decide: Callable[[UserWallet], WalletChange | None], at: datetime
    ) -> bool:
        for tries in range(1, DECISIONS + 1):
            found = await self._read(before)
            change = None if found is None else decide(read_user_wallet(found.wallet))
            if found is None or change is None:
                return False
            if await self._changes.commit(found, change, at):
                return True
            await pause_after(tries)
        raise too_many_changes()

    async def _add_transfers(self, outcome: SyncOutcome, since: datetime, at: datetime) -> None:
        for tries in range(1, DECISIONS + 1):
            found = await self._read(outcome.before)
            if found is None:
                return
            transfers = transfers_since(found.wallet, outcome.transfers, since)
            if not transfers.new:
                return
            end = await self._changes.end(found, at)
            if end and await self._changes.add(transfers_entry(outcome.before.id, transfers, end, at)):
                return
            await pause_after(tries)
        raise too_many_changes()

    async def _read(self, before: UserWallet) -> Journaled | None:
        """Return a wallet that still has the credentials that a sync used, or None."""
        try:
            found = await self._changes.read(before)
        except NotFoundError:
            return None
        return found if read_user_wallet(found.wallet).credentials_version == before.credentials_version else None


def _permissions_changed(outcome: SyncOutcome) -> bool:
    """Tell whether the permissions are an entry.

    The first ones are no change: each new wallet's first sync would otherwise take more round trips.
    """
    before, after = ([getattr(wallet, name) for name in _PERMISSIONS] for wallet in (outcome.before, outcome.after))
    is_first = outcome.before.key_permissions is None and before[-1] == after[-1]
    return before != after and not is_first


def _permissions_change(before: UserWallet, after: UserWallet, stored: UserWallet) -> WalletChange | None:
    """Return the change, or None if the wallet was stopped or went on meanwhile: then the next sync may pause it."""
    if _stop(stored) != _stop(before):
        return None
    changed = {name: getattr(after, name) for name in _PERMISSIONS}
    return WalletChange(
        EntryKind.PERMISSIONS, {"credentials_version": stored.credentials_version}, stored_fields(changed)
    )


def _stop(wallet: UserWallet) -> UserWalletStatus | None:
    return wallet.status if wallet.status in STOPPED_STATUSES else None


def _without(outcome: SyncOutcome, *names: str) -> SyncOutcome:
    """Return an outcome that does not change these attributes any more, because entries did."""
    stored = replace(outcome.before, **{name: getattr(outcome.after, name) for name in names})
    return replace(outcome, before=stored)
