"""Results of syncs: the log, collection ``wallet_sync_log``, and the snapshot of each wallet, in one write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

from pymongo import DESCENDING, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ClientBulkWriteException

from moniqo.domain.money import plain
from moniqo.domain.sync import SyncLogEntry, SyncOutcome, SyncStatus, SyncType
from moniqo.storage.user_wallet_documents import balance_document, connection_document
from moniqo.storage.user_wallets import COLLECTION as USER_WALLETS
from moniqo.storage.user_wallets import not_synced_for

COLLECTION: Final = "wallet_sync_log"

Document = dict[str, Any]


class SyncLogStore:
    """Writes the outcome of syncs and reads the log back."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        """Use the collections of ``db``."""
        self._db = db

    async def record(self, outcomes: Sequence[SyncOutcome]) -> frozenset[str]:
        """Store snapshots and log rows of any number of syncs in one round trip.

        A wallet is written only if its status is still the one that was read, it was not deleted, no later snapshot is
        there, and no delivery of the same scheduled work came first; a log row is written once per sync id. So a repeat
        changes nothing.

        Returns:
            Ids of the wallets whose outcome could not be written, empty as a rule.

        """
        if not outcomes:
            return frozenset()
        writes = [write for outcome in outcomes for write in (self._snapshot(outcome), self._log_row(outcome))]
        try:
            await self._db.client.bulk_write(writes, ordered=False)
        except ClientBulkWriteException as failure:
            if failure.error is not None or not failure.write_errors:
                raise
            # The driver's annotation is wrong: these are the server's documents.
            errors = cast("list[dict[str, int]]", failure.write_errors)
            return frozenset(outcomes[error["idx"] // 2].before.id for error in errors)
        return frozenset()

    async def list(
        self, user_id: str, user_wallet_id: str, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[SyncLogEntry]:
        """Return up to ``limit`` rows of an owner's wallet, newest first, after ``(started_at, id)``."""
        query: Document = {"user_wallet_id": user_wallet_id, "user_id": user_id}
        if after is not None:
            started_at, last_id = after
            older = {"started_at": {"$lt": started_at}}
            query["$or"] = [older, {"started_at": started_at, "_id": {"$lt": last_id}}]
        found = self._db[COLLECTION].find(query).sort([("started_at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
        return [_entry(document) for document in await found.to_list()]

    def _snapshot(self, outcome: SyncOutcome) -> UpdateOne:
        before, after = outcome.before, outcome.after
        unchanged: Document = {"_id": before.id, "deleted_at": None, "status": before.status.value}
        unchanged["balance.last_synced_at"] = {"$not": {"$gt": outcome.run.started_at}}
        if outcome.run.scheduled_for is not None:
            unchanged.update(not_synced_for(outcome.run.scheduled_for))
        fields: Document = {
            "status": after.status.value,
            "connection": connection_document(after.connection),
            "statistics.total_syncs": after.statistics.total_syncs,
            "statistics.failed_syncs": after.statistics.failed_syncs,
            "next_sync_at": after.next_sync_at,
        }
        if after.balance != before.balance:
            fields["balance"] = balance_document(after.balance)
        if outcome.run.scheduled_for is not None:
            fields["synced_for"] = outcome.run.scheduled_for
        return UpdateOne(unchanged, {"$set": fields}, namespace=self._namespace(USER_WALLETS))

    def _log_row(self, outcome: SyncOutcome) -> UpdateOne:
        entry = outcome.log
        return UpdateOne(
            {"_id": entry.id}, {"$setOnInsert": _row(entry)}, upsert=True, namespace=self._namespace(COLLECTION)
        )

    def _namespace(self, collection: str) -> str:
        return f"{self._db.name}.{collection}"


def _row(entry: SyncLogEntry) -> Document:
    return {
        "user_id": entry.user_id,
        "user_wallet_id": entry.user_wallet_id,
        "sync_type": entry.sync_type.value,
        "status": entry.status.value,
        "started_at": entry.started_at,
        "duration_ms": entry.duration_ms,
        "api_calls": entry.api_calls,
        "error_code": entry.error_code,
        "assets_count": entry.assets_count,
        "total_value_usd": None if entry.total_value_usd is None else plain(entry.total_value_usd),
    }


def _entry(row: Mapping[str, Any]) -> SyncLogEntry:
    total = row["total_value_usd"]
    return SyncLogEntry(
        id=row["_id"],
        user_id=row["user_id"],
        user_wallet_id=row["user_wallet_id"],
        sync_type=SyncType(row["sync_type"]),
        status=SyncStatus(row["status"]),
        started_at=row["started_at"],
        duration_ms=row["duration_ms"],
        api_calls=row["api_calls"],
        error_code=row["error_code"],
        assets_count=row["assets_count"],
        total_value_usd=None if total is None else Decimal(total),
    )
