"""Checking an order without placing it: every rule with its numbers, what would fill, and how much would pass.

The rules are those of :class:`moniqo.domain.decision.Decision`, asked one by one; nothing here decides anything itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Final, Literal

from moniqo.domain.command import Place
from moniqo.domain.commit import Basis
from moniqo.domain.decision import Decision, Rule
from moniqo.domain.draft import Draft
from moniqo.domain.errors import InvalidSymbolError, WalletError
from moniqo.domain.money import ZERO, exact, round_up, scale_of
from moniqo.domain.order import average_price
from moniqo.domain.rule_numbers import Numbers, numbers_of
from moniqo.domain.taking import market_cost
from moniqo.domain.trial import largest_amount, refusal_of

_NEEDED_BEFORE: Final = {
    "market": ("form",),
    "max_position_size_usd": ("form",),
    "max_total_exposure_usd": ("form",),
    "max_open_positions": ("form",),
    "funds": ("form", "market"),
}
"""Rules that compute with what other rules found; when one of those failed they cannot be checked."""


class Outcome(StrEnum):
    """What a rule said of the order; ``skipped`` when a rule it builds on failed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule: its numbers, and why it failed if it did."""

    rule: str
    outcome: Outcome
    numbers: Numbers
    refusal: WalletError | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What would fill at once, and what would wait. ``funds_needed`` includes what the waiting part locks."""

    amount: Decimal
    quote: Decimal
    average_price: Decimal | None
    fee: Decimal
    fee_currency: str
    remaining_amount: Decimal
    funds_asset: str
    funds_needed: Decimal


@dataclass(frozen=True, slots=True)
class Preflight:
    """The outcome of every rule, and what an order that passes would do.

    ``largest_amount`` is the most of the base asset that would pass with all else the same: zero when no amount would,
    None when none is too much or the symbol is not known. ``largest_quote_amount`` is what that costs or brings, for
    orders in the quote asset.
    """

    rules: tuple[RuleResult, ...]
    estimate: Estimate | None = None
    largest_amount: Decimal | None = None
    largest_quote_amount: Decimal | None = None
    mode: Literal["paper", "live"] = "paper"

    @property
    def would_pass(self) -> bool:
        """Whether the order would be accepted now."""
        return all(rule.outcome is Outcome.PASSED for rule in self.rules)


def check(draft: Draft, order: Place, basis: Basis) -> Preflight:
    """Check an order on a draft that has walked the path; the draft is left as it is."""
    with exact():
        decision = Decision(draft, order, basis)
        results = ask_rules(decision.rules(), _NEEDED_BEFORE, partial(numbers_of, decision))
        if order.stop_loss is not None or order.take_profit is not None:
            results += (_exits(draft, order, basis, results),)
        outcomes = {result.rule: result.outcome for result in results}
        known = outcomes["form"] is outcomes["market"] is Outcome.PASSED
        largest = largest_amount(draft, order, basis)
        by_quote = order.quote_amount is not None and largest is not None
        return Preflight(
            rules=results,
            estimate=_estimate(decision) if known else None,
            largest_amount=largest,
            largest_quote_amount=market_cost(draft, order.side, largest or ZERO, basis) if by_quote else None,
        )


def unknown_symbol(order: Place, refusal: InvalidSymbolError) -> Preflight:
    """Answer for a symbol without a market: all that needs one is skipped."""
    failed = RuleResult("symbol", Outcome.FAILED, {"symbol": order.symbol[:40]}, refusal)
    skipped = ("form", "expiry", "market", "funds")
    return Preflight((failed, *(RuleResult(rule, Outcome.SKIPPED, {}) for rule in skipped)))


def ask_rules(
    rules: Iterable[Rule], needed_before: Mapping[str, Sequence[str]], numbers: Callable[[str], Numbers]
) -> tuple[RuleResult, ...]:
    """Ask one rule after the other, also behind one that failed.

    Args:
        rules: Name and check of each; a check raises when its rule forbids the order.
        needed_before: What a rule builds on: it is skipped when one of these failed or was skipped.
        numbers: What the rule of a name looks at.

    """
    results: list[RuleResult] = []
    failed: set[str] = set()
    for rule, ask in rules:
        if failed.intersection(needed_before.get(rule, ())):
            failed.add(rule)
            results.append(RuleResult(rule, Outcome.SKIPPED, {}))
            continue
        refusal = None
        try:
            ask()
        except WalletError as error:
            refusal = error
            failed.add(rule)
        outcome = Outcome.PASSED if refusal is None else Outcome.FAILED
        found = {**numbers(rule), **(refusal.members if refusal else {})}
        results.append(RuleResult(rule, outcome, found, refusal))
    return tuple(results)


def _exits(draft: Draft, order: Place, basis: Basis, others: tuple[RuleResult, ...]) -> RuleResult:
    """Tell whether exits that would sell at once can: an order they cannot follow is refused as a whole."""
    if any(result.outcome is not Outcome.PASSED for result in others):
        return RuleResult("exits", Outcome.SKIPPED, {})
    refusal = refusal_of(draft, order, basis)
    if refusal is None:
        return RuleResult("exits", Outcome.PASSED, {})
    return RuleResult("exits", Outcome.FAILED, refusal.members, refusal)


def _estimate(decision: Decision) -> Estimate:
    plan, currency = decision.plan, decision.basis.market.quote
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
