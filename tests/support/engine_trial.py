"""The engine against the naive model: each step is drawn from a seed, run on both, and compared.

A trial is a first seed and a list of (rule, seed). The same list gives the same trial. Hypothesis and the soak can
therefore leave out steps until only those remain that cause a difference.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from operator import attrgetter
from random import Random

from moniqo_core.domain import errors
from moniqo_core.domain.ledger import invariants
from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import CancelAllOrders, CancelOrder, Command, RecordEvaluation, ResetAccount
from moniqo_core.domain.ledger.commit import Commit, MarketContext
from moniqo_core.domain.market.market import PathPoint, Snapshot
from moniqo_core.domain.market.snapshot_checks import check_fresh
from moniqo_core.domain.matching import path_walk
from moniqo_core.domain.money import EXACT
from moniqo_core.domain.orders.order import Order
from moniqo_core.domain.orders.request import OrderRequest, ReplaceOrder
from moniqo_core.domain.paper import account_lifecycle, decide, preflight
from moniqo_core.domain.paper.account_rules import pause_level_of
from moniqo_core.domain.paper.changes.replaced_order import NothingToReplaceError
from moniqo_core.domain.paper.sync_statement import asset_flows_of
from moniqo_core.domain.portfolio.balance_equation import balance_equation
from moniqo_core.domain.wallets.lifecycle_commands import DeleteWallet, SetLimits, SetStatus
from moniqo_core.domain.wallets.pause_level import PauseLevel
from moniqo_core.storage.paper.account_codec import state_document
from tests.support.engine_drawing import draw_close, draw_limits, draw_place, draw_replace
from tests.support.engine_journal import Decided, DifferenceError, Journal
from tests.support.exchange_world import BASES, MAX_AGE, World
from tests.support.naive_books import RefusedError, down, usable
from tests.support.naive_exchange import NaiveExchange

D = Decimal
ZERO = D(0)
REPLAY_EVERY = 100


class Trial:
    """One wallet of the engine, the same wallet in the model, and the market that both use."""

    def __init__(self, seed: int, *, skew: bool = True) -> None:
        """Open a wallet. With ``skew``, some commands come from a machine whose clock is behind."""
        rng = Random(seed)
        self.skew = skew
        self.world = World(rng)
        self.usd_rate = D(rng.choice(("1", "1", "0.5", "1.0375")))
        limits = draw_limits(rng, self.world.symbols) if rng.random() < 0.6 else None
        maker, taker = rng.choice((("0", "0"), ("0.1", "0.1"), ("0.1", "0.25"), ("0.4", "0.1"), ("0.013", "0.0375")))
        terms = AccountTerms(
            "owner",
            D(rng.choice((500, 10_000, 250_000))),
            self.world.cash,
            D(maker),
            D(taker),
            D(rng.choice((0, 5, 5, 40))),
            rng.choice((None, None, None, None, self.world.symbols[:2])),
            limits,
        )
        self.naive = NaiveExchange(
            self.world.markets,
            self.world.cash,
            terms.initial_balance,
            D(maker),
            D(taker),
            terms.slippage_bps,
            terms.symbols,
            limits,
            self.world.now,
            self.usd_rate,
        )
        self.steps = 0
        self.orders: dict[str, Order] = {}
        self.samples: dict[tuple[int, datetime], tuple[Decimal, ...]] = {}
        self.fills: list[tuple[object, ...]] = []
        self.client_ids: dict[str, str] = {}
        self.asked: list[tuple[datetime, Command, MarketContext | None]] = []
        self._open(account_lifecycle.open_account("wallet", terms, self.world.now))

    def _open(self, first: Commit) -> None:
        """Begin a journal with its first entry."""
        self.account = first.after
        self._check_books(first.after)
        self.journal = Journal(first.after, self.world.markets, self.usd_rate)
        self.orders.clear()
        self.samples.clear()
        self.fills.clear()

    def step(self, rule: str, seed: int) -> None:
        """Do one step and compare."""
        with localcontext(EXACT):
            self.steps += 1
            RULES[rule][1](self, Random(seed))
            self.naive.look(self.world.now)
            self.compare()
            if self.steps % REPLAY_EVERY == 0:
                self.account = self.journal.replayed(self.account)

    def finish(self) -> None:
        """Evaluate a last time, compare every order and fill, and replay the journal."""
        with localcontext(EXACT):
            self.look()
            self.naive.look(self.world.now)
            self.compare(everything=True)
            self.account = self.journal.replayed(self.account)
            self._delete()

    def _delete(self) -> None:
        """Without force, only a wallet without orders and positions is deleted. Then nothing is open or locked."""
        at_stake = any(self.naive.tracked(symbol) for symbol in self.world.symbols)
        try:
            decide.decide(self.walk(), DeleteWallet(), None)
            deleted = True
        except errors.WalletInUseError:
            deleted = False
        self._same("deleted without force", deleted, not at_stake)
        commit = decide.decide(self.walk(), DeleteWallet(force=True), None)
        self._check_commit(commit)
        self._same("open orders of a deleted wallet", (list(commit.after.orders), commit.after.deleted), ([], True))

    # ---- what the service does around a decision

    def walk(self, reach: datetime | None = None, now: datetime | None = None) -> AccountDraft:
        now = now or self.world.now
        reach = reach or now
        return path_walk.walk(self.account, self.paths_to(reach), self.world.markets, reach, now, self.usd_rate)

    def paths_to(self, reach: datetime) -> dict[str, list[PathPoint]]:
        since, found = self.account.evaluated_until, {}
        for symbol in self.account.tracked_symbols:
            path = self.world.paths[symbol]
            first = bisect_left(path, since[symbol], key=attrgetter("start"))
            found[symbol] = [point for point in path[first:] if point.end <= reach]
        return found

    def keep(self, commit: Commit, now: datetime, reach: datetime) -> None:
        """Make a commit the newest entry of the journal."""
        self._check_commit(commit)
        self.journal.append(Decided(now, reach, self.paths_to(reach), commit.command, commit.context, commit))
        self.account = commit.after
        self.collect(commit)

    def collect(self, commit: Commit) -> None:
        epoch = commit.after.epoch - isinstance(commit.command, ResetAccount)
        for sample in commit.samples:
            self.samples.setdefault((epoch, sample.at), tuple(sample[1:]))  # type: ignore[arg-type]
        for order in commit.orders:
            self.orders[order.order_id] = order
        self.fills += [
            (
                item.order_id,
                item.symbol,
                item.side.value,
                item.amount,
                item.quote,
                item.fee,
                item.liquidity,
                item.at,
            )
            for item in commit.fills
        ]

    def look(self, reach: datetime | None = None) -> None:
        """Evaluate as the service does: commit what happened or is overdue."""
        reach = reach or self.world.now
        draft = self.walk(reach)
        if path_walk.has_visible_changes(draft) or path_walk.is_worth_recording(draft) or reach < self.world.now:
            self.keep(draft.commit(RecordEvaluation()), self.world.now, reach)

    def do(self, command: Command, rng: Random, context: MarketContext | None = None) -> str | None:
        """Walk and decide. Return the name of the error that refused it."""
        now = self.world.now
        self.naive.look(now)
        draft = self.walk()
        if path_walk.has_visible_changes(draft):
            self.keep(draft.commit(RecordEvaluation()), now, now)
        self.asked.append((now, command, context))
        walked = self.journal.history and self.journal.history[-1].reach == now == self.account.at
        if self.skew and rng.random() < 0.05 and walked:
            now -= timedelta(seconds=rng.choice((1, 5)))  # another machine's clock
        times = 2 if rng.random() < 0.05 else 1  # the first commit is lost on the way
        before = state_document(self.account) if times == 2 else None
        if isinstance(command, OrderRequest) and context is not None and rng.random() < 0.05:
            self._check_preflight(command, context, now)
        commit = None
        for _ in range(times):
            try:
                commit = decide.decide(self.walk(now=now), command, context)
            except NothingToReplaceError as error:
                return type(error).__name__
            except errors.WalletError as error:
                self._check_suggestion(command, context, error, now)
                return type(error).__name__
        if before is not None and before != state_document(self.account):
            raise DifferenceError("a decision changed the account it was made on")
        if commit is not None:
            self.keep(commit, now, now)
        return None

    def _check_preflight(self, order: OrderRequest, context: MarketContext, now: datetime) -> None:
        """Check that a preflight predicts the placing of the order, and that its largest amount is the largest."""
        draft = self.walk(now=now)
        said = preflight.check(draft, order, context)
        self._same(f"preflight of {order}", said.would_pass, self._accepts(order, context, now))
        largest = said.largest_amount
        if largest:
            whole = replace(order, amount=largest, quote_amount=None)
            more = replace(whole, amount=largest + context.market.lot_step)
            accepted = (self._accepts(whole, context, now), self._accepts(more, context, now))
            self._same(f"largest amount {largest} of {order}", accepted, (True, False))

    def _accepts(
        self, order: OrderRequest | ReplaceOrder, context: MarketContext, now: datetime, *, unchanged: bool = True
    ) -> bool:
        """Return whether an order passes. ``unchanged`` is the answer for a replacement that changes nothing."""
        try:
            decide.decide(self.walk(now=now), order, context)
        except NothingToReplaceError:
            return unchanged
        except errors.WalletError:
            return False
        return True

    def _check_suggestion(
        self, command: Command, context: MarketContext | None, error: errors.WalletError, now: datetime
    ) -> None:
        """Check that the suggested amount is the largest that passes. That of a fault of form passes its own rule."""
        size = error.members.get("suggested_amount")
        if (
            not isinstance(command, OrderRequest | ReplaceOrder)
            or context is None
            or not isinstance(size, Decimal)
            or size <= 0
        ):
            return
        if not isinstance(error, errors.InvalidOrderError):
            largest = _with_amount(command, size)
            more = _with_amount(command, (size // context.market.lot_step + 1) * context.market.lot_step)
            # No larger amount may pass. One lot more may be the amount that the order has.
            accepted = (self._accepts(largest, context, now), self._accepts(more, context, now, unchanged=False))
            self._same(f"suggested amount {size} of {command}", accepted, (True, False))
            return
        if command.amount is None or isinstance(command, ReplaceOrder):
            return
        try:
            decide.decide(self.walk(), replace(command, amount=size), context)
        except errors.WalletError as again:
            if _rule_of(again) == _rule_of(error):
                raise DifferenceError(f"{command} was refused ({error}), so is {size} ({again})") from again

    def context(self, symbol: str, snapshot: Snapshot, rng: Random) -> MarketContext:
        """The market context of a decision. Sometimes the market has trading hours and is closed."""
        closes = self.world.now + timedelta(minutes=rng.randrange(1, 400)) if rng.random() < 0.1 else None
        is_open = rng.random() > 0.04
        return MarketContext(self.world.markets[symbol], snapshot, self.world.mids(), self.usd_rate, closes, is_open)

    def usable_snapshot(self, symbol: str, rng: Random) -> Snapshot | None:
        """Return a snapshot that both sides accept, or None if both refuse it."""
        snapshot = self.world.snapshot(symbol, rng)
        try:
            check_fresh(snapshot, self.world.now, MAX_AGE)
            good = True
        except errors.MarketDataError:
            good = False
        if good != usable(snapshot, self.world.now, MAX_AGE):
            raise DifferenceError(f"engine trades on {snapshot}: {good}")
        return snapshot if good else None

    def both(
        self, command: Command, rng: Random, naive: Callable[[], object], context: MarketContext | None = None
    ) -> None:
        """Run a command on both sides. Both accept it, or both refuse it for the same reason."""
        refused_by = self.do(command, rng, context)
        try:
            naive()
        except RefusedError as refused:
            if refused_by not in refused.names:
                raise DifferenceError(
                    f"{command}: engine says {refused_by}, the rules {sorted(refused.names)}"
                ) from None
        else:
            if refused_by is not None:
                raise DifferenceError(f"{command}: engine says {refused_by}, the rules accept it")

    # ---- rules

    def tick(self, rng: Random) -> None:
        self._pass_time(rng, timedelta(seconds=rng.choice((0, 1, 5, 15, 15, 16, 30, 60, 60))))

    def jump(self, rng: Random) -> None:
        self._pass_time(rng, timedelta(minutes=rng.choice((5, 20, 61, 300, 1445, 5000))))

    def _pass_time(self, rng: Random, span: timedelta) -> None:
        self.world.targets = self._targets()
        for symbol, point in self.world.advance(rng, span):
            self.naive.see(symbol, point)

    def _targets(self) -> dict[str, list[Decimal]]:
        """Prices the market may hit exactly: where orders wait, and where they fill or trigger."""
        found: dict[str, list[Decimal]] = {symbol: [] for symbol in self.world.symbols}
        for order in self.naive.open_orders():
            symbol = order["symbol"]
            tick, half = (
                self.world.markets[symbol].tick_size,
                self.world.half_ticks[symbol] * self.world.markets[symbol].tick_size,
            )
            trail = order["trail_percent"]
            trigger = None if trail is None else down(order["trail_mark"] * (1 - trail / 100), tick)
            for price in (order["price"], order["stop_price"], trigger):
                if price is not None:
                    found[symbol] += [price, price - tick, price + tick, price - half, price + half]
        return found

    def evaluate(self, rng: Random) -> None:
        self.look()

    def evaluate_in_chunks(self, rng: Random) -> None:
        ends = sorted({point.end for points in self.paths_to(self.world.now).values() for point in points})
        for end in sorted(rng.sample(ends, min(len(ends), 2))):
            self.look(end)
        self.look()

    def place(self, rng: Random) -> None:
        if self.naive.status != "active" and rng.random() < 0.5:
            (self.reset if rng.random() < 0.2 else self.set_status)(rng)
            return
        command = draw_place(rng, self.world, self.naive)
        key = command.client_order_id
        if key in self.client_ids:
            # Answered from the entry that accepted it, before anything is decided.
            same = self.client_ids[key] == command.body_hash()
            if same != (self.naive.accepted[key] == command):
                raise DifferenceError(f"body hash of {command}")
            return
        snapshot = self.usable_snapshot(command.symbol, rng)
        if snapshot is None:
            return
        context = self.context(command.symbol, snapshot, rng)
        outcome: list[str] = []

        def accept() -> None:
            at = max(self.account.at, self.world.now)
            name = f"o-{self.account.seq}-1" if self.account.seq > before else "refused"
            outcome.append(self.naive.place(name, command, at, context)["id"])

        self.look()
        before = self.account.seq
        self.both(command, rng, accept, context)
        if outcome and key is not None:
            self.client_ids[key] = command.body_hash()
            self.naive.accepted[key] = command

    def cancel(self, rng: Random) -> None:
        names = [order["id"] for order in self.naive.open_orders()]
        if not names or rng.random() < 0.2:
            names = list(self.naive.all_orders)[-30:] or ["o-0-1"]
        name = rng.choice(names)
        self.both(CancelOrder(name), rng, lambda: self.naive.cancel(name))

    def cancel_all(self, rng: Random) -> None:
        symbol = rng.choice((None, *self.world.symbols))
        self.both(CancelAllOrders(symbol), rng, lambda: self.naive.cancel_all(symbol))

    def close_position(self, rng: Random) -> None:
        held = [symbol for symbol in self.world.symbols if self.naive.held(symbol)]
        symbol = rng.choice(held) if held and rng.random() < 0.9 else rng.choice(self.world.symbols)
        snapshot = self.usable_snapshot(symbol, rng)
        if snapshot is None:
            return
        self.look()
        before, context = self.account.seq, self.context(symbol, snapshot, rng)
        close = draw_close(rng, self.world, self.naive, symbol)

        def accept() -> None:
            name = f"o-{self.account.seq}-1" if self.account.seq > before else "refused"
            self.naive.close_position(name, close, max(self.account.at, self.world.now), context)

        self.both(close, rng, accept, context)

    def replace(self, rng: Random) -> None:
        """Replace an open order, and sometimes send the same again."""
        names = [order["id"] for order in self.naive.open_orders()]
        if rng.random() < 0.05:
            names = [*list(self.naive.all_orders)[-30:], "o-0-1"]
        if not names:
            return
        name = rng.choice(names)
        order = self.naive.all_orders.get(name)
        symbol = order["symbol"] if order else self.world.symbols[0]
        snapshot = self.usable_snapshot(symbol, rng)
        if snapshot is None:
            return
        self.look()
        context = self.context(symbol, snapshot, rng)
        command = draw_replace(rng, self.world, self.naive, name)

        def accept() -> None:
            self.naive.replace(command, max(self.account.at, self.world.now), context)

        for _ in range(rng.choice((1, 1, 1, 2))):
            self.both(command, rng, accept, context)

    def reset(self, rng: Random) -> None:
        self.both(ResetAccount(), rng, lambda: self.naive.reset(max(self.world.now, self.account.at)))

    def set_status(self, rng: Random) -> None:
        lifts = [SetStatus("active", "admin", "trial"), SetStatus("paused", "admin", "trial")]
        resume = SetStatus("active", "owner", "trial")
        level = rng.choice((None, None, *PauseLevel))
        pause = SetStatus("paused", "owner", "trial", level, keep_orders=rng.random() < 0.3)
        changes = [pause, resume, SetStatus("suspended", "admin", "trial"), *lifts[:1]]
        if self.naive.status != "active" and rng.random() < 0.7:
            changes = [resume, resume, pause] if self.naive.status == "paused" else lifts
        change = rng.choice(changes)
        self.both(change, rng, lambda: self.naive.set_status(change))

    def set_limits(self, rng: Random) -> None:
        limits = draw_limits(rng, self.world.symbols, self.naive)
        self.both(SetLimits(limits), rng, lambda: self.naive.set_limits(limits))

    def fork(self, rng: Random) -> None:
        """Continue with a copy of the wallet, whose journal begins anew."""
        self.look()
        now = self.world.now
        self.naive.look(now)
        self.journal.replayed(self.account)
        limits = self.naive.limits
        terms = replace(self.account.terms, limits=limits)
        mids = self.world.mids()
        self._open(account_lifecycle.fork_account("copy", self.account, terms, now, mids))
        self.naive.fork(now, mids)

    # ---- comparing

    def compare(self, *, everything: bool = False) -> None:
        """Compare everything that an owner can see."""
        draft = self.walk()
        view = draft.commit(RecordEvaluation())
        account, naive = view.after, self.naive
        self._check_books(account)
        kept = len(self.fills)
        samples, orders = dict(self.samples), dict(self.orders)
        self.collect(view)
        try:
            self._compare_wallet(account)
            self._compare_orders(account, 10**9 if everything else 12)
            self._same("number of fills", len(self.fills), len(naive.all_fills))
            newest = 0 if everything else max(kept - 4, 0)
            for mine, theirs in zip(self.fills[newest:], naive.all_fills[newest:], strict=True):
                self._same("fill", mine, tuple(theirs.values()))
            odd = dict(self.samples.items() ^ naive.samples.items()).keys()
            self._same(
                "samples", [(at, self.samples.get(at)) for at in odd], [(at, naive.samples.get(at)) for at in odd]
            )
        finally:
            del self.fills[kept:]
            self.samples, self.orders = samples, orders

    def _compare_wallet(self, account: Account) -> None:
        naive = self.naive
        locks = naive.locks()
        for asset in (self.world.cash, *BASES):
            holding = account.holding(asset)
            self._same(f"{asset} locked", holding.locked, locks.get(asset, ZERO))
            self._same(f"{asset} free", holding.free, naive.free(asset))
        books = naive.books()
        for symbol in self.world.symbols:
            self._same(symbol, list(account.position(symbol)), books.get(symbol, [ZERO] * 4))
        self._same("status", (account.status, account.paused_by_limit), (naive.status, naive.by_limit))
        self._same("pause", pause_level_of(account), naive.level if naive.status == "paused" else None)
        self._same("epoch", account.epoch, naive.epoch)
        self._same("peak", account.peak, naive.peak)
        self._same("day", tuple(account.day or ()), (naive.day_start, naive.day_end))

    def _compare_orders(self, account: Account, newest: int) -> None:
        naive = self.naive
        open_now, naive_open = list(account.orders), [order["id"] for order in naive.open_orders()]
        self._same("open orders", open_now, naive_open)
        groups: dict[str, Decimal] = {}
        for order in account.orders.values():
            if order.entry:
                groups[order.entry] = groups.get(order.entry, ZERO) + order.locked
        recent = [*open_now, *list(self.orders)[-newest:]]
        for name in recent:
            order, item = self.orders.get(name) or account.orders[name], naive.all_orders[name]
            self._same(f"{name} status", order.status.value, item["status"])
            self._same(f"{name} amount", order.amount, item["amount"])
            self._same(f"{name} price", order.price, item["price"])
            self._same(f"{name} filled", order.filled_amount, naive.filled(item))
            self._same(f"{name} fee", order.fee, naive.fee(item))
            self._same(f"{name} trigger", (order.triggered, order.stop_price), (item["triggered"], item["stop_price"]))
            self._same(f"{name} expiry", order.expires_at, item["expires_at"])
            if name in account.orders:
                self._same(f"{name} mark", order.trail_mark, item["trail_mark"])
                locked = groups[order.entry] if order.entry else order.locked
                self._same(f"{name} locked", locked, naive.lock(item))
            else:
                self._same(f"{name} locked", order.locked, ZERO)

    def _same(self, what: str, engine: object, rules: object) -> None:
        if engine != rules:
            raise DifferenceError(f"step {self.steps}, {what}: engine {engine}, rules {rules}")

    def _check_commit(self, commit: Commit) -> None:
        faults = invariants.commit_violations(self.account, commit)
        if faults:
            raise DifferenceError("; ".join(faults))
        self._check_books(commit.after)

    def _check_books(self, account: Account) -> None:
        faults = invariants.account_violations(account)
        if faults:
            raise DifferenceError("; ".join(faults))
        totals = {asset: holding.total for asset, holding in account.balances.items()}
        unexplained = [line for line in balance_equation({}, None, asset_flows_of(account), totals) if line.residue]
        if unexplained:
            raise DifferenceError(f"step {self.steps}: the balance equation leaves {unexplained}")


def _with_amount(command: OrderRequest | ReplaceOrder, amount: Decimal) -> OrderRequest | ReplaceOrder:
    if isinstance(command, ReplaceOrder):
        return replace(command, amount=amount)
    return replace(command, amount=amount, quote_amount=None)


def _rule_of(error: errors.WalletError) -> object:
    return type(error), error.members.get("limit_type"), sorted(error.members)


RULES: dict[str, tuple[int, Callable[[Trial, Random], None]]] = {
    "tick": (200, Trial.tick),
    "place": (250, Trial.place),
    "evaluate": (30, Trial.evaluate),
    "evaluate_in_chunks": (10, Trial.evaluate_in_chunks),
    "cancel": (25, Trial.cancel),
    "replace": (60, Trial.replace),
    "close_position": (12, Trial.close_position),
    "set_status": (6, Trial.set_status),
    "set_limits": (8, Trial.set_limits),
    "jump": (6, Trial.jump),
    "cancel_all": (3, Trial.cancel_all),
    "reset": (2, Trial.reset),
    "fork": (2, Trial.fork),
}
