"""Pause and resume wallets for their owner, suspend and reinstate them for an admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.wallets.lifecycle_commands import LifecycleCommand, Reinstate, SetStatus, Suspend
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus
from moniqo_core.services.shared.cancels_buys import CancelsBuys
from moniqo_core.services.wallets.requests import Pause
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.lifecycle_changes import touched
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

    async def pause(self, user_id: str, user_wallet_id: str, pause: Pause, stop: CancelsBuys) -> UserWallet:
        """Stop a wallet from buying, or from accepting any order. Cancelling and syncing on request still work.

        ``stop`` cancels the open buys of a live wallet. A paper wallet cancels its own.

        Raises:
            NotFoundError: the owner has no such wallet.
            WalletSuspendedError: an admin has suspended it.
            ConflictError: it is already paused at this level.

        """
        wallet = await self._wallets.get(user_id, user_wallet_id)
        command = SetStatus("paused", "owner", pause.reason, pause.level, pause.keep_orders)
        paused = await self._set(wallet, command)
        if not wallet.is_demo and not pause.keep_orders:
            await stop.stop([wallet.id])
        return paused

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
            # Only a caller who knew that the buys were stopped may let the wallet buy again.
            stop_known: dict[str, object] = {"buys_stopped": False} if wallet.buys_stopped else {}
            return await self._record(account, wallet, SetStatus("active", "owner"), **stop_known)

    async def suspend(self, user_wallet_id: str, reason: str) -> UserWallet:
        """Suspend a wallet of any owner until it is reinstated, or raise NotFoundError or ConflictError."""
        wallet = await self._wallets.get_of_any_owner(user_wallet_id)
        return await self._set(wallet, Suspend(reason))

    async def reinstate(self, user_wallet_id: str, reason: str) -> UserWallet:
        """Lift a suspension, or raise NotFoundError or ConflictError.

        The wallet is paused if it was paused before, or if a loss limit is reached.
        """
        wallet = await self._wallets.get_of_any_owner(user_wallet_id)
        before = wallet.status_before_suspension
        return await self._set(wallet, Reinstate(reason, None if before is None else before.value))

    async def _set(self, wallet: UserWallet, command: LifecycleCommand) -> UserWallet:
        async with await self._connector.open(wallet, with_key=False) as account:
            return await self._record(account, wallet, command)

    async def _record(
        self, account: BaseWallet, wallet: UserWallet, command: LifecycleCommand, **changes: object
    ) -> UserWallet:
        """Decide a command on the stored state, and return the wallet as stored afterwards."""
        await account.record(command, projection={**touched(self._now()), **changes})
        return await self._wallets.get(wallet.user_id, wallet.id)
