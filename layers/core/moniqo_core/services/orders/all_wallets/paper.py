"""Orders of all paper wallets of a user."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from moniqo_core.domain.errors import InvalidSymbolError, MarketDataError, TemporarilyUnavailableError, WalletError
from moniqo_core.domain.ledger.account import Account
from moniqo_core.domain.market.market import Market
from moniqo_core.domain.orders.list_queries import OrderPosition, OrderQuery
from moniqo_core.domain.orders.record import OrderRecord
from moniqo_core.gather_bounded import gather_bounded
from moniqo_core.services.orders.all_wallets.source import SECONDS_TO_UPDATE, FailedWallet, failed_unexpectedly
from moniqo_core.services.orders.symbol_filter import refusal_of
from moniqo_core.storage.client import is_outage
from moniqo_core.storage.document import Database
from moniqo_core.storage.paper.orders.of_accounts import OrdersOfAccounts
from moniqo_core.wallets.connector import WalletConnector

log: Final = logging.getLogger("moniqo")

WALLETS_AT_ONCE: Final = 10


class PaperAccount(Protocol):
    """A paper wallet whose orders can be read."""

    user_wallet_id: str

    async def initialize(self) -> None:
        """Open the account."""

    async def evaluate(self) -> bool:
        """Evaluate resting orders along the price path. Returns False if it stopped short of now."""

    @property
    def seen(self) -> Account:
        """The account as of the last evaluation."""

    async def market(self, symbol: str) -> Market:
        """Return the trading rules of a symbol, or raise InvalidSymbolError."""


class PaperOrdersOfAll:
    """Implements :class:`moniqo_core.services.orders.all_wallets.source.OrderSource` for paper wallets."""

    def __init__(self, connector: WalletConnector, database: Database, user_wallet_ids: Sequence[str]) -> None:
        """Open these wallets of the user with ``connector``. Their orders are in ``database``."""
        self._connector = connector
        self._database = database
        self._ids = user_wallet_ids
        self._wallets: Mapping[str, PaperAccount] = {}

    async def update(self) -> Sequence[FailedWallet]:
        """Open all wallets in one round trip and evaluate their resting orders.

        A wallet without open orders has nothing to evaluate. An account that cannot be read has failed too.
        """
        opened: Sequence[PaperAccount] = await self._connector.connect_accounts(self._ids)
        for wallet in opened:
            await wallet.initialize()
        self._wallets = {wallet.user_wallet_id: wallet for wallet in opened}
        waiting = [wallet for wallet in opened if wallet.seen.orders]
        deadline = asyncio.get_running_loop().time() + SECONDS_TO_UPDATE
        found = await gather_bounded(partial(_evaluate, deadline), waiting, WALLETS_AT_ONCE)
        unread = [failed_unexpectedly(name) for name in self._ids if name not in self._wallets]
        return [*unread, *(failed for failed in found if failed is not None)]

    async def page(self, query: OrderQuery, after: OrderPosition | None) -> Sequence[OrderRecord]:
        """Return orders as of the last evaluation, in two round trips for all wallets."""
        accounts = {name: wallet.seen for name, wallet in self._wallets.items()}
        return await OrdersOfAccounts(self._database, accounts).page(query, after)

    async def refusals(self, symbol: str) -> Sequence[InvalidSymbolError | None]:
        """Return for each wallet why it cannot trade a symbol."""
        return await gather_bounded(partial(refusal_of, symbol), self._wallets.values(), WALLETS_AT_ONCE)


async def _evaluate(deadline: float, wallet: PaperAccount) -> FailedWallet | None:
    try:
        async with asyncio.timeout_at(deadline):
            reached_now = await wallet.evaluate()
    except TimeoutError:
        return FailedWallet(wallet.user_wallet_id, TemporarilyUnavailableError.code)
    except WalletError as error:
        return FailedWallet(wallet.user_wallet_id, error.code)
    except Exception as error:
        if is_outage(error):
            raise
        log.exception("wallet not evaluated", extra={"fields": {"user_wallet_id": wallet.user_wallet_id}})
        return failed_unexpectedly(wallet.user_wallet_id)
    return None if reached_now else FailedWallet(wallet.user_wallet_id, MarketDataError.code)
