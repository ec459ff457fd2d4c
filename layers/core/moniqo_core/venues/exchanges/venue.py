"""What a venue has of its own. What venues share is in :mod:`moniqo_core.wallets.exchange.wallet`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from moniqo_core.domain.errors import InvalidOrderError
from moniqo_core.domain.money import plain
from moniqo_core.domain.orders.order import OrderType, TimeInForce
from moniqo_core.domain.orders.request import OrderRequest
from moniqo_core.domain.wallets.key_permissions import KeyPermissions
from moniqo_core.venues.exchanges.refusals import Refusal

Client = Any
"""CCXT's object for one account."""


class Venue(ABC):
    """The rules of one exchange, without state."""

    exchange: ClassVar[str]
    """Name of CCXT's module and class."""
    name: ClassVar[str]
    fields: ClassVar[Mapping[str, str]] = {"api_key": "apiKey", "api_secret": "secret"}
    """CCXT's name of each credential field; a wallet cannot do without any of them."""
    options: ClassVar[Mapping[str, object]] = {}
    refusals: ClassVar[Mapping[str, Refusal]]
    order_types: ClassVar[frozenset[OrderType]]
    """What the venue has itself; nothing else is imitated."""
    times_in_force: ClassVar[frozenset[TimeInForce]] = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})
    history_by_symbol: ClassVar[bool] = False
    """Whether ended orders and fills can be listed for one symbol only."""
    most_fills: ClassVar[int]
    """How many fills since a time one look gives at most; where ``newest_fills``, at least."""
    newest_fills: ClassVar[bool] = False
    """Whether those are the newest in place of the first since then."""
    limits_address: ClassVar[bool] = False
    """Whether a refusal for too many requests holds for every account behind this address."""
    answers_whole_order: ClassVar[bool] = False
    """Whether placing an order answers with its state; else it is read afterwards."""
    order_id: ClassVar[re.Pattern[str]]
    """The form of the venue's order ids; anything else is not asked for."""
    quotes: ClassVar[Sequence[str]] = ("USD", "USDC", "USDT")
    """In what a holding's position is counted: the first that trades."""
    adjusts_clock: ClassVar[bool] = False
    """Whether requests carry a time that can be corrected by the venue's clock."""
    burst: ClassVar[float] = 1
    """What an account may ask before it has to keep CCXT's pace, in CCXT's costs."""
    minutes_kept: ClassVar[timedelta | None] = None
    """How far back the venue has candles of one minute; None where it has them for years."""
    key_hint: ClassVar[str]
    """How to make a right key."""

    @abstractmethod
    def api(self, base_url: str) -> Mapping[str, str]:
        """Return CCXT's table of addresses for a venue at ``base_url``; what is missing cannot be called."""

    @abstractmethod
    def codes(self, status: int, body: Any) -> Sequence[str]:
        """Return the codes of refusal in an answer, the most telling first; none for a success."""

    @abstractmethod
    async def permissions(self, client: Client) -> KeyPermissions | None:
        """Read what the key may do, None where the venue does not tell."""

    @abstractmethod
    async def mids(self, client: Client) -> Mapping[str, Decimal]:
        """Mid price of every symbol, in as few calls as the venue has."""

    @abstractmethod
    async def place(self, client: Client, order: OrderRequest, client_id: str) -> Mapping[str, Any]:
        """Send an order that passed :meth:`check`, in one call; answers CCXT's order, or no more than its id."""

    def check(self, order: OrderRequest) -> None:
        """Refuse what the venue does not have; raises InvalidOrderError with what it has."""
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
        """Read the type of CCXT's order."""

    def amended(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return CCXT's order with what CCXT worked out put right by what the venue said."""
        return order

    def credential(self, value: str) -> str:
        """Return a credential as the venue's signature takes it."""
        return value

    def details(self, info: Mapping[str, Any]) -> Mapping[str, Any]:
        """Pick from what the venue says of a market what CCXT will look for; it is kept with the listing."""
        return {}

    def take_markets(self, model: Client) -> None:
        """Tell a client of markets in whatever other place CCXT looks for them."""
        return

    async def markets(self, client: Client) -> Sequence[Mapping[str, Any]]:
        """Return CCXT's markets."""
        found: Sequence[Mapping[str, Any]] = await client.fetch_markets()
        return found

    async def cancel(self, client: Client, order_id: str, symbol: str) -> object:
        """Cancel an order."""
        return await client.cancel_order(order_id, symbol)

    async def balance(self, client: Client) -> Mapping[str, Any]:
        """Return CCXT's whole balance of the spot account."""
        found: Mapping[str, Any] = await client.fetch_balance()
        return found

    async def ended(self, client: Client, symbol: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return CCXT's last orders, the ended ones among them."""
        found: Sequence[Mapping[str, Any]] = await client.fetch_closed_orders(symbol, None, limit)
        return found

    @abstractmethod
    async def fills(
        self, client: Client, symbol: str | None, since: int | None, order_id: str | None
    ) -> Sequence[Mapping[str, Any]]:
        """Return CCXT's trades of the account: the last hundreds, or those since a time.

        Args:
            client: The account.
            symbol: Of this one only; None, where the venue can, of all.
            since: Milliseconds; the first ``most_fills`` since then, or the newest of them.
            order_id: Of this order only, where the venue can narrow it.

        """

    async def find(self, client: Client, client_id: str, symbol: str) -> Mapping[str, Any]:
        """Return CCXT's order with our client id; raises what a query for an unknown order raises."""
        found: Mapping[str, Any] = await client.fetch_order(None, symbol, {"clientOrderId": client_id})
        return found


def _lacks(name: str, field: str, value: str, offered: frozenset[OrderType] | frozenset[TimeInForce]) -> Exception:
    names = sorted(str(item) for item in offered)
    return InvalidOrderError(
        f"{name} does not offer {value} orders. It offers {', '.join(names)}.", field=field, offered=names
    )


def amount_text(value: Decimal | None) -> str | None:
    """Write an amount as CCXT takes it without rounding."""
    return None if value is None else plain(value)
