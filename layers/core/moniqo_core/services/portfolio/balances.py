"""Read the current balance of a user's wallet."""

from __future__ import annotations

from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.services.shared.read_unless_known import Knows, Unchanged, Versioned, read_unless_known
from moniqo_core.wallets.connector import WalletConnector


class Balances:
    """Reads balances of one owner's wallets."""

    def __init__(self, connector: WalletConnector) -> None:
        """Open wallets with ``connector``."""
        self._connector = connector

    async def get(self, user_id: str, user_wallet_id: str, knows: Knows) -> Versioned[Valuation] | Unchanged:
        """Evaluate resting orders, then value the wallet, or raise NotFoundError."""
        wallet = await self._connector.connect(user_id, user_wallet_id)
        return await read_unless_known(lambda: wallet.version(of_prices=True), knows, wallet.valuation)
