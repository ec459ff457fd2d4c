"""Convert orders and positions of a demo wallet to the types that all wallets share."""

from __future__ import annotations

from decimal import Decimal

from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.orders.order import Order, average_price
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.domain.paper.record import paper_record
from moniqo_core.domain.portfolio.position import Position
from moniqo_core.wallets.base import OrderResult, WalletPosition


def order_of(commit: Commit, order_id: str) -> OrderRecord:
    """Return an order that a commit placed, with its fills and exits."""
    assert commit.context is not None  # noqa: S101  a commit that places an order was decided on a market
    order = next(order for order in commit.orders if order.order_id == order_id)
    fills = tuple(item for item in commit.fills if item.order_id == order_id)
    exits = [item for item in commit.orders if item.entry == order_id]
    return paper_record(commit.after, order, fills, exits=exits, tick_size=commit.context.market.tick_size)


def order_result(order: Order | OrderRecord) -> OrderResult:
    """Convert an order to the type that all wallets share."""
    return OrderResult(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.type,
        status=order.status,
        price=order.price,
        amount=order.amount,
        filled_amount=order.filled_amount,
        average_fill_price=order.average_fill_price,
        fee=order.fee,
        fee_currency=order.fee_currency,
        timestamp=order.updated_at,
        metadata=order.metadata,
        client_order_id=order.client_order_id,
        filled_quote=order.filled_quote,
    )


def wallet_position(symbol: str, position: Position, mark: Decimal | None) -> WalletPosition:
    """Convert a position, valued at the price ``mark``, or without a value where that is None."""
    return WalletPosition(
        symbol=symbol,
        amount=position.amount,
        average_cost=average_price(position.cost, position.amount),
        realised_pnl=position.realised,
        unrealised_pnl=None if mark is None else position.unrealised(mark),
        fees=position.fees,
        cost=position.cost,
        mark_price=mark,
    )
