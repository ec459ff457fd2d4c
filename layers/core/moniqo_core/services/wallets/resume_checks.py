"""Check whether a paused wallet may be resumed."""

from __future__ import annotations

from moniqo_core.domain.risk.loss_limits import CHANGE_LIMITS
from moniqo_core.domain.sync.outcome import SyncType
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.services.orders.live.buy_cancellation import BuyCancellation
from moniqo_core.services.sync.balance_sync import BalanceSync
from moniqo_core.services.wallets.connection import WalletConnection
from moniqo_core.wallets.base import BaseWallet


class Resuming:
    """Tests the connection. An account that does not enforce loss limits itself is synced to check them."""

    def __init__(self, connection: WalletConnection, sync: BalanceSync, stop: BuyCancellation) -> None:
        """Use these services. ``stop`` reports stopped buy orders that may still fill."""
        self._connection = connection
        self._sync = sync
        self._stop = stop

    async def require(self, wallet: UserWallet, account: BaseWallet) -> UserWallet:
        """Return the wallet with its current balance if it may be resumed. ``account`` is open and stays open.

        Raises:
            InvalidCredentialsError, WalletConnectionError: its account does not answer.
            ConflictError: a loss limit is still reached, or stopped buy orders may still fill.

        """
        await self._connection.require(wallet, account)
        if account.stops_at_losses:
            return wallet
        synced = await self._sync.sync_open(wallet, account, SyncType.MANUAL)
        if synced.breach is not None:
            raise synced.breach.still(CHANGE_LIMITS)
        if wallet.buys_stopped:
            await self._stop.require_done(wallet.id)
        return synced.after
