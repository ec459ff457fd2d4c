"""The numbers that each rule compares, as a preflight shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from moniqo_core.domain.money import ZERO
from moniqo_core.domain.orders.open_order_limit import MAX_OPEN_ORDERS
from moniqo_core.domain.orders.rule_check import Numbers
from moniqo_core.domain.paper.account_rules import pause_level_of
from moniqo_core.domain.paper.exit_prices import planned_exits
from moniqo_core.domain.paper.exposure_limits import open_positions, total_exposure
from moniqo_core.domain.paper.order_rules import PaperDecision

_SHOWN: Final = Decimal("0.00000001")


def numbers_of(decision: PaperDecision, rule: str) -> Numbers:
    """Return the numbers that a rule compares, whether it passed or failed."""
    return _NUMBERS[rule](decision) if rule in _NUMBERS else {}


def _status(decision: PaperDecision) -> Numbers:
    level = pause_level_of(decision.draft)
    return {"wallet_status": decision.draft.status} | ({} if level is None else {"level": level})


def _open_orders(decision: PaperDecision) -> Numbers:
    return {"value": decision.open_orders, "limit": MAX_OPEN_ORDERS}


def _symbol(decision: PaperDecision) -> Numbers:
    return {"symbol": decision.request.symbol, "cash_asset": decision.draft.account.terms.cash_asset}


def _form(decision: PaperDecision) -> Numbers:
    market = decision.context.market
    steps = {name: getattr(market, name) for name in ("tick_size", "lot_step", "min_amount", "min_notional")}
    maximums = {name: getattr(market, name) for name in ("max_price", "max_amount", "max_notional")}
    found = {name: value for name, value in maximums.items() if value is not None}
    return {"amount": decision.amount or None, **steps, **found}


def _expiry(decision: PaperDecision) -> Numbers:
    return {"now": decision.draft.at, "expires_at": decision.request.expires_at}


def _prices(decision: PaperDecision) -> Numbers:
    context = decision.context
    numbers: dict[str, object] = {
        "bid": context.snapshot.bid,
        "ask": context.snapshot.ask,
        "quoted_at": context.snapshot.at,
    }
    if context.market.hours is not None:
        numbers |= {"is_open": context.is_open, "next_open": context.next_open, "session_close": context.session_close}
    return numbers


def _exits(decision: PaperDecision) -> Numbers:
    planned = planned_exits(decision.request, decision.draft.account.limits, decision.context)
    triggers = {item.field: item.trigger for item in planned}
    return {"entry_price": decision.request.price or decision.context.snapshot.ask, **triggers}


def _position_size(decision: PaperDecision) -> Numbers:
    limits = decision.draft.account.limits
    return {"value": decision.exposure.value, "limit": limits and limits.max_position_size_usd}


def _total_exposure(decision: PaperDecision) -> Numbers:
    limits = decision.draft.account.limits
    value = decision.exposure.value + total_exposure(decision.exposure, decision.context)
    return {"value": value, "limit": limits and limits.max_total_exposure_usd}


def _positions(decision: PaperDecision) -> Numbers:
    limits = decision.draft.account.limits
    count = open_positions(decision.exposure, decision.context)
    return {"value": count, "limit": limits and limits.max_open_positions}


def _losses(decision: PaperDecision) -> Numbers:
    draft, limits, equity = decision.draft, decision.draft.account.limits, decision.equity()
    if limits is None:
        return {}
    start = draft.day.equity if draft.day is not None else equity
    drawdown = (draft.peak - equity) * 100 / draft.peak if draft.peak else ZERO
    return {
        "equity": equity,
        "daily_loss": start - equity,
        "daily_loss_limit_usd": limits.daily_loss_limit_usd,
        "daily_loss_limit_percent": limits.daily_loss_limit_percent,
        "drawdown_percent": max(drawdown, ZERO).quantize(_SHOWN),
        "max_drawdown_percent": limits.max_drawdown_percent,
    }


def _funds(decision: PaperDecision) -> Numbers:
    asset, needed, free = decision.funds()
    return {"asset": asset, "needed": needed, "available": free}


_NUMBERS: Final[Mapping[str, Callable[[PaperDecision], Numbers]]] = {
    "status": _status,
    "open_orders": _open_orders,
    "symbol": _symbol,
    "form": _form,
    "expiry": _expiry,
    "market": _prices,
    "exits": _exits,
    "max_position_size_usd": _position_size,
    "max_total_exposure_usd": _total_exposure,
    "max_open_positions": _positions,
    "losses": _losses,
    "funds": _funds,
}
