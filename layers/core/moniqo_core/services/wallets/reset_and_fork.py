"""Reset a demo wallet, or fork a new one from its journal."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import ConflictError, NotFoundError, ValidationError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import ResetAccount
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.wallets.definition import INITIAL_BALANCE
from moniqo_core.domain.wallets.user_wallet import (
    BalanceSnapshot,
    ConnectionState,
    SnapshotAsset,
    SyncStatistics,
    UserWallet,
    UserWalletStatus,
)
from moniqo_core.services.shared.user_quotas import WalletLimit
from moniqo_core.services.wallets.credential_fields import initial_balance_problem
from moniqo_core.services.wallets.idempotency import Created, deleted_since, id_of_key, other_body
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.user_wallet_codec import user_wallet_document
from moniqo_core.wallets.connector import WalletConnector

MAX_NAME: Final = 100


class PaperWallets:
    """Operations that only paper wallets support."""

    def __init__(
        self, wallets: UserWalletStore, connector: WalletConnector, limit: WalletLimit, now: Clock = utc_now
    ) -> None:
        """Use these stores. ``limit`` bounds the number of a user's wallets."""
        self._wallets = wallets
        self._connector = connector
        self._limit = limit
        self._now = now

    async def reset(self, user_id: str, user_wallet_id: str, balance: Decimal | None, key: str | None) -> Created:
        """Start a new epoch with ``balance``. None is the balance that the wallet was created with.

        A repeated ``key`` changes nothing and returns the wallet.

        Raises:
            NotFoundError: the owner has no such wallet.
            ValidationError: no wallet can start with this balance.
            IdempotencyMismatchError: the key reset the wallet to another balance.
            ConflictError: the wallet is live.

        """
        problem = None if balance is None else initial_balance_problem(balance)
        if problem is not None:
            raise ValidationError(
                problem, errors=[{"field": INITIAL_BALANCE, "message": problem, "code": INITIAL_BALANCE}]
            )
        account = await self._connector.connect_demo(user_id, user_wallet_id)
        now = self._now()
        rate = await account.feed.usd_rate(account.account.terms.cash_asset)
        projection = {"updated_at": now, "balance": _opening_balance(account.account, balance, rate, now)}
        done = await account.reset(ResetAccount(key, balance), projection)
        return Created(await self._wallets.get(user_id, user_wallet_id), replayed=not done)

    async def fork(
        self, user_id: str, user_wallet_id: str, seq: int | None, custom_name: str | None, key: str | None
    ) -> Created:
        """Create a wallet with the balances that the source had after entry ``seq``. None is the newest entry.

        A repeated ``key`` returns the first wallet, also when the source was deleted since.

        Raises:
            NotFoundError: the owner has no such wallet.
            ValidationError: its journal has no such entry.
            IdempotencyMismatchError: the key created a wallet from a different body.
            ConflictError: the wallet is live, or the wallet that the key created was deleted.
            RateLimitExceededError: the user has the maximum number of wallets.

        """
        request_hash = _hash(user_wallet_id, seq, custom_name)
        new_id = str(uuid.uuid4()) if key is None else id_of_key(user_id, key)
        made = None if key is None else await self._made_before(user_id, new_id, request_hash)
        if made is not None:
            return Created(made, replayed=True)
        source = await self._wallets.get(user_id, user_wallet_id)
        account = await self._account_at(user_id, user_wallet_id, seq)
        wallet = _describe(source, account, new_id, custom_name, self._now(), request_hash)
        if any(position.amount for position in account.positions.values()):
            wallet = replace(wallet, evaluated_until=wallet.created_at)
        await self._limit.claim(user_id, new_id)
        try:
            fork = await self._connector.new_demo(new_id, account.terms.feed)
            balance = await fork.open_fork(account, user_wallet_document(wallet))
        except ConflictError:
            made = await self._made_before(user_id, new_id, request_hash)
            if made is None:
                raise other_body() from None
            return Created(made, replayed=key is not None)
        return Created(replace(wallet, balance=balance), replayed=False)

    async def _account_at(self, user_id: str, user_wallet_id: str, seq: int | None) -> Account:
        connected = await self._connector.connect_demo(user_id, user_wallet_id)
        try:
            return await connected.past.account_at(seq)
        except NotFoundError as error:
            wrong = {"field": "seq", "message": error.detail, "code": "seq"}
            raise ValidationError(error.detail, errors=[wrong]) from None

    async def _made_before(self, user_id: str, user_wallet_id: str, request_hash: str) -> UserWallet | None:
        made = await self._wallets.find_including_deleted(user_id, user_wallet_id)
        if made is None:
            return None
        if made.request_hash != request_hash:
            raise other_body()
        if made.deleted_at is not None:
            raise deleted_since()
        return made


def _opening_balance(account: Account, balance: Decimal | None, rate: Decimal, now: datetime) -> BalanceSnapshot:
    cash, amount = account.terms.cash_asset, account.terms.initial_balance if balance is None else balance
    with exact():
        worth = amount * rate
    held = SnapshotAsset(cash, amount, ZERO, amount, worth)
    return BalanceSnapshot(now, (held,), worth, ZERO, ZERO)


def _describe(
    source: UserWallet, account: Account, new_id: str, custom_name: str | None, now: datetime, request_hash: str
) -> UserWallet:
    ending = f" (fork of {account.seq})"
    return replace(
        source,
        id=new_id,
        custom_name=custom_name or source.custom_name[: MAX_NAME - len(ending)] + ending,
        status=UserWalletStatus.ACTIVE,
        status_reason=None,
        status_before_suspension=None,
        pause_level=None,
        risk_limits=account.limits or source.risk_limits,
        credentials=None,
        credentials_version=1,
        request_hash=request_hash,
        forked_from=f"{source.id}:{account.seq}",
        balance=BalanceSnapshot(),
        connection=ConnectionState(is_connected=True, last_successful_ping=now),
        statistics=SyncStatistics(),
        next_sync_at=now,
        synced_for=None,
        has_open_orders=False,
        created_at=now,
        updated_at=now,
        last_used_at=None,
    )


def _hash(source: str, seq: int | None, custom_name: str | None) -> str:
    body: Mapping[str, object] = {"fork": source, "seq": seq, "custom_name": custom_name}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
