"""Change and delete an owner's wallet."""

from __future__ import annotations

from moniqo_core.domain.clock import Clock, utc_now
from moniqo_core.domain.live.lifecycle import check_deletable
from moniqo_core.domain.wallets.lifecycle_commands import ChangeLimits, DeleteWallet
from moniqo_core.domain.wallets.user_wallet import UserWallet
from moniqo_core.services.orders.opener import OrderOpener
from moniqo_core.services.wallets.requests import WalletChange
from moniqo_core.storage.user_wallets.store import UserWalletStore
from moniqo_core.storage.wallets.lifecycle_changes import touched
from moniqo_core.wallets.connector import WalletConnector


class WalletChanges:
    """Changes wallets. The account records limits and deletion, so every later order is decided with them."""

    def __init__(
        self,
        wallets: UserWalletStore,
        connector: WalletConnector,
        opener: OrderOpener,
        now: Clock = utc_now,
    ) -> None:
        """Use these stores. ``opener`` opens a wallet to release its orders."""
        self._wallets = wallets
        self._connector = connector
        self._opener = opener
        self._now = now

    async def update(self, user_id: str, user_wallet_id: str, change: WalletChange) -> UserWallet:
        """Change a wallet and return it as stored afterwards. Changes by concurrent requests stay, too.

        Raises:
            NotFoundError: the owner has no such wallet.
            ValidationError: the wallet would have no daily loss limit.

        """
        fields = {**change.fields, **touched(self._now())}
        if change.limits:
            account = await self._connector.connect(user_id, user_wallet_id, with_key=False)
            await account.record(ChangeLimits(change.limits), projection=fields)
        else:
            await self._wallets.change(user_id, user_wallet_id, fields)
        return await self._wallets.get(user_id, user_wallet_id)

    async def delete(self, user_id: str, user_wallet_id: str, *, force: bool) -> None:
        """Delete a wallet and keep its history.

        Holdings of a live wallet stay at its venue. With ``force``, orders that may still fill there are cancelled,
        because this service cannot manage them after the deletion.

        Raises:
            NotFoundError: the owner has no such wallet.
            WalletInUseError: it has open orders or positions and ``force`` is not set, or an order at the venue could
                not be cancelled.
            WalletSuspendedError: it is live and suspended.
            WalletConnectionError: the venue did not answer.

        """
        wallet = await self._wallets.get(user_id, user_wallet_id)
        if not wallet.is_demo:
            check_deletable(wallet)  # a refusal must not cancel protective exits
        execution = await self._opener.open(user_id, user_wallet_id)
        await execution.release(force=force)
        await execution.account.record(DeleteWallet(force=force), projection=touched(self._now()))
