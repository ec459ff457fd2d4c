"""The rules of an order, and the results of checking all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from moniqo_core.domain.errors import WalletError

Rule = tuple[str, Callable[[], None]]


class RuleOutcome(StrEnum):
    """The result of a rule. It is ``skipped`` when a rule it depends on failed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of one rule: its numbers, and the refusal if it failed."""

    rule: str
    outcome: RuleOutcome
    numbers: Numbers
    refusal: WalletError | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The part of an order that would fill at once, and the part that would wait.

    ``amount``, ``quote`` and ``fee`` belong to the first part. ``funds_needed`` includes what the second part locks.
    """

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
    """The result of every rule, and the effect of an order that passes.

    ``largest_amount`` is the largest amount of the base asset that would pass if all else stays the same. It is zero
    when no amount would pass. It is None when there is no upper bound, or the symbol is unknown.
    ``largest_quote_amount`` is its cost or proceeds, for orders in the quote asset.
    """

    rules: tuple[RuleResult, ...]
    estimate: Estimate | None = None
    largest_amount: Decimal | None = None
    largest_quote_amount: Decimal | None = None
    mode: Literal["paper", "live"] = "paper"

    @property
    def would_pass(self) -> bool:
        """Whether the order would be accepted now."""
        return all(rule.outcome is RuleOutcome.PASSED for rule in self.rules)


def check_rules(
    rules: Iterable[Rule], needed_before: Mapping[str, Sequence[str]], numbers: Callable[[str], Numbers]
) -> tuple[RuleResult, ...]:
    """Check every rule, including those that follow a failed one.

    Args:
        rules: Name and check of each rule. A check raises when its rule forbids the order.
        needed_before: The rules that a rule depends on. It is skipped when one of them failed or was skipped.
        numbers: Returns the numbers that a rule compares, given its name.

    """
    results: list[RuleResult] = []
    failed: set[str] = set()
    for rule, ask in rules:
        if failed.intersection(needed_before.get(rule, ())):
            failed.add(rule)
            results.append(RuleResult(rule, RuleOutcome.SKIPPED, {}))
            continue
        refusal = None
        try:
            ask()
        except WalletError as error:
            refusal = error
            failed.add(rule)
        outcome = RuleOutcome.PASSED if refusal is None else RuleOutcome.FAILED
        found = {**numbers(rule), **(refusal.members if refusal else {})}
        results.append(RuleResult(rule, outcome, found, refusal))
    return tuple(results)


Numbers = Mapping[str, object]
