"""One entry of the journal of a demo account: the command, what it was decided on, and what it changed.

:meth:`moniqo_core.domain.ledger.account_draft.AccountDraft.commit` makes a commit. Its postings sum to zero per asset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from moniqo_core.domain.ledger.account import Account, ObservedMarket, OpenOrderTotals, TakenLevels
from moniqo_core.domain.ledger.commands import Command
from moniqo_core.domain.market.market import Market, Snapshot
from moniqo_core.domain.orders.order import Fill, Order, OrderSide
from moniqo_core.domain.portfolio.equity_curve import EquitySample
from moniqo_core.domain.portfolio.holding import Holding
from moniqo_core.domain.portfolio.position import Position


class LedgerAccount(StrEnum):
    """The ledger accounts that postings move amounts between: two of the user, and three for the outside world."""

    FREE = "free"
    LOCKED = "locked"
    MARKET = "market"
    FEES = "fees"
    FAUCET = "faucet"


class Posting(NamedTuple):
    """One side of a movement. The postings of a commit sum to zero per asset."""

    book: LedgerAccount
    asset: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class MarketContext:
    """The market data that a decision uses.

    ``marks`` has the mark price of every other symbol that the decision needs, and ``usd_rate`` prices the cash asset
    in US dollars. In a market with trading hours, a DAY order ends at ``session_close``. While ``is_open`` is False,
    the snapshot is that of the last close and nothing fills. ``next_open`` is the next opening time, if it is known.
    """

    market: Market
    snapshot: Snapshot
    marks: Mapping[str, Decimal]
    usd_rate: Decimal
    session_close: datetime | None = None
    is_open: bool = True
    next_open: datetime | None = None


class AccountChanges(NamedTuple):
    """The parts of the account that a commit changed, with their new values."""

    balances: Mapping[str, Holding]
    positions: Mapping[str, Position]
    taken: Mapping[tuple[str, OrderSide], TakenLevels]
    evaluated_until: Mapping[str, datetime]
    marks: Mapping[str, Decimal]
    open_order_totals: Mapping[str, OpenOrderTotals]
    observed_markets: Mapping[str, ObservedMarket]


@dataclass(slots=True)
class Commit:
    """One entry of the journal, together with the account that results from it.

    ``rules_version`` is the version of the rules that decided it.
    """

    rules_version: int
    command: Command
    context: MarketContext | None
    postings: tuple[Posting, ...]
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]
    samples: tuple[EquitySample, ...]
    walked_to: datetime | None
    changed: AccountChanges
    after: Account
