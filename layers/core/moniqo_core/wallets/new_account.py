"""The account of a wallet that a user connects: a paper account is opened, a venue account is tested."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from moniqo_core.domain.errors import WalletError
from moniqo_core.domain.ledger.account import AccountTerms
from moniqo_core.domain.sync.account_statement import PreviousSync, balance_snapshot
from moniqo_core.domain.wallets.definition import INITIAL_BALANCE, Definition, Simulation
from moniqo_core.storage.wallets.user_wallet_codec import user_wallet_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from moniqo_core.credentials.cipher import CredentialCipher
    from moniqo_core.domain.wallets.user_wallet import UserWallet
    from moniqo_core.storage.user_wallets.store import UserWalletStore
    from moniqo_core.wallets.base import BaseWallet
    from moniqo_core.wallets.demo.wallet import DemoWallet


SECONDS_FOR_BALANCE: Final = 8.0
"""Seconds in which a venue must report the first balance. Otherwise the first sync reads it."""


class NewAccount(Protocol):
    """An account that is not stored yet."""

    async def store(self, wallet: UserWallet) -> UserWallet:
        """Open or test the account, then store ``wallet`` with its first balance. Returns what was stored.

        Raises:
            AccountTakenError: another wallet of the user is connected to the account.
            ConflictError: a wallet with this id exists.
            InvalidCredentialsError: the venue refuses the credentials, or they allow withdrawals.
            WalletConnectionError: the venue does not answer.

        """


class NewPaperAccount:
    """A paper account. Its opening and the user's wallet are stored in one commit."""

    def __init__(self, account: DemoWallet, definition: Definition) -> None:
        """Open ``account`` on the terms of ``definition``."""
        self._account = account
        self._definition = definition

    async def store(self, wallet: UserWallet) -> UserWallet:
        """Open the account and store the user's wallet. Raise ConflictError when it exists."""
        terms = _terms(self._definition, wallet, self._account.feed.name)
        return replace(wallet, balance=await self._account.open_account(terms, user_wallet_document(wallet)))


class NewVenueAccount:
    """An account at a venue. It is stored only if its credentials work."""

    def __init__(self, account: BaseWallet, wallets: UserWalletStore, cipher: Callable[[], CredentialCipher]) -> None:
        """Test ``account`` and store its wallet in ``wallets``. ``cipher`` makes its fingerprints."""
        self._account = account
        self._wallets = wallets
        self._cipher = cipher

    async def store(self, wallet: UserWallet) -> UserWallet:
        """Test the credentials, then store the wallet. A balance that cannot be read now is left to the first sync."""
        async with self._account as account:
            await account.require_connection()
            names = await account.account_names()
            fingerprints = await self._cipher().fingerprints(names, wallet.user_id)
            wallet = replace(wallet, account_fingerprints=fingerprints)
            await self._wallets.require_account_free(wallet)
            with suppress(WalletError, TimeoutError):
                async with asyncio.timeout(SECONDS_FOR_BALANCE):
                    statement = await account.statement(PreviousSync({}, None), trading=True)
                    wallet = replace(wallet, balance=balance_snapshot(statement, statement.value.as_of))
        await self._wallets.insert(wallet)
        return wallet


def _terms(definition: Definition, wallet: UserWallet, feed: str) -> AccountTerms:
    fees, simulation = definition.capabilities.fees, definition.simulation or Simulation()
    return AccountTerms(
        user_id=wallet.user_id,
        initial_balance=Decimal(wallet.settings[INITIAL_BALANCE]),
        cash_asset=simulation.cash_asset,
        maker_fee_percent=fees.maker_fee_percent,
        taker_fee_percent=fees.taker_fee_percent,
        slippage_bps=simulation.slippage_bps,
        symbols=None if definition.supports_all_symbols else tuple(definition.supported_symbols),
        limits=wallet.risk_limits,
        feed=feed,
    )
