"""User wallets in MongoDB, collection ``user_wallets``. Methods of an owner name the owner in every query."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from moniqo.domain.errors import ConflictError, NotFoundError
from moniqo.domain.user_wallet import STOPPED, SYNCED_BY_SCHEDULE, UserWallet, UserWalletStatus
from moniqo.storage.client import UNREADABLE
from moniqo.storage.user_wallet_documents import from_document, to_document

log: Final = logging.getLogger("moniqo")

COLLECTION: Final = "user_wallets"
HOLDINGS_EVERY: Final = timedelta(hours=1)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WalletFilter:
    """Which of an owner's wallets to list; None does not filter."""

    wallet_id: str | None = None
    is_active: bool | None = None
    status: UserWalletStatus | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page of the list starts: after the wallet made at ``created_at`` with id ``id``."""

    created_at: datetime
    id: str


class Due(NamedTuple):
    """A wallet to sync, and its venue."""

    id: str
    venue: str


class Lease(NamedTuple):
    """The right to sync a wallet, for whoever knows ``token``; it ends by itself at ``until``."""

    token: str
    until: datetime


class Claimed(NamedTuple):
    """Wallets that were leased, and ids of those that were but cannot be read."""

    wallets: Sequence[UserWallet]
    unreadable: Sequence[str]


class UserWalletStore:
    """Reads and writes user wallets. Deleted ones are not there for anybody."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        """Use the collection of ``db``."""
        self._wallets = db[COLLECTION]

    async def get(self, user_id: str, user_wallet_id: str) -> UserWallet:
        """Return an owner's wallet; raises NotFoundError also for somebody else's."""
        return await self._one({"_id": user_wallet_id, "user_id": user_id, "deleted_at": None})

    async def get_of_anybody(self, user_wallet_id: str) -> UserWallet:
        """Return a wallet whoever owns it, for administrators; raises NotFoundError."""
        return await self._one({"_id": user_wallet_id, "deleted_at": None})

    async def several(self, user_wallet_ids: Sequence[str]) -> Sequence[UserWallet]:
        """Return these wallets whoever owns them; deleted ones are missing."""
        found = self._wallets.find({"_id": {"$in": list(user_wallet_ids)}, "deleted_at": None})
        return [from_document(document) for document in await found.to_list()]

    async def find_made(self, user_id: str, user_wallet_id: str) -> UserWallet | None:
        """Return an owner's wallet even when it was deleted since."""
        document = await self._wallets.find_one({"_id": user_wallet_id, "user_id": user_id})
        return from_document(document) if document else None

    async def list(
        self, user_id: str, wanted: WalletFilter, after: Position | None, limit: int
    ) -> Sequence[UserWallet]:
        """Return up to ``limit`` of an owner's wallets, newest first, after the given position."""
        query: Document = {"user_id": user_id, "deleted_at": None}
        if wanted.wallet_id is not None:
            query["wallet_id"] = wanted.wallet_id
        if wanted.is_active is not None:
            query["status"] = {"$nin" if wanted.is_active else "$in": [status.value for status in STOPPED]}
        conditions: list[Document] = [query]
        if wanted.status is not None:
            conditions.append({"status": wanted.status.value})
        if after is not None:
            older = {"created_at": {"$lt": after.created_at}}
            same_moment = {"created_at": after.created_at, "_id": {"$lt": after.id}}
            conditions.append({"$or": [older, same_moment]})
        found = self._wallets.find({"$and": conditions} if len(conditions) > 1 else query)
        found = found.sort([("created_at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
        return [from_document(document) for document in await found.to_list()]

    async def insert(self, wallet: UserWallet) -> None:
        """Store a new wallet; raises ConflictError when its id is taken."""
        try:
            await self._wallets.insert_one(to_document(wallet))
        except DuplicateKeyError:
            raise ConflictError("A wallet with this id exists.") from None

    async def change(self, user_id: str, user_wallet_id: str, fields: Mapping[str, object]) -> None:
        """Set fields of an owner's wallet; raises NotFoundError."""
        owned = {"_id": user_wallet_id, "user_id": user_id, "deleted_at": None}
        result = await self._wallets.update_one(owned, {"$set": dict(fields)})
        if not result.matched_count:
            raise NotFoundError("There is no such wallet.")

    async def change_in_status(self, wallet: UserWallet, fields: Mapping[str, object]) -> None:
        """Set fields of a wallet that still has the status it was read with; raises ConflictError."""
        read = {"_id": wallet.id, "user_id": wallet.user_id, "deleted_at": None, "status": wallet.status.value}
        result = await self._wallets.update_one(read, {"$set": dict(fields)})
        if not result.matched_count:
            raise ConflictError("The wallet was changed at the same time by another request.")

    async def replace_credentials(
        self, wallet: UserWallet, credentials: str | None, fields: Mapping[str, object]
    ) -> None:
        """Store new credentials over the version ``wallet`` was read with.

        Raises:
            ConflictError: somebody else stored credentials, or deleted the wallet, in between.

        """
        read = {
            "_id": wallet.id,
            "user_id": wallet.user_id,
            "deleted_at": None,
            "credentials_version": wallet.credentials_version,
        }
        stored = {**fields, "credentials": credentials, "credentials_version": wallet.credentials_version + 1}
        result = await self._wallets.update_one(read, {"$set": stored})
        if not result.matched_count:
            raise ConflictError("The credentials were changed at the same time by another request.")

    async def due(self, scheduled: datetime, at_once: int) -> AsyncIterator[Sequence[Due]]:
        """Yield the wallets whose next sync has come, those that wait longest first, ``at_once`` at most at a time.

        One cursor in the order of an index: each key is read once, and no more than a batch is held.
        """
        query: Document = {
            "next_sync_at": {"$lte": scheduled},
            "status": {"$in": [status.value for status in SYNCED_BY_SCHEDULE]},
            "deleted_at": None,
        }
        found = self._wallets.find(query, {"wallet_slug": 1}, sort=[("next_sync_at", ASCENDING)], batch_size=at_once)
        async for batch in _batches(found, at_once):
            yield [Due(document["_id"], document["wallet_slug"]) for document in batch]

    async def to_evaluate_ids(self, scheduled: datetime, at_once: int) -> AsyncIterator[Sequence[str]]:
        """Yield ids of demo wallets to evaluate, whatever their status, ``at_once`` at most at a time.

        These are all with open orders, for exits work on while a wallet is paused; and those that only hold something
        once an hour, so that their equity and loss limits follow the market while nobody looks.
        """
        wanted: Document = {
            "deleted_at": None,
            "is_demo": True,
            "$or": [
                {"has_open_orders": True},
                {"has_open_orders": False, "evaluated_until": {"$lte": scheduled - HOLDINGS_EVERY}},
            ],
        }
        async for batch in _batches(self._wallets.find(wanted, {"_id": 1}, batch_size=at_once), at_once):
            yield [document["_id"] for document in batch]

    async def claim(self, due: Mapping[str, datetime], lease: Lease, now: datetime) -> Claimed:
        """Lease the wallets of ``due`` (id: scheduled time) that were not yet synced for that time, and read them.

        Wallets that were deleted or stopped meanwhile, or that somebody else has a lease on, are left out. Two round
        trips, however many wallets there are.
        """
        if not due:
            return Claimed((), ())
        by_time: dict[datetime, list[str]] = {}
        for user_wallet_id, scheduled in due.items():
            by_time.setdefault(scheduled, []).append(user_wallet_id)
        wanted: list[Document]
        wanted = [{"_id": {"$in": ids}, **_not_synced_for(scheduled)} for scheduled, ids in by_time.items()]
        allowed = {"deleted_at": None, "status": {"$in": [status.value for status in SYNCED_BY_SCHEDULE]}}
        free = {**allowed, **_not_leased(now), **(wanted[0] if len(wanted) == 1 else {"$or": wanted})}
        leased = await self._wallets.update_many(free, {"$set": {"sync_lease": lease._asdict()}})
        if not leased.modified_count:
            return Claimed((), ())
        mine = {"_id": {"$in": list(due)}, "sync_lease.token": lease.token}
        wallets, unreadable = [], []
        for document in await self._wallets.find(mine).to_list():
            try:
                wallets.append(from_document(document))
            except UNREADABLE:
                log.exception("wallet cannot be read", extra={"fields": {"user_wallet_id": document["_id"]}})
                unreadable.append(document["_id"])
        return Claimed(wallets, unreadable)

    async def claim_one(self, wallet: UserWallet, lease: Lease, now: datetime) -> bool:
        """Lease a wallet as it was read; returns False when somebody else has a lease, or synced it since."""
        as_read = {"_id": wallet.id, "deleted_at": None, "statistics.total_syncs": wallet.statistics.total_syncs}
        leased = await self._wallets.update_one(
            {**as_read, **_not_leased(now)}, {"$set": {"sync_lease": lease._asdict()}}
        )
        return bool(leased.modified_count)

    async def _one(self, query: Document) -> UserWallet:
        document = await self._wallets.find_one(query)
        if document is None:
            raise NotFoundError("There is no such wallet.")
        return from_document(document)


def _not_synced_for(scheduled: datetime) -> Document:
    """Match wallets no scheduled sync of this time, or a later one, has written to."""
    return {"synced_for": {"$not": {"$gte": scheduled}}}


def _not_leased(now: datetime) -> Document:
    return {"sync_lease.until": {"$not": {"$gt": now}}}


async def _batches(found: AsyncCursor[Document], size: int) -> AsyncIterator[Sequence[Document]]:
    async with found:
        while batch := await found.to_list(size):
            yield batch
