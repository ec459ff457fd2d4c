"""Access to the account of a demo wallet: open it and choose the feed that it trades on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Final

from moniqo_core.domain.errors import (
    ConflictError,
    MarketDataError,
    NotFoundError,
    WalletDeletedError,
    WalletNotInitializedError,
)
from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.domain.ledger.commit import Commit
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.money import parse
from moniqo_core.domain.paper import account_lifecycle
from moniqo_core.domain.paper.valuation import value
from moniqo_core.domain.sync.account_statement import AccountStatement, balance_snapshot
from moniqo_core.domain.wallets.user_wallet import BalanceSnapshot
from moniqo_core.feeds.simulated_feed import SimulatedFeed
from moniqo_core.storage.client import with_utc_times
from moniqo_core.storage.equity_points import COLLECTION as EQUITY
from moniqo_core.storage.paper.journal_commit import DemoJournal
from moniqo_core.storage.paper.snapshots import ENTRIES, STATES
from moniqo_core.storage.simulation_seed import simulation_seed
from moniqo_core.storage.wallets.user_wallet_codec import stored_fields
from moniqo_core.wallets.demo.config import DemoConfig
from moniqo_core.wallets.demo.decide_and_commit import DemoAccount

if TYPE_CHECKING:
    from moniqo_core.storage.market.simulated_hours import SimulatedHours
    from moniqo_core.storage.paper.history import DemoHistory

DEFAULT_BALANCE: Final = "10000"
DEFAULT_FEE_PERCENT: Final = Decimal("0.1")
DEFAULT_SLIPPAGE_BPS: Final = Decimal(5)


class DemoAccess:
    """Holds the account and its feed. An account that does not exist is opened, unless the config names an owner."""

    def __init__(self, user_wallet_id: str, credentials: Mapping[str, str], config: DemoConfig) -> None:
        """Keep the arguments. Nothing is read before :meth:`open`."""
        self.user_wallet_id = user_wallet_id
        self.clock = config.clock
        self.database = with_utc_times(config.db)
        self._credentials = credentials
        self._ledger = config.ledger or DemoJournal(self.database)
        self._owner = config.owner
        self._loaded = config.loaded
        self._feed = config.feed
        self._session: DemoAccount | None = None

    @cached_property
    def history(self) -> DemoHistory:
        """The reader of the account's journal, which few orders need."""
        from moniqo_core.storage.paper.history import DemoHistory

        return DemoHistory(self.database)

    @property
    def is_open(self) -> bool:
        """Whether the account was read and has not been closed since."""
        return self._session is not None

    async def open(self) -> None:
        """Read the account. Raise NotFoundError if another owner has it, or WalletDeletedError."""
        if self._session is not None:
            return
        loaded = self._loaded
        if loaded is None:
            loaded = await self._ledger.load(self.user_wallet_id, self._owner)
        if loaded is None and self._owner is None:
            await self._open_for_script()
            loaded = await self._ledger.load(self.user_wallet_id, None)
        if loaded is None:
            raise NotFoundError("There is no such wallet.")
        if loaded.account.deleted:
            raise WalletDeletedError("There is no such wallet.")
        if self._feed is None:
            self._feed = await self._default_feed(loaded.account.terms)
        self._session = DemoAccount(self._ledger, self._feed, self.clock, self._owner, loaded)

    def close(self) -> None:
        """Drop the account. The database stays open, because it belongs to the caller."""
        self._session = None

    @property
    def session(self) -> DemoAccount:
        """The session of the open account, or raise WalletNotInitializedError."""
        if self._session is None:
            raise WalletNotInitializedError
        return self._session

    @property
    def feed(self) -> PriceFeed:
        """The feed the account trades on, or raise WalletNotInitializedError."""
        if self._feed is None:
            raise WalletNotInitializedError
        return self._feed

    async def open_account(
        self, terms: AccountTerms, projection: Mapping[str, object] | None = None
    ) -> BalanceSnapshot:
        """Open the account and insert its user wallet, ``projection``, with the balance that is returned.

        Without a ``projection`` no user wallet is inserted, and the balance is empty.

        Raises:
            ConflictError: the account exists.

        """
        commit = account_lifecycle.open_account(self.user_wallet_id, terms, self.clock())
        return await self._insert(commit, {}, projection)

    async def _insert(
        self, commit: Commit, marks: Mapping[str, Decimal], projection: Mapping[str, object] | None
    ) -> BalanceSnapshot:
        account = commit.after
        if projection is None:
            await self._ledger.open(commit, None)
            return BalanceSnapshot()
        rate = await self.feed.usd_rate(account.terms.cash_asset)
        worth = value(account, marks, rate, account.at, stale=False)
        balance = balance_snapshot(AccountStatement(worth), account.at)
        await self._ledger.open(commit, {**projection, **stored_fields({"balance": balance})})
        return balance

    async def open_fork(self, source: Account, projection: Mapping[str, object]) -> BalanceSnapshot:
        """Open the account as a copy of ``source`` at current prices and insert its user wallet, ``projection``.

        Returns the balance that is stored with the user wallet.

        Raises:
            ConflictError: the account exists.
            MarketDataError: a holding has no fresh price.

        """
        held = [symbol for symbol, position in source.positions.items() if position.amount]
        marks = await self.feed.mids(held) if held else {}
        missing = sorted(set(held) - set(marks))
        if missing:
            raise MarketDataError(f"There is no fresh price for {', '.join(missing)}.", retry_after=2)
        terms = replace(source.terms, limits=source.limits)
        commit = account_lifecycle.fork_account(self.user_wallet_id, source, terms, self.clock(), marks)
        return await self._insert(commit, marks, projection)

    async def _open_for_script(self) -> None:
        """Open an account with default terms for a script, whose database may have no indexes yet."""
        from moniqo_core.storage.indexes import ensure_indexes

        await ensure_indexes(self.database, (STATES, ENTRIES, EQUITY))
        # Another process may open the same account at the same moment.
        with suppress(ConflictError):
            await self.open_account(self._default_terms())

    def _default_terms(self) -> AccountTerms:
        from moniqo_core.domain.wallets.definition import INITIAL_BALANCE

        balance = parse(self._credentials.get(INITIAL_BALANCE, DEFAULT_BALANCE))
        fee = DEFAULT_FEE_PERCENT
        return AccountTerms("", balance, "USDT", fee, fee, DEFAULT_SLIPPAGE_BPS)

    async def _default_feed(self, terms: AccountTerms) -> PriceFeed:
        if terms.uses_venue_prices:
            from moniqo_core.feeds.price_source import UnavailablePriceSource
            from moniqo_core.feeds.venue_feed import VenueFeed
            from moniqo_core.storage.market.recorded_minutes import RecordedMinutes

            return VenueFeed([UnavailablePriceSource(terms.feed)], RecordedMinutes(self.database), self.clock)
        return SimulatedFeed(await simulation_seed(self.database), self.clock, self._hours)

    def _hours(self) -> SimulatedHours:
        from moniqo_core.storage.market.simulated_hours import SimulatedHours

        return SimulatedHours(self.database, self.clock)
