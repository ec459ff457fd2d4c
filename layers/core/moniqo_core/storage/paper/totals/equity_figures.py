"""Figures of a paper wallet's equity, in ``demo_wallet_equity_figures``, brought up to date from the points since.

They are stored as of a midnight, because the point of a midnight is kept for five years and shows that the figures are
of these points. A reader therefore reads the points of about a day, whatever the age of the wallet.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from pymongo.errors import DuplicateKeyError

from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.portfolio.equity_curve import EquityPoint
from moniqo_core.domain.portfolio.equity_figures import EquityFigures, begun_figures
from moniqo_core.domain.portfolio.trade_totals import EpochStart
from moniqo_core.storage.document import Database
from moniqo_core.storage.equity_points import EquityStore, StoredPoint, is_daily
from moniqo_core.storage.paper.totals.equity_codec import StoredFigures, figures_document, read_figures

EQUITY_FIGURES: Final = "demo_wallet_equity_figures"
SETTLED_AFTER: Final = timedelta(hours=1)
"""How long ago a point was inserted when no earlier point can be missing.

A commit inserts its points after its entry, so for a moment a later commit may have inserted later ones.
"""


class EquitySoFar(NamedTuple):
    """The figures of an epoch as of a midnight, and the points since then, oldest first."""

    figures: EquityFigures
    later: Sequence[EquityPoint]


class EquityFiguresStore:
    """Reads and brings forward the figures of the wallets of one database."""

    def __init__(self, database: Database) -> None:
        """Use ``database``. Nothing is read yet."""
        self._figures = database[EQUITY_FIGURES]
        self._points = EquityStore(database)

    async def of_epoch(self, user_wallet_id: str, epoch: int, start: EpochStart, until: datetime) -> EquitySoFar:
        """Return the equity of an epoch up to ``until``. Two round trips, and once a day another to store figures."""
        stored = await self._read(user_wallet_id)
        # Another process may have stored later figures after the caller had read its account.
        is_ahead = stored is not None and stored.epoch == epoch and stored.at > until
        known, points = await self._since(None if is_ahead else stored, user_wallet_id, epoch, until)
        figures = known.figures if known else begun_figures(start.equity)
        days = _whole_days(points)
        figures = figures.with_points(each.point for each in points[:days])
        if days and not is_ahead:
            point_id, midnight = points[days - 1]
            if known is None or point_id != known.point_id:
                await self._store(user_wallet_id, stored, StoredFigures(epoch, midnight.sample.at, point_id, figures))
        return EquitySoFar(figures, [each.point for each in points[days:]])

    async def _since(
        self, stored: StoredFigures | None, user_wallet_id: str, epoch: int, until: datetime
    ) -> tuple[StoredFigures | None, list[StoredPoint]]:
        """Return the stored figures and the points since. If they are of other points, return None and all points."""
        if stored is not None and stored.epoch == epoch:
            points = await self._points.of_epoch(user_wallet_id, epoch, stored.at, until)
            if points and points[0].point_id == stored.point_id:
                return stored, points
        return None, await self._points.of_epoch(user_wallet_id, epoch, None, until)

    async def _read(self, user_wallet_id: str) -> StoredFigures | None:
        document = await self._figures.find_one({"_id": user_wallet_id})
        return None if document is None else read_figures(document)

    async def _store(self, user_wallet_id: str, before: StoredFigures | None, after: StoredFigures) -> None:
        """Replace the figures, unless another process has replaced them meanwhile."""
        document = figures_document(user_wallet_id, after)
        if before is not None:
            await self._figures.replace_one({"_id": user_wallet_id, "point_id": before.point_id}, document)
            return
        with suppress(DuplicateKeyError):
            await self._figures.insert_one(document)


def _whole_days(points: Sequence[StoredPoint]) -> int:
    """Count the points up to the last midnight before which no point can be missing."""
    settled, days = utc_now() - SETTLED_AFTER, 0
    for number, (point_id, point) in enumerate(points, 1):
        if point_id.generation_time > settled:
            break
        if is_daily(point.sample):
            days = number
    return days
