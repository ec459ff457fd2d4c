"""Create wallets."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import ConflictError, IdempotencyMismatchError, NotFoundError, ValidationError
from moniqo_core.domain.money import plain
from moniqo_core.domain.wallets.definition import INITIAL_BALANCE, Definition
from moniqo_core.domain.wallets.user_wallet import ConnectionState, UserWallet, UserWalletStatus
from moniqo_core.services.shared.user_quotas import WalletLimit
from moniqo_core.services.wallets.credential_fields import (
    CheckedCredentials,
    check_credentials,
    initial_balance,
)
from moniqo_core.services.wallets.idempotency import Created, id_of_key
from moniqo_core.services.wallets.requests import NewWallet
from moniqo_core.storage.risk_limits import limits_document
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.storage.wallets.user_wallets import UserWalletStore
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
        now: Clock = utc_now,
    ) -> None:
        """Use these stores. ``connector`` makes the account, ``limit`` bounds the number of a user's wallets."""
        self._definitions = definitions
        self._wallets = wallets
        self._connector = connector
        self._cipher = cipher
        self._limit = limit
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
            RateLimitExceededError: the user has the maximum number of wallets.

        """
        definition = await self._definition(request.wallet_id)
        credentials = check_credentials(definition.required_credentials, request.credentials)
        settings = dict(credentials.settings)
        if definition.simulation is not None:
            settings[INITIAL_BALANCE] = plain(initial_balance(settings))
        wallet = _describe(user_id, request, definition, settings, self._now())
        if idempotency_key is None:
            # The id is random, so a wallet that exists already is from this request: the driver retried the insert.
            return (await self._open(wallet, definition, credentials))._replace(replayed=False)
        wallet = replace(wallet, id=id_of_key(user_id, idempotency_key))
        made = await self._made_before(wallet, credentials)
        if made is not None:
            return Created(made, replayed=True)
        return await self._open(wallet, definition, credentials)

    async def _definition(self, wallet_id: str) -> Definition:
        try:
            definition = await self._definitions.get(wallet_id)
        except NotFoundError:
            raise _refuse_definition("There is no such wallet definition.") from None
        if not definition.is_active:
            raise _refuse_definition("This wallet definition is not active.")
        return definition

    async def _open(self, wallet: UserWallet, definition: Definition, credentials: CheckedCredentials) -> Created:
        if credentials.secrets:
            token = await self._cipher.encrypt(credentials.secrets, wallet.user_id, wallet.id)
            wallet = replace(wallet, credentials=token)
        account = await self._connector.new_account(
            definition, wallet.id, {**credentials.everything, **wallet.settings}
        )
        if account is None:
            raise _refuse_definition("This deployment cannot connect wallets of this definition yet.")
        await self._limit.claim(wallet.user_id, wallet.id)
        try:
            stored = await account.store(wallet)
        except ConflictError:
            # The request was sent twice at once, or again after the first one was interrupted.
            made = await self._made_before(wallet, credentials)
            if made is None:
                raise _other_body() from None
            return Created(made, replayed=True)
        return Created(stored, replayed=False)

    async def _made_before(self, wallet: UserWallet, credentials: CheckedCredentials) -> UserWallet | None:
        made = await self._wallets.find_including_deleted(wallet.user_id, wallet.id)
        if made is None:
            return None
        if made.request_hash != wallet.request_hash or not await self._same_secrets(made, credentials):
            raise _other_body()
        if made.deleted_at is not None:
            raise ConflictError(
                "The wallet created with this Idempotency-Key was deleted.", hint="Use a new Idempotency-Key."
            )
        return made

    async def _same_secrets(self, made: UserWallet, credentials: CheckedCredentials) -> bool:
        # No digest of a secret is stored, so the stored secrets are decrypted and compared. Once they are replaced,
        # those of the first request are unknown. Then only the field names are compared, which are in the hash.
        if made.credentials is None or made.credentials_version > 1:
            return True
        stored = await self._cipher.decrypt(made.credentials, made.user_id, made.id)
        return stored == dict(credentials.secrets)


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
        request_hash=_hash(request, definition, settings),
        connection=ConnectionState(is_connected=True, last_successful_ping=now),
        next_sync_at=now,
        created_at=now,
        updated_at=now,
    )


def _hash(request: NewWallet, definition: Definition, settings: Mapping[str, str]) -> str:
    """Return a digest of everything in the request that is not secret."""
    body = {
        "wallet_id": definition.id,
        "custom_name": request.custom_name,
        "description": request.description,
        "color": request.color,
        "icon": request.icon,
        "risk_limits": limits_document(request.risk_limits),
        "settings": dict(settings),
        "fields": sorted(request.credentials),
    }
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _other_body() -> IdempotencyMismatchError:
    return IdempotencyMismatchError("This Idempotency-Key already created a wallet from a different body.")


def _refuse_definition(message: str) -> ValidationError:
    return ValidationError(message, errors=[{"field": "wallet_id", "message": message, "code": "wallet_id"}])
