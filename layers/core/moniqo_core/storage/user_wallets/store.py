"""User wallets, in the collection ``user_wallets``. Methods for an owner name the owner in every query."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from moniqo_core.domain.errors import ConflictError, NotFoundError
from moniqo_core.domain.wallets.user_wallet import STOPPED_STATUSES, UserWallet, UserWalletStatus
from moniqo_core.domain.wallets.venue_account import taken
from moniqo_core.storage.document import USER_WALLETS, WHOLE_RESULT, Database, Document
from moniqo_core.storage.user_wallets.current import read_current
from moniqo_core.storage.wallets.readable_wallets import read_wallets
from moniqo_core.storage.wallets.user_wallet_codec import (
    read_user_wallet,
    same_credentials,
    stored_fields,
    user_wallet_document,
)
from moniqo_core.storage.wallets.venue_accounts import VenueAccounts, is_account_taken

if TYPE_CHECKING:
    from moniqo_core.domain.wallets.list_queries import WalletCursor, WalletFilter

log: Final = logging.getLogger("moniqo")

INSERTS: Final = 2


class UserWalletStore:
    """Reads and writes user wallets as of their journals. Only :meth:`find_including_deleted` finds deleted ones."""

    def __init__(self, db: Database) -> None:
        """Use the collection of ``db``."""
        self._db = db
        self._wallets = db[USER_WALLETS]
        self._accounts = VenueAccounts(db)

    async def get(self, user_id: str, user_wallet_id: str) -> UserWallet:
        """Return an owner's wallet.

        Raises:
            NotFoundError: there is no such wallet, or it belongs to another user.

        """
        return await self._one({"_id": user_wallet_id, "user_id": user_id, "deleted_at": None})

    async def get_of_any_owner(self, user_wallet_id: str) -> UserWallet:
        """Return a wallet of any owner, for admins.

        Raises:
            NotFoundError: there is no such wallet.

        """
        return await self._one({"_id": user_wallet_id, "deleted_at": None})

    async def several(self, user_wallet_ids: Sequence[str]) -> Sequence[UserWallet]:
        """Return these wallets of any owner, without those that are deleted or cannot be read."""
        query = {"_id": {"$in": list(user_wallet_ids)}, "deleted_at": None}
        wallets, _ = read_wallets(await self._matching(query))
        return wallets

    async def find_including_deleted(self, user_id: str, user_wallet_id: str) -> UserWallet | None:
        """Return an owner's wallet even if it was deleted, or None if there never was one."""
        found = await self._matching({"_id": user_wallet_id, "user_id": user_id})
        return read_user_wallet(found[0]) if found else None

    async def list(
        self, user_id: str, wanted: WalletFilter, after: WalletCursor | None, limit: int
    ) -> Sequence[UserWallet]:
        """Return up to ``limit`` of an owner's wallets after the cursor ``after``, newest first."""
        query: Document = {"user_id": user_id, "deleted_at": None}
        if wanted.wallet_id is not None:
            query["wallet_id"] = wanted.wallet_id
        if wanted.is_active is not None:
            query["status"] = {"$nin" if wanted.is_active else "$in": [status.value for status in STOPPED_STATUSES]}
        conditions: list[Document] = [query]
        if wanted.status is not None:
            conditions.append({"status": wanted.status.value})
        if after is not None:
            older = {"created_at": {"$lt": after.created_at}}
            same_moment = {"created_at": after.created_at, "_id": {"$lt": after.id}}
            conditions.append({"$or": [older, same_moment]})
        matched = {"$and": conditions} if len(conditions) > 1 else query
        newest_first = [("created_at", DESCENDING), ("_id", DESCENDING)]

        def read() -> Awaitable[list[Document]]:
            return self._wallets.find(matched).sort(newest_first).limit(limit).to_list()

        if wanted.status is not None or wanted.is_active is not None:
            # A wallet whose projection is not complete yet may have another status.
            await self._matching({"user_id": user_id, "is_demo": False, "deleted_at": None})
        return [read_user_wallet(document) for document in await read_current(self._db, read)]

    async def insert(self, wallet: UserWallet) -> None:
        """Store a new wallet.

        Raises:
            AccountTakenError: another wallet is connected to its venue account.
            ConflictError: another wallet has its id.

        """
        for _ in range(INSERTS):
            await self.require_account_free(wallet)
            try:
                await self._wallets.insert_one(user_wallet_document(wallet))
            except DuplicateKeyError as error:
                if is_account_taken(error):
                    continue  # the other wallet may be deleted by now
                break
            return
        raise ConflictError("A wallet with this id already exists.")

    async def require_account_free(self, wallet: UserWallet) -> None:
        """Raise AccountTakenError if another wallet is connected to the venue account of ``wallet``."""
        if wallet.account_fingerprints:
            others = await self._accounts.others(wallet.account_fingerprints, wallet.id)
            if others:
                raise taken(others[0])

    async def change(self, user_id: str, user_wallet_id: str, changes: Mapping[str, object]) -> None:
        """Set attributes of an owner's wallet.

        Raises:
            NotFoundError: there is no such wallet.

        """
        owned = {"_id": user_wallet_id, "user_id": user_id, "deleted_at": None}
        result = await self._wallets.update_one(owned, {"$set": stored_fields(changes)})
        if not result.matched_count:
            raise NotFoundError("There is no such wallet.")

    async def record_connection(self, wallet: UserWallet, tested_at: datetime, error: str | None) -> None:
        """Store the result of a connection test, unless the credentials that it tested were replaced meanwhile.

        ``error`` is None if it succeeded.
        """
        if error is None:
            fields: Document = {"connection.is_connected": True, "connection.last_successful_ping": tested_at}
        else:
            fields = {
                "connection.is_connected": False,
                "connection.last_error": error,
                "connection.last_error_at": tested_at,
            }
        tested = {"_id": wallet.id, "user_id": wallet.user_id, "deleted_at": None, **same_credentials(wallet)}
        await self._wallets.update_one(tested, {"$set": fields})

    async def stop_buys(self, user_wallet_ids: Sequence[str]) -> None:
        """Set ``buys_stopped`` on those of these wallets that are paused or suspended, to cancel their open buys."""
        stopped = {
            "_id": {"$in": list(user_wallet_ids)},
            "deleted_at": None,
            "status": {"$in": [status.value for status in STOPPED_STATUSES]},
        }
        await self._wallets.update_many(stopped, {"$set": {"buys_stopped": True}})

    async def replace_credentials(
        self, wallet: UserWallet, credentials: str | None, changes: Mapping[str, Any]
    ) -> None:
        """Replace the credentials that ``wallet`` was read with, and set other attributes in the same write.

        Raises:
            AccountTakenError: another wallet is connected to the venue account in ``changes``.
            ConflictError: another request replaced the credentials, suspended the wallet, or deleted it.

        """
        read = {
            "_id": wallet.id,
            "user_id": wallet.user_id,
            "deleted_at": None,
            **same_credentials(wallet),
        }
        if wallet.status is not UserWalletStatus.SUSPENDED:
            read["status"] = {"$ne": UserWalletStatus.SUSPENDED.value}  # a suspended wallet keeps its account
        version = wallet.credentials_version + 1
        fields = stored_fields({**changes, "credentials": credentials, "credentials_version": version})
        try:
            result = await self._wallets.update_one(read, {"$set": fields})
            replaced = bool(result.matched_count)
        except DuplicateKeyError:
            await self.require_account_free(replace(wallet, account_fingerprints=changes["account_fingerprints"]))
            replaced = False
        if not replaced:
            raise ConflictError("Another request changed the credentials at the same time.")

    async def _one(self, query: Document) -> UserWallet:
        found = await self._matching(query)
        if not found:
            raise NotFoundError("There is no such wallet.")
        return read_user_wallet(found[0])

    async def _matching(self, query: Document) -> Sequence[Document]:
        return await read_current(self._db, lambda: self._wallets.find(query, batch_size=WHOLE_RESULT).to_list())
