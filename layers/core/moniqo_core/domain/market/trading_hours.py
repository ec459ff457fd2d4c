"""When a market that keeps hours is open. A symbol without hours trades always.

Sessions are known from 2024 to 2030; outside these years a market that keeps hours is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from moniqo_core.domain.market import nyse_sessions

NYSE: Final = "XNYS"
"""The one calendar known: regular hours of the New York Stock Exchange, by its market identifier code."""

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
    """A trading session, in UTC: from ``open`` on, ending just before ``close``."""

    open: datetime
    close: datetime


class TradingHours(NamedTuple):
    """Whether the exchange is open, when it opens next, and when the present session or else the next one closes."""

    is_open: bool
    next_open: datetime | None
    session_close: datetime | None


_ALWAYS: Final = TradingHours(is_open=True, next_open=None, session_close=None)


def session_at(moment: datetime) -> TradingSession | None:
    """Return the session that is on at a moment, None while the exchange is closed."""
    session = _session_of(_local_date(moment))
    return session if session is not None and session.open <= moment < session.close else None


def trading_hours_at(calendar: str | None, moment: datetime) -> TradingHours:
    """Tell what an order that arrives at a moment needs to know; without a calendar the market is always open."""
    if calendar is None:
        return _ALWAYS
    session, following = session_at(moment), next_session(moment)
    ends = session or following
    return TradingHours(session is not None, following.open if following else None, ends.close if ends else None)


def next_session(moment: datetime) -> TradingSession | None:
    """Return the first session that opens after a moment; None when that is not known."""
    day = max(_local_date(moment), _FIRST)
    while day <= _LAST:
        session = _session_of(day)
        if session is not None and session.open > moment:
            return session
        day += _DAY
    return None


def earlier_sessions(moment: datetime) -> Iterator[TradingSession]:
    """Sessions that opened before a moment, latest first."""
    day = min(_local_date(moment), _LAST)
    while day >= _FIRST:
        session = _session_of(day)
        if session is not None and session.open < moment:
            yield session
        day -= _DAY


def sessions_between(since: datetime, until: datetime) -> list[TradingSession]:
    """Sessions of which some part lies between two moments, earliest first."""
    found: list[TradingSession] = []
    for session in earlier_sessions(until):
        if session.close <= since:
            break
        found.append(session)
    return found[::-1]


def extend_over_closed_hours(until: datetime, reach: datetime) -> datetime:
    """Return how far a path that is complete up to ``reach`` is known, when its last point ended at ``until``.

    Nothing can follow a point but in a session, so what is left of one that is over, and the time up to the next, count
    as seen.
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
