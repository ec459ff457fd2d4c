"""Whether a paused wallet may be taken into use again."""

from __future__ import annotations

from moniqo_core.domain.risk.loss_limits import CHANGE_LIMITS
from moniqo_core.domain.sync.outcome import SyncType
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.services.orders.live.purchase_stop import PurchaseStop
from moniqo_core.services.sync.balance_sync import BalanceSync
from moniqo_core.services.wallets.connection import WalletConnection
from moniqo_core.wallets.connector import WalletConnector


class Resuming:
    """Checks the account first. Where the account does not stop at losses itself, a sync tells whether it has to."""

    def __init__(
        self, connector: WalletConnector, connection: WalletConnection, sync: BalanceSync, stop: PurchaseStop
    ) -> None:
        """Use what tests connections, what syncs, and what cancels purchases."""
        self._connector = connector
        self._connection = connection
        self._sync = sync
        self._stop = stop

    async def require(self, wallet: UserWallet) -> UserWallet:
        """Return the wallet as it is now.

        Raises:
            InvalidCredentialsError, WalletConnectionError: its account does not answer.
            ConflictError: a loss limit is still reached, or purchases that one stopped may still fill.

        """
        await self._connection.require(wallet)
        async with await self._connector.connect(wallet.user_id, wallet.id) as account:
            if account.stops_at_losses:
                return wallet
            synced = await self._sync.sync_open(wallet, account, SyncType.MANUAL)
        if synced.breach is not None:
            raise synced.breach.still(CHANGE_LIMITS)
        if wallet.buys_stopped:
            await self._stop.require_done(wallet.id)
        return synced.after
