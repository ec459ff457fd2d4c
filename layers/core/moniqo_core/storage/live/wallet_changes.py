"""Changes of live wallets as entries of their journals, each decided on the last entry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from moniqo_core.domain.errors import NotFoundError, TemporarilyUnavailableError
from moniqo_core.domain.wallets.user_wallet import STOPPED_STATUSES, UserWallet
from moniqo_core.storage.document import USER_WALLETS, Database, Document
from moniqo_core.storage.live.journal.entry_codec import EntryKind, JournalEnd, WalletChange, wallet_entry
from moniqo_core.storage.live.journal.live_journal import CommitOutcome, Journaled, LiveJournal
from moniqo_core.storage.live.journal.projection import GROUP
from moniqo_core.storage.live.orders import LiveOrderStore
from moniqo_core.storage.wallets.user_wallet_codec import stored_fields

DECISIONS: Final = 20
"""The most decisions for one command. It is decided again when another writer of the journal was faster."""


class LiveWalletChanges:
    """Reads what changes of live wallets are decided on, and commits them."""

    def __init__(self, database: Database) -> None:
        """Use the collections of ``database``."""
        self._wallets = database[USER_WALLETS]
        self._journal = LiveJournal(database)
        self._orders = LiveOrderStore(database)

    async def read(self, wallet: UserWallet) -> Journaled:
        """Return the stored state of a wallet.

        Raises:
            NotFoundError: the wallet was deleted.

        """
        found = await self._journal.read({"_id": wallet.id, "user_id": wallet.user_id, "deleted_at": None})
        if found is None:
            raise NotFoundError("There is no such wallet.")
        return found

    async def end(self, found: Journaled, at: datetime) -> JournalEnd | None:
        """Return what the next entry follows. A missing journal begins. None if another writer began it."""
        return found.end or await self._orders.begin_journal(found.wallet["_id"], at)

    async def commit(self, found: Journaled, change: WalletChange, at: datetime) -> bool:
        """Commit a change that was decided on ``found``. Return False if it must be decided again.

        The release before changes the wallet without an entry. Then the wallet is not as it was before the change, and
        keeps what that release wrote.
        """
        wallet = found.wallet["_id"]
        end = await self.end(found, at)
        if end is None:
            return False
        entry = wallet_entry(wallet, change, end, at)
        if not await self.add(entry):
            return False
        group = GROUP[change.kind]
        stored = await self._wallets.find_one({"_id": wallet}, {group: 1})
        return stored is not None and stored.get(group, 0) >= entry["seq"]

    async def add(self, entry: Document) -> bool:
        """Add an entry. Return False if another writer took its number."""
        return await self._journal.commit(entry) is CommitOutcome.DONE


def status_change(stored: UserWallet, fields: Mapping[str, object]) -> WalletChange:
    """Return the change of a wallet's status that sets these attributes."""
    before = {
        # A connection that fails or recovers changes the status of a wallet in use, but does not stop it.
        "status": stored.status.value if stored.status in STOPPED_STATUSES else None,
        "pause_level": None if stored.pause_level is None else stored.pause_level.value,
        "buys_stopped": stored.buys_stopped,
    }
    return WalletChange(EntryKind.STATUS, before, stored_fields(fields))


def too_many_changes() -> TemporarilyUnavailableError:
    """Return the error of a change that other writers overtook :data:`DECISIONS` times."""
    return TemporarilyUnavailableError("Too many requests are changing this wallet at once.", retry_after=1)
