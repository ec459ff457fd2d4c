"""Read orders and fills of an account at an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from moniqo_core.domain.errors import OrderNotFoundError, SymbolNotFoundError, WalletConnectionError
from moniqo_core.domain.portfolio.balance_equation import AssetFlows
from moniqo_core.domain.portfolio.valuation import Valuation
from moniqo_core.domain.sync.account_statement import PreviousSync
from moniqo_core.venues.ccxt.parsing import VenueFill, needs_fills, read_fill, read_order, read_time, with_fills
from moniqo_core.venues.exchanges.refusals import UNREADABLE_ROW, VenueRefusalError
from moniqo_core.venues.exchanges.rows import read_rows
from moniqo_core.venues.exchanges.venue import Client
from moniqo_core.wallets.base import OrderResult
from moniqo_core.wallets.exchange.access import ExchangeAccess
from moniqo_core.wallets.exchange.fill_history import FillSource, KeptFills, ReceivedFills, asset_flows_at


class ExchangeHistory:
    """Reads orders and fills of one account."""

    def __init__(self, access: ExchangeAccess) -> None:
        """Read the account at ``access``."""
        self._access = access
        self._connection = access.connection
        self._venue = access.venue

    async def order(self, order_id: str, symbol: str) -> OrderResult:
        """Return one order, open or ended, or raise OrderNotFoundError.

        The venue may no longer list the symbol. It is queried all the same.
        """
        await self.check_id(order_id)

        async def ask(client: Client) -> Mapping[str, Any]:
            return self.readable_one(await self._venue.order(client, order_id, symbol), symbol)

        return await self.result(await self._connection.read(self._access.client, ask))

    async def check_id(self, order_id: str) -> None:
        """Check that an id has the venue's format, or raise OrderNotFoundError. Load the markets."""
        self._access.require_open()
        await self._connection.markets()
        if not self._venue.order_id.fullmatch(order_id):
            raise OrderNotFoundError(f"This wallet has no order {order_id[:40]!r}.")

    def readable(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an order of a list with the venue's corrections applied.

        Raises:
            KeyError: it is of a type that no venue of ours has, or of a market that the venue does not list.

        """
        if found["symbol"] not in self._access.client.markets:
            raise KeyError(found["symbol"])
        order = self._venue.amended(found)
        read_order(order, self._venue.type_of(order))
        return order

    def readable_one(self, found: Mapping[str, Any], symbol: str) -> Mapping[str, Any]:
        """Return the requested order as :meth:`readable` does. An unlisted market counts as that of ``symbol``.

        An answer without an order raises here, inside the call, so that it counts as a failure of the venue.

        Raises:
            VenueRefusalError: the venue has the order, but of a type that is not known here.

        """
        listed = found["symbol"] in self._access.client.markets
        order = self._venue.amended(found if listed else {**found, "symbol": symbol})
        try:
            kind = self._venue.type_of(order)
        except KeyError:
            if found.get("id") is None:
                raise
            raise VenueRefusalError(UNREADABLE_ROW) from None
        read_order(order, kind)
        return order

    def _readable_list(self, found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return read_rows(self._venue.exchange, "orders", found, self.readable, lambda row: row["id"])

    async def result(self, found: Mapping[str, Any]) -> OrderResult:
        """Parse an order. Its fills are queried if it does not report its fee, or amounts in the wrong unit.

        Raises:
            WalletConnectionError: the venue does not list the fills of the order.

        """
        if needs_fills(found):
            try:
                fills = await self.fills(found["symbol"], order_id=str(found["id"]))
            except OrderNotFoundError:
                raise WalletConnectionError("The venue has this order, but does not list its fills.") from None
            found = with_fills(found, fills)
        return read_order(found, self._venue.type_of(found))

    async def open_orders(self, symbol: str | None) -> list[OrderResult]:
        """Return the orders that can still fill, oldest first."""
        client = self._access.client
        await self._connection.markets()
        if symbol is not None:
            await self._access.market(symbol)

        async def ask(client: Client) -> list[Mapping[str, Any]]:
            return self._readable_list(await self._venue.open_orders(client, symbol))

        found = await self._connection.read(client, ask)
        return sorted(await self._results(found), key=lambda order: order.timestamp)

    async def ended_orders(self, symbol: str | None, limit: int) -> list[OrderResult]:
        """Return orders that ended, newest first.

        Raises:
            SymbolNotFoundError: the venue does not trade ``symbol``, or it lists ended orders by symbol only.

        """
        client = self._access.client
        await self._connection.markets()
        if symbol is not None:
            await self._access.market(symbol)
        elif self._venue.history_by_symbol:
            raise SymbolNotFoundError(f"{self._venue.name} lists ended orders for one symbol at a time. Give a symbol.")

        async def ask(client: Client) -> list[Mapping[str, Any]]:
            return self._readable_list(await self._venue.ended(client, symbol, limit))

        found = await self._connection.read(client, ask)
        ended = [order for order in found if order["status"] != "open"]
        newest = sorted(ended, key=lambda order: (order["timestamp"], str(order["id"])), reverse=True)
        return await self._results(newest[:limit])

    async def _results(self, found: Sequence[Mapping[str, Any]]) -> list[OrderResult]:
        """Parse orders. The fills of a symbol are queried once, if one of its orders does not report its fee."""
        fills: dict[str, list[VenueFill]] = {}
        for symbol in {order["symbol"] for order in found if needs_fills(order)}:
            fills[symbol] = await self.fills(symbol)
        orders = (with_fills(order, fills[order["symbol"]]) if needs_fills(order) else order for order in found)
        return [read_order(order, self._venue.type_of(order)) for order in orders]

    async def fills(
        self, symbol: str | None, since: datetime | None = None, *, order_id: str | None = None
    ) -> list[VenueFill]:
        """Return fills, oldest first: the last page of the venue, or with ``since`` the first page from that time on.

        A ``symbol`` of None means every market. It works only where the venue's ``history_by_symbol`` is False.
        """
        return [*(await self._received_fills(symbol, since, order_id)).fills]

    async def _received_fills(self, symbol: str | None, since: datetime | None, order_id: str | None) -> ReceivedFills:
        client = self._access.client
        await self._connection.markets()
        if symbol is not None:
            await self._access.market(symbol)
        start = None if since is None else int(since.timestamp() * 1000)

        async def ask(client: Client) -> ReceivedFills:
            trades, received, times = await self._venue.fills(client, symbol, start, order_id)
            fills = read_rows(self._venue.exchange, "trades", trades, self._readable_fill, lambda row: row["id"])
            oldest_first = sorted(fills, key=lambda fill: (fill.at, fill.fill_id))
            return ReceivedFills(oldest_first, received, [read_time(at) for at in times])

        return await self._connection.read(client, ask)

    def _readable_fill(self, trade: Mapping[str, Any]) -> VenueFill:
        """Parse a trade of CCXT after the venue's corrections. Raise KeyError if its market is not listed."""
        if trade["symbol"] not in self._access.client.markets:
            raise KeyError(trade["symbol"])
        return read_fill(self._venue.amended_fill(trade), on_margin=self._venue.is_on_margin(trade["info"]))

    async def asset_flows(
        self, opening: PreviousSync, value: Valuation, kept: KeptFills, ends: float
    ) -> AssetFlows | None:
        """Return the flows between ``opening`` and ``value`` that result from fills.

        Reading fills stops at ``ends``, a time of the event loop's clock in seconds.
        """

        async def read(symbol: str | None, since: datetime) -> ReceivedFills:
            async with asyncio.timeout_at(ends):
                return await self._received_fills(symbol, since, None)

        totals = {held.asset: held.total for held in value.assets}
        markets = await self._connection.markets()
        rules = self._venue
        venue = FillSource(read, rules.most_fills, by_symbol=rules.history_by_symbol, newest=rules.newest_fills)
        return await asset_flows_at(opening, totals, value.as_of, markets.keys(), venue, kept)
