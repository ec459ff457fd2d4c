"""The messages of the sync queue, written by the dispatcher and read by the workers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from moniqo_core.domain.clock import rfc3339
from moniqo_core.services.shared.schedule import read_moment

WALLETS_PER_MESSAGE: Final = 25


@dataclass(frozen=True, slots=True)
class SyncBatch:
    """The work in some messages. ``due`` holds the scheduled time for which each wallet must be synced."""

    due: Mapping[str, datetime]
    wallets_of: Mapping[str, Sequence[str]]
    unreadable: Sequence[str]

    def failed(self, unstored: frozenset[str]) -> Sequence[str]:
        """Return ids of messages to deliver again: unreadable ones and those with a wallet of ``unstored``."""
        again = [name for name, wallets in self.wallets_of.items() if not unstored.isdisjoint(wallets)]
        return [*self.unreadable, *again]


def write_messages(scheduled: datetime, user_wallet_ids: Sequence[str]) -> Sequence[Mapping[str, object]]:
    """Return messages that request a sync of these wallets."""
    starts = range(0, len(user_wallet_ids), WALLETS_PER_MESSAGE)
    return [write_message(scheduled, user_wallet_ids[start : start + WALLETS_PER_MESSAGE]) for start in starts]


def write_message(scheduled: datetime, user_wallet_ids: Sequence[str]) -> Mapping[str, object]:
    """Return a message that requests a sync of these wallets, at most 25."""
    moment = rfc3339(scheduled)
    return {
        "sync_id": f"{moment}/{user_wallet_ids[0]}",
        "scheduled_time": moment,
        "user_wallet_ids": list(user_wallet_ids),
    }


def read_batch(event: Mapping[str, Any]) -> SyncBatch:
    """Read the messages of an SQS event. One that cannot be read does not stop the others."""
    due: dict[str, datetime] = {}
    wallets_of: dict[str, Sequence[str]] = {}
    unreadable: list[str] = []
    for record in event["Records"]:
        name = record["messageId"]
        try:
            scheduled, wallets = _read(record["body"])
        except (ValueError, TypeError, KeyError, RecursionError):
            unreadable.append(name)
            continue
        wallets_of[name] = wallets
        for wallet in wallets:
            # For two times of one wallet, a sync for the later time does the work of both.
            due[wallet] = max(due.get(wallet, scheduled), scheduled)
    return SyncBatch(due, wallets_of, unreadable)


def _read(body: str) -> tuple[datetime, Sequence[str]]:
    message = json.loads(body)
    wallets = message["user_wallet_ids"]
    if not isinstance(wallets, list) or not all(isinstance(wallet, str) for wallet in wallets):
        raise TypeError
    for wallet in wallets:
        wallet.encode()  # half of a surrogate pair is valid JSON, but no query can contain it
    return read_moment(message["scheduled_time"]), wallets
