"""Checking an order without placing it: every rule with its numbers, the expected fill, and the largest amount.

The rules are those of :class:`moniqo_core.domain.paper.order_rules.PaperDecision`, checked one by one. This module adds
no rules of its own.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final

from moniqo_core.domain.errors import InvalidSymbolError
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commit import MarketContext
from moniqo_core.domain.market.unknown_symbol import MAX_SHOWN
from moniqo_core.domain.matching.taker_fills import market_order_cost
from moniqo_core.domain.money import ZERO, exact, round_up, scale_of
from moniqo_core.domain.orders.order import average_price
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.orders.rule_check import Estimate, Preflight, RuleOutcome, RuleResult, check_rules
from moniqo_core.domain.paper.largest_amount import depends_on_amount, dry_run_refusal, largest_amount, suggesting
from moniqo_core.domain.paper.order_rules import PaperDecision
from moniqo_core.domain.paper.rule_numbers import numbers_of

_NEEDED_BEFORE: Final = {
    "market": ("form",),
    "exits": ("form", "market"),
    "max_position_size_usd": ("form",),
    "max_total_exposure_usd": ("form",),
    "max_open_positions": ("form",),
    "funds": ("form", "market"),
}
"""Rules that compute with the results of other rules. They cannot be checked when one of those failed."""


def check(draft: AccountDraft, order: OrderRequest, context: MarketContext) -> Preflight:
    """Check an order on a draft that has walked the path. The draft does not change."""
    with exact():
        decision = PaperDecision(draft, order, context)
        results = check_rules(decision.rules(), _NEEDED_BEFORE, partial(numbers_of, decision))
        if order.has_exits:
            results = _with_exits(draft, order, context, results)
        outcomes = {result.rule: result.outcome for result in results}
        known = outcomes["form"] is outcomes["market"] is RuleOutcome.PASSED
        largest = largest_amount(draft, order, context)
        results = tuple(_suggesting(result, largest) for result in results)
        by_quote = order.quote_amount is not None and largest is not None
        return Preflight(
            rules=results,
            estimate=_estimate(decision) if known else None,
            largest_amount=largest,
            largest_quote_amount=market_order_cost(draft, order.side, largest or ZERO, context) if by_quote else None,
        )


def unknown_symbol(order: OrderRequest, refusal: InvalidSymbolError) -> Preflight:
    """Return the result for a symbol without a market. Rules that need a market are skipped."""
    failed = RuleResult("symbol", RuleOutcome.FAILED, {"symbol": order.symbol[:MAX_SHOWN]}, refusal)
    skipped = ("form", "expiry", "market", "funds")
    return Preflight((failed, *(RuleResult(rule, RuleOutcome.SKIPPED, {}) for rule in skipped)))


def _with_exits(
    draft: AccountDraft, order: OrderRequest, context: MarketContext, results: tuple[RuleResult, ...]
) -> tuple[RuleResult, ...]:
    """Let the rule of exits fail if an exit whose trigger has passed could not sell at once.

    The whole order is then refused. An exit in percent may have passed, because the average price of a large entry is
    above the ask.
    """
    if any(result.outcome is not RuleOutcome.PASSED for result in results):
        return results
    refusal = dry_run_refusal(draft, order, context)
    if refusal is None:
        return results
    failed = RuleResult("exits", RuleOutcome.FAILED, refusal.members, refusal)
    return tuple(failed if result.rule == "exits" else result for result in results)


def _suggesting(result: RuleResult, largest: Decimal | None) -> RuleResult:
    """Let a failed rule suggest the largest amount that passes every rule, as the refusal of the order does."""
    if result.refusal is None or not depends_on_amount(result.refusal):
        return result
    refusal = suggesting(result.refusal, largest)
    return replace(result, numbers={**result.numbers, **refusal.members}, refusal=refusal)


def _estimate(decision: PaperDecision) -> Estimate:
    plan, currency = decision.plan, decision.context.market.quote
    asset, needed, _ = decision.funds()
    return Estimate(
        amount=plan.amount,
        quote=plan.quote,
        average_price=average_price(plan.quote, plan.amount) if plan.amount else None,
        fee=round_up(decision.draft.account.terms.taker_rate * plan.quote, scale_of(currency)),
        fee_currency=currency,
        remaining_amount=decision.amount - plan.amount,
        funds_asset=asset,
        funds_needed=needed,
    )
