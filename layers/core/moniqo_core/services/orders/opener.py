"""Open a user's wallet to trade it. No other module of the services knows which kinds of wallets exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from moniqo_core.services.orders.paper import PaperExecution
from moniqo_core.wallets.connector import WalletConnector
from moniqo_core.wallets.demo.wallet import DemoWallet

if TYPE_CHECKING:
    from moniqo_core.services.orders.execution import OrderExecution
    from moniqo_core.services.orders.live.placing import LivePlacing
    from moniqo_core.services.orders.live.pre_trade import PreTradeRead
    from moniqo_core.services.shared.user_quotas import Permit
    from moniqo_core.storage.rate_counters import Count
    from moniqo_core.wallets.exchange.wallet import ExchangeWallet


class OrderOpener:
    """Chooses the order execution of a wallet. Both methods raise NotFoundError for a wallet that is not the owner's.

    A paper wallet is opened in one round trip. Live wallets are remembered, so their next use does not query the
    journal of paper wallets. See docs/decisions/0026.
    """

    def __init__(self, connector: WalletConnector, live: Callable[[], LivePlacing]) -> None:
        """Open wallets with ``connector``. ``live`` returns the service that places orders at venues."""
        self._connector = connector
        self._live = live

    async def open(self, user_id: str, user_wallet_id: str) -> OrderExecution:
        """Open a wallet to read, cancel or release its orders."""
        demo = await self._connector.find_demo(user_id, user_wallet_id)
        if demo is not None:
            return _paper(demo)
        return self._venue(await self._connector.connect_live(user_id, user_wallet_id))

    async def open_to_trade(
        self, user_id: str, user_wallet_id: str, client_order_id: str | None, permit: Permit | None = None
    ) -> OrderExecution:
        """Open a wallet to decide one order. For a live wallet the same read finds the order of ``client_order_id``.

        The commit of the order counts it in ``permit``. The read of the wallet finds out if the limit is reached.

        Opening a live wallet may wait for Secrets Manager or load the venue's library. The state is then read again, so
        that this wait takes nothing from the time to send the order.
        """
        count = None if permit is None else permit.count
        demo = await self._connector.find_demo(user_id, user_wallet_id, count)
        if demo is not None:
            return _paper(demo, count)
        placing = self._live()
        found = await placing.read_state(user_wallet_id, client_order_id, owner=user_id, count=count)
        account = await self._connector.open_live(found.state.wallet)
        latest = await placing.read_again_if_late(found, owner=user_id)
        if latest.state.wallet.credentials_version != found.state.wallet.credentials_version:
            account = await self._connector.open_live(latest.state.wallet)
        return self._venue(account, latest, count)

    def _venue(
        self, wallet: ExchangeWallet, found: PreTradeRead | None = None, count: Count | None = None
    ) -> OrderExecution:
        from moniqo_core.services.orders.live.execution import LiveExecution

        return LiveExecution(wallet, self._live(), found, count)


def _paper(wallet: DemoWallet, count: Count | None = None) -> PaperExecution:
    return PaperExecution(wallet, wallet.orders, count)
