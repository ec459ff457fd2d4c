"""The response body of a preflight."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from moniqo_core.domain.clock import rfc3339
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.rule_check import Estimate, Preflight, RuleOutcome, RuleResult
from moniqo_core.http.schemas.common import Amount, View

_SHOWN_ELSEWHERE: Final = frozenset({"field", "hint", "errors"})

Number = str | bool | list[str] | None


class FormFaultView(View):
    """One fault of an order's form. ``code`` names the check that found it."""

    field: Annotated[str, Field(examples=["price"])]
    message: Annotated[str, Field(examples=["A limit order needs a price."])]
    code: Annotated[str, Field(examples=["order_type"])]


class RuleView(View):
    """One rule with the ``numbers`` it compares. ``code`` and ``detail`` are those of the error it would cause.

    ``errors`` lists every fault of form.
    """

    rule: Annotated[str, Field(examples=["max_position_size_usd"])]
    result: RuleOutcome
    code: Annotated[str | None, Field(examples=["RISK_LIMIT_EXCEEDED"])]
    detail: str | None
    numbers: Annotated[dict[str, Number], Field(examples=[{"value": "500", "limit": "1000"}])]
    errors: Annotated[tuple[FormFaultView, ...], Field(description="Every fault of the form, for the rule `form`.")]


class EstimateView(View):
    """The part that would fill at once at present prices, and the part that would stay open."""

    amount: Amount
    quote: Amount
    average_price: Amount | None
    fee: Amount
    fee_currency: str
    remaining_amount: Amount
    funds_asset: Annotated[str, Field(examples=["USDT"])]
    funds_needed: Annotated[Amount, Field(description="Includes the fee and the funds that the open part locks.")]


class PreflightView(View):
    """The result of every rule, in the order they are checked. No order was placed."""

    user_wallet_id: str
    mode: Literal["paper", "live"]
    would_pass: bool
    rules: list[RuleView]
    estimated_fill: EstimateView | None
    largest_amount: Annotated[
        Amount | None,
        Field(description="The largest amount that would pass, all else equal. Null when no amount is too large."),
    ]
    largest_quote_amount: Annotated[Amount | None, Field(description="The largest quote_amount that would pass.")]


def preflight_view(found: Preflight, user_wallet_id: str) -> PreflightView:
    """Return the view of a preflight."""
    return PreflightView(
        user_wallet_id=user_wallet_id,
        mode=found.mode,
        would_pass=found.would_pass,
        rules=[_rule_view(rule) for rule in found.rules],
        estimated_fill=_estimate_view(found.estimate),
        largest_amount=found.largest_amount,
        largest_quote_amount=found.largest_quote_amount,
    )


def _rule_view(result: RuleResult) -> RuleView:
    refusal = result.refusal
    faults: Any = refusal.members.get("errors", ()) if refusal else ()
    return RuleView(
        rule=result.rule,
        result=result.outcome,
        code=refusal.code if refusal else None,
        detail=refusal.detail if refusal else None,
        numbers=_numbers(result.numbers),
        errors=tuple(FormFaultView.model_validate(fault) for fault in faults),
    )


def _estimate_view(estimate: Estimate | None) -> EstimateView | None:
    return None if estimate is None else EstimateView.model_validate(estimate)


def _numbers(numbers: Mapping[str, object]) -> dict[str, Number]:
    return {name: _number(value) for name, value in numbers.items() if name not in _SHOWN_ELSEWHERE}


def _number(value: object) -> Number:
    match value:
        case None | bool():
            return value
        case Decimal():
            return plain(value)
        case datetime():
            return rfc3339(value)
        case tuple():
            return [str(item) for item in value]
        case StrEnum():
            return value.value
        case _:
            return str(value)
