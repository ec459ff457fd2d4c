"""Replacing orders of live wallets. No venue of ours changes an order in place yet, so each change is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moniqo_core.domain.errors import ReplaceNotSupportedError
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.replacement import check_filled_amount, is_met, raises_buy
from moniqo_core.domain.orders.request import OrderRequest, ReplaceOrder
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.domain.wallets.user_wallet import UserWallet, UserWalletStatus

if TYPE_CHECKING:
    from moniqo_core.services.orders.live.placing import LivePlacing
    from moniqo_core.services.orders.live.pre_trade import PreTradeRead
    from moniqo_core.wallets.venue_wallet import VenueWallet

_CANCEL_ONLY: Final = (
    "DELETE /wallets/{id}/orders/{order_id} cancels the order. While the wallet is paused, it takes no new buy."
)


async def replace_live_order(
    placing: LivePlacing, wallet: VenueWallet, command: ReplaceOrder, found: PreTradeRead
) -> OrderRecord:
    """Return an order that already is as the command wants it. Refuse any other change.

    Raises:
        OrderNotFoundError, OrderAlreadyFilledError, OrderAlreadyClosedError, ConflictError: the order is not open.
        OrderChangedError: its filled amount is not the one that the command expects.
        LiveTradingOffError, WalletPausedError, WalletSuspendedError: the wallet takes no such order now.
        ReplaceNotSupportedError: its venue cannot change it.

    """
    order = await placing.orders.open_order(wallet, command.order_id)
    check_filled_amount(order, command)
    if is_met(order, command):
        return order._replace(replayed=True)
    owner = found.state.wallet
    only_cancels = _buys_nothing(owner) and order.side is OrderSide.BUY and not raises_buy(order, command)
    if not only_cancels:
        placing.pre_trade.check_wallet(_request_of(order), found.state)
    raise ReplaceNotSupportedError(
        f"Order {order.order_id} is at a venue, where it cannot be changed in place. It stays as it was.",
        hint=_CANCEL_ONLY if only_cancels else None,
    )


def _buys_nothing(wallet: UserWallet) -> bool:
    return wallet.status is UserWalletStatus.PAUSED and wallet.pause_level is PauseLevel.REDUCE_ONLY


def _request_of(order: OrderRecord) -> OrderRequest:
    return OrderRequest(order.symbol, order.side, order.type, order.amount, price=order.price)
