"""The stored form of the figures of an epoch's equity."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from bson import ObjectId

from moniqo_core.domain.money import plain
from moniqo_core.domain.portfolio.equity_figures import DailyEquity, DailyReturns, Drawdown, EquityFigures
from moniqo_core.storage.document import Document


class StoredFigures(NamedTuple):
    """Figures of an epoch up to the point ``point_id``, which is one of midnight.

    Another point at that time belongs to another journal, such as one that was restored from a backup.
    """

    epoch: int
    at: datetime
    point_id: ObjectId
    figures: EquityFigures


def figures_document(user_wallet_id: str, stored: StoredFigures) -> Document:
    """Return the document of a wallet's figures."""
    daily, returns = stored.figures.daily, stored.figures.daily.returns
    return {
        "_id": user_wallet_id,
        "epoch": stored.epoch,
        "at": stored.at,
        "point_id": stored.point_id,
        "equity": plain(stored.figures.equity),
        "drawdown": {name: plain(value) for name, value in stored.figures.drawdown._asdict().items()},
        "daily": {"days": daily.days, "total": plain(daily.total), "last": plain(daily.last)},
        "returns": {
            "number": returns.number,
            "mean": plain(returns.mean),
            "squares": plain(returns.squares),
            "are_defined": returns.are_defined,
        },
    }


def read_figures(document: Document) -> StoredFigures:
    """Return the figures of a document that :func:`figures_document` returned."""
    daily, returns = document["daily"], document["returns"]
    figures = EquityFigures(
        Drawdown(*(Decimal(document["drawdown"][name]) for name in Drawdown._fields)),
        document["at"],
        Decimal(document["equity"]),
        DailyEquity(
            daily["days"],
            Decimal(daily["total"]),
            Decimal(daily["last"]),
            DailyReturns(
                returns["number"], Decimal(returns["mean"]), Decimal(returns["squares"]), returns["are_defined"]
            ),
        ),
    )
    return StoredFigures(document["epoch"], document["at"], document["point_id"], figures)
