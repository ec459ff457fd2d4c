"""Opening a user's wallet to trade it: the only place in the services that knows which kinds of wallets there are."""

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
    from moniqo_core.wallets.exchange.wallet import ExchangeWallet


class OrderOpener:
    """Chooses the execution that fits a wallet. Both methods raise NotFoundError for a wallet that is not the owner's.

    A paper wallet is found in one round trip. That a wallet is live is remembered, so that its next use asks no journal
    of paper money: see docs/decisions/0026.
    """

    def __init__(self, connector: WalletConnector, live: Callable[[], LivePlacing]) -> None:
        """Open wallets with ``connector``; ``live`` makes what places orders at venues, on first use."""
        self._connector = connector
        self._live = live

    async def open(self, user_id: str, user_wallet_id: str) -> OrderExecution:
        """Open a wallet to read, cancel or release its orders."""
        demo = await self._connector.find_demo(user_id, user_wallet_id)
        if demo is not None:
            return _paper(demo)
        return self._venue(await self._connector.connect_live(user_id, user_wallet_id))

    async def open_to_trade(self, user_id: str, user_wallet_id: str, client_order_id: str | None) -> OrderExecution:
        """Open a wallet to decide one order, whose ``client_order_id`` a live wallet looks up in the same read."""
        demo = await self._connector.find_demo(user_id, user_wallet_id)
        if demo is not None:
            return _paper(demo)
        found = await self._live().read_state(user_wallet_id, client_order_id, owner=user_id)
        return self._venue(await self._connector.open_live(found.state.wallet), found)

    def _venue(self, wallet: ExchangeWallet, found: PreTradeRead | None = None) -> OrderExecution:
        from moniqo_core.services.orders.live.execution import LiveExecution

        return LiveExecution(wallet, self._live(), found)


def _paper(wallet: DemoWallet) -> PaperExecution:
    return PaperExecution(wallet, wallet.orders)
