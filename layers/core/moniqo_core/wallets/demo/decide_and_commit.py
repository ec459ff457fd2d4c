"""The session of a demo account: evaluate resting orders, decide commands, commit, and retry after a lost race."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.clock import Clock
from moniqo_core.domain.errors import InvalidSymbolError, NotFoundError, TemporarilyUnavailableError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.ledger.account_draft import AccountDraft
from moniqo_core.domain.ledger.commands import Command, RecordEvaluation
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.matching import path_walk
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.paper import decide
from moniqo_core.domain.paper.account_rules import pause_level_of
from moniqo_core.domain.paper.valuation import value
from moniqo_core.domain.portfolio.equity_curve import EquitySample
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.domain.wallets.status_changes import check_pause_unchanged
from moniqo_core.storage.paper.journal_commit import CommitOutcome, DemoJournal
from moniqo_core.storage.paper.snapshots import LoadedAccount
from moniqo_core.storage.paper.user_wallet_projection import Projection, follow_account, follow_groups
from moniqo_core.storage.rate_counters import Count
from moniqo_core.wallets.demo import writer_turns as turns
from moniqo_core.wallets.demo.market_view import context_for, observe_market
from moniqo_core.wallets.demo.path_from_feed import furthest, walk_to

if TYPE_CHECKING:
    from moniqo_core.domain.orders.rule_check import Preflight

GIVE_UP_AFTER: Final = 20.0
"""Seconds a writer competes for a busy wallet before it answers 503."""

WALKS_PER_CALL: Final = 8
"""The walks that one evaluation makes at most. Each covers at most a day."""


class Walked(Enum):
    """The point that a walk reached."""

    TO_NOW = auto()
    FURTHER_NEXT_TIME = auto()
    """The path is longer than one commit walks."""
    TO_A_GAP = auto()
    """The next part of the path is not known yet. The caller continues without it."""


class RepeatedOrderError(Exception):
    """A command with this client order id or idempotency key is already accepted."""


class DemoAccount:
    """One account of the journal, with the feed that its orders trade on."""

    def __init__(
        self, ledger: DemoJournal, feed: PriceFeed, clock: Clock, owner: str | None, loaded: LoadedAccount
    ) -> None:
        """Start from an account that the caller has just read."""
        self._ledger = ledger
        self._feed = feed
        self._clock = clock
        self._owner = owner
        self._loaded = loaded
        self._used = False
        self._evaluated: AccountDraft | None = None
        self._writer = turns.Writer()

    @property
    def account(self) -> Account:
        """The account as last read or committed."""
        return self._loaded.account

    async def run(self, command: Command, projection: Projection | None = None, count: Count | None = None) -> Commit:
        """Decide ``command`` on the current account and commit it. Retry while other writers are faster.

        The commit counts an order in ``count``, once for all tries.

        Raises:
            RateLimitExceededError: the limit of ``count`` is reached.
            RepeatedOrderError: a command with the same client order id or idempotency key is already accepted.
            TemporarilyUnavailableError: other writers were faster for too long.

        And what :func:`moniqo_core.domain.paper.decide.decide` raises.
        """
        deadline, read = time.monotonic() + GIVE_UP_AFTER, pause_level_of(self.account)
        await self._renew()
        await self._give_way()
        while True:
            check_pause_unchanged(command, read, self.account.status, pause_level_of(self.account))
            draft, walked = await self._walk()
            if path_walk.has_visible_changes(draft) or walked is Walked.FURTHER_NEXT_TIME:
                # Fills and expiries of the walk are committed even if the command is then refused.
                if not await self._commit(draft.commit(RecordEvaluation()), None):
                    await self._again(deadline)
                continue
            context = await context_for(command, draft, self._feed, self._clock)
            commit = decide.decide(draft, command, context)
            if await self._commit(commit, projection, count):
                return commit
            await self._again(deadline)

    async def evaluate(self, *, mark: bool = True) -> bool:
        """Evaluate resting orders along the price path. Returns False if it stopped short of now.

        Changes are committed. An evaluation without changes is committed at most once an hour, and never if ``mark`` is
        False, where ``mark`` means to record how far the path was walked.
        """
        deadline = time.monotonic() + GIVE_UP_AFTER
        await self._renew()
        for _ in range(WALKS_PER_CALL):
            draft, walked = await self._walk()
            self._evaluated = draft
            more = walked is Walked.FURTHER_NEXT_TIME
            if not (more or path_walk.has_visible_changes(draft) or (mark and path_walk.is_worth_recording(draft))):
                return walked is Walked.TO_NOW
            if not await self._commit(draft.commit(RecordEvaluation()), None):
                await self._again(deadline)
        return False

    @property
    def seen(self) -> Account:
        """The account as of the last evaluation, including changes that were not committed."""
        return self.account if self._evaluated is None else self._evaluated.commit(RecordEvaluation()).after

    @property
    def unwritten_samples(self) -> Sequence[EquitySample]:
        """Hourly equity of the last evaluation that may not be in the journal yet."""
        return () if self._evaluated is None else self._evaluated.samples

    async def preflight(self, order: OrderRequest) -> Preflight:
        """Check an order against every rule at the current market, or raise MarketDataError."""
        from moniqo_core.domain.paper import preflight

        await self.evaluate(mark=False)
        draft = self._evaluated or AccountDraft(self.account, self._clock())
        try:
            context = await observe_market(order.symbol, order.side, draft, self._feed, self._clock)
        except InvalidSymbolError as error:
            return preflight.unknown_symbol(order, error)
        return preflight.check(draft, order, context)

    async def _walk(self) -> tuple[AccountDraft, Walked]:
        """Walk at most a day of the path on a draft."""
        account, now = self.account, self._clock()
        reach = furthest(account, now)
        draft = await walk_to(self._feed, account, reach, now)
        if draft.walked_to != reach:
            return draft, Walked.TO_A_GAP
        return draft, Walked.TO_NOW if reach == now else Walked.FURTHER_NEXT_TIME

    async def _commit(self, commit: Commit, projection: Projection | None, count: Count | None = None) -> bool:
        loaded, before = self._loaded, self.account
        fields = {**(projection or {}), **follow_account(before, commit)}
        outcome = await self._ledger.commit(commit, loaded, fields, follow_groups(before, commit), count)
        if count is not None and outcome is CommitOutcome.REFUSED:
            raise count.error()
        if outcome is CommitOutcome.REPEATED:
            raise RepeatedOrderError
        if outcome is CommitOutcome.DONE:
            self._evaluated = None
            self._loaded = LoadedAccount(commit.after, behind=False, later_fields=loaded.later_fields)
            await self._ledger.follow_with_totals(commit.after)
        return outcome is CommitOutcome.DONE

    async def _again(self, deadline: float) -> None:
        """Read the account that another writer committed. After a few losses claim the next turn."""
        if time.monotonic() > deadline:
            raise TemporarilyUnavailableError("Too many requests are changing this wallet at once.", retry_after=1)
        if self._writer.lost():
            now = self._clock()
            await self._ledger.claim_turn(self.account.user_wallet_id, self._writer.claim(now), now)
        else:
            await asyncio.sleep(turns.pause())
        await self._read()
        await self._give_way()

    async def _give_way(self) -> None:
        """Wait for the writer that holds the turn, at most as long as a turn lasts by our own clock."""
        began = time.monotonic()
        while self._writer.gives_way_to(self._loaded.turn, self._clock()):
            if time.monotonic() - began > turns.LASTS.total_seconds():
                return
            await asyncio.sleep(turns.pause())
            await self._read()

    async def _renew(self) -> None:
        """Read the account again, because others may have changed it. The first call uses the account it was given."""
        if self._used:
            await self._read()
        self._used = True

    async def _read(self) -> None:
        loaded = await self._ledger.load(self.account.user_wallet_id, self._owner)
        if loaded is None or loaded.account.deleted:
            raise NotFoundError("There is no such wallet.")
        self._loaded = loaded

    async def valuation(self) -> Valuation:
        """Evaluate resting orders, then value the account at current mark prices.

        Only changes are committed, so a sync of many wallets does not write to every journal. The scheduled evaluation
        records once an hour how far the path was walked.
        """
        complete = await self.evaluate(mark=False)
        account = self.seen
        held = sorted(symbol for symbol, position in account.positions.items() if position.amount)
        marks = await self._feed.mids(held) if held else {}
        rate = await self._feed.usd_rate(account.terms.cash_asset)
        return value(account, marks, rate, self._clock(), stale=not complete)
