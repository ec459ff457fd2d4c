"""History of a demo wallet: its journal, its equity over time and its performance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from moniqo_core.domain.errors import NotFoundError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.journal import EntryPostings, JournalEntry
from moniqo_core.domain.portfolio import equity_curve, performance
from moniqo_core.domain.portfolio.equity_curve import EquityPoint
from moniqo_core.domain.portfolio.performance import Performance
from moniqo_core.storage.equity_points import EquityStore
from moniqo_core.storage.paper.checkpoints import Checkpoints
from moniqo_core.storage.paper.totals.equity_figures import EquityFiguresStore
from moniqo_core.storage.paper.totals.journal_totals import JournalTotals
from moniqo_core.wallets.demo.access import DemoAccess
from moniqo_core.wallets.demo.decide_and_commit import DemoAccount


class DemoPast:
    """Reads the history of one account. Resting orders are evaluated up to now first."""

    def __init__(self, access: DemoAccess) -> None:
        """Read journal and equity of the account at ``access``."""
        self._access = access
        self._history = access.history
        self._checkpoints = Checkpoints(access.database)
        self._totals = JournalTotals(access.database)
        self._points = EquityStore(access.database)
        self._figures = EquityFiguresStore(access.database)

    @property
    def _session(self) -> DemoAccount:
        return self._access.session

    async def entries(self, after: int, limit: int) -> list[JournalEntry]:
        """Return journal entries above sequence number ``after``, oldest first."""
        await self._session.evaluate()
        return await self._history.entries(self._id, after, limit)

    async def postings(self, after: int, limit: int) -> list[EntryPostings]:
        """Return the postings of journal entries above sequence number ``after``, oldest first."""
        await self._session.evaluate()
        return await self._history.postings(self._id, after, limit)

    async def equity(self, since: datetime, until: datetime, step: timedelta) -> list[EquityPoint]:
        """Return equity at every full ``step`` of UTC time from ``since`` to ``until``, as far as it is known."""
        complete = await self._session.evaluate(mark=False)
        account = self._session.seen
        known = account.at if complete else min(account.evaluated_until.values(), default=account.at)
        stored = await self._points.between(self._id, since, until)
        points = equity_curve.merged(stored, account.epoch, self._session.unwritten_samples)
        return equity_curve.on_grid(points, since, min(until, known), step)

    async def performance(self) -> Performance:
        """Measure the current epoch at current prices."""
        await self._session.evaluate(mark=False)
        account = self._session.seen
        totals = await self._totals.as_of(self._id, self._session.account.seq)
        figures, later = await self._figures.of_epoch(self._id, account.epoch, totals.start, account.at)
        points = equity_curve.merged(later, account.epoch, self._session.unwritten_samples)
        curve, marks = figures.with_points(points), await self._marks(account)
        return performance.measure(totals, curve, account.positions, marks, equity_at(account, marks), account.at)

    async def account_at(self, seq: int | None) -> Account:
        """Return the account after entry ``seq``, or after the newest entry for None, or raise NotFoundError."""
        await self._session.evaluate()
        newest = self._session.account
        if seq is None or seq == newest.seq:
            return newest
        found = None
        if seq < newest.seq:
            # Only the first reader after a missing checkpoint reads more than 499 entries.
            await self._checkpoints.complete(self._id, seq)
            found = await self._history.account_at(self._id, seq)
        if found is None:
            raise NotFoundError(f"The journal has no entry {seq}. Its newest entry is {newest.seq}.")
        return found

    async def _marks(self, account: Account) -> Mapping[str, Decimal]:
        held = sorted(symbol for symbol, position in account.positions.items() if position.amount)
        return await self._access.feed.mids(held) if held else {}

    @property
    def _id(self) -> str:
        return self._access.user_wallet_id


def equity_at(account: Account, marks: Mapping[str, Decimal]) -> Decimal | None:
    """Return cash and holdings at these prices, in the cash asset. None if a holding has no price."""
    total = account.holding(account.terms.cash_asset).total
    for symbol, position in account.positions.items():
        if position.amount:
            if symbol not in marks:
                return None
            total += position.amount * marks[symbol]
    return total
