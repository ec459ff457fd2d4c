"""Checking a live order without placing it. There is no estimate, because only the venue knows what would fill."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Final

from moniqo_core.domain.live.loss_limits import loss_numbers
from moniqo_core.domain.live.order_rules import LiveDecision
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.money import exact
from moniqo_core.domain.orders.open_order_limit import MAX_OPEN_ORDERS
from moniqo_core.domain.orders.order import OrderSide
from moniqo_core.domain.orders.rule_check import Numbers, Preflight, check_rules
from moniqo_core.domain.wallets.user_wallet import UserWalletStatus

_NEEDED_BEFORE: Final[Mapping[str, tuple[str, ...]]] = dict.fromkeys(
    ("max_position_size_usd", "max_total_exposure_usd", "max_open_positions", "losses", "funds"), ("form",)
)


def preflight(decision: LiveDecision) -> Preflight:
    """Check every rule."""
    with exact():
        results = check_rules(decision.rules(), _NEEDED_BEFORE, partial(_numbers, decision))
        known = decision.funds is not None and isinstance(decision.form, Market)
        return Preflight(results, largest_amount=_largest(decision) if known else None, mode="live")


def _largest(decision: LiveDecision) -> Decimal:
    """Return the largest amount that limits and funds allow.

    A fee that the venue charges in the quote asset is not included.
    """
    _, _, free = decision.needed()
    amount = decision.affordable_amount(free)
    if decision.request.side is OrderSide.SELL:
        return amount
    limits, found = decision.wallet.risk_limits, decision.exposure
    total = found.room(limits.max_total_exposure_usd - found.others_usd)
    return min(amount, found.room(limits.max_position_size_usd), total)


def _numbers(decision: LiveDecision, rule: str) -> Numbers:
    """Return the numbers that a rule compares, whether it passed or failed."""
    limits = decision.wallet.risk_limits
    match rule:
        case "status":
            level = decision.wallet.pause_level if decision.wallet.status is UserWalletStatus.PAUSED else None
            return {"wallet_status": decision.wallet.status} | ({} if level is None else {"level": level})
        case "open_orders":
            return {"value": decision.open_orders, "limit": MAX_OPEN_ORDERS}
        case "symbol":
            return {"symbol": decision.request.symbol}
        case "form" if isinstance(decision.form, Market):
            return {
                name: getattr(decision.form, name) for name in ("tick_size", "lot_step", "min_amount", "min_notional")
            }
        case "max_position_size_usd":
            return {"value": decision.exposure.value, "limit": limits.max_position_size_usd}
        case "max_total_exposure_usd":
            return {"value": decision.exposure.total, "limit": limits.max_total_exposure_usd}
        case "max_open_positions":
            return {"value": decision.exposure.positions, "limit": limits.max_open_positions}
        case "losses" if decision.funds is not None:
            return loss_numbers(decision.wallet, decision.holdings, decision.funds.at)
        case "funds":
            asset, needed, free = decision.needed()
            return {"asset": asset, "needed": needed, "available": free}
        case _:
            return {}
