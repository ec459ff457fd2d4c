"""Balance, value and positions of an account at an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from moniqo_core.domain.errors import InvalidCredentialsError
from moniqo_core.domain.orders.order import Fill
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.domain.sync.account_statement import AccountStatement, PreviousSync
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.venues.ccxt.parsing import read_balances
from moniqo_core.venues.exchanges.venue import Client
from moniqo_core.venues.transport.account_names import account_name, key_name
from moniqo_core.wallets.base import PositionReport, WalletBalance
from moniqo_core.wallets.exchange.access import ExchangeAccess
from moniqo_core.wallets.exchange.fill_history import KeptFills, ReadKept
from moniqo_core.wallets.exchange.history import ExchangeHistory
from moniqo_core.wallets.exchange.holdings import position, symbols_held, valued

SECONDS_WITH_FILLS: Final = 8.0
"""Seconds for which a statement may read. If reading fills takes longer, a sync stores the balance alone."""


class ExchangeAccount:
    """Reads what one account holds. Every method raises WalletNotInitializedError while the access is closed."""

    def __init__(self, access: ExchangeAccess, history: ExchangeHistory, kept_fills: ReadKept | None) -> None:
        """Read the account at ``access``. ``kept_fills`` reads stored fills of our own orders."""
        self._access = access
        self._history = history
        self._kept_fills = kept_fills

    async def require_connection(self) -> None:
        """Check that the venue accepts the key and that the key is safe to store.

        Raises:
            InvalidCredentialsError: the venue refuses the key, or the key can withdraw or cannot read the account.
            WalletConnectionError: the venue does not answer.

        """
        allowed = await self.key_permissions()
        if allowed is None:
            await self.balances()
            return
        hint = self._access.venue.key_hint
        if allowed.can_withdraw:
            raise InvalidCredentialsError(
                "This API key can withdraw funds. Anyone who obtained it could empty the account.", hint=hint
            )
        if not allowed.can_read:
            raise InvalidCredentialsError("This API key cannot read the account.", hint=hint)

    async def key_permissions(self) -> KeyPermissions | None:
        """Return the permissions of the key, or None if the venue does not show them."""
        return await self._access.connection.read(self._access.client, self._access.venue.permissions)

    async def names(self) -> Sequence[str]:
        """Return the names of the account: its API key, and its id where the venue tells it."""
        connection, venue = self._access.connection, self._access.venue
        network = connection.on_test_network
        account_id = await connection.read(self._access.client, venue.account_id)
        key = key_name(venue, self._access.credentials, test_network=network)
        known = None if account_id is None else account_name(venue, account_id, test_network=network)
        return [name for name in (key, known) if name is not None]

    async def balances(self) -> list[WalletBalance]:
        """Return every asset held, ordered by name."""

        async def ask(client: Client) -> list[WalletBalance]:
            return read_balances(await self._access.venue.balance(client))

        return await self._access.connection.read(self._access.client, ask)

    async def valuation(self) -> Valuation:
        """Value holdings at the venue's marks, in US dollars, without a profit: the venue does not report one."""
        balances = await self.balances()
        return valued(balances, await self._mids(balances), self._access.clock())

    async def statement(self, opening: PreviousSync, *, trading: bool) -> AccountStatement:
        """Return the data of a sync: key permissions, holdings, and the flows since ``opening`` that fills explain.

        ``trading`` means that an order waits for the statement. Then key permissions are left out, and stored fills are
        read before fills of the venue. It takes one call to the account if the stored fills explain every change.
        """
        calls_before, ends = self._access.api_calls, asyncio.get_running_loop().time() + SECONDS_WITH_FILLS
        permissions = None if trading else await self.key_permissions()
        value = await self.valuation()
        kept = KeptFills(self._stored_fills, first=trading)
        asset_flows = await self._history.asset_flows(opening, value, kept, ends)
        calls = self._access.api_calls - calls_before
        return AccountStatement(value, asset_flows, permissions=permissions, api_calls=calls)

    async def positions(self) -> PositionReport:
        """Return holdings other than dollars, with their cost as far as fills at this venue add up to them."""
        balances = await self.balances()
        mids = await self._mids(balances)
        markets = await self._access.connection.markets()
        venue = self._access.venue
        shown = symbols_held(balances, venue.quotes, markets)
        every = await self._history.fills(None) if shown and not venue.history_by_symbol else None
        items = []
        for symbol, held in shown:
            fills = await self._history.fills(symbol) if every is None else [f for f in every if f.symbol == symbol]
            items.append(position(symbol, held, mids.get(symbol), markets[symbol].market, fills))
        now = self._access.clock()
        return PositionReport(
            tuple(sorted(items, key=lambda item: item.symbol)), now, stale=False, as_of=now, mode="live"
        )

    async def _mids(self, balances: Sequence[WalletBalance]) -> Mapping[str, Decimal]:
        return await self._access.mids() if balances else {}

    async def _stored_fills(self, since: datetime) -> Sequence[Fill]:
        return () if self._kept_fills is None else await self._kept_fills(since)
