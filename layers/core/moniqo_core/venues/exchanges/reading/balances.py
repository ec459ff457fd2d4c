"""Reads the balances of an account from the venue's own rows, and keeps apart the assets that the venue keeps apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from itertools import chain, count
from typing import Any, NamedTuple, TypeVar

from moniqo_core.domain.money import ZERO, exact
from moniqo_core.venues.exchanges.rows import read_rows

Row = TypeVar("Row")
Client = Any


class AssetBalance(NamedTuple):
    """What an account holds of an asset, under the venue's name of the asset."""

    asset: str
    free: Decimal
    total: Decimal


def held_in_part(asset: str, total: Decimal, held: Decimal) -> AssetBalance:
    """Return a balance of which orders and margin hold a part, but no more than there is.

    A venue may count what it lends as held, and a ``total`` below zero is a debt.
    """
    return AssetBalance(asset, total - min(max(held, ZERO), max(total, ZERO)), total)


def read_balance(
    client: Client, rows: Iterable[Row], read: Callable[[Row], AssetBalance], name: Callable[[Row], object]
) -> Mapping[str, Any]:
    """Return a balance in CCXT's form from the venue's rows. Rows of the same asset are added up."""
    found: dict[str, AssetBalance] = {}
    with exact():
        for row in read_rows(client.venue.exchange, "balances", rows, read, name):
            before = found.get(row.asset, AssetBalance(row.asset, ZERO, ZERO))
            found[row.asset] = AssetBalance(row.asset, before.free + row.free, before.total + row.total)
    names = _names(client, found)
    return {
        "free": {names[asset]: row.free for asset, row in found.items()},
        "total": {names[asset]: row.total for asset, row in found.items()},
    }


def _names(client: Client, assets: Iterable[str]) -> Mapping[str, str]:
    """Return our name of each asset of the venue. No two have the same name.

    If two assets would have the same name, it goes to the one that the venue's markets use. Otherwise it goes to the
    one that also has this name at the venue.
    """
    in_markets = {market[side] for market in client.markets.values() for side in ("baseId", "quoteId")}
    usual = {asset: str(client.safe_currency_code(asset)) for asset in assets}
    names: dict[str, str] = {}
    for asset in sorted(usual, key=lambda asset: (asset not in in_markets, usual[asset] != asset, asset)):
        taken = {*names.values(), *usual.values()}
        names[asset] = unused_name(client, asset, taken) if usual[asset] in names.values() else usual[asset]
    return names


def unused_name(client: Client, asset: str, taken: Collection[str]) -> str:
    """Return a name for an asset whose usual name belongs to another asset: the venue's own name of it.

    A number is added if another asset has that name as well, either one of those ``taken`` or one that CCXT names so.
    """
    others = {*taken, *client.asset_owners, *client.commonCurrencies.values()}
    return next(name for name in chain((asset,), (f"{asset}.{number}" for number in count(2))) if name not in others)


def amount(value: object) -> Decimal:
    """Return an amount of a row.

    Raises:
        ValueError, ArithmeticError: it is not a finite number.

    """
    found = Decimal(str(value))
    if not found.is_finite():
        raise ValueError(value)
    return found


def amount_or_zero(row: object, field: str) -> Decimal:
    """Return an amount of a row, or zero if the row does not tell it. It serves to sort rows that may be unreadable."""
    try:
        return amount(row[field]) if isinstance(row, Mapping) else ZERO
    except (KeyError, ValueError, ArithmeticError):
        return ZERO
