"""Create wallets."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import (
    AccountTakenError,
    ConflictError,
    NotFoundError,
    ValidationError,
)
from moniqo_core.domain.wallets.definition import Definition
from moniqo_core.domain.wallets.user_wallet import ConnectionState, UserWallet, UserWalletStatus
from moniqo_core.services.shared.user_quotas import WalletLimit
from moniqo_core.services.wallets.account_fingerprints import AccountFingerprints
from moniqo_core.services.wallets.credential_fields import (
    CheckedCredentials,
    check_credentials,
)
from moniqo_core.services.wallets.idempotency import (
    Created,
    RepeatedCreation,
    hash_of_request,
    id_of_key,
    other_body,
    stored_settings,
)
from moniqo_core.services.wallets.requests import NewWallet
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.wallets.connector import WalletConnector


class WalletCreation:
    """Creates wallets. A repeated idempotency key returns the first wallet."""

    def __init__(
        self,
        definitions: DefinitionStore,
        wallets: UserWalletStore,
        connector: WalletConnector,
        cipher: CredentialCipher,
        limit: WalletLimit,
        fingerprints: AccountFingerprints,
        now: Clock = utc_now,
    ) -> None:
        """Use these stores.

        ``connector`` makes the account, ``limit`` bounds the number of a user's wallets, ``fingerprints`` completes
        those of earlier wallets.
        """
        self._definitions = definitions
        self._connector = connector
        self._cipher = cipher
        self._repeats = RepeatedCreation(wallets, cipher)
        self._limit = limit
        self._fingerprints = fingerprints
        self._now = now

    async def create(self, user_id: str, request: NewWallet, idempotency_key: str | None = None) -> Created:
        """Check, open and store a wallet.

        Raises:
            ValidationError: there is no such definition, or it is not active.
            InvalidCredentialsError: the credentials do not fit the definition, allow withdrawals, or are refused by
                the venue.
            WalletConnectionError: the venue does not answer.
            IdempotencyMismatchError: the key created a wallet from a different body.
            ConflictError: the wallet that the key created was deleted.
            AccountTakenError: another wallet of the user is connected to the account of the credentials.
            RateLimitExceededError: the user has the maximum number of wallets.

        """
        if idempotency_key is not None:
            made = await self._repeats.made_before(id_of_key(user_id, idempotency_key), user_id, request)
            if made is not None:
                return Created(made, replayed=True)
        definition = await self._definition(request.wallet_id)
        credentials = check_credentials(definition.required_credentials, request.credentials)
        settings = stored_settings(credentials.settings, is_demo=definition.simulation is not None)
        wallet = _describe(user_id, request, definition, settings, self._now())
        if idempotency_key is None:
            # The id is random, so a wallet that exists already is from this request: the driver retried the insert.
            return (await self._open(wallet, definition, credentials, request))._replace(replayed=False)
        wallet = replace(wallet, id=id_of_key(user_id, idempotency_key))
        return await self._open(wallet, definition, credentials, request)

    async def _definition(self, wallet_id: str) -> Definition:
        try:
            definition = await self._definitions.get(wallet_id)
        except NotFoundError:
            raise _refuse_definition("There is no such wallet definition.") from None
        if not definition.is_active:
            raise _refuse_definition("This wallet definition is not active.")
        return definition

    async def _open(
        self, wallet: UserWallet, definition: Definition, credentials: CheckedCredentials, request: NewWallet
    ) -> Created:
        if credentials.secrets:
            token = await self._cipher.encrypt(credentials.secrets, wallet.user_id, wallet.id)
            wallet = replace(wallet, credentials=token)
        account = await self._connector.new_account(
            definition, wallet.id, {**credentials.everything, **wallet.settings}
        )
        if account is None:
            raise _refuse_definition("This deployment cannot connect wallets of this definition yet.")
        if not wallet.is_demo:
            await self._fingerprints.complete(wallet.user_id)
        await self._limit.claim(wallet.user_id, wallet.id)
        try:
            stored = await account.store(wallet)
        except AccountTakenError:
            raise
        except ConflictError:
            # The request was sent twice at once, or again after the first one was interrupted.
            made = await self._repeats.made_before(wallet.id, wallet.user_id, request)
            if made is None:
                raise other_body() from None
            return Created(made, replayed=True)
        return Created(stored, replayed=False)


def _describe(
    user_id: str, request: NewWallet, definition: Definition, settings: Mapping[str, str], now: datetime
) -> UserWallet:
    return UserWallet(
        id=str(uuid.uuid4()),
        user_id=user_id,
        wallet_id=definition.id,
        wallet_name=definition.name,
        wallet_slug=definition.slug,
        custom_name=request.custom_name,
        description=request.description,
        color=request.color,
        icon=request.icon,
        is_demo=definition.is_demo,
        status=UserWalletStatus.ACTIVE,
        settings=settings,
        risk_limits=request.risk_limits,
        request_hash=hash_of_request(request, definition.id, settings),
        connection=ConnectionState(is_connected=True, last_successful_ping=now),
        next_sync_at=now,
        created_at=now,
        updated_at=now,
    )


def _refuse_definition(message: str) -> ValidationError:
    return ValidationError(message, errors=[{"field": "wallet_id", "message": message, "code": "wallet_id"}])
