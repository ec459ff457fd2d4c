"""Pausing and resuming by the owner, suspending and reinstating by an administrator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.wallets.lifecycle_commands import SetStatus
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus
from moniqo_core.storage.wallets.lifecycle_changes import changed_status
from moniqo_core.storage.wallets.user_wallets import UserWalletStore
from moniqo_core.wallets.connector import WalletConnector

if TYPE_CHECKING:
    from moniqo_core.services.wallets.resuming import Resuming


class WalletLifecycle:
    """Changes the status of wallets. Which change is allowed is decided in the account, next to its orders."""

    def __init__(self, wallets: UserWalletStore, connector: WalletConnector, now: Clock = utc_now) -> None:
        """Use these stores."""
        self._wallets = wallets
        self._connector = connector
        self._now = now

    async def pause(self, user_id: str, user_wallet_id: str, reason: str | None) -> UserWallet:
        """Stop a wallet from taking orders; cancelling and syncing by hand still work.

        Raises:
            NotFoundError, WalletSuspendedError: it is not the owner's to pause.
            ConflictError: it is paused already.

        """
        wallet = await self._wallets.get(user_id, user_wallet_id)
        return await self._set(wallet, UserWalletStatus.PAUSED, "owner", reason)

    async def resume(self, user_id: str, user_wallet_id: str, resuming: Resuming) -> UserWallet:
        """Take a paused wallet into use again, unless ``resuming`` has something against it.

        Raises:
            NotFoundError, WalletSuspendedError: it is not the owner's to resume.
            ConflictError: it is not paused, or a loss limit is still reached.
            InvalidCredentialsError, WalletConnectionError: the test failed; the wallet stays paused.

        """
        wallet = await self._wallets.get(user_id, user_wallet_id)
        if wallet.status is UserWalletStatus.PAUSED:
            wallet = await resuming.require(wallet)
        return await self._set(wallet, UserWalletStatus.ACTIVE, "owner", None)

    async def suspend(self, user_wallet_id: str, reason: str) -> UserWallet:
        """Stop anybody's wallet until an administrator lifts it; raises NotFoundError, ConflictError."""
        wallet = await self._wallets.get_of_any_owner(user_wallet_id)
        return await self._set(wallet, UserWalletStatus.SUSPENDED, "admin", reason)

    async def reinstate(self, user_wallet_id: str, reason: str) -> UserWallet:
        """Lift a suspension; raises NotFoundError, ConflictError.

        A wallet its owner or a loss limit had paused is paused again: it must not start to trade because a suspension
        was lifted.
        """
        wallet = await self._wallets.get_of_any_owner(user_wallet_id)
        was_paused = wallet.status_before_suspension is UserWalletStatus.PAUSED or wallet.buys_stopped
        status = UserWalletStatus.PAUSED if was_paused else UserWalletStatus.ACTIVE
        return await self._set(wallet, status, "admin", reason)

    async def _set(
        self, wallet: UserWallet, status: UserWalletStatus, by: Literal["owner", "admin"], reason: str | None
    ) -> UserWallet:
        account = await self._connector.connect(wallet.user_id, wallet.id, with_key=False)
        before = wallet.status if status is UserWalletStatus.SUSPENDED else None
        changed = replace(
            wallet, status=status, status_reason=reason, status_before_suspension=before, updated_at=self._now()
        )
        await account.record(SetStatus(status.value, by, reason), projection=changed_status(wallet, changed))
        return changed
