"""The interface of a venue: everything that differs between exchanges.

The code that all venues share is in :mod:`moniqo_core.wallets.exchange`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final, NamedTuple

from moniqo_core.domain.errors import InvalidOrderError
from moniqo_core.domain.market.market_mode import MarketMode
from moniqo_core.domain.market.marks import Marks
from moniqo_core.domain.market.ticker import Quote24h
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderType, TimeInForce
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.venues.exchanges.refusals import Refusal

IN_QUOTE: Final = "amounts_in_quote"
"""Marks an order of CCXT whose amounts the venue states in the quote asset. They are added up from its fills."""

Client = Any
"""CCXT's client for one account."""


class VenueTrades(NamedTuple):
    """Trades of an account as CCXT reads them.

    ``received`` counts every row that the venue sent, also those that could not be read or are of other symbols. It
    tells whether a list is full. ``times`` has the times of all those rows that have one, in milliseconds since 1970
    UTC, oldest first. They tell where a full list ends.
    """

    trades: Sequence[Mapping[str, Any]]
    received: int
    times: Sequence[int]


class VenueCandles(NamedTuple):
    """Candles in CCXT's form: time in milliseconds, open, high, low, close and volume.

    ``odd`` tells that the venue sent rows that could not be read.
    """

    rows: Sequence[Sequence[Any]]
    odd: bool = False


