"""Running totals of fills equal the figures computed from the whole journal at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import ResetAccount
from moniqo_core.domain.money import EXACT, round_down, round_up
from moniqo_core.domain.orders.order import Fill, Liquidity, OrderSide
from moniqo_core.domain.portfolio.equity_figures import begun_figures
from moniqo_core.domain.portfolio.performance import measure
from moniqo_core.domain.portfolio.position import Position, bought, sold
from moniqo_core.domain.portfolio.trade_totals import EpochStart, TradeTotals, begun_totals, changed_totals
from moniqo_core.storage.paper.account_codec import read_account
from moniqo_core.storage.paper.entry_codec import entry_document
from moniqo_core.storage.paper.totals.entry_totals import totals_after_entry
from moniqo_core.storage.trade_totals import StoredTotals, read_totals, totals_document
from tests.support.engine_trial import RULES, Trial
from tests.support.naive_performance import NaiveFigures, naive_figures

D = Decimal
BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SYMBOLS = ("BTC/USDT", "BRK.B/USD", "ETH/USDT")


def assert_totals_give(
    totals: TradeTotals | None,
    fills: list[Fill],
    held: Mapping[str, Decimal],
    positions: Mapping[str, Position],
    started: EpochStart,
) -> None:
    """Assert that performance of these totals has the figures of all fills."""
    assert totals is not None
    assert totals.start == started
    whole, by_symbol = naive_figures(fills, held, started.at)
    found = measure(totals, begun_figures(started.equity), positions, {}, D(1000), started.at)
    assert (found.fees, found.volume, found.figures) == (whole.fees, whole.bought + whole.sold, whole.figures)
    shown = {item.symbol: item for item in found.symbols}
    assert shown.keys() == by_symbol.keys() | {symbol for symbol, position in positions.items() if position.amount}
    for symbol, item in shown.items():
        own = by_symbol.get(symbol) or NaiveFigures(D(0), D(0), D(0), naive_figures([], {}, started.at)[0].figures)
        assert (item.fees, item.volume, item.figures) == (own.fees, own.bought + own.sold, own.figures)


@dataclass
class Trading:
    """Draws fills of some symbols, and commits them a few at a time."""

    drawn: Random
    held: dict[str, Decimal]
    fills: list[Fill] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    selling: dict[str, str] = field(default_factory=dict)
    now: datetime = BEGAN
    seq: int = 1

    def __post_init__(self) -> None:
        self.positions = {symbol: Position(amount, amount * 50) for symbol, amount in self.held.items()}
        self.totals = begun_totals(1, EpochStart(BEGAN, D(1000)), self.held)

    def commit(self) -> None:
        """Commit up to three fills, and end some of the orders that were selling."""
        fills = [self._fill() for _ in range(self.drawn.randrange(4))]
        ended = [(symbol, order) for order, symbol in self.selling.items() if self.drawn.random() < 0.4]
        ended.append((self.drawn.choice(SYMBOLS), "o-1-1"))  # an order that never sold
        for _, order in ended:
            self.selling.pop(order, None)
        self.seq += 1
        self.fills += fills
        self.totals = self.totals.after(self.seq, changed_totals(self.totals, fills, ended))
        if self.drawn.random() < 0.3:
            stored = totals_document("wallet", StoredTotals(self.totals, "commit"))
            assert read_totals(stored) == StoredTotals(self.totals, "commit")
            self.totals = read_totals(stored).totals

    def _fill(self) -> Fill:
        drawn = self.drawn
        self.now += timedelta(milliseconds=drawn.choice((0, 0, 700, 61_000, 90_000_000)))
        symbol = drawn.choice(SYMBOLS)
        position = self.positions.get(symbol, Position())
        side = OrderSide.SELL if position.amount and drawn.random() < 0.6 else OrderSide.BUY
        amount = D(drawn.randrange(1, 40)) / 8
        if side is OrderSide.SELL:
            amount = min(position.amount, amount) if drawn.random() < 0.7 else position.amount
        quote = round_down(amount * D(drawn.randrange(40_00, 60_00)) / 100, 8)
        fee = round_up(quote * D("0.001"), 8)
        if side is OrderSide.BUY:
            after = bought(position, amount, quote, fee)
            order = f"o-{self.seq}-9"
        else:
            after = sold(position, amount, quote, fee, 8)
            open_orders = [name for name, of in self.selling.items() if of == symbol]
            order = drawn.choice([*open_orders, f"o-{self.seq}-{len(self.fills)}-{drawn.random()}"])
            self.selling[order] = symbol
        self.positions[symbol] = after
        realised = after.realised - position.realised
        return Fill(
            f"{order}-1", order, symbol, side, amount, quote, (), fee, "USDT", Liquidity.TAKER, self.now, realised
        )


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_totals_of_random_commits_equal_those_of_all_their_fills(seed: int) -> None:
    drawn = Random(seed)
    with localcontext(EXACT):
        trading = Trading(drawn, {"ETH/USDT": D(3), "SOL/USDT": D(1)} if drawn.random() < 0.5 else {})
        for _ in range(drawn.randrange(40)):
            trading.commit()
            start = EpochStart(BEGAN, D(1000))
            assert_totals_give(trading.totals, trading.fills, trading.held, trading.positions, start)
    assert trading.totals.seq == trading.seq


@settings(max_examples=6, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_totals_of_an_account_equal_those_of_its_journal(seed: int) -> None:
    """Orders of every kind, cancellations, resets and forks, as entries store them."""
    drawn = Random(seed)
    trial = Trial(seed)
    rules = [name for name, (weight, _) in RULES.items() for _ in range(weight + 4)]
    for name in drawn.choices(rules, k=90):
        trial.step(name, drawn.getrandbits(32))
    trial.finish()
    with localcontext(EXACT):
        begin, fills = _epoch(trial)
        held = {symbol: position.amount for symbol, position in begin.positions.items()}
        first = {"kind": "open", "seq": 1, "account": trial.journal.begun}
        entries = [entry_document(decided.commit, "") for decided in trial.journal.history]
        totals = None
        for entry in [first, *entries]:
            totals = totals_after_entry(totals, entry)
        assert_totals_give(totals, fills, held, trial.account.positions, EpochStart(begin.at, begin.peak))


def _epoch(trial: Trial) -> tuple[Account, list[Fill]]:
    """Return the account that the present epoch began with, and its fills."""
    begin, fills = read_account(trial.journal.begun), list[Fill]()
    for decided in trial.journal.history:
        if isinstance(decided.command, ResetAccount):
            begin, fills = decided.commit.after, []
        fills += decided.commit.fills
    return begin, fills
