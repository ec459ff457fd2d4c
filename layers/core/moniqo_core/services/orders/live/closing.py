"""Closing positions of live wallets, or parts of them, at market."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.errors import (
    InsufficientBalanceError,
    InvalidOrderError,
    OrderAlreadyClosedError,
    OrderAlreadyFilledError,
    OrderRejectedError,
)
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.money import ZERO, exact, floor_to, plain
from moniqo_core.domain.orders.order import OrderSide, OrderType
from moniqo_core.domain.orders.partial_close import part_to_sell, refused_part
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest

if TYPE_CHECKING:
    from moniqo_core.services.orders.live.placing import LivePlacing
    from moniqo_core.services.orders.live.pre_trade import PreTradeRead
    from moniqo_core.storage.rate_counters import Count
    from moniqo_core.wallets.base import WalletBalance
    from moniqo_core.wallets.venue_wallet import VenueWallet

_LOCKED: Final = (
    "Open sell orders lock the rest. DELETE /wallets/{id}/orders?symbol=... cancels all orders of the symbol. To close"
    " the whole position, send no body."
)


async def close_live_position(
    placing: LivePlacing, wallet: VenueWallet, close: ClosePosition, found: PreTradeRead, count: Count | None
) -> OrderRecord:
    """Sell a position in a symbol at market, or a part of it, in whole lots.

    Before the whole position is sold, its other sell orders are cancelled. Before a part is sold, none is cancelled,
    so that no protection at the venue is lost. The part must be free, so no sell order may lock it. Under a
    ``client_order_id`` that is taken, return its order. Nothing is cancelled or sold then. The write of the intent
    counts the order in ``count``.

    Raises:
        OrderRejectedError: there is no position, it is smaller than a lot, or its market does not accept the sale.
        InsufficientBalanceError, InvalidOrderError: the part cannot be sold. Nothing was cancelled or sold.

    Also raises the errors of :meth:`moniqo_core.services.orders.live.placing.LivePlacing.place`.
    """
    accepted = await placing.find_accepted(wallet, close, found)
    if accepted is not None:
        return accepted
    market = await wallet.market(close.symbol)
    one_lot = _sale(close, market.lot_step)
    placing.pre_trade.check(one_lot, found.state, market)
    await wallet.require_accepted(one_lot)  # otherwise exits would be cancelled and nothing sold
    if close.is_whole:
        await _cancel_sells(placing, wallet, close, market, found)
    held = await wallet.get_balance_for_asset(market.base)
    # A repeat may have sold it meanwhile, so look for its order before anything is refused.
    latest = await placing.read_state(wallet.user_wallet_id, close.client_order_id)
    accepted = await placing.find_accepted(wallet, close, latest)
    if accepted is not None:
        return accepted
    try:
        amount = _whole(close, held.free, market) if close.is_whole else _part(close, held, market)
        return await placing.carry_out(wallet, _sale(close, amount), latest, close, count)
    except InvalidOrderError as refusal:
        raise refused_part(refusal, close, held.total) from None


async def _cancel_sells(
    placing: LivePlacing, wallet: VenueWallet, close: ClosePosition, market: Market, found: PreTradeRead
) -> None:
    """Cancel the open sells of a symbol, unless what they leave is no order that the venue accepts.

    Otherwise the position would lose its stop and stay open, for example above the largest amount of an order.
    """
    sells = [
        order
        for order in found.state.orders
        if order.request.symbol == close.symbol and order.request.side is OrderSide.SELL
    ]
    if not sells:
        return
    held = await wallet.get_balance_for_asset(market.base)
    with exact():
        rest = sum(((order.request.amount or ZERO) - order.filled_amount for order in sells), held.free)
    await wallet.check_order(_sale(close, _whole(close, rest, market)))
    for order in sells:
        with suppress(OrderAlreadyFilledError, OrderAlreadyClosedError):
            await placing.orders.cancel(wallet, order.order_id)


def _whole(close: ClosePosition, free: Decimal, market: Market) -> Decimal:
    with exact():
        amount = floor_to(free, market.lot_step)
    if amount <= 0:  # a debt is no position
        raise _no_position(close, free)
    return amount


def _part(close: ClosePosition, held: WalletBalance, market: Market) -> Decimal:
    if held.total <= 0:
        raise _no_position(close, held.total)
    with exact():
        amount = part_to_sell(close, held.total, market)
        free = floor_to(held.free, market.lot_step)
    if amount > held.free:
        raise InsufficientBalanceError(
            f"Needs {plain(amount)} {market.base}. {plain(held.free)} {market.base} is available.",
            needed=amount,
            available=held.free,
            asset=market.base,
            suggested_amount=free,
            hint=_LOCKED.replace("...", close.symbol),
        )
    return amount


def _no_position(close: ClosePosition, held: Decimal) -> OrderRejectedError:
    return OrderRejectedError(
        f"There is no position in {close.symbol} to close.",
        held=held,
        hint="GET /wallets/{id}/positions lists the open positions.",
    )


def _sale(close: ClosePosition, amount: Decimal) -> OrderRequest:
    return OrderRequest(close.symbol, OrderSide.SELL, OrderType.MARKET, amount, client_order_id=close.client_order_id)