class Venue(ABC):
    """The rules of one exchange, without state."""

    exchange: ClassVar[str]
    """Name of CCXT's module and class."""
    name: ClassVar[str]
    """The venue's name in texts."""
    fields: ClassVar[Mapping[str, str]] = {"api_key": "apiKey", "api_secret": "secret"}
    """CCXT's name of each credential field. A wallet needs all of them."""
    hosts: ClassVar[frozenset[str]]
    """The hosts of the venue's interface. Credentials go to no other host."""
    test_hosts: ClassVar[frozenset[str]] = frozenset()
    """The hosts of the venue's test network."""
    options: ClassVar[Mapping[str, object]] = {}
    """Options of CCXT's client."""
    refusals: ClassVar[Mapping[str, Refusal]]
    """What each error code of the venue means."""
    order_types: ClassVar[frozenset[OrderType]] = frozenset()
    """The order types that the venue offers itself. Others are refused, never emulated.

    Wallets of a venue without order types can only be read.
    """
    times_in_force: ClassVar[frozenset[TimeInForce]] = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})
    """The times in force that the venue offers itself. Others are refused."""
    history_by_symbol: ClassVar[bool] = False
    """Whether ended orders and fills can only be listed for one symbol at a time."""
    most_fills: ClassVar[int]
    """The most fills since a time that one query returns. With ``newest_fills`` its last page may exceed this."""
    newest_fills: ClassVar[bool] = False
    """Whether a query for fills since a time returns the newest of them, not the oldest."""
    limits_address: ClassVar[bool] = False
    """Whether a rate limit applies to every account that calls from this IP address."""
    answers_whole_order: ClassVar[bool] = False
    """Whether the answer to placing an order holds its state. If not, the order is read afterwards."""
    order_id: ClassVar[re.Pattern[str]]
    """The format of the venue's order ids. An id of another format is not queried."""
    quotes: ClassVar[Sequence[str]] = ("USD", "USDC", "USDT")
    """The quote assets in which a holding's position may be counted. The first one that has a market is used."""
    adjusts_clock: ClassVar[bool] = False
    """Whether requests carry a timestamp that can be corrected by the venue's clock."""
    burst: ClassVar[float] = 1
    """How much an account may send at once before CCXT's rate applies, in CCXT's cost units."""
    minutes_kept: ClassVar[timedelta | None] = None
    """How far back the venue serves one-minute candles. None if it serves years."""
    candles_per_query: ClassVar[int | None] = None
    """The most candles in one answer, at a venue whose queries for candles cover a span of time.

    None if one query returns a thousand candles whatever time they cover, or all that the venue keeps.
    """
    candles_kept: ClassVar[int | None] = None
    """How many of the latest candles of an interval the venue serves. None if it serves years."""
    candles_made_of: ClassVar[Mapping[str, str]] = {}
    """Of each interval that the venue lacks, the shorter interval whose candles it is made of."""
    key_hint: ClassVar[str]
    """How a user creates a suitable API key."""

    @abstractmethod
    def api(self, base_url: str) -> Mapping[str, str]:
        """Return CCXT's table of addresses for a venue at ``base_url``. Endpoints that it lacks cannot be called."""

    @abstractmethod
    def codes(self, status: int, body: Any) -> Sequence[str]:
        """Return the refusal codes in an answer, most specific first, and none for a success.

        Args:
            status: The HTTP status.
            body: The parsed JSON, or None if the answer was not JSON.

        """

    @abstractmethod
    async def permissions(self, client: Client) -> KeyPermissions | None:
        """Return the permissions of the key, or None if the venue does not report them."""

    async def account_id(self, client: Client) -> str | None:
        """Return the venue's own id of the account, the same for all of its keys, or None if it does not tell one."""
        return None

    @abstractmethod
    async def mids(self, client: Client) -> Marks:
        """Return the mark price of every symbol, in as few calls as the venue allows."""

    @abstractmethod
    async def tickers(self, client: Client, symbols: Sequence[str]) -> Mapping[str, Quote24h]:
        """Return the quotes of listed symbols, in as few calls as the venue allows. An odd row is left out.

        The numbers are the venue's own, or the difference of two of them. Any other field is None.
        """

    async def place(self, client: Client, order: OrderRequest, client_id: str) -> Mapping[str, Any]:
        """Send an order that passed :meth:`check`, in one call. Return CCXT's order, or only its id."""
        raise self.only_reads()

    def only_reads(self) -> InvalidOrderError:
        """Return the refusal of an order at a venue that has no order types."""
        return InvalidOrderError(
            f"Orders cannot be placed at {self.name} through this service. Its wallets only read the account.",
            field="type",
            offered=[],
        )

    def check(self, order: OrderRequest) -> None:
        """Refuse an order that the venue does not offer.

        Raises:
            InvalidOrderError: the type, the time in force or an attached exit is not offered.

        """
        if not self.order_types:
            raise self.only_reads()
        if order.type not in self.order_types:
            raise _lacks(self.name, "type", order.type, self.order_types)
        if order.time_in_force not in self.times_in_force:
            raise _lacks(self.name, "time_in_force", order.time_in_force, self.times_in_force)
        if order.stop_loss is not None or order.take_profit is not None:
            raise InvalidOrderError(
                f"{self.name} cannot attach exits to an order. Place them once it is filled.", field="stop_loss"
            )

    @abstractmethod
    def type_of(self, order: Mapping[str, Any]) -> OrderType:
        """Return the type of an order of CCXT."""

    def amended(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return CCXT's order, in which the venue's own values replace those that CCXT derived wrongly."""
        return order

    def is_on_margin(self, info: Mapping[str, Any]) -> bool:
        """Tell whether the venue's own row of a trade was made with borrowed money."""
        return False

    def amended_fill(self, trade: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return CCXT's trade, in which the venue's own values replace those that CCXT derived wrongly."""
        return trade

    def credential(self, value: str) -> str:
        """Return a credential in the form that the venue's signature needs."""
        return value

    def details(self, info: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return those fields of a venue's market that CCXT needs later. They are stored with the listing."""
        return {}

    def asset_id(self, asset: str) -> str:
        """Return one id for all spellings that the venue itself uses for an asset."""
        return asset

    def market_mode(self, item: Mapping[str, Any]) -> MarketMode:
        """Return what the venue accepts in one of CCXT's markets now."""
        return MarketMode.CLOSED if item["active"] is False else MarketMode.NORMAL

    def take_markets(self, model: Client) -> None:
        """Store the markets of ``model`` in any other table that CCXT uses for this exchange."""
        return

    async def markets(self, client: Client) -> Sequence[Mapping[str, Any]]:
        """Return CCXT's markets, including those that do not trade now."""
        found: Sequence[Mapping[str, Any]] = await client.fetch_markets()
        return found

    async def order(self, client: Client, order_id: str, symbol: str) -> Mapping[str, Any]:
        """Return CCXT's order. The venue may no longer list the symbol."""
        found: Mapping[str, Any] = await client.fetch_order(order_id, symbol)
        return found

    async def cancel(self, client: Client, order_id: str, symbol: str) -> object:
        """Cancel an order."""
        return await client.cancel_order(order_id, symbol)

    async def balance(self, client: Client) -> Mapping[str, Any]:
        """Return CCXT's complete balance of the spot account."""
        found: Mapping[str, Any] = await client.fetch_balance()
        return found

    async def open_orders(self, client: Client, symbol: str | None) -> Sequence[Mapping[str, Any]]:
        """Return CCXT's open orders, every page of them, of one symbol or of all."""
        found: Sequence[Mapping[str, Any]] = await client.fetch_open_orders(symbol)
        return found

    async def ended(self, client: Client, symbol: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return CCXT's latest orders, which include the ended ones."""
        found: Sequence[Mapping[str, Any]] = await client.fetch_closed_orders(symbol, None, limit)
        return found

    async def candles(
        self, client: Client, symbol: str, interval: str, since: int | None, until: int | None, limit: int
    ) -> VenueCandles:
        """Return candles of an interval that the venue has, in one call.

        Args:
            client: A client without an account.
            symbol: The symbol.
            interval: Their length, in CCXT's words.
            since: The first start, in milliseconds since 1970 UTC. None for the last ``limit`` before ``until``.
            until: The last start, in milliseconds. None for now.
            limit: The most candles. A venue with ``candles_kept`` may return more.

        """
        params = {} if until is None else {"until": until}
        return VenueCandles(await client.fetch_ohlcv(symbol, interval, since, limit, params))

    @abstractmethod
    async def fills(self, client: Client, symbol: str | None, since: int | None, order_id: str | None) -> VenueTrades:
        """Return CCXT's trades of the account: the latest few hundred, or those since a time.

        Args:
            client: The client of the account.
            symbol: Only trades of this symbol. None means all symbols, if the venue supports that.
            since: Milliseconds since 1970 UTC. Of the trades since then, return the oldest ``most_fills``, or the
                newest with ``newest_fills``.
            order_id: Only trades of this order, if the venue can filter by order.

        """

    async def find(self, client: Client, client_id: str, symbol: str) -> Mapping[str, Any]:
        """Return CCXT's order with our client order id. Otherwise raise the error of a query for an unknown order."""
        found: Mapping[str, Any] = await client.fetch_order(None, symbol, {"clientOrderId": client_id})
        return found


def _lacks(name: str, field: str, value: str, offered: frozenset[OrderType] | frozenset[TimeInForce]) -> Exception:
    names = sorted(str(item) for item in offered)
    return InvalidOrderError(
        f"{name} does not offer {value} orders. It offers {', '.join(names)}.", field=field, offered=names
    )


def amount_text(value: Decimal | None) -> str | None:
    """Return an amount as a string, which CCXT does not round. None stays None."""
    return None if value is None else plain(value)


def id_text(value: object) -> str | None:
    """Return an id of a venue as text, None if the venue gave none."""
    return None if value is None else str(value).strip() or None
