"""Find the wallet that an earlier request with the same idempotency key created."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Final, NamedTuple

from pydantic import SecretStr

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.domain.errors import ConflictError, DecryptionError, IdempotencyMismatchError
from moniqo_core.domain.money import plain
from moniqo_core.domain.wallets.definition import INITIAL_BALANCE
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.services.wallets.credential_fields import initial_balance
from moniqo_core.services.wallets.requests import NewWallet
from moniqo_core.storage.risk_limits import limits_document
from moniqo_core.storage.user_wallets.store import UserWalletStore

_IDS_OF_KEYS: Final = uuid.UUID("6f1d3c1e-6f0a-4d53-9a53-0d2f7a0c9a51")


class Created(NamedTuple):
    """A wallet, and whether an earlier request created it."""

    wallet: UserWallet
    replayed: bool


def id_of_key(user_id: str, idempotency_key: str) -> str:
    """Return the id of the wallet that a user creates with this idempotency key."""
    return str(uuid.uuid5(_IDS_OF_KEYS, f"{user_id}\n{idempotency_key}"))


class RepeatedCreation:
    """Recognises a repeated request by the wallet that the first one made, whatever happened to its definition since.

    The definition may be changed, deactivated or deleted, so it is not read.
    """

    def __init__(self, wallets: UserWalletStore, cipher: CredentialCipher) -> None:
        """Read ``wallets``. ``cipher`` decrypts their secrets."""
        self._wallets = wallets
        self._cipher = cipher

    async def made_before(self, user_wallet_id: str, user_id: str, request: NewWallet) -> UserWallet | None:
        """Return the wallet with this id if ``request`` made it, or None if there is no such wallet.

        Raises:
            IdempotencyMismatchError: a request with a different body made it.
            ConflictError: it was deleted.

        """
        made = await self._wallets.find_including_deleted(user_id, user_wallet_id)
        if made is None:
            return None
        given = {name: value for name, value in request.credentials.items() if value.get_secret_value()}
        settings = {name: value.get_secret_value() for name, value in given.items() if name in made.settings}
        secrets = {name: value for name, value in given.items() if name not in made.settings}
        definition_id = made.wallet_id if request.wallet_id == made.wallet_slug else request.wallet_id
        same = made.request_hash == hash_of_request(
            request, definition_id, stored_settings(settings, is_demo=made.is_demo)
        )
        if not same or not await self._same_secrets(made, secrets):
            raise other_body()
        if made.deleted_at is not None:
            raise deleted_since()
        return made

    async def _same_secrets(self, made: UserWallet, given: Mapping[str, SecretStr]) -> bool:
        # No digest of a secret is stored, so the stored secrets are decrypted and compared. Once they are replaced or
        # unreadable, those of the first request are unknown. Then only the field names are compared, in the hash.
        if made.credentials is None or made.credentials_version > 1:
            return True
        try:
            stored = await self._cipher.decrypt(made.credentials, made.user_id, made.id)
        except DecryptionError:
            return True
        return stored == dict(given)


def stored_settings(settings: Mapping[str, str], *, is_demo: bool) -> Mapping[str, str]:
    """Return the settings of a request as they are stored: a demo wallet always has a starting balance.

    Raises:
        InvalidCredentialsError: the starting balance is not valid.

    """
    return {**settings, INITIAL_BALANCE: plain(initial_balance(settings))} if is_demo else settings


def hash_of_request(request: NewWallet, definition_id: str, settings: Mapping[str, str]) -> str:
    """Return a digest of everything in the request that is not secret."""
    body = {
        "wallet_id": definition_id,
        "custom_name": request.custom_name,
        "description": request.description,
        "color": request.color,
        "icon": request.icon,
        "risk_limits": limits_document(request.risk_limits),
        "settings": dict(settings),
        "fields": sorted(request.credentials),
    }
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def other_body() -> IdempotencyMismatchError:
    """Return the error for a key that created a wallet from a different body."""
    return IdempotencyMismatchError("This Idempotency-Key already created a wallet from a different body.")


def deleted_since() -> ConflictError:
    """Return the error for a key whose wallet was deleted. A repeat must not create it again."""
    return ConflictError("The wallet created with this Idempotency-Key was deleted.", hint="Use a new Idempotency-Key.")
