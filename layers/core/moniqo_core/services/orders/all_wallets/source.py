"""The interface for the orders of all wallets of one kind, which paper and live wallets share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from moniqo_core.domain.errors import InvalidSymbolError, WalletError
from moniqo_core.domain.orders.list_queries import OrderPosition, OrderQuery
from moniqo_core.domain.orders.record import OrderRecord

SECONDS_TO_UPDATE: Final = 5.0
"""How long the open orders of all wallets together may take to be brought up to now."""


class FailedWallet(NamedTuple):
    """A wallet whose orders could not be brought up to now, and the code of the error that was the cause."""

    user_wallet_id: str
    code: str


def failed_unexpectedly(user_wallet_id: str) -> FailedWallet:
    """Return the failure of a wallet whose documents cannot be read, or whose orders fail unexpectedly."""
    return FailedWallet(user_wallet_id, WalletError.code)


class OrderSource(Protocol):
    """The orders of those wallets of one user that are of one kind."""

    async def update(self) -> Sequence[FailedWallet]:
        """Bring open orders up to now, and return the wallets for which that failed. Call this first."""

    async def page(self, query: OrderQuery, after: OrderPosition | None) -> Sequence[OrderRecord]:
        """Return orders below the position ``after``, newest first. The cursor of ``query`` is not used."""

    async def refusals(self, symbol: str) -> Sequence[InvalidSymbolError | None]:
        """Return for each wallet why it cannot trade a symbol, or None if it can or if its market cannot be read."""
