"""Which wallets are connected to the same account at a venue, told by the fingerprints in their documents.

A deleted wallet has no fingerprints. By a unique index, no two wallets have the same fingerprint. Wallets that shared
an account before this rule are marked by ``account_duplicate``, which takes them out of the rule of the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus
from moniqo_core.domain.wallets.venue_account import AccountWallet
from moniqo_core.storage.document import USER_WALLETS, Database, Document, begins_with
from moniqo_core.storage.wallets.user_wallet_codec import same_credentials

FINGERPRINTS: Final = "account_fingerprints"
_SHOWN: Final = {"created_at": 1, "status": 1}


def sharing_stage() -> list[Document]:
    """Return the stages that add the wallets of the same account, itself among them, for :func:`read_sharing`."""
    return [
        # A missing field or an empty list would join every wallet without fingerprints. No fingerprint is "-", and the
        # partial index serves it, because it is more than the empty text.
        {"$set": {"shared_by": {"$ifNull": [f"${FINGERPRINTS}", "-"]}}},
        {
            "$lookup": {
                "from": USER_WALLETS,
                "localField": "shared_by",
                "foreignField": FINGERPRINTS,
                "pipeline": [{"$project": _SHOWN}],
                "as": "sharing",
            }
        },
    ]


def read_sharing(document: Mapping[str, Any]) -> Sequence[AccountWallet]:
    """Return the wallets of a result of :func:`sharing_stage`."""
    return [_read(each) for each in document["sharing"]]


def is_account_taken(error: DuplicateKeyError) -> bool:
    """Tell whether a write failed because another wallet has one of its fingerprints."""
    return FINGERPRINTS in (error.details or {}).get("keyPattern", {})


class VenueAccounts:
    """Finds wallets by their account."""

    def __init__(self, db: Database) -> None:
        """Use the wallets of ``db``."""
        self._wallets = db[USER_WALLETS]

    async def others(self, fingerprints: Iterable[str], user_wallet_id: str) -> Sequence[AccountWallet]:
        """Return the other wallets with one of these fingerprints, oldest first."""
        query = {FINGERPRINTS: {"$in": list(fingerprints)}, "_id": {"$ne": user_wallet_id}}
        found = self._wallets.find(query, _SHOWN)
        return sorted(_read(document) for document in await found.to_list())

    async def any_connected(self) -> bool:
        """Tell whether there is a live wallet with credentials."""
        query = {"is_demo": False, "deleted_at": None, "credentials": {"$type": "string"}}
        return await self._wallets.find_one(query, {"_id": 1}) is not None

    async def without_fingerprints(
        self, key_id: str, user_id: str | None, after: str | None, limit: int
    ) -> Sequence[Document]:
        """Return live wallets, of one user or of all, that have no fingerprint by the key ``key_id``, by id."""
        query: Document = {
            "is_demo": False,
            "deleted_at": None,
            "credentials": {"$type": "string"},
            FINGERPRINTS: {"$not": {"$elemMatch": begins_with(f"{key_id}:")}},
        }
        if user_id is not None:
            query["user_id"] = user_id
        if after is not None:
            query["_id"] = {"$gt": after}
        return await self._wallets.find(query).sort("_id", ASCENDING).limit(limit).to_list()

    async def without_account_id(self, after: str, limit: int) -> Sequence[Document]:
        """Return live wallets whose fingerprints are of their API key only, by id."""
        query: Document = {FINGERPRINTS: {"$gt": ""}, f"{FINGERPRINTS}.1": {"$exists": False}, "_id": {"$gt": after}}
        return await self._wallets.find(query).sort("_id", ASCENDING).limit(limit).to_list()

    async def store(self, wallet: UserWallet, fingerprints: Sequence[str]) -> bool:
        """Store fingerprints of a wallet whose credentials are still those that it was read with.

        If another wallet has one of them, this one is marked as a duplicate. Return False if the credentials changed.
        """
        read = {"_id": wallet.id, "deleted_at": None, **same_credentials(wallet)}
        fields: Document = {FINGERPRINTS: list(fingerprints), "account_duplicate": wallet.account_duplicate}
        try:
            done = await self._wallets.update_one(read, {"$set": fields})
        except DuplicateKeyError:
            fields["account_duplicate"] = wallet.id
            done = await self._wallets.update_one(read, {"$set": fields})
        return bool(done.matched_count)

    async def shared(self) -> Sequence[Sequence[AccountWallet]]:
        """Return the wallets of every account that several wallets are connected to, oldest first."""
        found: dict[frozenset[str], Sequence[AccountWallet]] = {}
        duplicates = self._wallets.find({"account_duplicate": {"$type": "string"}, FINGERPRINTS: {"$gt": ""}})
        async for document in duplicates:
            others = await self.others(document[FINGERPRINTS], document["_id"])
            wallets = sorted([*others, _read(document)])
            if others:
                found[frozenset(each.id for each in wallets)] = wallets
        return sorted(found.values(), key=min)


def _read(document: Mapping[str, Any]) -> AccountWallet:
    return AccountWallet(document["created_at"], document["_id"], UserWalletStatus(document["status"]))
