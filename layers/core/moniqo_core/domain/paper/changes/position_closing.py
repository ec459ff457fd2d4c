"""Closing a position, or a part of it, at market."""

from __future__ import annotations

from decimal import Decimal

from moniqo_core.domain.errors import InvalidOrderError, OrderRejectedError
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.matching.exit_pair_lock import open_exits, share_lock
from moniqo_core.domain.matching.locked_funds import required_lock, set_lock
from moniqo_core.domain.matching.order_closing import close_order
from moniqo_core.domain.money import exact
from moniqo_core.domain.orders.order import Order, OrderSide, OrderStatus, OrderType
from moniqo_core.domain.orders.partial_close import part_to_sell, refused_part
from moniqo_core.domain.orders.request import ClosePosition, OrderRequest
from moniqo_core.domain.paper.account_rules import check_account_status
from moniqo_core.domain.paper.order_execution import execute_order
from moniqo_core.domain.paper.order_rules import PaperDecision


def close_position(draft: AccountDraft, command: ClosePosition, context: MarketContext) -> Commit:
    """Sell a position at market, or a part of it.

    Before the whole position is sold, its open sells are cancelled. A part takes from them only what it needs, so that
    what is left stays protected.

    Raises:
        OrderRejectedError: nothing is held.
        InsufficientBalanceError: less is held than the command wants to sell.
        InvalidOrderError: the part is not a whole number of lots, or smaller than the smallest order.
        WalletPausedError, WalletSuspendedError: the wallet accepts no orders.

    """
    with exact():
        check_account_status(draft, OrderSide.SELL)
        if not draft.position(command.symbol).amount:
            raise OrderRejectedError(
                f"There is no position in {command.symbol}.",
                hint="GET /wallets/{id}/positions lists the open positions.",
            )
        held = draft.holding(context.market.base).total
        try:
            decision = _checked_sale(draft, command, held, context)
        except InvalidOrderError as refusal:
            raise refused_part(refusal, command, held) from None
        execute_order(decision)
        return draft.commit(command, context)


def _checked_sale(draft: AccountDraft, command: ClosePosition, held: Decimal, context: MarketContext) -> PaperDecision:
    """Free what is to be sold, and check its sale."""
    amount = part_to_sell(command, held, context.market)
    if amount == held:
        _cancel_sells(draft, command.symbol)
    else:
        _free(draft, command.symbol, context.market.base, amount)
    sale = OrderRequest(
        command.symbol, OrderSide.SELL, OrderType.MARKET, amount, client_order_id=command.client_order_id
    )
    decision = PaperDecision(draft, sale, context)
    for _, check in decision.rules():
        check()
    return decision


def _cancel_sells(draft: AccountDraft, symbol: str) -> None:
    """Cancel the open sells. A pending exit sells nothing of the position, and its entry still needs it."""
    for order in _open_sells(draft, symbol):
        keeps = order.status is OrderStatus.PENDING and draft.rules.closing_keeps_pending_exits
        if order.is_open and not keeps:
            close_order(draft, order, OrderStatus.CANCELLED, draft.at)


def _open_sells(draft: AccountDraft, symbol: str) -> list[Order]:
    """Return the open sells of a symbol, oldest first, as copies that the draft may change."""
    ids = [
        order_id
        for order_id in draft.open_ids()
        if (placed := draft.peek(order_id)).is_open and placed.symbol == symbol and placed.side is OrderSide.SELL
    ]
    return [order for order in map(draft.edit, ids) if order is not None]


def _free(draft: AccountDraft, symbol: str, base: str, amount: Decimal) -> None:
    """Reduce or cancel open sells, the youngest first, until ``amount`` of the base asset is free."""
    for order in sorted(_open_sells(draft, symbol), key=lambda order: order.age, reverse=True):
        missing = amount - draft.holding(base).free
        if missing <= 0:
            return
        if order.is_open and order.status is not OrderStatus.PENDING:
            _reduce(draft, order, missing)


def _reduce(draft: AccountDraft, order: Order, missing: Decimal) -> None:
    """Release ``missing`` of what a sell locks, or all of it. The two exits of an entry are reduced together.

    Exits of an entry that is still open are cancelled instead, because its next fill would set their amount again.
    """
    pair = [order] if order.entry is None else open_exits(draft, order.order_id)
    entry = None if order.entry is None else draft.edit(order.entry)
    if order.remaining <= missing or (entry is not None and entry.is_open):
        for sell in pair:
            close_order(draft, sell, OrderStatus.CANCELLED, draft.at)
        return
    for sell in pair:
        sell.amount -= missing
        sell.note_replacement(draft.at)
    if order.entry is None:
        set_lock(draft, order, required_lock(order, draft.account.terms))
    else:
        share_lock(draft, pair)
