"""User wallets of all owners that are due for a sync or an evaluation, and the leases of syncs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pymongo import ASCENDING
from pymongo.asynchronous.cursor import AsyncCursor

from moniqo_core.domain.wallets.user_wallet import SYNCED_BY_SCHEDULE, UserWallet
from moniqo_core.storage.document import USER_WALLETS, Database, Document


class DueWallet(NamedTuple):
    """A wallet to sync, and its venue."""

    id: str
    venue: str


class SyncLease(NamedTuple):
    """The right of the holder of ``token`` to sync a wallet. It expires at ``until``."""

    token: str
    until: datetime


class DueWallets:
    """Finds and leases the user wallets of one database."""

    def __init__(self, db: Database) -> None:
        """Use the collection of ``db``."""
        self._wallets = db[USER_WALLETS]

    async def due(self, scheduled: datetime, at_once: int) -> AsyncIterator[Sequence[DueWallet]]:
        """Yield the wallets whose next sync is due, longest overdue first, in batches of at most ``at_once``.

        One cursor follows an index, so each key is read once and only one batch is in memory.
        """
        query: Document = {
            "next_sync_at": {"$lte": scheduled},
            "status": {"$in": [status.value for status in SYNCED_BY_SCHEDULE]},
            "deleted_at": None,
        }
        found = self._wallets.find(query, {"wallet_slug": 1}, sort=[("next_sync_at", ASCENDING)], batch_size=at_once)
        async for batch in _batches(found, at_once):
            yield [DueWallet(document["_id"], document["wallet_slug"]) for document in batch]

    async def to_evaluate_ids(self, holdings_until: datetime, at_once: int) -> AsyncIterator[Sequence[str]]:
        """Yield ids of demo wallets to evaluate, whatever their status, ``at_once`` at most at a time.

        All wallets with open orders are included, because exits stay active while a wallet is paused. Wallets that have
        only holdings are included if they were evaluated up to ``holdings_until`` at most.
        """
        wanted: Document = {
            "deleted_at": None,
            "is_demo": True,
            "$or": [
                {"has_open_orders": True},
                {"has_open_orders": False, "evaluated_until": {"$lte": holdings_until}},
            ],
        }
        async for batch in _batches(self._wallets.find(wanted, {"_id": 1}, batch_size=at_once), at_once):
            yield [document["_id"] for document in batch]

    async def claim(self, due: Mapping[str, datetime], lease: SyncLease, now: datetime) -> bool:
        """Lease the wallets of ``due`` (id: scheduled time) that were not yet synced for that time.

        Wallets that are deleted, stopped or leased by another worker are left out. Return whether any wallet is leased.
        Any number of wallets takes one round trip.
        """
        if not due:
            return False
        by_time: dict[datetime, list[str]] = {}
        for user_wallet_id, scheduled in due.items():
            by_time.setdefault(scheduled, []).append(user_wallet_id)
        wanted: list[Document]
        wanted = [{"_id": {"$in": ids}, **_not_synced_for(scheduled)} for scheduled, ids in by_time.items()]
        allowed = {"deleted_at": None, "status": {"$in": [status.value for status in SYNCED_BY_SCHEDULE]}}
        free = {**allowed, **_not_leased(now), **(wanted[0] if len(wanted) == 1 else {"$or": wanted})}
        leased = await self._wallets.update_many(free, {"$set": {"sync_lease": lease._asdict()}})
        return bool(leased.modified_count)

    async def claim_one(self, wallet: UserWallet, lease: SyncLease, now: datetime) -> bool:
        """Lease a wallet as it was read. Return False if another worker has leased it, or synced it since."""
        as_read = {"_id": wallet.id, "deleted_at": None, "statistics.total_syncs": wallet.statistics.total_syncs}
        leased = await self._wallets.update_one(
            {**as_read, **_not_leased(now)}, {"$set": {"sync_lease": lease._asdict()}}
        )
        return bool(leased.modified_count)


def leased_by(user_wallet_ids: Iterable[str], token: str) -> Document:
    """Return the query of those of these user wallets that the holder of ``token`` has leased."""
    return {"_id": {"$in": list(user_wallet_ids)}, "sync_lease.token": token}


def _not_synced_for(scheduled: datetime) -> Document:
    """Match wallets that no scheduled sync of this time or a later one has written to."""
    return {"synced_for": {"$not": {"$gte": scheduled}}}


def _not_leased(now: datetime) -> Document:
    return {"sync_lease.until": {"$not": {"$gt": now}}}


async def _batches(found: AsyncCursor[Document], size: int) -> AsyncIterator[Sequence[Document]]:
    async with found:
        while batch := await found.to_list(size):
            yield batch
