"""Print the layer's module of NYSE sessions. `make calendars` writes it.

The calendar comes from the library exchange_calendars. With its dependency pandas it is far too large for the layer. It
is needed only to add a year or an unscheduled holiday.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import exchange_calendars
import pandas as pd

FIRST = "2024-01-01"
LAST = "2030-12-31"

HEAD = '''\
"""Weekdays the New York Stock Exchange is closed, and days it closes at 13:00. Written by scripts/nyse_sessions.py."""

from __future__ import annotations

from typing import Final

FIRST: Final = "{first}"
LAST: Final = "{last}"
"""Sessions before or after these dates are not known."""
'''


def module() -> str:
    """Return the text of the module."""
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST, end=LAST)
    weekdays = pd.bdate_range(FIRST, LAST)
    sessions = calendar.schedule.index
    closed = weekdays.difference(sessions)
    early = calendar.early_closes
    _check_hours(calendar, early)
    if len(sessions.difference(weekdays)):
        raise SystemExit("a session on a weekend, which the module cannot express")
    return (
        HEAD.format(first=FIRST, last=LAST)
        + f"\nCLOSED: Final = (\n{_days(closed)}\n)\n"
        + f"\nEARLY: Final = (\n{_days(early)}\n)\n"
    )


def _check_hours(calendar: exchange_calendars.ExchangeCalendar, early: pd.DatetimeIndex) -> None:
    """Refuse a calendar whose hours differ from those in moniqo_core.domain.market.trading_hours."""
    zone = "America/New_York"
    opens = {moment.tz_convert(zone).strftime("%H:%M") for moment in calendar.schedule["open"]}
    usual = calendar.schedule.drop(early)["close"]
    closes = {moment.tz_convert(zone).strftime("%H:%M") for moment in usual}
    early_closes = {moment.tz_convert(zone).strftime("%H:%M") for moment in calendar.schedule.loc[early]["close"]}
    if (opens, closes, early_closes) != ({"09:30"}, {"16:00"}, {"13:00"}):
        raise SystemExit(f"other hours than the module knows: {opens}, {closes}, {early_closes}")


def _days(days: Iterable[pd.Timestamp]) -> str:
    text = " ".join(day.strftime("%Y-%m-%d") for day in days)
    lines = textwrap.wrap(text, 104)
    return "\n".join(f'    "{line}{"" if line is lines[-1] else " "}"' for line in lines)


if __name__ == "__main__":
    print(module(), end="")  # noqa: T201 - its output is the module
