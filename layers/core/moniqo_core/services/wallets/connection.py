"""Test a wallet's connection, and replace credentials by others that work."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from moniqo_core.credentials.cipher import CredentialCipher
from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.errors import (
    ConflictError,
    DecryptionError,
    TemporarilyUnavailableError,
    WalletConnectionError,
    WalletError,
    WalletSuspendedError,
)
from moniqo_core.domain.wallets.definition import INITIAL_BALANCE
from moniqo_core.domain.wallets.user_wallet import ConnectionState, UserWallet, UserWalletStatus
from moniqo_core.services.wallets.account_fingerprints import AccountFingerprints
from moniqo_core.services.wallets.credential_fields import (
    CheckedCredentials,
    check_credentials,
    initial_balance,
)
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.ciphertexts import CiphertextStore, ciphertext_of
from moniqo_core.storage.wallets.definitions import DefinitionStore
from moniqo_core.wallets.base import BaseWallet
from moniqo_core.wallets.connector import WalletConnector


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """The result of a test. ``error_message`` is one of our own texts, never a text of the venue."""

    success: bool
    wallet_name: str
    tested_at: datetime
    latency_ms: int
    error_message: str | None


class WalletConnection:
    """Tests connections and replaces credentials."""

    def __init__(
        self,
        definitions: DefinitionStore,
        wallets: UserWalletStore,
        ciphertexts: CiphertextStore,
        connector: WalletConnector,
        cipher: CredentialCipher,
        fingerprints: AccountFingerprints,
        now: Clock = utc_now,
    ) -> None:
        """Use these stores.

        ``cipher`` decrypts and encrypts secret credentials, ``fingerprints`` completes those of earlier wallets.
        """
        self._definitions = definitions
        self._wallets = wallets
        self._ciphertexts = ciphertexts
        self._connector = connector
        self._cipher = cipher
        self._fingerprints = fingerprints
        self._now = now

    async def test(self, user_id: str, user_wallet_id: str) -> ConnectionTest:
        """Test a wallet's connection and store the result.

        A wallet whose credentials cannot be decrypted gets the status ``error``.

        Raises:
            NotFoundError: the owner has no such wallet.
            TemporarilyUnavailableError: this service cannot test now. Nothing is stored.

        """
        wallet = await self._wallets.get(user_id, user_wallet_id)
        tested_at, started = self._now(), time.perf_counter()
        try:
            async with await self._connector.open(wallet) as account:
                await self.require(wallet, account)
            error = None
        except TemporarilyUnavailableError:
            raise
        except DecryptionError as refusal:
            error = refusal.title
            await self._ciphertexts.mark_unreadable([ciphertext_of(wallet)], error, tested_at)
        except WalletError as refusal:
            error = refusal.title
        latency = int((time.perf_counter() - started) * 1000)
        await self._wallets.record_connection(wallet, tested_at, error)
        return ConnectionTest(error is None, wallet.wallet_name, tested_at, latency, error)

    async def require(self, wallet: UserWallet, account: BaseWallet) -> None:
        """Check that the open ``account`` of a wallet answers.

        Raises:
            DecryptionError: the stored credentials cannot be decrypted.
            InvalidCredentialsError: the venue refuses the credentials.
            WalletConnectionError: the venue does not answer.

        """
        # A live account decrypted its credentials when it was opened. If that failed, it raises the error below.
        if wallet.is_demo and wallet.credentials is not None:
            await self._cipher.decrypt(wallet.credentials, wallet.user_id, wallet.id)
        await account.require_connection()

    async def replace(self, user_id: str, user_wallet_id: str, given: Mapping[str, SecretStr]) -> UserWallet:
        """Test new credentials and store them.

        Raises:
            NotFoundError: the owner has no such wallet.
            InvalidCredentialsError: the credentials do not fit the definition, or the venue refuses them.
            WalletConnectionError: the venue does not answer. The old credentials stay.
            AccountTakenError: another wallet of the owner is connected to the account of the new credentials.
            WalletSuspendedError: the wallet is suspended, and the new credentials are of another account.
            ConflictError: another request changed the credentials meanwhile, or the new ones name another starting
                balance.

        """
        wallet = await self._wallets.get(user_id, user_wallet_id)
        if not wallet.is_demo and (await self._fingerprints.complete(user_id)).completed:
            wallet = await self._wallets.get(user_id, user_wallet_id)
        definition = await self._definitions.get(wallet.wallet_id)
        credentials = check_credentials(definition.required_credentials, given)
        settings = _settings(wallet, credentials)
        candidate = await self._connector.candidate(definition, wallet.id, {**credentials.everything, **settings})
        if candidate is None:
            raise WalletConnectionError
        async with candidate:
            await candidate.require_connection()
            names = await candidate.account_names()
        account = await self._account(wallet, names) if names else {}
        encrypted = None
        if credentials.secrets:
            encrypted = await self._cipher.encrypt(credentials.secrets, user_id, user_wallet_id)
        now = self._now()
        connection = ConnectionState(is_connected=True, last_successful_ping=now)
        changed = replace(
            wallet,
            credentials=encrypted,
            credentials_version=wallet.credentials_version + 1,
            settings=settings,
            connection=connection,
            updated_at=now,
            **account,
        )
        changes = {"settings": settings, "connection": connection, "updated_at": now, **account}
        await self._wallets.replace_credentials(wallet, encrypted, changes)
        return changed

    async def _account(self, wallet: UserWallet, names: Sequence[str]) -> dict[str, Any]:
        """Return the attributes that identify the account of new credentials. Raise if the wallet must not use it."""
        fingerprints = await self._cipher.fingerprints(names, wallet.user_id)
        if set(fingerprints) & set(wallet.account_fingerprints):
            return {"account_fingerprints": fingerprints}
        if wallet.status is UserWalletStatus.SUSPENDED:
            raise WalletSuspendedError(
                "A suspended wallet keeps its venue account. These credentials are of another one.",
                hint="Use credentials of the same account, or ask an admin to reinstate the wallet first.",
                reason=wallet.status_reason,
            )
        await self._wallets.require_account_free(replace(wallet, account_fingerprints=fingerprints))
        return {"account_fingerprints": fingerprints, "account_duplicate": None}


def _settings(wallet: UserWallet, credentials: CheckedCredentials) -> Mapping[str, str]:
    """Return the settings to store. Raise ConflictError if they change the starting balance of an open account."""
    opened_with = wallet.settings.get(INITIAL_BALANCE)
    if opened_with is None or INITIAL_BALANCE not in credentials.settings:
        return credentials.settings if opened_with is None else {**credentials.settings, INITIAL_BALANCE: opened_with}
    if initial_balance(credentials.settings) != initial_balance(wallet.settings):
        raise ConflictError(
            "The starting balance cannot change once the account is open.",
            hint=f"Leave {INITIAL_BALANCE} unchanged, or create another wallet.",
        )
    return {**credentials.settings, INITIAL_BALANCE: opened_with}
