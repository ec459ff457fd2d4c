"""Opening hours of markets. A market without hours is always open.

Sessions are known from 2024 to 2030. Outside these years, a market with hours is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from moniqo_core.domain.market import nyse_sessions

NYSE: Final = "XNYS"
"""Market identifier code of the New York Stock Exchange, the only known calendar. It has regular hours only."""

_OPEN: Final = time(9, 30)
_CLOSE: Final = time(16)
_EARLY_CLOSE: Final = time(13)
_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)
_CLOSED: Final = frozenset(nyse_sessions.CLOSED.split())
_EARLY: Final = frozenset(nyse_sessions.EARLY.split())
_FIRST: Final = date.fromisoformat(nyse_sessions.FIRST)
_LAST: Final = date.fromisoformat(nyse_sessions.LAST)


class TradingSession(NamedTuple):
    """A trading session in UTC, from ``open`` (inclusive) to ``close`` (exclusive)."""

    open: datetime
    close: datetime


class TradingHours(NamedTuple):
    """Whether an exchange is open, when it opens next, and when the current or else the next session closes."""

    is_open: bool
    next_open: datetime | None
    session_close: datetime | None


class MarketClock(NamedTuple):
    """The opening hours of a wallet's markets at a time. ``calendar`` is None for markets that never close."""

    at: datetime
    calendar: str | None

    @property
    def hours(self) -> TradingHours:
        """Whether the markets are open, and when they open and close next."""
        return trading_hours_at(self.calendar, self.at)


_ALWAYS: Final = TradingHours(is_open=True, next_open=None, session_close=None)


def session_at(moment: datetime) -> TradingSession | None:
    """Return the session that contains ``moment``, or None while the exchange is closed."""
    session = _session_of(_local_date(moment))
    return session if session is not None and session.open <= moment < session.close else None


def trading_hours_at(calendar: str | None, moment: datetime) -> TradingHours:
    """Return the trading hours of a market as of ``moment``. A market without a calendar is always open."""
    if calendar is None:
        return _ALWAYS
    session, following = session_at(moment), next_session(moment)
    ends = session or following
    return TradingHours(session is not None, following.open if following else None, ends.close if ends else None)


def next_session(moment: datetime) -> TradingSession | None:
    """Return the first session that opens after ``moment``, or None when it is not known."""
    day = max(_local_date(moment), _FIRST)
    while day <= _LAST:
        session = _session_of(day)
        if session is not None and session.open > moment:
            return session
        day += _DAY
    return None


def earlier_sessions(moment: datetime) -> Iterator[TradingSession]:
    """Yield the sessions that opened before ``moment``, latest first."""
    day = min(_local_date(moment), _LAST)
    while day >= _FIRST:
        session = _session_of(day)
        if session is not None and session.open < moment:
            yield session
        day -= _DAY


def sessions_between(since: datetime, until: datetime) -> list[TradingSession]:
    """Return the sessions that overlap the time from ``since`` to ``until``, earliest first."""
    found: list[TradingSession] = []
    for session in earlier_sessions(until):
        if session.close <= since:
            break
        found.append(session)
    return found[::-1]


def extend_over_closed_hours(until: datetime, reach: datetime) -> datetime:
    """Extend the known part of a path over hours in which nothing can trade.

    ``until`` is the end of the last point of a path that is complete up to ``reach``. A session that has ended by
    ``reach`` has no further points, and no point occurs before the next session opens. These hours therefore count as
    known.
    """
    session = session_at(until)
    if session is not None:
        if session.close > reach:
            return until
        until = session.close
    following = next_session(until - timedelta(microseconds=1))
    return max(until, reach if following is None else min(reach, following.open))


@lru_cache(maxsize=512)
def _session_of(day: date) -> TradingSession | None:
    name = day.isoformat()
    if not _FIRST <= day <= _LAST or day.weekday() >= _SATURDAY or name in _CLOSED:
        return None
    zone = _zone()
    close = _EARLY_CLOSE if name in _EARLY else _CLOSE
    opens, closes = (datetime.combine(day, moment, zone).astimezone(UTC) for moment in (_OPEN, close))
    return TradingSession(opens, closes)


def _local_date(moment: datetime) -> date:
    return moment.astimezone(_zone()).date()


@cache
def _zone() -> ZoneInfo:
    return ZoneInfo("America/New_York")
