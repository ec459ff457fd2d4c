"""The amount that a request to close a position sells. It is the same for every kind of wallet."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from moniqo_core.domain.errors import InsufficientBalanceError, InvalidOrderError
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.money import ZERO, floor_to, plain
from moniqo_core.domain.orders import field_rules
from moniqo_core.domain.orders.field_rules import FormFault
from moniqo_core.domain.orders.request import ClosePosition

_HUNDRED: Final = Decimal(100)
_WHOLE: Final = "To close the whole position, send no body."


def part_to_sell(close: ClosePosition, held: Decimal, market: Market) -> Decimal:
    """Return the amount that a request sells of the ``held`` amount.

    A percentage is rounded down to the lot, and 100 percent is everything.

    Raises:
        InsufficientBalanceError: less is held than the amount of the request.
        InvalidOrderError: the percentage is less than a lot.

    """
    if close.amount is not None:
        if close.amount > held:
            raise InsufficientBalanceError(
                f"Needs {plain(close.amount)} {market.base}. The position has {plain(held)} {market.base}.",
                needed=close.amount,
                available=held,
                asset=market.base,
                suggested_amount=held,
                hint=f"Lower the amount. {_WHOLE}",
            )
        return close.amount
    if close.is_whole or close.percent is None:
        return held
    part = floor_to(held * close.percent / _HUNDRED, market.lot_step)
    if part <= ZERO:
        message = (
            f"{plain(close.percent)}% of {plain(held)} {market.base} is less than the lot"
            f" {plain(market.lot_step)} of {market.symbol}."
        )
        members = {"lot_step": market.lot_step, "min_amount": market.min_amount}
        field_rules.refuse([FormFault("percent", "lot_step", message, members)])
    return part


def refused_part(refusal: InvalidOrderError, close: ClosePosition, held: Decimal) -> InvalidOrderError:
    """Return the refusal of a part with a hint that leads to a part that can be sold. Nothing was cancelled or sold."""
    if close.is_whole:
        return refusal
    suggested = refusal.members.get("suggested_amount")
    if isinstance(suggested, Decimal) and suggested > held:
        refusal.members["suggested_amount"] = held
    given = "percent" if close.amount is None else "amount"
    refusal.advice = f"Choose another {given}. {_WHOLE}"
    return refusal
