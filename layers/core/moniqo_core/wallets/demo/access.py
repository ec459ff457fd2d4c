"""A demo wallet as far as every call to it goes: the account behind it, what opens it, and what it trades on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, cast

from pymongo.asynchronous.database import AsyncDatabase

from moniqo_core.domain.errors import (
    ConflictError,
    MarketDataError,
    NotFoundError,
    WalletDeletedError,
    WalletNotInitializedError,
)
from moniqo_core.domain.ledger.account import Account, AccountTerms
from moniqo_core.domain.market.price_feed import PriceFeed
from moniqo_core.domain.money import parse
from moniqo_core.domain.paper import lifecycle
from moniqo_core.feeds.price_source import Unreachable
from moniqo_core.feeds.simulated import SimulatedFeed
from moniqo_core.feeds.venue_feed import VenueFeed
from moniqo_core.storage.client import with_utc_times
from moniqo_core.storage.deployment import simulation_seed
from moniqo_core.storage.equity import COLLECTION as EQUITY
from moniqo_core.storage.market.minutes import RecordedMinutes
from moniqo_core.storage.paper.history import DemoHistory
from moniqo_core.storage.paper.ledger import DemoLedger
from moniqo_core.storage.paper.snapshots import ENTRIES, STATES, Loaded
from moniqo_core.wallets.base import BaseWallet, Config, Credentials
from moniqo_core.wallets.demo.session import DemoAccount

DEFAULT_BALANCE: Final = "10000"
DEFAULT_FEE_PERCENT: Final = Decimal("0.1")
DEFAULT_SLIPPAGE_BPS: Final = Decimal(5)


class DemoAccess(BaseWallet):
    """Holds the account and its feed; see :class:`moniqo_core.wallets.demo.wallet.DemoWallet` for ``config``."""

    mode = "paper"

    def __init__(
        self, wallet_id: str, user_wallet_id: str, credentials: Credentials, config: Config | None = None
    ) -> None:
        """Hold the arguments; nothing is read before ``initialize()``."""
        super().__init__(wallet_id, user_wallet_id, credentials, config)
        self._database = with_utc_times(cast("AsyncDatabase[dict[str, Any]]", self.config["db"]))
        self._ledger = cast("DemoLedger | None", self.config.get("ledger")) or DemoLedger(self._database)
        self._history = DemoHistory(self._database)
        self._owner = cast("str | None", self.config.get("owner"))
        self._opened: DemoAccount | None = None
        self._feed: PriceFeed | None = cast("PriceFeed | None", self.config.get("feed"))

    async def initialize(self) -> None:
        """Read the account; raises NotFoundError when it is not the owner's or was deleted."""
        if self._initialized:
            return
        loaded = cast("Loaded | None", self.config.get("loaded"))
        if loaded is None:
            loaded = await self._ledger.load(self.user_wallet_id, self._owner)
        if loaded is None and self._owner is None:
            await self._open_on_my_own()
            loaded = await self._ledger.load(self.user_wallet_id, None)
        if loaded is None:
            raise NotFoundError("There is no such wallet.")
        if loaded.account.deleted:
            raise WalletDeletedError("There is no such wallet.")
        if self._feed is None:
            self._feed = await self._feed_of_a_script(loaded.account.terms)
        self._opened = DemoAccount(self._ledger, self._feed, self._clock, self._owner, loaded)
        self._initialized = True

    async def close(self) -> None:
        """Forget the account; the database belongs to the caller."""
        self._opened = None
        self._initialized = False

    async def require_connection(self) -> None:
        """A demo wallet is connected when its account can be read."""
        await self.initialize()

    @property
    def _work(self) -> DemoAccount:
        if self._opened is None:
            raise WalletNotInitializedError
        return self._opened

    @property
    def account(self) -> Account:
        """The account as last read or committed."""
        return self._work.account

    @property
    def feed(self) -> PriceFeed:
        """The feed this wallet trades on."""
        if self._feed is None:
            raise WalletNotInitializedError
        return self._feed

    async def open_account(self, terms: AccountTerms, projection: Mapping[str, object] | None = None) -> None:
        """Open the account and insert ``mirror``, its user wallet; raises ConflictError when it exists."""
        commit = lifecycle.open_account(self.user_wallet_id, terms, self._clock())
        await self._ledger.open(commit, dict(projection) if projection is not None else None)

    async def open_fork(self, source: Account, projection: Mapping[str, object]) -> None:
        """Open the account as a copy of another's at present prices, with its user wallet.

        Raises:
            ConflictError: the account exists.
            MarketDataError: something held has no price.

        """
        held = [symbol for symbol, position in source.positions.items() if position.amount]
        marks = await self.feed.mids(held) if held else {}
        missing = sorted(set(held) - set(marks))
        if missing:
            raise MarketDataError(f"There is no fresh price for {', '.join(missing)}.", retry_after=2)
        terms = replace(source.terms, limits=source.limits)
        commit = lifecycle.fork_account(self.user_wallet_id, source, terms, self._clock(), marks)
        await self._ledger.open(commit, dict(projection))

    async def _open_on_my_own(self) -> None:
        """Open the account of a script, in a database that nobody may have prepared."""
        from moniqo_core.storage.indexes import ensure_indexes

        await ensure_indexes(self._database, (STATES, ENTRIES, EQUITY))
        # Another process may open it at the same moment: it is the same account.
        with suppress(ConflictError):
            await self.open_account(self._default_terms())

    def _default_terms(self) -> AccountTerms:
        balance = parse(self._credentials.get("initial_balance_usd", DEFAULT_BALANCE))
        fee = DEFAULT_FEE_PERCENT
        return AccountTerms("", balance, "USDT", fee, fee, DEFAULT_SLIPPAGE_BPS)

    async def _feed_of_a_script(self, terms: AccountTerms) -> PriceFeed:
        if terms.uses_venue_prices:
            return VenueFeed([Unreachable(terms.feed)], RecordedMinutes(self._database), self._clock)
        return SimulatedFeed(await simulation_seed(self._database), self._clock)
