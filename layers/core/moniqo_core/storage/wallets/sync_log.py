"""Results of syncs: the log in the collection ``wallet_sync_log`` and each wallet's snapshot, written together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

from pymongo import DESCENDING, UpdateOne
from pymongo.errors import ClientBulkWriteException

from moniqo_core.domain.money import plain
from moniqo_core.domain.portfolio.balance_equation import EquationLine
from moniqo_core.domain.sync.outcome import SyncLogCursor, SyncLogEntry, SyncOutcome, SyncStatus, SyncType
from moniqo_core.storage.client import is_outage
from moniqo_core.storage.document import USER_WALLETS, Database, Document, optional_decimal, optional_text
from moniqo_core.storage.equity_points import point_inserts
from moniqo_core.storage.wallets.user_wallet_codec import changes_between, same_credentials

COLLECTION: Final = "wallet_sync_log"
SENDS: Final = 3
"""How often results are sent until there is an answer. The driver sends them up to twice each time."""

DUPLICATE_KEY: Final = 11000


class UnreadableWallet(NamedTuple):
    """A wallet whose document cannot be read, and the time of its next sync."""

    id: str
    synced_for: datetime
    next_sync_at: datetime


class _Write(NamedTuple):
    """One write for a wallet. ``inserts`` says that it adds a document, unless that exists."""

    wallet: str
    model: UpdateOne
    inserts: bool = False


class SyncLogStore:
    """Writes the outcome of syncs and reads the log back."""

    def __init__(self, db: Database) -> None:
        """Use the collections of ``db``."""
        self._db = db

    async def record(
        self, token: str, outcomes: Sequence[SyncOutcome], unreadable: Sequence[UnreadableWallet] = ()
    ) -> frozenset[str]:
        """Store the snapshots, log rows and equity points of any number of syncs in one round trip.

        A wallet is written only under five conditions: it has the lease ``token``, its status and its credentials are
        those that were read, it is not deleted, and it has no later snapshot. Log rows and equity points are inserted
        once. So a repeat changes nothing, and a write whose answer was lost is sent again. The write ends the lease.

        Returns:
            The ids of the wallets whose outcome could not be written. This is normally empty.

        """
        writes = [write for outcome in outcomes for write in self._writes(token, outcome)]
        writes += [self._postponed(token, wallet) for wallet in unreadable]
        for left in reversed(range(SENDS if writes else 0)):
            try:
                await self._db.client.bulk_write([write.model for write in writes], ordered=False)
            except ClientBulkWriteException as failure:
                if is_outage(failure) and left:
                    continue
                if failure.error is not None or not failure.write_errors:
                    raise
                # The driver's annotation is wrong: these are the server's documents.
                errors = cast("list[Document]", failure.write_errors)
                failed = [(writes[error["idx"]], error["code"]) for error in errors]
                # Another process that inserted the same row or point first is no failure.
                return frozenset(item.wallet for item, code in failed if not (item.inserts and code == DUPLICATE_KEY))
            break
        return frozenset()

    async def list(
        self, user_id: str, user_wallet_id: str, after: SyncLogCursor | None, limit: int
    ) -> Sequence[SyncLogEntry]:
        """Return up to ``limit`` log rows of an owner's wallet after the cursor ``after``, newest first."""
        query: Document = {"user_wallet_id": user_wallet_id, "user_id": user_id}
        if after is not None:
            started_at, last_id = after
            older = {"started_at": {"$lt": started_at}}
            query["$or"] = [older, {"started_at": started_at, "_id": {"$lt": last_id}}]
        found = self._db[COLLECTION].find(query).sort([("started_at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
        return [_entry(document) for document in await found.to_list()]

    def _writes(self, token: str, outcome: SyncOutcome) -> Iterator[_Write]:
        wallet = outcome.before.id
        yield _Write(wallet, self._snapshot(token, outcome))
        if outcome.log is not None:
            row = {"$setOnInsert": _row(outcome.log)}
            upsert = UpdateOne({"_id": outcome.log.id}, row, upsert=True, namespace=self._namespace(COLLECTION))
            yield _Write(wallet, upsert, inserts=True)
        for point in point_inserts(self._db.name, wallet, outcome.epoch, outcome.samples):
            yield _Write(wallet, point, inserts=True)

    def _snapshot(self, token: str, outcome: SyncOutcome) -> UpdateOne:
        before = outcome.before
        unchanged: Document = {
            "_id": before.id,
            "sync_lease.token": token,
            "deleted_at": None,
            "status": before.status.value,
            **same_credentials(before),
            "balance.last_synced_at": {"$not": {"$gt": outcome.run.started_at}},
        }
        if outcome.corrected:
            unchanged["mirror_seq"] = before.journal_seq
        update = {"$set": changes_between(before, outcome.after), "$unset": {"sync_lease": ""}}
        return UpdateOne(unchanged, update, namespace=self._namespace(USER_WALLETS))

    def _postponed(self, token: str, wallet: UnreadableWallet) -> _Write:
        fields = {"next_sync_at": wallet.next_sync_at, "synced_for": wallet.synced_for}
        mine = {"_id": wallet.id, "sync_lease.token": token}
        update = {"$set": fields, "$unset": {"sync_lease": ""}}
        return _Write(wallet.id, UpdateOne(mine, update, namespace=self._namespace(USER_WALLETS)))

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
        "total_value_usd": optional_text(entry.total_value_usd),
        "equation": None if entry.equation is None else [_line_values(line) for line in entry.equation],
    }


def _entry(row: Mapping[str, Any]) -> SyncLogEntry:
    total, lines = row["total_value_usd"], row.get("equation")
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
        total_value_usd=optional_decimal(total),
        equation=None if lines is None else [_line(values) for values in lines],
    )


def _line_values(line: EquationLine) -> list[str]:
    amounts = (line.opening, line.trades, line.fees, line.transfers, line.closing)
    return [line.asset, *map(plain, amounts)]


def _line(values: Sequence[str]) -> EquationLine:
    asset, *amounts = values
    return EquationLine(asset, *map(Decimal, amounts))
