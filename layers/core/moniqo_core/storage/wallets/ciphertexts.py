"""Ciphertexts of user wallets, including deleted ones, found by their prefix: version and key id.

The ciphertext itself is the only record of the key it needs. A separate field could become wrong, and then a key that a
wallet still needs would be deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from pymongo import ASCENDING, UpdateOne

from moniqo_core.domain.wallets.user_wallet import STOPPED_STATUSES, UserWallet, UserWalletStatus
from moniqo_core.storage.document import USER_WALLETS, Database, Document, begins_with

_NOT_MARKED: Final = [status.value for status in (*STOPPED_STATUSES, UserWalletStatus.ERROR)]


class Ciphertext(NamedTuple):
    """The stored ciphertext of one wallet, with its owner."""

    user_wallet_id: str
    user_id: str
    text: str


def ciphertext_of(wallet: UserWallet) -> Ciphertext:
    """Return the ciphertext that a wallet was read with."""
    return Ciphertext(wallet.id, wallet.user_id, wallet.credentials or "")


class CiphertextStore:
    """Finds and replaces ciphertexts. A ciphertext is replaced only if it is still the one that was read."""

    def __init__(self, db: Database) -> None:
        """Use the wallets of ``db``."""
        self._wallets = db[USER_WALLETS]

    async def count(self, prefix: str = "") -> int:
        """Return the number of ciphertexts that begin with ``prefix``."""
        return await self._wallets.count_documents(_beginning_with(prefix))

    async def page(self, prefix: str, after: Ciphertext | None, limit: int) -> Sequence[Ciphertext]:
        """Return up to ``limit`` ciphertexts that begin with ``prefix``, in a fixed order, after ``after``."""
        query = _beginning_with(prefix)
        if after is not None:
            # Two documents with the same ciphertext were tampered with. Neither may be skipped.
            same = {"credentials": after.text, "_id": {"$gt": after.user_wallet_id}}
            query = {"$and": [query, {"$or": [{"credentials": {"$gt": after.text}}, same]}]}
        found = self._wallets.find(query, {"user_id": 1, "credentials": 1})
        found = found.sort([("credentials", ASCENDING), ("_id", ASCENDING)]).limit(limit)
        return [Ciphertext(each["_id"], each["user_id"], each["credentials"]) for each in await found.to_list()]

    async def replace(self, changes: Mapping[Ciphertext, str]) -> int:
        """Replace those ciphertexts that are still the ones that were read. Return how many were replaced."""
        if not changes:
            return 0
        swaps = [UpdateOne(_still(old), {"$set": {"credentials": new}}) for old, new in changes.items()]
        result = await self._wallets.bulk_write(swaps, ordered=False)
        return result.modified_count

    async def mark_unreadable(self, broken: Sequence[Ciphertext], reason: str, now: datetime) -> None:
        """Set the status ``error`` on wallets whose ciphertext cannot be decrypted, unless they are stopped."""
        if not broken:
            return
        fields = {
            "status": UserWalletStatus.ERROR.value,
            "connection.is_connected": False,
            "connection.last_error": reason,
            "connection.last_error_at": now,
        }
        marks = [UpdateOne({**_still(each), "status": {"$nin": _NOT_MARKED}}, {"$set": fields}) for each in broken]
        await self._wallets.bulk_write(marks, ordered=False)


def _still(read: Ciphertext) -> Document:
    return {"_id": read.user_wallet_id, "credentials": {"$eq": read.text}}


def _beginning_with(prefix: str) -> Document:
    # The condition on the type lets MongoDB use the partial index, which holds only strings.
    return {"credentials": {"$type": "string", **begins_with(prefix)}}
