"""Pause and resume wallets for their owner, suspend and reinstate them for an admin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.domain.wallets.status_changes import status_after_suspension
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus
from moniqo_core.storage.wallets.lifecycle_changes import changed_status
from moniqo_core.storage.wallets.user_wallets import UserWalletStore
from moniqo_core.wallets.connector import WalletConnector

if TYPE_CHECKING:
    from moniqo_core.services.wallets.resume_checks import Resuming
    from moniqo_core.wallets.base import BaseWallet


class WalletLifecycle:
    """Changes the status of wallets. The account decides which change is allowed and commits it between its orders."""

    def __init__(self, wallets: UserWalletStore, connector: WalletConnector, now: Clock = utc_now) -> None:
        """Use these stores."""
        self._wallets = wallets
        self._connector = connector
        self._now = now

    async def pause(self, user_id: str, user_wallet_id: str, reason: str | None) -> UserWallet:
        """Stop a wallet from accepting orders. Cancelling and syncing on request still work.

        Raises:
            NotFoundError: the owner has no such wallet.
            WalletSuspendedError: an admin has suspended it.
            ConflictError: it is already paused.

        """
        wallet = await self._wallets.get(user_id, user_wallet_id)
        return await self._set(wallet, UserWalletStatus.PAUSED, "owner", reason)

    async def resume(self, user_id: str, user_wallet_id: str, resuming: Resuming) -> UserWallet:
        """Resume a paused wallet after the checks of ``resuming``.

        Raises:
            NotFoundError: the owner has no such wallet.
            WalletSuspendedError: an admin has suspended it.
            ConflictError: it is not paused, or a loss limit is still reached.
            InvalidCredentialsError, WalletConnectionError: the connection test failed. The wallet stays paused.

        """
        wallet = await self._wallets.get(user_id, user_wallet_id)
        paused = wallet.status is UserWalletStatus.PAUSED
        async with await self._connector.open(wallet, with_key=paused) as account:
            if paused:
                wallet = await resuming.require(wallet, account)
            return await self._record(account, wallet, UserWalletStatus.ACTIVE, "owner", None)

    async def suspend(self, user_wallet_id: str, reason: str) -> UserWallet:
        """Suspend a wallet of any owner until it is reinstated, or raise NotFoundError or ConflictError."""
        wallet = await self._wallets.get_of_any_owner(user_wallet_id)
        return await self._set(wallet, UserWalletStatus.SUSPENDED, "admin", reason)

    async def reinstate(self, user_wallet_id: str, reason: str) -> UserWallet:
        """Lift a suspension, or raise NotFoundError or ConflictError."""
        wallet = await self._wallets.get_of_any_owner(user_wallet_id)
        return await self._set(wallet, status_after_suspension(wallet), "admin", reason)

    async def _set(
        self, wallet: UserWallet, status: UserWalletStatus, by: Literal["owner", "admin"], reason: str | None
    ) -> UserWallet:
        async with await self._connector.open(wallet, with_key=False) as account:
            return await self._record(account, wallet, status, by, reason)

    async def _record(
        self,
        account: BaseWallet,
        wallet: UserWallet,
        status: UserWalletStatus,
        by: Literal["owner", "admin"],
        reason: str | None,
    ) -> UserWallet:
        before = wallet.status if status is UserWalletStatus.SUSPENDED else None
        changed = replace(
            wallet, status=status, status_reason=reason, status_before_suspension=before, updated_at=self._now()
        )
        await account.record(SetStatus(status.value, by, reason), projection=changed_status(wallet, changed))
        return changed
