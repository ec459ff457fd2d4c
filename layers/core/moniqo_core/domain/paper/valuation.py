"""The value of a paper account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.money import ZERO, exact
from moniqo_core.domain.portfolio.valuation import AssetValue, Valuation


def value(
    account: Account, marks: Mapping[str, Decimal], usd_rate: Decimal, now: datetime, *, stale: bool
) -> Valuation:
    """Value the cash and every asset held, ordered by name.

    ``marks`` are mark prices per symbol in the cash asset. ``usd_rate`` is the price of the cash asset in US dollars.
    """
    cash = account.terms.cash_asset
    with exact():
        assets = []
        for asset, holding in sorted(account.balances.items()):
            mark = usd_rate if asset == cash else _times(marks.get(f"{asset}/{cash}"), usd_rate)
            worth = ZERO if not holding.total else _times(mark, holding.total)
            if holding.total or asset == cash:
                assets.append(AssetValue(asset, holding.free, holding.locked, holding.total, worth))
        known = [item.value_usd for item in assets if item.value_usd is not None]
        complete = len(known) == len(assets)
        realised = sum((position.realised for position in account.positions.values()), ZERO) * usd_rate
        held = {symbol: position for symbol, position in account.positions.items() if position.amount}
        unrealised = (
            sum((position.unrealised(marks[symbol]) for symbol, position in held.items()), ZERO) * usd_rate
            if complete
            else None
        )
        waiting = [account.evaluated_until[order.symbol] for order in account.orders.values()]
        return Valuation(
            assets=assets,
            total_value_usd=sum(known, ZERO) if complete else None,
            realised_pnl=realised,
            unrealised_pnl=unrealised,
            evaluated_until=min(waiting, default=now),
            stale=stale,
            as_of=now,
        )


def _times(price: Decimal | None, amount: Decimal) -> Decimal | None:
    return None if price is None else price * amount
