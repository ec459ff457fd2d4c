"""Rules an order is checked against, and what a check of all of them found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from moniqo_core.domain.errors import WalletError

MAX_OPEN_ORDERS: Final = 500
"""Open orders a wallet may have, so that its state stays small."""


Rule = tuple[str, Callable[[], None]]


class RuleOutcome(StrEnum):
    """The result of a rule. It is ``skipped`` when a rule it depends on failed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule: its numbers, and why it failed if it did."""

    rule: str
    outcome: RuleOutcome
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
        return all(rule.outcome is RuleOutcome.PASSED for rule in self.rules)


def check_rules(
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
