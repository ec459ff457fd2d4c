"""Transfers of a live wallet, taken from the residues of the balance equation, because venues do not report them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.portfolio.balance_equation import EquationLine
from moniqo_core.domain.wallets.user_wallet import BalanceSnapshot

SMALLEST_TRANSFER_USD: Final = Decimal("0.01")
"""In US dollars. A smaller residue is rounding, or an amount that no order can sell."""


class Transfer(NamedTuple):
    """A deposit, or a withdrawal if ``amount`` is negative. ``price`` is in US dollars, None if nobody prices it."""

    asset: str
    amount: Decimal
    price: Decimal | None


def transfers(
    equation: Sequence[EquationLine] | None, before: BalanceSnapshot, after: BalanceSnapshot
) -> tuple[Transfer, ...]:
    """Return the deposits and withdrawals between two snapshots, by asset.

    Residues of both signs are an exchange without a reported fill and no transfers. Residues worth less than a cent are
    ignored. While an asset has more movements than the venue returned at once, nothing tells transfers from trades.
    """
    if any(balance.asset_flows and balance.asset_flows.behind for balance in (before, after)):
        return ()
    with exact():
        prices = {
            held.asset: held.value_usd / held.total
            for held in (*before.assets, *after.assets)
            if held.total and held.value_usd is not None
        }
        left = [Transfer(line.asset, line.residue, prices.get(line.asset)) for line in equation or () if line.residue]
        counted = [
            each for each in left if each.price is None or abs(each.amount * each.price) >= SMALLEST_TRANSFER_USD
        ]
    return tuple(counted) if len({each.amount > 0 for each in counted}) == 1 else ()


def paid_in_usd(found: Iterable[Transfer]) -> Decimal:
    """Return the deposits minus the withdrawals in US dollars, without those that nobody prices."""
    with exact():
        return sum((each.amount * each.price for each in found if each.price is not None), ZERO)
