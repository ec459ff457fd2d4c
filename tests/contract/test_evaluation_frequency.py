"""The same market and the same commands lead to the same account, however often the account is evaluated in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from decimal import localcontext
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from moniqo_core.domain import errors
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.commands import CancelOrder, Command, RecordEvaluation, ResetAccount
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.market.market import PathPoint
from moniqo_core.domain.matching import path_walk
from moniqo_core.domain.money import EXACT
from moniqo_core.domain.orders.order import Fill, Order
from moniqo_core.domain.orders.request import ReplaceOrder
from moniqo_core.domain.paper import decide
from moniqo_core.domain.paper.changes.replaced_order import NothingToReplaceError
from moniqo_core.storage.paper.account_codec import read_account
from tests.support.engine_trial import RULES, Trial

STEPS = 60
_RULES = [name for name, (weight, _) in RULES.items() if name != "fork" for _ in range(weight)]

OrderReconciler = Callable[[list[datetime], datetime], list[tuple[datetime, datetime]]]
"""From the ends of the points that came to be and the present: (how far to look, what the clock says) of each look."""


class Life:
    """One account that gets every command of a trial and is evaluated at its own times."""

    def __init__(self, trial: Trial, looks: OrderReconciler) -> None:
        self.paths = trial.world.paths
        self.markets = trial.world.markets
        self.looks = looks
        self.account: Account = read_account(trial.journal.begun)
        self.usd_rate = trial.usd_rate
        self.now = self.account.at
        self.groups: list[str] = []
        self.refusals: list[str | None] = []
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.samples: dict[tuple[int, datetime], object] = {}

    def pass_time(self, now: datetime) -> None:
        ends = sorted({point.end for path in self.paths.values() for point in path if self.now < point.end <= now})
        for reach, clock in self.looks(ends, now):
            self._look(reach, clock)
        self.now = now

    def ask(self, now: datetime, command: Command, context: MarketContext | None) -> None:
        self.pass_time(now)
        self._look(now, now)
        if isinstance(command, CancelOrder | ReplaceOrder):
            group, number = command.order_id.rsplit("-", 1)
            command = replace(command, order_id=f"{self._group(int(group))}-{number}")
        try:
            commit = decide.decide(
                path_walk.walk(self.account, self._since(now), self.markets, now, now, self.usd_rate), command, context
            )
        except (errors.WalletError, NothingToReplaceError) as error:
            self.refusals.append(type(error).__name__)
            return
        self.refusals.append(None)
        self._keep(commit)
        if any(order.order_id.startswith(f"o-{commit.after.seq}-") for order in commit.orders):
            self.groups.append(f"o-{commit.after.seq}")

    def outcome(self) -> dict[str, object]:
        """Everything except the commit numbers and the times of evaluation."""
        self._look(self.now, self.now, write=True)
        account = self.account
        apart = {"seq", "at", "orders", "marks", "evaluated_until", "terms"}
        parts: dict[str, object] = {
            item.name: getattr(account, item.name) for item in fields(account) if item.name not in apart
        }
        parts["refusals"] = self.refusals
        parts["samples"] = self.samples
        parts["orders"] = {self._name(name): self._order(order) for name, order in self.orders.items()}
        parts["fills"] = [
            (self._name(item.order_id), item.amount, item.quote, item.levels, item.fee, item.at, item.realised)
            for item in self.fills
        ]
        return parts

    def _order(self, order: Order) -> Order:
        return replace(
            order,
            order_id=self._name(order.order_id),
            entry=order.entry and self._name(order.entry),
            receipt=order.receipt._replace(seq=0),
        )

    def _look(self, reach: datetime, clock: datetime, *, write: bool = False) -> None:
        draft = path_walk.walk(self.account, self._since(reach), self.markets, reach, clock, self.usd_rate)
        if write or reach < clock or path_walk.has_visible_changes(draft) or path_walk.is_worth_recording(draft):
            self._keep(draft.commit(RecordEvaluation()))

    def _since(self, reach: datetime) -> dict[str, list[PathPoint]]:
        since = self.account.evaluated_until
        return {
            symbol: [point for point in self.paths[symbol] if point.start >= since[symbol] and point.end <= reach]
            for symbol in self.account.tracked_symbols
        }

    def _keep(self, commit: Commit) -> None:
        epoch = commit.after.epoch - isinstance(commit.command, ResetAccount)
        for sample in commit.samples:
            self.samples.setdefault((epoch, sample.at), sample)
        self.orders |= {order.order_id: order for order in commit.orders}
        self.fills += commit.fills
        self.account = commit.after

    def _group(self, index: int) -> str:
        return self.groups[index] if 0 <= index < len(self.groups) else "o-0"

    def _name(self, order_id: str) -> str:
        group, number = order_id.rsplit("-", 1)
        return f"{self.groups.index(group)}-{number}"


def _asked(trial: Trial) -> list[tuple[datetime, Command, MarketContext | None]]:
    """The commands of a trial, with orders named by their position."""
    groups = sorted({name.rsplit("-", 1)[0] for name in trial.orders}, key=lambda group: int(group[2:]))
    found: list[tuple[datetime, Command, MarketContext | None]] = []
    for now, command, context in trial.asked:
        renamed = command
        if isinstance(command, CancelOrder | ReplaceOrder):
            group, number = command.order_id.rsplit("-", 1)
            name = f"{groups.index(group) if group in groups else 10**6}-{number}"
            renamed = replace(command, order_id=name)
        found.append((now, renamed, context))
    return found


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_account_is_the_same_however_often_evaluated(seed: int) -> None:
    with localcontext(EXACT):
        rng = Random(seed)
        trial = Trial(seed, skew=False)
        for name in rng.choices(_RULES, k=STEPS):
            trial.step(name, rng.getrandbits(32))
        outcomes = []
        for looks in (_never, _at_each_point, _now_and_then(rng), _late_in_pieces(rng)):
            life = Life(trial, looks)
            for now, command, context in _asked(trial):
                life.ask(now, command, context)
            life.pass_time(trial.world.now)
            outcomes.append(life.outcome())
        for other in outcomes[1:]:
            for part, expected in outcomes[0].items():
                assert other[part] == expected, part


def _never(ends: list[datetime], now: datetime) -> list[tuple[datetime, datetime]]:
    return []


def _at_each_point(ends: list[datetime], now: datetime) -> list[tuple[datetime, datetime]]:
    return [(end, end) for end in ends]


def _now_and_then(rng: Random) -> OrderReconciler:
    return lambda ends, now: [(end, end) for end in ends if rng.random() < 0.3]


def _late_in_pieces(rng: Random) -> OrderReconciler:
    """As a service after an outage: everything is evaluated now, but in several parts."""
    return lambda ends, now: [(end, now) for end in ends if rng.random() < 0.3]
