"""The value of a paper account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.holdings import AccountHoldings
from moniqo_core.domain.money import ONE, ZERO, exact
from moniqo_core.domain.portfolio.valuation import AssetValue, Valuation
from moniqo_core.domain.wallets.user_wallet import BalanceSnapshot, SnapshotAsset

_PLACES: Final = Decimal("1e-8")


def value(
    account: Account, marks: Mapping[str, Decimal], usd_rate: Decimal, now: datetime, *, stale: bool
) -> Valuation:
    """Value the cash and every asset held, ordered by name.

    ``marks`` are mark prices per symbol in the cash asset. ``usd_rate`` is the price of the cash asset in US dollars.
    """
    terms = account.terms
    worth = _worth(AccountHoldings(terms.cash_asset, terms.feed, account.balances, account.positions), marks, usd_rate)
    waiting = [account.evaluated_until[order.symbol] for order in account.orders.values()]
    return Valuation(*worth, evaluated_until=min(waiting, default=now), stale=stale, as_of=now)


class _Worth(NamedTuple):
    """The first fields of a :class:`Valuation`."""

    assets: list[AssetValue]
    total_value_usd: Decimal | None
    realised_pnl: Decimal
    unrealised_pnl: Decimal | None


def _worth(account: AccountHoldings, marks: Mapping[str, Decimal], usd_rate: Decimal) -> _Worth:
    cash = account.cash_asset
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
        return _Worth(assets, sum(known, ZERO) if complete else None, realised, unrealised)


def has_amounts_of(stored: BalanceSnapshot, account: AccountHoldings) -> bool:
    """Tell whether the balance of the last sync has the amounts that the journal has now."""
    amounts = {asset: (held.free, held.locked) for asset, held in account.balances.items() if held.total}
    return amounts == {held.asset: (held.free, held.locked) for held in stored.assets if held.total}


def journal_balance(account: AccountHoldings, stored: BalanceSnapshot, marks: Mapping[str, Decimal]) -> BalanceSnapshot:
    """Return the balance of the last sync with the amounts and the profit that the journal has now.

    Values are counted at ``marks``, per symbol in the cash asset, and else at the prices of the last sync. An asset
    that had no price then has no value.
    """
    cash = account.cash_asset
    with exact():
        prices = {
            held.asset: held.value_usd / held.total
            for held in stored.assets
            if held.value_usd is not None and held.total
        }
        rate = prices.get(cash, ONE)
        known = {f"{asset}/{cash}": price / rate for asset, price in prices.items()}
    now = _worth(account, {**known, **marks}, rate)
    since = {held.asset: held.unpriced_since for held in stored.assets}
    return stored._replace(
        assets=tuple(SnapshotAsset(*held[:4], _rounded(held.value_usd), since.get(held.asset)) for held in now.assets),
        total_value_usd=_rounded(now.total_value_usd),
        realised_pnl=_rounded(now.realised_pnl),
        unrealised_pnl=_rounded(now.unrealised_pnl),
        partial=stored.partial or now.total_value_usd is None,
    )


def _rounded(worth: Decimal | None) -> Decimal | None:
    """Round a value, which a division may have given many places."""
    if worth is None:
        return None
    with exact():
        return worth.quantize(_PLACES, ROUND_HALF_EVEN)


def _times(price: Decimal | None, amount: Decimal) -> Decimal | None:
    return None if price is None else price * amount
