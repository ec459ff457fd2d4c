"""Equity of an account along the path, sampled on full UTC hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.money import ZERO
from moniqo_core.domain.portfolio.equity_curve import EquitySample

HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


def equity_of(draft: AccountDraft) -> Decimal:
    """Return the value of cash and holdings at the draft's marks, in the cash asset."""
    total = draft.holding(draft.account.terms.cash_asset).total
    for symbol, position in draft.held_positions():
        total += position.amount * draft.mark(symbol)
    return total


def sample_equity(draft: AccountDraft, at: datetime) -> EquitySample:
    """Return equity, realised and unrealised PnL at the draft's marks."""
    realised, unrealised = ZERO, ZERO
    for symbol in {**draft.account.positions, **draft.positions}:
        position = draft.position(symbol)
        realised += position.realised
        if position.amount:
            unrealised += position.unrealised(draft.mark(symbol))
    return EquitySample(at, equity_of(draft), realised, unrealised)


def full_hours(since: datetime, until: datetime) -> Iterator[datetime]:
    """Full UTC hours after ``since``, up to and including ``until``."""
    hour = since.replace(minute=0, second=0, microsecond=0) + HOUR
    while hour <= until:
        yield hour
        hour += HOUR


def idle_hours(idle_since: datetime | None, until: datetime) -> Iterator[datetime]:
    """Yield the hours up to ``until`` at which an idle account is sampled.

    An idle account holds nothing and has no open orders, so its equity does not change.
    """
    if idle_since is not None:
        yield from (moment for moment in _idle_hours(idle_since) if moment <= until)


def is_idle_hour(idle_since: datetime | None, hour: datetime) -> bool:
    """Tell whether an idle account is sampled at this hour."""
    return idle_since is not None and hour in _idle_hours(idle_since)


def _idle_hours(since: datetime) -> tuple[datetime, ...]:
    """Return the first full hour and the first midnight at or after ``since``.

    Later samples would only repeat their value. Midnight needs its own sample, because daily points are kept longer
    than hourly ones.
    """
    hour = _BEGINNING - (_BEGINNING - since) // HOUR * HOUR
    midnight = _BEGINNING - (_BEGINNING - since) // _DAY * _DAY
    return (hour,) if hour == midnight else (hour, midnight)
