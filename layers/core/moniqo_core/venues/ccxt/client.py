"""CCXT's clients, changed in three ways: amounts are exact, nothing is logged, and our tables judge refusals."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from moniqo_core.domain.clock import utc_now
from moniqo_core.domain.market.market_mode import MarketMode
from moniqo_core.domain.money import plain
from moniqo_core.storage.market.venue_markets import ListedMarket
from moniqo_core.venues.ccxt.loading import exchange_class
from moniqo_core.venues.ccxt.row_by_row import RowByRow
from moniqo_core.venues.exchanges.reading.balances import unused_name
from moniqo_core.venues.exchanges.refusals import VenueAnswer, find_refusal
from moniqo_core.venues.exchanges.venue import Client, Venue

if TYPE_CHECKING:
    import aiohttp

# CCXT logs bodies, and headers that hold the key. This logger is in no hierarchy, so no configuration can enable it.
_SILENT: Final = logging.Logger("ccxt", logging.CRITICAL + 1)  # noqa: LOG001


class SessionAdapter:
    """Adapts the shared session to the interface that CCXT calls.

    Redirects are returned and never followed, because the API key would be sent along.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        """Send through ``session``, which the caller owns and closes."""
        self._session = session

    headers: Final[Mapping[str, str]] = {}

    def get(self, url: Any, **given: Any) -> Any:
        """Send a GET request."""
        return self._session.get(url, allow_redirects=False, **given)

    def post(self, url: Any, **given: Any) -> Any:
        """Send a POST request."""
        return self._session.post(url, allow_redirects=False, **given)

    def delete(self, url: Any, **given: Any) -> Any:
        """Send a DELETE request."""
        return self._session.delete(url, allow_redirects=False, **given)


class _Overrides(RowByRow):
    """The attributes and methods that we override in every exchange class of CCXT."""

    number = str
    logger = _SILENT
    verbose = False
    timeout_on_exit = 0
    # The shared session has an SSL context. CCXT would load the CA certificates for each account, which takes 25 ms.
    ssl_context = False
    enableLastHttpResponse = enableLastJsonResponse = enableLastResponseHeaders = False  # noqa: N815
    venue: Venue
    on_test_network: bool
    answers: int
    answered_at: str | None = None
    """The ``Date`` header of the last answer."""
    markets: Any
    markets_by_id: Any
    asset_owners: dict[str, str]
    """The venue's asset behind each name, from its markets."""

    def safe_currency(self, currencyId: Any, currency: Any = None) -> Any:  # noqa: N803  CCXT's name
        """Name an asset as CCXT does, unless that is the name of another asset of the venue."""
        found = self._super("safe_currency")(currencyId, currency)
        if currencyId is None:
            return found
        owner = self.asset_owners.get(found["code"])
        if owner is None or owner == self.venue.asset_id(currencyId):
            return found
        return {**found, "code": unused_name(self, currencyId, ())}

    def safe_market(self, marketId: Any = None, market: Any = None, *rest: Any, **named: Any) -> Any:  # noqa: N803
        """Find a market by the venue's name. An unknown name is never taken for ``market``, as CCXT would do."""
        known = marketId is None or marketId in self.markets_by_id
        return self._super("safe_market")(marketId, market if known else None, *rest, **named)

    async def load_markets(self, reload: bool = False, params: object = None) -> Any:  # noqa: FBT001
        """Return the markets that the client was given, where CCXT's own method would fetch them."""
        return self.markets

    def handle_errors(
        self, code: int, reason: str, url: str, method: str, headers: Any, body: str, response: Any, *sent: object
    ) -> None:
        """Judge an answer by the venue's table.

        CCXT's own method also depends on message texts and on earlier answers.

        Raises:
            VenueRefusalError: the answer is a refusal.

        """
        self.answers += 1
        self.answered_at = headers.get("Date")
        codes = tuple(self.venue.codes(code, response))
        refusal = find_refusal(VenueAnswer(code, headers, codes, response is not None), self.venue.refusals, utc_now())
        if refusal is not None:
            raise refusal

    def __del__(self) -> None:
        """Close nothing: the session is shared."""


@cache
def _class_of(venue: Venue) -> type[Any]:
    return type(f"{venue.exchange}_client", (_Overrides, exchange_class(venue.exchange)), {"venue": venue})


def prototype(venue: Venue, base_url: str, *, on_test_network: bool) -> Client:
    """Return a client without an account, from which :func:`account_client` makes the others.

    Making it takes 2 to 20 ms, so each connection makes it once.
    """
    client = _class_of(venue)({"options": copy.deepcopy(dict(venue.options)), "enableRateLimit": True})
    client.urls = {**client.urls, "api": dict(venue.api(base_url)), "hostname": None}
    client.on_test_network = on_test_network
    client.markets, client.markets_by_id, client.symbols, client.ids = {}, {}, [], []
    client.asset_owners = {}
    return client


def account_client(model: Client, session: aiohttp.ClientSession, credentials: Mapping[str, str]) -> Client:
    """Return a client for one account.

    It has its own options, and shares markets and addresses with ``model``. The caller sets its rate limiter, the
    attribute ``throttler``.
    """
    client = copy.copy(model)
    client.options = dict(model.options)
    client.throttler = None
    client.session, client.own_session, client.answers = SessionAdapter(session), False, 0
    for field, name in model.venue.fields.items():
        setattr(client, name, model.venue.credential(credentials.get(field, "")))
    return client


def load_markets_into(model: Client, listed: Sequence[ListedMarket], *, own_names: bool = True) -> None:
    """Load markets into ``model`` and all clients made from it, in the form that CCXT would have parsed.

    ``own_names`` tells whether ``listed`` has the venue's own names of assets.
    """
    parsed = [_as_ccxt(item) for item in listed]
    for table in (model.markets, model.markets_by_id):
        table.clear()
    model.markets.update((item["symbol"], item) for item in parsed)
    model.markets_by_id.update((item["id"], [item]) for item in parsed)
    model.asset_owners.clear()
    if own_names:
        for item in sorted(listed, key=lambda item: item.mode is MarketMode.UNLISTED):
            for name, asset in ((item.market.base, item.venue_base), (item.market.quote, item.venue_quote)):
                model.asset_owners.setdefault(name, model.venue.asset_id(asset))
    model.venue.take_markets(model)
    model.symbols[:], model.ids[:] = sorted(model.markets), sorted(model.markets_by_id)


def _as_ccxt(item: ListedMarket) -> dict[str, Any]:
    market = item.market
    return {
        "id": item.venue_symbol,
        "lowercaseId": item.venue_symbol.lower(),
        "symbol": market.symbol,
        "base": market.base,
        "quote": market.quote,
        "settle": None,
        "baseId": item.venue_base,
        "quoteId": item.venue_quote,
        "settleId": None,
        "type": "spot",
        "spot": True,
        "margin": False,
        "swap": False,
        "future": False,
        "option": False,
        "stock": False,
        "index": False,
        "active": True,
        "contract": False,
        "linear": None,
        "inverse": None,
        "precision": {"price": plain(market.tick_size), "amount": plain(market.lot_step)},
        "limits": {
            "amount": {"min": plain(market.min_amount), "max": None},
            "price": {"min": None, "max": None},
            "cost": {"min": plain(market.min_notional), "max": None},
        },
        "info": item.details,
    }
